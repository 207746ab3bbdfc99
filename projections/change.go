package projections

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"greffe/events"
)

// errPath means that a path leads to no field that an event may set.
var errPath = errors.New("no such field")

// derived is the struct tag of a row's fields that only a fold may set.
const derived = "derived"

// An edit sets or takes away the value at a path of a row.
type edit struct {
	to    jsontext.Value // nil takes the value away
	from  jsontext.Value // what the editor believed to be there; nil: nothing
	blind bool           // from is not stated
	stale bool           // out: something else is there
}

// setPath makes one edit to row, whose fields are named as in its JSON. A path is such
// as "purposes.0.text"; "-" is the place after the last element of a list. Nothing is
// changed if it fails.
func setPath(row Row, path events.Path, e *edit) error {
	return e.at(reflect.ValueOf(row).Elem(), strings.Split(string(path), "."))
}

// at edits what keys lead to from v, which can be set.
func (e *edit) at(v reflect.Value, keys []string) error {
	if len(keys) == 0 {
		return e.replace(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return e.behind(v, keys)
	case reflect.Struct:
		field, required := fieldNamed(v, keys[0])
		if !field.IsValid() || required && len(keys) == 1 && e.to == nil {
			return errPath
		}
		return e.at(field, keys[1:])
	case reflect.Slice:
		return e.element(v, keys)
	case reflect.Map:
		return e.member(v, keys)
	default:
		return errPath
	}
}

// behind edits what a pointer points to, in a copy so that a failure leaves no trace.
func (e *edit) behind(v reflect.Value, keys []string) error {
	target := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		target.Elem().Set(v.Elem())
	}
	if err := e.at(target.Elem(), keys); err != nil {
		return err
	}
	v.Set(target)
	return nil
}

func (e *edit) element(v reflect.Value, keys []string) error {
	i, err := strconv.Atoi(keys[0])
	if keys[0] == "-" {
		i, err = v.Len(), nil
	}
	if err != nil || i < 0 || i > v.Len() {
		return errPath
	}
	if len(keys) == 1 && e.to == nil {
		return e.cut(v, i)
	}
	list := reflect.MakeSlice(v.Type(), max(v.Len(), i+1), max(v.Len(), i+1))
	reflect.Copy(list, v)
	if err := e.at(list.Index(i), keys[1:]); err != nil {
		return err
	}
	v.Set(list)
	return nil
}

// cut takes element i away.
func (e *edit) cut(v reflect.Value, i int) error {
	if i >= v.Len() {
		return errPath
	}
	if err := e.compare(v.Index(i)); err != nil {
		return err
	}
	list := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()-1), v.Slice(0, i))
	v.Set(reflect.AppendSlice(list, v.Slice(i+1, v.Len())))
	return nil
}

func (e *edit) member(v reflect.Value, keys []string) error {
	if v.Type().Key().Kind() != reflect.String {
		return errPath
	}
	key := reflect.ValueOf(keys[0]).Convert(v.Type().Key())
	value := reflect.New(v.Type().Elem()).Elem()
	if old := v.MapIndex(key); old.IsValid() {
		value.Set(old)
	} else if e.to == nil {
		return errPath
	}
	if err := e.at(value, keys[1:]); err != nil {
		return err
	}
	fresh := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		fresh.SetMapIndex(it.Key(), it.Value())
	}
	if len(keys) == 1 && e.to == nil {
		value = reflect.Value{} // takes the member away
	}
	fresh.SetMapIndex(key, value)
	v.Set(fresh)
	return nil
}

// replace puts the new value in place of v.
func (e *edit) replace(v reflect.Value) error {
	if err := e.compare(v); err != nil {
		return err
	}
	if e.to == nil {
		v.SetZero()
		return nil
	}
	fresh := reflect.New(v.Type())
	if err := json.Unmarshal(e.to, fresh.Interface(), json.RejectUnknownMembers(true)); err != nil {
		return errPath // a value of another type has no place there
	}
	if !allowed(fresh.Elem()) {
		return errPath
	}
	v.Set(fresh.Elem())
	return nil
}

// compare notes whether the editor started from what is there.
func (e *edit) compare(v reflect.Value) error {
	if e.blind {
		return nil
	}
	now, err := canonical(v)
	if err != nil {
		return err
	}
	e.stale = e.stale || !bytes.Equal(now, e.from)
	return nil
}

// canonical returns v as canonical JSON, nil if it is empty.
func canonical(v reflect.Value) ([]byte, error) {
	if v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return nil, nil
	}
	text, err := json.Marshal(v.Interface(), json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return events.AppendCanonical(nil, text)
}

// allowed reports whether every text in v is what its type asks for: one of the values
// of an enumeration, or well formed. An edit never brings a name to where a pseudonym
// belongs.
func allowed(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		if enum, ok := v.Interface().(interface{ Values() []string }); ok {
			return v.String() == "" || slices.Contains(enum.Values(), v.String())
		}
		form, ok := v.Interface().(interface{ Valid() bool })
		return !ok || v.String() == "" || form.Valid()
	case reflect.Pointer:
		return v.IsNil() || allowed(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !allowed(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !allowed(v.Field(i)) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !allowed(it.Key()) || !allowed(it.Value()) {
				return false
			}
		}
	}
	return true
}

// fieldNamed finds a field by its JSON name, also in embedded structs, but none that
// says where a row comes from and none that is derived. It reports whether the field
// must have a value.
func fieldNamed(v reflect.Value, name string) (field reflect.Value, required bool) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if f.Type == reflect.TypeFor[Base]() {
				continue
			}
			if field, required := fieldNamed(v.Field(i), name); field.IsValid() {
				return field, required
			}
			continue
		}
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && f.Tag.Get("row") != derived {
			return v.Field(i), !strings.Contains(options, "omit")
		}
	}
	return reflect.Value{}, false
}
