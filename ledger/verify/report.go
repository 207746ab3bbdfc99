package verify

import (
	"fmt"

	"greffe/ledger/chain"
)

// A Verdict is the result for one aspect of a bundle. The zero value is
// Unconfirmed, so that what was never looked at is never called sound.
type Verdict uint8

// The verdicts.
const (
	// Unconfirmed: the bundle claims it, and it cannot be shown.
	Unconfirmed Verdict = iota
	// Sound: checked, and nothing was found.
	Sound
	// Failed: checked, and something is wrong.
	Failed
	// NotClaimed: the bundle makes no such claim.
	NotClaimed
)

// String returns sound, failed, unconfirmed or not_claimed.
func (v Verdict) String() string {
	switch v {
	case Sound:
		return "sound"
	case Failed:
		return "failed"
	case NotClaimed:
		return "not_claimed"
	}
	return "unconfirmed"
}

// MarshalText returns the same text as String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// A Result is a verdict with its reason in one line.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
}

// A Fault is one thing that is wrong.
type Fault struct {
	Code Code `json:"code"`
	// Seq is the entry concerned, counted in the bundle from 0; nil if the
	// fault is of the whole. A broken link is at the earlier of its two entries.
	Seq *uint64 `json:"seq,omitempty"`
	// Field is the field of the format.
	Field string `json:"field"`
	// What says what is wrong, Hint what to do.
	What string `json:"what"`
	Hint string `json:"hint"`
	// Want and Got are positions, hashes or names, never payload.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

// String returns the fault in one line.
func (f Fault) String() string {
	s := string(f.Code)
	if f.Seq != nil {
		s += fmt.Sprintf(" seq %d", *f.Seq)
	}
	s += " " + f.Field + ": " + f.What
	if f.Want != "" || f.Got != "" {
		s += fmt.Sprintf(" (want %s, got %s)", f.Want, f.Got)
	}
	return s
}

// MaxFaults is how many faults a report lists; it counts them all.
const MaxFaults = 100

// A Report is the result of verifying one bundle.
type Report struct {
	// Origin is the ledger's name as its genesis gives it, "" if unreadable.
	Origin string
	// Claim says in words what an excerpt claims to cover; "" for a whole ledger.
	Claim string
	// Size is the number of entries in the bundle, Root their tree hash; that of an
	// excerpt is zero, since it is not the tree's entries that are there.
	Size uint64
	Root chain.Hash
	// Checkpoint is the one in the bundle, Note the signed text; zero if there is none,
	// and no more than a claim unless Signature is Sound.
	Checkpoint chain.Checkpoint
	Note       string
	// Witnessed is the largest checkpoint that a quorum of witnesses has cosigned.
	Witnessed *Seen
	// Stamped is what sound timestamps of trusted authorities say.
	Stamped []Seen
	// Untrusted is the number of timestamps of other authorities, Unrelated that of
	// statements which nothing in the bundle ties to its checkpoint.
	Untrusted, Unrelated int
	// GoesOn reports whether it was shown that the ledger goes on from the checkpoint
	// brought as [Options.Since].
	GoesOn bool
	// Evidence is the two signed notes that cannot both be true, or of which the later one
	// shows that the ledger was larger before, if there are such.
	Evidence []string
	// Content: every hash, link and rule, and the root of the checkpoint.
	Content Result
	// Signature: the checkpoint, by the key that was brought.
	Signature Result
	// Time: timestamps and witnesses.
	Time Result
	// Scope: nothing is missing in what the bundle claims to cover.
	Scope Result
	// Erasure: every absent payload is covered by an event in the chain.
	Erasure Result
	// Absent is the number of payloads that were kept once and are not here.
	Absent uint64
	// ByDisposition counts entries; the index is a chain.Disposition.
	ByDisposition [chain.Quarantined + 1]uint64
	// Faults are the first MaxFaults, in the order of the bundle; those of
	// the whole come last. FaultCount counts all of them.
	Faults     []Fault
	FaultCount uint64
}

// Results returns the five results in their order, each with its name.
func (r *Report) Results() []NamedResult {
	return []NamedResult{
		{"content", r.Content}, {"signature", r.Signature}, {"time", r.Time}, {"scope", r.Scope}, {"erasure", r.Erasure},
	}
}

// A NamedResult is a result and the aspect it is about.
type NamedResult struct {
	Name string
	Result
}

// Outcome sums the five up: Failed if one failed, else Unconfirmed if one is
// unconfirmed, else Sound.
func (r *Report) Outcome() Verdict {
	out := Sound
	for _, n := range r.Results() {
		switch n.Verdict {
		case Failed:
			return Failed
		case Unconfirmed:
			out = Unconfirmed
		}
	}
	return out
}
