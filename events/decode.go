package events

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Codes of problems. They are part of the contract: receipts carry them for ever.
const (
	CodeMissing   = "missing"             // a required member is not there
	CodeUnknown   = "unknown_member"      // a member that the type does not have
	CodeType      = "wrong_type"          // a text where a number should be, and so on
	CodeValue     = "unknown_value"       // not one of the values of an enumeration
	CodeFormat    = "bad_format"          // a date, reference … that is none
	CodeTooLong   = "too_long"            // a text, list or object with too much in it
	CodeTooShort  = "too_short"           // an empty text, or too few members
	CodeRange     = "out_of_range"        // an integer beyond its bounds
	CodePersonal  = "clear_personal_data" // personal data where a pseudonym belongs
	CodeSealed    = "sealed_value"        // a sealed value that greffe did not make
	CodeMalformed = "malformed"           // not JSON; the canonical form cannot be this
	CodeAggregate = "wrong_aggregate"     // the event's subject does not fit its type or data
)

// maxProblems bounds the answer to a thoroughly bad event.
const maxProblems = 20

// A decoder reads one payload by its shape and fills the Go value. It goes on after a
// problem so that a publisher sees all of them at once.
//
// It reads canonical JSON (as Event.Data is) and passes over white space. It is safe
// on any input, but leaves UTF-8 and the order of members to [AppendCanonical].
type decoder struct {
	in       string
	pos      int
	path     []segment // where we are, only rendered for a problem
	problems []Problem
	broken   bool // malformed: stop
	guard    bool // look for personal data in free texts
}

// A segment is a member's name, or a position in a list if name is empty.
type segment struct {
	name string
	pos  int
}

func (d *decoder) problem(code, detail string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Code: code, Pointer: d.pointer(), Detail: detail})
	}
}

// malformed ends the decoding: what follows cannot be told apart any more.
func (d *decoder) malformed() {
	if !d.broken {
		d.problem(CodeMalformed, "the data is not acceptable JSON here")
	}
	d.broken, d.pos = true, len(d.in)
}

// pointer renders the path as JSON Pointer into the event.
func (d *decoder) pointer() string {
	out := []byte("/data")
	for _, s := range d.path {
		out = append(out, '/')
		if s.name == "" {
			out = strconv.AppendInt(out, int64(s.pos), 10)
			continue
		}
		out = append(out, strings.NewReplacer("~", "~0", "/", "~1").Replace(s.name)...)
	}
	return string(out)
}

func (d *decoder) enter(s segment) { d.path = append(d.path, s) }
func (d *decoder) leave()          { d.path = d.path[:len(d.path)-1] }

// value reads one value into v, which is settable and zero.
func (d *decoder) value(s *shape, v reflect.Value) {
	b := d.next()
	if s.pointer {
		v.Set(reflect.New(s.typ))
		v = v.Elem()
	}
	switch s.kind {
	case object:
		if b == '{' {
			d.object(s, v)
			return
		}
	case list:
		if b == '[' {
			d.list(s, v)
			return
		}
	case dict:
		if b == '{' {
			d.dict(s, v)
			return
		}
	case text, enum:
		if b == '"' {
			d.text(s, v)
			return
		}
	case integer:
		if b == '-' || isDigit(b) {
			d.integer(s, v)
			return
		}
	case boolean:
		if b == 't' || b == 'f' {
			v.SetBool(b == 't')
			d.skip(0)
			return
		}
	case anyValue:
		start := d.pos
		d.skip(0)
		v.SetBytes([]byte(d.in[start:d.pos]))
		return
	}
	d.mismatch(s)
}

// mismatch passes over a value of the wrong kind. An object that asks for a pseudonym
// or claims to be sealed has its own problem, which says more than "wrong type".
func (d *decoder) mismatch(s *shape) {
	before := len(d.problems)
	d.skip(0)
	if len(d.problems) == before && !d.broken {
		d.problem(CodeType, "must be "+s.want())
	}
}

// want names what a shape takes, for people.
func (s *shape) want() string {
	switch s.kind {
	case object, dict:
		return "an object"
	case list:
		return "a list"
	case integer:
		return "an integer"
	case boolean:
		return "true or false"
	case enum:
		return "one of " + strings.Join(s.values, ", ")
	case text:
		if s.format != nil {
			return s.format.want
		}
		return fmt.Sprintf("a text of 1 to %d characters", s.max)
	default:
		return "a JSON value"
	}
}

func (d *decoder) object(s *shape, v reflect.Value) {
	var seen uint64
	for more, at := d.open('}'), 0; more; more = d.more('}') {
		name, ok := d.name()
		if !ok {
			return
		}
		f, i := s.find(name, at)
		if f == nil {
			d.unknown(name)
			continue
		}
		if seen&(1<<i) != 0 {
			d.malformed() // a duplicate, which canonical JSON cannot have
			return
		}
		seen |= 1 << i
		at = i + 1
		d.enter(segment{name: f.name})
		d.value(f.shape, v.Field(f.index))
		d.leave()
	}
	if d.broken {
		return
	}
	if absent := s.required &^ seen; absent != 0 {
		for i, f := range s.fields {
			if absent&(1<<i) != 0 {
				d.enter(segment{name: f.name})
				d.problem(CodeMissing, "this member is required: "+f.shape.want())
				d.leave()
			}
		}
	}
}

