package projections

import (
	"strings"
	"time"

	"greffe/events"
	"greffe/ledger/chain"
)

// A Fact is an entry of the ledger, read for folding. It keeps no memory of the
// record that it was read from.
type Fact struct {
	Entry chain.Entry
	Event events.Event // zero if the entry has no payload, or Fault is set before it is read

	Kind string // kind of the aggregate, "breach"
	ID   string // id of the aggregate, "BR-2026-001"
	Verb string // what happened, "authority_notified"

	Payload any    // pointer to the catalogue's struct; nil for other dispositions and on a fault
	Fault   Code   // why a recorded entry has no Payload: [UnknownType] or [Schema]
	Pointer string // where the fault is, as JSON Pointer into data
}

// Read reads what a record says. It looks at nothing but the record, so any number
// of records can be read at once.
func Read(rec chain.Record) Fact {
	f := Fact{Entry: rec.Entry}
	f.Kind, f.ID, _ = strings.Cut(rec.Entry.Aggregate, "/")
	f.Verb = verb(rec.Entry.Type)
	if rec.Payload == nil {
		return f
	}
	ev, err := events.Parse(rec.Payload)
	if err != nil {
		f.Fault = Schema // cannot be: ingest enters only what Parse accepts
		return f
	}
	f.Event = ev
	if ev.Type != rec.Entry.Type || ev.Aggregate != rec.Entry.Aggregate || ev.ID.Bytes() != rec.Entry.EventID {
		// No ledger that ingest wrote has this; one that its keeper forged may (FORMAT §8).
		f.Fault, f.Pointer = Schema, "/subject"
		return f
	}
	if rec.Entry.Disposition == chain.Recorded {
		f.decode()
	}
	return f
}

func (f *Fact) decode() {
	t, ok := events.Lookup(f.Entry.Type)
	if !ok {
		f.Fault = UnknownType
		return
	}
	payload, problems := t.Decode(f.Event.Data)
	if len(problems) > 0 {
		f.Fault, f.Pointer = Schema, problems[0].Pointer
		return
	}
	if t.Aggregate != f.Kind {
		f.Fault, f.Pointer = Schema, "/subject"
		return
	}
	f.Payload = payload
}

// verb cuts what happened out of a type: "run_completed" of "deletion.run_completed.v1".
func verb(wire string) string {
	_, rest, _ := strings.Cut(wire, ".")
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// OccurredAt returns when the fact happened in the world, as its publisher said.
// It reports false for an entry without a readable event.
func (f *Fact) OccurredAt() (time.Time, bool) {
	t, err := f.Event.OccurredAt.Time()
	return t, err == nil
}

// EventID returns the id of the event as text, or "" if nobody could read one.
func (f *Fact) EventID() events.ID {
	if f.Entry.EventID == [16]byte{} {
		return ""
	}
	return events.IDFromBytes(f.Entry.EventID)
}

// imported reports whether an importer wrote the event, in somebody's name.
func (f *Fact) imported() bool { return strings.HasPrefix(f.Event.Actor, "import/") }
