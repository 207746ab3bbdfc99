package projections

import "greffe/events"

// A Row is one line of a register: a pointer to a struct that embeds [Base]. Its
// JSON members are the fields of domain.md §3.
type Row interface {
	base() *Base
}

// Base is what every row has: where it stands and where it comes from.
type Base struct {
	ID        string `json:"id"`              // within the register; rows are sorted by it
	Aggregate string `json:"aggregate"`       // whose history is the row's
	Status    string `json:"status,omitzero"` // derived, as in the tables of states

	FirstSeq   uint64           `json:"first_seq"`      // entry that made the row
	LastSeq    uint64           `json:"last_seq"`       // entry that changed it last
	FirstEvent events.ID        `json:"first_event_id"` // event of FirstSeq
	LastEvent  events.ID        `json:"last_event_id"`  // event of LastSeq
	OccurredAt events.Instant   `json:"occurred_at"`    // when the last change happened
	Precision  events.Precision `json:"occurred_precision,omitzero"`

	// Corrections lists the errors of data entry that were set right.
	Corrections []Correction `json:"corrections,omitzero"`
}

// A Correction says that a field was wrong from the start (domain.md §1.6). The wrong
// value stays in the history and is not repeated here.
type Correction struct {
	Seq  uint64      `json:"seq"`
	Path events.Path `json:"path"`
	Of   events.ID   `json:"corrects"` // the event that was wrong
}

// A deriver is a row with fields that follow from others, whichever event set them.
type deriver interface{ derive() }

func (b *Base) base() *Base { return b }

// stamp notes f as the row's last change, and as its maker if it is new.
func (b *Base) stamp(f *Fact) {
	if b.FirstEvent == "" {
		b.FirstSeq, b.FirstEvent = f.Entry.Seq, f.EventID()
	}
	b.LastSeq, b.LastEvent = f.Entry.Seq, f.EventID()
	b.OccurredAt, b.Precision = f.Event.OccurredAt, f.Event.Precision
}
