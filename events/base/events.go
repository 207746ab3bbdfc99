package base

import (
	"crypto/sha256"
	"fmt"
	"time"
	_ "time/tzdata" // civil days must not depend on the host

	"github.com/go-json-experiment/json"

	"greffe/events"
)

// MappingVersion names the rules by which rows become events. It changes when the same
// file would give other events.
const MappingVersion = Schema + "-a"

// Source is the source attribute of imported events.
const Source = "greffe/import"

// Zone is where the days of a base are days.
const Zone = "Europe/Paris"

// idPrefix separates the ids of imported events from every other use of the hash.
const idPrefix = "greffe import v1"

// Options say what the file cannot. The zero value is ready.
type Options struct {
	// RecordedAt is when the import is said to be made. Without it, it is the first
	// moment of the base's not_before day, so that the file alone decides the ids.
	RecordedAt events.Instant

	// AssumeAssessedOn dates a security self-assessment that has no date of its own.
	AssumeAssessedOn events.Date
}

// Events returns the facts of the base as events, without actor, and its warnings.
//
// The first is about the organisation, the last is import.completed. Days stand at
// 00:00 in Europe/Paris with precision day; facts without a day stand at not_before
// with precision unknown. An id is a ULID of the event's own time, filled with the
// first 10 bytes of SHA-256("greffe import v1" ‖ canonical event without id): the same
// content has the same id.
func (b *Base) Events(o Options) ([]events.Event, []Warning, error) {
	m, err := newMapper(b, o)
	if err != nil {
		return nil, nil, err
	}
	for _, section := range []func(){
		m.organisation, m.activities, m.documents, m.notices, m.processors, m.consent,
		m.measures, m.screening, m.retention, m.security, m.contact, m.completed,
	} {
		if section(); m.err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrBase, m.err)
		}
	}
	return m.out, b.file.Issues, nil
}

// A mapper collects the events of one base. After the first error it does nothing more.
type mapper struct {
	*Base
	options  Options
	zone     *time.Location
	recorded moment
	undated  moment
	rows     int64 // of the file's tables
	out      []events.Event
	opened   map[string]bool // aggregates with an opening event
	err      error
}

// A moment is when something happened, and how exactly that is known.
type moment struct {
	at        events.Instant
	precision events.Precision
}

func newMapper(b *Base, o Options) (*mapper, error) {
	zone, err := time.LoadLocation(Zone)
	if err != nil {
		return nil, fmt.Errorf("load the zone %s: %w", Zone, err)
	}
	m := &mapper{Base: b, options: o, zone: zone, opened: map[string]bool{}}
	m.undated = moment{m.day(b.file.Source.NotBefore).at, events.PrecisionUnknown}
	m.recorded = m.undated
	if o.RecordedAt != "" {
		if !o.RecordedAt.Valid() {
			return nil, fmt.Errorf("the time of recording is not an RFC 3339 instant with offset, write it as in 2026-11-23T12:00:00+01:00")
		}
		m.recorded = moment{o.RecordedAt, ""}
	}
	if o.AssumeAssessedOn != "" && !o.AssumeAssessedOn.Valid() {
		return nil, fmt.Errorf("the assumed day of assessment is not a date, write it as in 2024-03-29")
	}
	return m, nil
}

// day returns the start of a civil day. d was checked when the file was read.
func (m *mapper) day(d events.Date) moment {
	t, err := time.ParseInLocation(time.DateOnly, string(d), m.zone)
	if err != nil && m.err == nil {
		m.err = fmt.Errorf("a day of the base is not a date")
	}
	return moment{events.InstantOf(t), events.PrecisionDay}
}

// dayOr returns the start of a day that may not be stated.
func (m *mapper) dayOr(d events.Date) moment {
	if d == "" {
		return m.undated
	}
	return m.day(d)
}

// A fact is what a row says.
type fact struct {
	name    string // of the type: "document.published"
	id      string // of the aggregate
	when    moment
	reason  string
	payload any
}

// add makes the event of a fact and holds it against the catalogue.
func (m *mapper) add(f fact) {
	if m.err != nil {
		return
	}
	t, ok := events.Lookup(f.name + ".v1")
	if !ok {
		m.err = fmt.Errorf("%s is not in the catalogue", f.name)
		return
	}
	ev := events.Event{
		Source: Source, Type: t.Wire(), Aggregate: t.Aggregate + "/" + f.id, Reason: f.reason,
		OccurredAt: f.when.at, Precision: f.when.precision, RecordedAt: m.recorded.at,
	}
	if !events.ValidAggregate(ev.Aggregate) {
		m.err = fmt.Errorf("row %d of the %s: its id cannot name one", len(m.out), t.Aggregate)
		return
	}
	if ev.Data, m.err = json.Marshal(f.payload); m.err != nil {
		m.err = fmt.Errorf("%s: %w", ev.Aggregate, m.err)
		return
	}
	if _, problems := t.Check(&ev); len(problems) > 0 {
		m.err = fmt.Errorf("%s of %s: %s: %s", f.name, ev.Aggregate, problems[0].Pointer, problems[0].Detail)
		return
	}
	if m.err = identify(&ev); m.err == nil {
		m.out = append(m.out, ev)
	}
}

// open adds the first event of an aggregate, of which there can be one only.
func (m *mapper) open(f fact) {
	if key := f.name + "/" + f.id; m.opened[key] && m.err == nil {
		m.err = fmt.Errorf("the id %s stands at two rows", f.id)
	} else {
		m.opened[key] = true
	}
	m.rows++
	m.add(f)
}

// identify makes the payload canonical and derives the id from the event's content.
func identify(ev *events.Event) error {
	data, err := events.AppendCanonical(nil, ev.Data)
	if err != nil {
		return fmt.Errorf("%s: %w", ev.Aggregate, err)
	}
	ev.Data = data
	content, err := ev.Append([]byte(idPrefix))
	if err != nil {
		return fmt.Errorf("%s: %w", ev.Aggregate, err)
	}
	at, err := ev.OccurredAt.Time()
	if err != nil {
		return fmt.Errorf("%s: %w", ev.Aggregate, err)
	}
	ms := max(at.UnixMilli(), 0) // a ULID knows no time before 1970
	sum := sha256.Sum256(content)
	var id [16]byte
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	copy(id[6:], sum[:10])
	ev.ID = events.IDFromBytes(id)
	return nil
}

// known returns a word of the base unless it says that nothing is known.
func known(word string) string {
	if word == "unknown" {
		return ""
	}
	return word
}

// words turns texts of the file into words of a payload.
func words[W ~string](in []string) []W {
	var out []W
	for _, w := range in {
		out = append(out, W(w))
	}
	return out
}
