package events

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A shape says what a value of JSON must be to fit a Go type. It is compiled once
// from the payload structs and used twice: to decode and check events (decode.go),
// and to write the JSON Schemas (schema.go). So the two cannot disagree.
type shape struct {
	kind    kind
	typ     reflect.Type // of the value; without the pointer, if pointer is set
	pointer bool

	format *format  // of a text with a form of its own
	match  *pattern // format.pattern, compiled
	values []string // of an enumeration
	max    int      // characters of a text, members of a list or object
	min    int      // members of a list or object
	low    int64    // of an integer
	high   int64
	class  Class // of a text
	public bool  // a text that is meant to reach people: an address of the organisation

	fields   []field // of a struct, by name
	required uint64  // bits of the fields that must be there
	key      *shape  // of a map
	elem     *shape  // of a list or map
}

// A field is a member of a struct.
type field struct {
	name  string
	index int
	shape *shape
}

// kind is what a value is, in JSON.
type kind uint8

// The kinds. anyValue takes every value without personal data or sealed parts in it.
const (
	object kind = iota
	list
	dict
	text
	enum
	integer
	boolean
	anyValue
)

// Limits of members whose tags do not give their own.
const (
	defaultText = 500       // characters
	defaultList = 1000      // members of a list or object
	maxInt      = 1<<53 - 1 // as canonical JSON has it
)

// enumerated is implemented by every string type with a fixed set of values.
type enumerated interface{ Values() []string }

// shapeOf compiles a type. It panics on a struct that breaks the rules: payloads are
// part of the program, and a test compiles them all.
func shapeOf(t reflect.Type, tag reflect.StructTag) *shape {
	s := &shape{typ: t}
	if t.Kind() == reflect.Pointer {
		s.pointer, s.typ = true, t.Elem()
	}
	zero := reflect.Zero(s.typ).Interface()
	switch f := zero.(type) {
	case jsontext.Value:
		s.kind = anyValue
		return s
	case enumerated:
		s.kind, s.values = enum, f.Values()
		return s
	case formatted:
		s.setFormat(f.format(), tag)
		return s
	}
	switch s.typ.Kind() {
	case reflect.String:
		s.kind, s.max, s.class = text, limit(tag, "max", defaultText), P0
		s.public = tag.Get("public") == "true"
	case reflect.Bool:
		s.kind = boolean
	case reflect.Int64:
		s.kind, s.low, s.high = integer, int64(limit(tag, "min", 0)), int64(limit(tag, "max", maxInt))
	case reflect.Slice:
		s.kind, s.min, s.max = list, limit(tag, "min", 0), limit(tag, "items", defaultList)
		s.elem = shapeOf(s.typ.Elem(), tag)
	case reflect.Map:
		s.kind, s.min, s.max = dict, 1, defaultList
		s.key, s.elem = shapeOf(s.typ.Key(), ""), shapeOf(s.typ.Elem(), tag)
	case reflect.Struct:
		s.kind = object
		s.setFields()
	default:
		panic(fmt.Sprintf("payload type %v has no JSON form here", t))
	}
	return s
}

func (s *shape) setFormat(f format, tag reflect.StructTag) {
	s.kind, s.format, s.match, s.class = text, &f, compilePattern(f.pattern), f.class
	if s.class == "" {
		s.class = P0
	}
	if declared := Class(tag.Get("pii")); declared != s.class && (declared != "" || s.class != P0) {
		panic(fmt.Sprintf("a member of type %v has class %s and must carry the tag pii:%q", s.typ, s.class, s.class))
	}
}

func (s *shape) setFields() {
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			panic(fmt.Sprintf("%v.%s has no json name", s.typ, f.Name))
		}
		s.fields = append(s.fields, field{name, i, shapeOf(f.Type, f.Tag)})
		if (f.Type.Kind() == reflect.Pointer) && options != "omitzero" {
			panic(fmt.Sprintf("%v.%s is a pointer and must be omitzero", s.typ, f.Name))
		}
	}
	slices.SortFunc(s.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	if len(s.fields) > 64 {
		panic(fmt.Sprintf("%v has more than 64 members", s.typ))
	}
	for i, f := range s.fields {
		if !strings.HasSuffix(s.typ.Field(f.index).Tag.Get("json"), ",omitzero") {
			s.required |= 1 << i
		}
	}
}

func limit(tag reflect.StructTag, name string, otherwise int) int {
	v, ok := tag.Lookup(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		panic(fmt.Sprintf("tag %s:%q is not a number", name, v))
	}
	return n
}

// find returns the field of a name and its bit, or nil. from is where the search
// begins: members come in order, so it is nearly always the next one.
func (s *shape) find(name string, from int) (*field, int) {
	for i := from; i < len(s.fields); i++ {
		if s.fields[i].name == name {
			return &s.fields[i], i
		}
	}
	for i := range min(from, len(s.fields)) {
		if s.fields[i].name == name {
			return &s.fields[i], i
		}
	}
	return nil, 0
}

// at returns the shape of the member that a path names ("purposes.0.legal_basis"), or
// nil if the type has no such member.
func (s *shape) at(path string) *shape {
	for path != "" {
		var word string
		switch word, path, _ = strings.Cut(path, "."); s.kind {
		case object:
			f, _ := s.find(word, 0)
			if f == nil {
				return nil
			}
			s = f.shape
		case list, dict:
			s = s.elem
		default:
			return nil
		}
	}
	return s
}

// classes returns the personal-data classes that occur in a shape, without P0, in order.
func (s *shape) classes() []Class {
	var out []Class
	s.walk(func(n *shape) {
		if n.class != "" && n.class != P0 && !slices.Contains(out, n.class) {
			out = append(out, n.class)
		}
	})
	slices.Sort(out)
	return out
}

func (s *shape) walk(visit func(*shape)) {
	visit(s)
	for _, f := range s.fields {
		f.shape.walk(visit)
	}
	if s.key != nil {
		s.key.walk(visit)
	}
	if s.elem != nil {
		s.elem.walk(visit)
	}
}
