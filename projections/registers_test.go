package projections_test

import (
	"slices"
	"strings"
	"testing"

	"greffe/events"
	"greffe/projections"
)

// Every type of the catalogue about an aggregate that a register shows has a column in
// that register's table of states: a forgotten one would be kept and never shown.
func TestEveryTypeHasAColumn(t *testing.T) {
	shown := map[string]*projections.Register{}
	for _, r := range projections.Registers() {
		shown[r.Kinds[0]] = r
	}
	notShown := []string{"finding", "import", "ledger", "quarantine"}
	for _, typ := range events.Catalog() {
		r, ok := shown[typ.Aggregate]
		if !ok {
			if !slices.Contains(notShown, typ.Aggregate) {
				t.Errorf("no register shows %s", typ.Name)
			}
			continue
		}
		_, verb, _ := strings.Cut(typ.Name, ".")
		if verb != "corrected" && !r.HasColumn(verb) {
			t.Errorf("register %s: its table of states has no column for %s", r.Name, verb)
		}
	}
}

// Columns name fields that rows have: the table output would show nothing otherwise.
func TestColumnsNameFields(t *testing.T) {
	names := map[string]bool{}
	for _, r := range projections.Registers() {
		if names[r.Name] {
			t.Errorf("register %s stands twice in the table", r.Name)
		}
		names[r.Name] = true
		if r.Label.En == "" || r.Label.Fr == "" || r.Law == "" || len(r.Columns) == 0 {
			t.Errorf("register %s: label, law or columns are missing", r.Name)
		}
		for _, c := range r.Columns {
			if c.Label.En == "" || c.Label.Fr == "" {
				t.Errorf("register %s, column %s: the label lacks a language", r.Name, c.Field)
			}
			if !r.HasField(c.Field) {
				t.Errorf("register %s: no row has the field %s", r.Name, c.Field)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	if r, ok := projections.Lookup("breaches"); !ok || r.Name != "breaches" {
		t.Errorf("got %v, %v", r, ok)
	}
	for _, name := range []string{"", "breach", "quarantine"} {
		if r, ok := projections.Lookup(name); ok {
			t.Errorf("%q: got register %s, want none", name, r.Name)
		}
	}
}
