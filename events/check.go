package events

import (
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a payload and checks it. data is canonical JSON, as Event.Data is. It
// returns a pointer to the type's payload struct and nil, or nil and every problem
// found (at most 20), each with a JSON Pointer into the event and never with a value.
//
// The rules: members without omitzero must be there; others may not; texts have 1 to
// max characters; dates, references and the like have their form; enumerations their
// values; a person stands only as pseudonym, also inside the values of an amendment or
// correction whose path names such a member; no object asks for a pseudonym ("$id") or
// claims to be sealed ("$box"), for greffe cannot seal yet.
//
// What Decode accepts, every later build accepts: the ledger is read through it.
func (t *Type) Decode(data []byte) (any, []Problem) { return t.decode(data, false) }

// decode is [Type.Decode]; guard adds the search for personal data in free texts.
func (t *Type) decode(data []byte, guard bool) (any, []Problem) {
	var d decoder
	var steps [8]segment
	d.in, d.path, d.guard = string(data), steps[:0], guard
	out := t.New()
	d.value(t.shape, reflect.ValueOf(out).Elem())
	if !d.broken && d.next() != 0 {
		d.malformed()
	}
	if !d.broken {
		t.checkChanges(&d, out)
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return out, nil
}

// CheckAggregate holds the event's subject against the type: its kind, and the form of
// its id.
func (t *Type) CheckAggregate(ev *Event) []Problem {
	switch {
	case ev.Kind() != t.Aggregate:
		return []Problem{{Code: CodeAggregate, Pointer: "/subject", Detail: "an event of this type is about " + t.Aggregate + "/…"}}
	case !t.about.ValidID(ev.AggregateID()):
		return []Problem{{Code: CodeFormat, Pointer: "/subject", Detail: "the id of " + t.Aggregate + " must match " + t.about.Pattern}}
	}
	return nil
}

// Check is everything that the catalogue asks of an event before it is taken:
// [Type.CheckAggregate] and [Type.Decode]; that a payload which repeats the id of its
// aggregate repeats the right one; and that [PersonalData] finds nothing in the free
// texts and the reason. The last is no part of Decode, because its rules may grow and
// what the ledger holds must stay readable.
func (t *Type) Check(ev *Event) (any, []Problem) {
	problems := t.CheckAggregate(ev)
	if found := PersonalData(ev.Reason); found != "" {
		problems = append(problems, Problem{Code: CodePersonal, Pointer: "/reason", Detail: "this looks like " + found + ", which does not enter the ledger in clear: reword it"})
	}
	out, faults := t.decode(ev.Data, !t.Daemon)
	if out != nil && !t.sameID(out, ev.AggregateID()) {
		faults = append(faults, Problem{Code: CodeAggregate, Pointer: "/data/" + t.about.IDField, Detail: "this id must be the one in the event's subject"})
	}
	if problems = append(problems, faults...); len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

func (t *Type) sameID(out any, id string) bool {
	if t.about.IDField == "" {
		return true
	}
	f, _ := t.shape.find(t.about.IDField, 0)
	if f == nil {
		return true
	}
	return reflect.ValueOf(out).Elem().Field(f.index).String() == id
}

// checkChanges looks for persons in clear among values that a payload carries for a
// row's members: what may not be in the row may not come through an amendment either.
func (t *Type) checkChanges(d *decoder, out any) {
	switch p := out.(type) {
	case Amender:
		changes, _ := p.Amendment()
		for i, c := range changes {
			d.path = append(d.path[:0], segment{name: "changes"}, segment{pos: i}, segment{name: "from"})
			t.checkPersons(d, c.Path, c.From)
			d.path[2].name = "to"
			t.checkPersons(d, c.Path, c.To)
		}
	case *Corrected:
		d.path = append(d.path[:0], segment{name: "right_value"})
		t.checkPersons(d, p.Path, p.RightValue)
	}
}

// checkPersons reads the value of a change by the shape that any payload of the
// aggregate has at the path, and keeps only what it says about persons. A row may hold
// a payload one level down ("verification.verified_by"), so the ends of the path count.
func (t *Type) checkPersons(d *decoder, path Path, value jsontext.Value) {
	if len(value) == 0 {
		return
	}
	for rest, more := string(path), true; more; _, rest, more = strings.Cut(rest, ".") {
		for _, payload := range t.about.payloads {
			if detail := clearPerson(payload.at(rest), value); detail != "" {
				d.problem(CodePersonal, detail)
				return
			}
		}
	}
}

// clearPerson says what is wrong with a value in which the shape wants a pseudonym.
func clearPerson(s *shape, value jsontext.Value) string {
	if s == nil || len(s.classes()) == 0 {
		return ""
	}
	v := decoder{in: string(value)}
	v.value(s, reflect.New(s.outer()).Elem())
	for _, p := range v.problems {
		if p.Code == CodePersonal {
			return p.Detail
		}
	}
	return ""
}

// outer returns the Go type that a value of the shape is read into.
func (s *shape) outer() reflect.Type {
	if s.pointer {
		return reflect.PointerTo(s.typ)
	}
	return s.typ
}
