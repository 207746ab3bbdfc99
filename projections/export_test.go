package projections

import (
	"reflect"
	"strings"
)

// HasColumn reports whether the register's table of states has a column for what
// happened.
func (r *Register) HasColumn(verb string) bool {
	return r.folder.states != nil && r.folder.states.verbs[verb]
}

// HasField reports whether the JSON of a row can have a value at the path.
func (r *Register) HasField(path string) bool {
	t := reflect.TypeOf(r.fresh())
	for _, name := range strings.Split(path, ".") {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t = t.Elem()
			continue
		}
		if t = memberType(t, name); t == nil {
			return false
		}
	}
	return true
}

// memberType finds a struct field by its JSON name, nil if there is none.
func memberType(t reflect.Type, name string) reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f.Type
		}
		if f.Anonymous {
			if found := memberType(f.Type, name); found != nil {
				return found
			}
		}
	}
	return nil
}
