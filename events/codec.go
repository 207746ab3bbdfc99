package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrEnvelope is the class of events whose attributes break the rules of the
// envelope. Its texts name the attribute and never show its value.
var ErrEnvelope = errors.New("envelope")

// An attribute is one member of the envelope. The table is in canonical order.
type attribute struct {
	name     string
	required bool // by the format, for ever: the ledger quarantines what lacks it
	get      func(*Event) string
	set      func(*Event, string)
	valid    func(string) bool // the rule of the gateway, which may grow stricter
	rule     string
}

var attributes = []attribute{
	{"actor", false, func(e *Event) string { return e.Actor }, func(e *Event, v string) { e.Actor = v }, atMost(MaxActor), "at most 128 bytes"},
	{"causationid", false, func(e *Event) string { return string(e.CausationID) }, func(e *Event, v string) { e.CausationID = ID(v) }, validID, "a ULID"},
	{"corrects", false, func(e *Event) string { return string(e.Corrects) }, func(e *Event, v string) { e.Corrects = ID(v) }, validID, "a ULID"},
	{"correlationid", false, func(e *Event) string { return string(e.CorrelationID) }, func(e *Event, v string) { e.CorrelationID = ID(v) }, validID, "a ULID"},
	{"data", true, nil, nil, nil, "a JSON object"},
	{"datacontenttype", false, func(e *Event) string { return e.contentType }, func(e *Event, v string) { e.contentType = v }, func(v string) bool { return v == "application/json" }, "application/json"},
	{"id", true, func(e *Event) string { return string(e.ID) }, func(e *Event, v string) { e.ID = ID(v) }, validID, "a ULID (26 characters, upper case)"},
	{"reason", false, func(e *Event) string { return e.Reason }, func(e *Event, v string) { e.Reason = v }, atMost(MaxReason), "at most 500 bytes"},
	{"recordedat", false, func(e *Event) string { return string(e.RecordedAt) }, func(e *Event, v string) { e.RecordedAt = Instant(v) }, validInstant, "an RFC 3339 instant with offset"},
	{"source", true, func(e *Event) string { return e.Source }, func(e *Event, v string) { e.Source = v }, atMost(MaxSource), "at most 80 bytes"},
	{"specversion", true, func(*Event) string { return SpecVersion }, func(*Event, string) {}, func(v string) bool { return v == SpecVersion }, `"1.0"`},
	{"subject", true, func(e *Event) string { return e.Aggregate }, func(e *Event, v string) { e.Aggregate = v }, ValidAggregate, "kind/id, at most 96 bytes"},
	{"time", true, func(e *Event) string { return string(e.OccurredAt) }, func(e *Event, v string) { e.OccurredAt = Instant(v) }, validInstant, "an RFC 3339 instant with offset"},
	{"timeprecision", false, func(e *Event) string { return string(e.Precision) }, func(e *Event, v string) { e.Precision = Precision(v) }, validPrecision, "instant, hour, day, month, year or unknown"},
	{"type", true, func(e *Event) string { return e.Type }, func(e *Event, v string) { e.Type = v }, ValidType, "aggregate.past_tense.vN, at most 80 bytes"},
}

func atMost(n int) func(string) bool {
	return func(v string) bool { return v != "" && len(v) <= n }
}
func validID(v string) bool        { return ID(v).Valid() }
func validInstant(v string) bool   { return Instant(v).Valid() }
func validPrecision(v string) bool { return slices.Contains(Precision("").Values(), v) }

// Parse reads the envelope of an event from its canonical form, by the rules that
// are frozen with the format (FORMAT.md): a JSON object; the required attributes
// are there; id, type, subject, source, time and specversion are well formed; every
// other known attribute is a string that is not empty. Attributes of unknown name are passed over, so
// that two builds of different age agree on what an acceptable event is.
//
// The event keeps no memory of canonical. What Parse accepts need not satisfy the
// catalogue: see [Event.Check] and [Type.Decode].
func Parse(canonical []byte) (Event, error) { return parse(canonical, true) }

// ParseEnvelope is [Parse] without the payload: Data stays nil.
func ParseEnvelope(canonical []byte) (Event, error) { return parse(canonical, false) }

