// Package projections shows what the GDPR asks a controller to show: it folds the
// entries of a ledger into registers (record of processing, breaches, retention …).
//
// It guarantees that a register is a function of the entries and of nothing else:
// no clock, no file, no network, no order of goroutines. The same entries give the
// same rows, byte for byte, on every daemon and in an auditor's hands.
//
//	frame, err := projections.FrameOf(genesis)  // zone and calendar of the ledger
//	state := projections.NewMemory(frame)
//	state.Apply(projections.Read(record))       // one entry after the other
//	digest, err := state.Digest("processing-activities")
//
// An entry becomes a [Fact] by [Read], which looks at nothing but the entry and so
// can run on every core; [Apply] folds facts in the order of the ledger into a
// [State]. Package store keeps one on disk between restarts, [Memory] keeps one for
// the length of a question about the past.
//
// A fact is never refused. What does not fit the state of its aggregate is folded
// or left out as domain.md §3 says (applied, applied_flagged, kept_not_applied) and
// leaves an [Anomaly] that names the entry.
//
// # Laws
//
// P1: Apply is pure: state and fact in, state out. P2: a rebuild gives what folding
// one by one gave, at every prefix. P3: a stored state can be thrown away at any
// time. M9: events about different aggregates commute in registers: what a row says
// does not depend on which came first, except for the seqs and ids it names.
//
// # Why
//
// Rows are small and independent, and a fold asks for rows by id alone, so that a
// store can hold a million of them outside memory. The tables of states are written
// as they stand in domain.md, so that one can be held against the other.
package projections