// unknown passes over a member that the type does not have. Its name is shown only if
// it looks like one of ours: a foreign name may be personal data.
func (d *decoder) unknown(name string) {
	switch name {
	case "$id":
		d.problem(CodePersonal, "an identifier of a person is not taken here: personal data cannot be sealed yet")
		d.skip(0)
		return
	case "$box":
		d.problem(CodeSealed, "a sealed value is made by greffe, not by a publisher")
		d.skip(0)
		return
	}
	show := validWord(name) && len(name) <= 40
	if show {
		d.enter(segment{name: name})
	}
	before := len(d.problems)
	d.skip(0)
	if len(d.problems) == before && !d.broken {
		d.problem(CodeUnknown, "no such member in this type: leave it out, or correct its name")
	}
	if show {
		d.leave()
	}
}

func (d *decoder) list(s *shape, v reflect.Value) {
	n := 0
	for more := d.open(']'); more; more = d.more(']') {
		v.Grow(1)
		v.SetLen(n + 1)
		d.enter(segment{pos: n})
		d.value(s.elem, v.Index(n))
		d.leave()
		n++
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(s.typ, 0, 0)) // an empty list was said, which is not silence
	}
	d.size(s, n)
}

// size checks how many members a list or object has.
func (d *decoder) size(s *shape, n int) {
	if n < s.min {
		d.problem(CodeTooShort, fmt.Sprintf("at least %d members", s.min))
	}
	if n > s.max {
		d.problem(CodeTooLong, fmt.Sprintf("at most %d members", s.max))
	}
}

func (d *decoder) dict(s *shape, v reflect.Value) {
	m := reflect.MakeMap(s.typ)
	key, elem := reflect.New(s.typ.Key()).Elem(), reflect.New(s.typ.Elem()).Elem()
	n := 0
	for more := d.open('}'); more; more = d.more('}') {
		name, ok := d.name()
		if !ok {
			return
		}
		n++
		if !s.key.accepts(name) {
			d.badKey(s, name)
			continue
		}
		key.SetString(name)
		elem.SetZero()
		d.enter(segment{name: name})
		d.value(s.elem, elem)
		d.leave()
		m.SetMapIndex(key, elem)
	}
	v.Set(m)
	d.size(s, n)
}

// badKey passes over a member of a map whose name is not one. The name is not shown.
func (d *decoder) badKey(s *shape, name string) {
	if name == "$id" || name == "$box" {
		d.unknown(name)
		return
	}
	before := len(d.problems)
	d.skip(0)
	if len(d.problems) == before && !d.broken {
		d.problem(CodeUnknown, "a member name here must be "+s.key.want())
	}
}

// accepts reports whether a text has the form or is a value that s asks for.
func (s *shape) accepts(t string) bool {
	if s.kind == enum {
		return slices.Contains(s.values, t)
	}
	return s.match.match(t) && (s.format.check == nil || s.format.check(t))
}

func (d *decoder) text(s *shape, v reflect.Value) {
	t := d.str()
	if d.broken {
		return
	}
	v.SetString(t)
	switch {
	case s.kind == enum:
		if !s.accepts(t) {
			d.problem(CodeValue, "must be "+s.want())
		}
	case s.format != nil:
		if s.accepts(t) {
			return
		}
		if s.class != P0 {
			d.problem(CodePersonal, "only "+s.format.want+" may stand here: names and contact details do not enter the ledger")
			return
		}
		d.problem(CodeFormat, "must be "+s.format.want)
	case t == "":
		d.problem(CodeTooShort, "an empty text: leave the member out instead")
	case len(t) > s.max && utf8.RuneCountInString(t) > s.max:
		d.problem(CodeTooLong, fmt.Sprintf("at most %d characters", s.max))
	case d.guard && !s.public:
		d.look(t)
	}
}

// look refuses a text in which a person can be recognised.
func (d *decoder) look(t string) {
	if found := PersonalData(t); found != "" {
		d.problem(CodePersonal, "this looks like "+found+", which does not enter the ledger in clear: reword it or leave it out")
	}
}

func (d *decoder) integer(s *shape, v reflect.Value) {
	start := d.pos
	if !d.number() {
		d.mismatchAt(s)
		return
	}
	n, err := strconv.ParseInt(d.in[start:d.pos], 10, 64)
	if err != nil || n < s.low || n > s.high {
		d.problem(CodeRange, fmt.Sprintf("must be an integer from %d to %d", s.low, s.high))
		return
	}
	v.SetInt(n)
}

func (d *decoder) mismatchAt(s *shape) {
	if !d.broken {
		d.problem(CodeType, "must be "+s.want())
	}
}