func parse(canonical []byte, withData bool) (Event, error) {
	var e Event
	if len(canonical) == 0 || canonical[0] != '{' {
		return e, fmt.Errorf("%w: not a JSON object", ErrEnvelope)
	}
	text := string(canonical)
	next := 0 // in attributes
	for pos := 1; text[pos] != '}'; {
		start := pos
		if text[pos] == ',' {
			pos++
		}
		nameEnd := skipValue(text, pos)
		valueEnd := skipValue(text, nameEnd+1)
		name, value := text[pos+1:nameEnd-1], text[nameEnd+1:valueEnd]
		pos = valueEnd
		for next < len(attributes) && attributes[next].name < name {
			if err := missing(&attributes[next]); err != nil {
				return Event{}, err
			}
			next++
		}
		if next == len(attributes) || attributes[next].name != name {
			if !validAttributeName(name) {
				return Event{}, fmt.Errorf("%w: a member name is not 1 to 20 lower-case letters and digits", ErrEnvelope)
			}
			e.unknown = append(e.unknown, name)
			continue
		}
		if err := e.take(&attributes[next], value, withData); err != nil {
			return Event{}, err
		}
		if name == "actor" {
			e.actorStart, e.actorLimit = actorSpan(text, start, pos)
		}
		next++
	}
	for ; next < len(attributes); next++ {
		if err := missing(&attributes[next]); err != nil {
			return Event{}, err
		}
	}
	return e, nil
}

func missing(a *attribute) error {
	if !a.required {
		return nil
	}
	return fmt.Errorf("%w: %s is missing", ErrEnvelope, a.name)
}

// actorSpan returns what to cut so that the object without actor stays canonical:
// the member and one comma.
func actorSpan(text string, start, limit int) (int, int) {
	if text[start] != ',' && text[limit] == ',' {
		limit++
	}
	return start, limit
}

// take stores one attribute. The frozen rules ask more of the required ones.
func (e *Event) take(a *attribute, value string, withData bool) error {
	if a.name == "data" {
		if value[0] != '{' {
			return fmt.Errorf("%w: data is not an object", ErrEnvelope)
		}
		if withData {
			e.Data = jsontext.Value(value)
		}
		return nil
	}
	if value[0] != '"' {
		return fmt.Errorf("%w: %s is not a string", ErrEnvelope, a.name)
	}
	inside := value[1 : len(value)-1]
	if strings.IndexByte(inside, '\\') >= 0 {
		inside = string(appendUnescaped(nil, []byte(inside)))
	}
	if inside == "" {
		return fmt.Errorf("%w: %s is empty", ErrEnvelope, a.name)
	}
	if a.required && !a.valid(inside) {
		return fmt.Errorf("%w: %s must be %s", ErrEnvelope, a.name, a.rule)
	}
	a.set(e, inside)
	return nil
}

// Check holds the envelope of a submitted event against the rules of this build:
// no unknown attribute, no actor (the gateway sets it), recordedat there, every
// attribute well formed. It returns every fault, each with the attribute as pointer.
func (e *Event) Check() []Problem {
	var faults []Problem
	for _, name := range e.unknown[:min(len(e.unknown), maxProblems)] {
		faults = append(faults, Problem{Code: "unknown_attribute", Pointer: "/" + name, Detail: "this attribute is not in the envelope"})
	}
	if e.actorLimit > 0 {
		faults = append(faults, Problem{Code: "actor_given", Pointer: "/actor", Detail: "actor is set from the authenticated publisher, leave it out"})
	}
	if e.RecordedAt == "" {
		faults = append(faults, Problem{Code: "missing", Pointer: "/recordedat", Detail: "when the publisher wrote the event is required"})
	}
	for i := range attributes {
		a := &attributes[i]
		if a.valid == nil || a.required {
			continue // Parse has seen to the required ones
		}
		if v := a.get(e); v != "" && !a.valid(v) {
			faults = append(faults, Problem{Code: "bad_format", Pointer: "/" + a.name, Detail: "must be " + a.rule})
		}
	}
	return faults
}

func validAttributeName(s string) bool {
	if len(s) == 0 || len(s) > 20 {
		return false
	}
	for _, b := range []byte(s) {
		if !isLower(b) && !isDigit(b) {
			return false
		}
	}
	return true
}

// skipValue returns the end of the JSON value that starts at pos of canonical text.
func skipValue(text string, pos int) int {
	depth := 0
	for {
		switch text[pos] {
		case '"':
			pos = skipString(text, pos)
		case '{', '[':
			depth++
			pos++
		case '}', ']':
			depth--
			pos++
		case ',', ':':
			pos++
			continue // inside an object or array
		default: // number, true, false
			for pos < len(text) && strings.IndexByte(",]}", text[pos]) < 0 {
				pos++
			}
		}
		if depth == 0 {
			return pos
		}
	}
}

func skipString(text string, pos int) int {
	for pos++; ; pos++ {
		n := strings.IndexByte(text[pos:], '"')
		pos += n
		backslashes := 0
		for text[pos-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return pos + 1
		}
	}
}
