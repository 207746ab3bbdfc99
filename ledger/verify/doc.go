// Package verify is the auditor's: it reads one bundle and says what is wrong
// with it. It needs the file and a verification key received by another way;
// it uses no network, no database and no clock.
//
//	report, err := verify.Bundle(ctx, file, key, verify.Options{})
//	if err != nil { … }                       // the file could not be read
//	if report.Outcome() == verify.Failed { … } // it could, and it is not sound
//
// A fault is not an error: a tampered bundle is a successful verification with
// a bad verdict. Every fault has a stable code, and they all stand in one
// table, faults.go.
//
// # Reading order
//
// report.go says what comes out, faults.go what can be wrong, check.go what is checked of
// one entry and of two neighbours, excerpt.go of an entry that stands for itself,
// verify.go of the whole, statements.go of the checkpoint and of what others say of it,
// proof.go of one event alone, verdicts.go what follows from all that. pipeline.go
// spreads the work over cores; entries.go runs the same checks where a ledger is kept.
// FORMAT.md, in the folder above, is the law.
//
// # What is not proved
//
// That the publisher told the truth, or everything; that this ledger is the
// only one its keeper shows (for that, compare checkpoints or bring
// witnesses); that the key is the keeper's: a key inside a bundle proves
// nothing, so none is ever used.
package verify
