package base

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"greffe/events"
)

// An answer is true, false, yes, no, unknown or null.
type answer string

// tri returns the answer as events have it; null is no answer at all.
func (a answer) tri() events.Tri {
	switch a {
	case "true", "yes":
		return events.Yes
	case "false", "no":
		return events.No
	case "unknown":
		return events.Unknown
	}
	return ""
}

// nothing is a place where this importer knows null only.
type nothing struct{}

// A checker holds a YAML tree against the Go types it will be decoded into. Package
// yaml can do that too, but without saying what is missing, and not for a tree in which
// some keys are to be passed over.
type checker struct{ where []string }

// fault is an error at a line. It names keys and never shows a value.
func (c *checker) fault(n *yaml.Node, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if len(c.where) > 0 {
		what = strings.Join(c.where, ".") + ": " + what
	}
	return fmt.Errorf("line %d: %s", n.Line, what)
}

func (c *checker) check(n *yaml.Node, t reflect.Type) error {
	if n.Kind == yaml.AliasNode {
		return c.fault(n, "an alias (*name) is not taken, write the value out")
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch reflect.Zero(t).Interface().(type) {
	case nothing:
		return c.fault(n, "this importer knows only null here: publish what you have as an event of its own")
	case answer:
		if n.Kind != yaml.ScalarNode || answer(n.Value).tri() == "" {
			return c.fault(n, "must be true, false or unknown")
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.mapping(n, t)
	case reflect.Slice:
		return c.sequence(n, t.Elem())
	case reflect.Map:
		return c.table(n, t.Elem())
	}
	return c.scalar(n, t)
}

func (c *checker) mapping(n *yaml.Node, t reflect.Type) error {
	if n.Kind != yaml.MappingNode {
		return c.fault(n, "must have keys of its own")
	}
	fields := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		fields[f.Tag.Get("yaml")] = f
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Value == suggested {
			continue
		}
		f, ok := fields[key.Value]
		if !ok {
			if isNull(value) {
				return c.fault(key, "unknown key %q (a text with a comma between braces must be quoted)", key.Value)
			}
			return c.fault(key, "unknown key %q", key.Value)
		}
		if seen[key.Value] {
			return c.fault(key, "the key %q stands here twice", key.Value)
		}
		seen[key.Value] = true
		if isNull(value) {
			seen[key.Value] = f.Tag.Get("base") != "required"
			continue
		}
		c.where = append(c.where, key.Value)
		if err := c.check(value, f.Type); err != nil {
			return err
		}
		c.where = c.where[:len(c.where)-1]
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("yaml"); f.Tag.Get("base") == "required" && !seen[name] {
			return c.fault(n, "the key %q is required", name)
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (c *checker) sequence(n *yaml.Node, elem reflect.Type) error {
	if n.Kind != yaml.SequenceNode {
		return c.fault(n, "must be a list")
	}
	for i, item := range n.Content {
		c.where = append(c.where, strconv.Itoa(i))
		if isNull(item) {
			return c.fault(item, "null is not a row")
		}
		if err := c.check(item, elem); err != nil {
			return err
		}
		c.where = c.where[:len(c.where)-1]
	}
	return nil
}

func (c *checker) table(n *yaml.Node, elem reflect.Type) error {
	if n.Kind != yaml.MappingNode {
		return c.fault(n, "must have keys of its own")
	}
	for i := 1; i < len(n.Content); i += 2 {
		if err := c.check(n.Content[i], elem); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) scalar(n *yaml.Node, t reflect.Type) error {
	if n.Kind != yaml.ScalarNode {
		return c.fault(n, "must be a single value")
	}
	switch t.Kind() {
	case reflect.Bool:
		if n.Tag != "!!bool" {
			return c.fault(n, "must be true or false")
		}
	case reflect.Int, reflect.Int64:
		if _, err := strconv.ParseInt(n.Value, 10, 32); err != nil {
			return c.fault(n, "must be a whole number")
		}
	}
	switch t {
	case reflect.TypeFor[events.Date]():
		if !events.Date(n.Value).Valid() {
			return c.fault(n, "is not a date, write it as in 2024-03-29")
		}
	case reflect.TypeFor[events.Period]():
		if !events.Period(n.Value).Valid() {
			return c.fault(n, "is not a period, write it in one unit as in P30D, P13M or P3Y")
		}
	}
	return nil
}

// suggested is the key of a reviewer's proposals, which are not facts.
const suggested = "suggested"

// dropSuggested cuts the proposals out of a tree.
func dropSuggested(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); {
			if n.Content[i].Value == suggested {
				n.Content = slices.Delete(n.Content, i, i+2)
				continue
			}
			i += 2
		}
	}
	for _, child := range n.Content {
		dropSuggested(child)
	}
}
