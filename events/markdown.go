package events

import (
	"fmt"
	"strings"
)

// Markdown returns CATALOG.md: the table of types as people read it.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString(`# The catalogue of events

Generated from ` + "`catalog.go`; `go test ./events -run Generated -update`" + ` writes it anew.
A member with * is required; (P1) marks a staff pseudonym. Types of greffe itself are in italics.
The schemas of whole events are in ` + "`schema/`" + `.
`)
	for _, a := range catalogue().aggregates {
		fmt.Fprintf(&b, "\n## %s\n\n%s / %s. Ids: `%s`\n\n", a.Kind, a.Label.En, a.Label.Fr, a.Pattern)
		b.WriteString("| Type | Label | Intitulé | Classes | Law | Members |\n| --- | --- | --- | --- | --- | --- |\n")
		for _, t := range catalogue().types {
			if t.Aggregate == a.Kind {
				b.WriteString(t.markdown())
			}
		}
	}
	return []byte(b.String())
}

func (t *Type) markdown() string {
	name := "`" + t.Wire() + "`"
	if t.Daemon {
		name = "*" + name + "*"
	}
	classes := "-"
	if c := t.Classes(); len(c) > 0 {
		classes = strings.Trim(fmt.Sprint(c), "[]")
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", name, t.Label.En, t.Label.Fr, classes, t.Law, t.shape.markdown())
}

// markdown lists the members of an object.
func (s *shape) markdown() string {
	var members []string
	for i, f := range s.fields {
		m := "`" + f.name + "`"
		if s.required&(1<<i) != 0 {
			m += "*"
		}
		if f.shape.class != "" && f.shape.class != P0 {
			m += fmt.Sprintf(" (%s)", f.shape.class)
		}
		members = append(members, m)
	}
	return strings.Join(members, ", ")
}
