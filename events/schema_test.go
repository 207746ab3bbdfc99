package events_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"greffe/events"
)

var update = flag.Bool("update", false, "rewrite generated files; only commit the difference if you understand it")

// generated returns every file that is made from the catalogue.
func generated() map[string][]byte {
	files := map[string][]byte{
		"CATALOG.md":               events.Markdown(),
		"schema/event.ledger.json": events.LedgerSchema(),
	}
	for _, typ := range events.Catalog() {
		files["schema/"+typ.Wire()+".submit.json"] = typ.SubmitSchema()
	}
	return files
}

func TestGenerated(t *testing.T) {
	want := generated()
	if *update {
		if err := os.RemoveAll("schema"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir("schema", 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range want {
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, content := range want {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("%v: go test ./events -run Generated -update writes it", err)
			continue
		}
		if diff := cmp.Diff(string(content), string(got)); diff != "" {
			t.Errorf("%s is not what the catalogue says; go test ./events -run Generated -update rewrites it:\n%s", name, diff)
		}
	}
	there, err := filepath.Glob("schema/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if _, ok := want[filepath.ToSlash(name)]; !ok {
			t.Errorf("%s belongs to no type", name)
		}
	}
}

// compiled returns the submit schema of every type.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, typ := range events.Catalog() {
		out[typ.Wire()] = compile(t, typ.Wire(), typ.SubmitSchema())
	}
	return out
}

func compile(t *testing.T, name string, source []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, doc []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// submission wraps a payload into an event.
func submission(t *testing.T, typ *events.Type, data []byte) []byte {
	t.Helper()
	ids := map[string]string{
		"organisation": "ORG-1", "dpo": "DPO-1", "processing_activity": "FR-012", "document": "DOC-X-1", "notice": "NOT-003", "processor": "PRC-0002",
		"dpa": "DPA-0001", "transfer": "TRF-0001", "consent_purpose": "CPU-002", "tracker": "TRK-lang", "measure": "TOM-05", "breach": "BR-2026-001", "dpia": "SCR-FR-011",
		"retention_rule": "RET-05", "deletion": "DEL-1", "security_assessment": "SA-2026", "security_measure": "SEC-04.3", "finding": "F-DAILY-2026-11-23",
		"import": "IMP-0123456789abcdef", "ledger": "main", "quarantine": "01JD0000000000000000000009",
	}
	ev := events.Event{
		ID: "01JD0000000000000000000000", Source: "test", Type: typ.Wire(), Aggregate: typ.Aggregate + "/" + ids[typ.Aggregate],
		OccurredAt: "2026-11-23T10:00:00+01:00", RecordedAt: "2026-11-23T10:05:00Z", Data: data,
	}
	raw, err := ev.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSchemasAgree holds the schemas against the typed checks: on every example, and on
// every example with one thing wrong.
func TestSchemasAgree(t *testing.T) {
	schemas := compiled(t)
	good, bad := 0, 0
	for _, typ := range events.Catalog() {
		for _, data := range append([]string{typ.Example}, mutations(t, typ.Example)...) {
			_, problems := typ.Decode([]byte(data))
			err := valid(t, schemas[typ.Wire()], submission(t, typ, []byte(data)))
			if (err == nil) != (problems == nil) {
				t.Errorf("%s: %s\n typed check: %+v\n schema: %v", typ.Wire(), data, problems, err)
			}
			if problems == nil {
				good++
			} else {
				bad++
			}
		}
	}
	t.Logf("%d payloads accepted and %d refused by both", good, bad)
	if good < 300 || bad < 3000 {
		t.Errorf("only %d good and %d bad payloads were compared", good, bad)
	}
}

// mutations returns every version of a payload with one thing changed: a member dropped
// or added, or a value replaced by a wrong, an empty, a long or a foreign one.
func mutations(t *testing.T, example string) []string {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(example), &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	emit := func() { out = append(out, string(marshal(t, doc))) }
	mutate(doc, func(v any) { doc = v }, emit)
	return out
}

// mutate changes the value at one place in every way, with emit after each, and then
// the places inside it. put writes the place.
func mutate(v any, put func(any), emit func()) {
	replacements := []any{"x", "", strings.Repeat("y", 5000), "2026-02-30", "per_x", jsontext.Value("7"), jsontext.Value("-1"), true, []any{}, []any{"x"}, map[string]any{}, map[string]any{"$id": "x"}, map[string]any{"$box": "x"}}
	for _, r := range replacements {
		put(r)
		emit()
	}
	put(v)
	switch v := v.(type) {
	case map[string]any:
		v["zz_extra"] = "x"
		emit()
		delete(v, "zz_extra")
		for _, name := range sortedKeys(v) {
			old := v[name]
			delete(v, name)
			emit()
			v[name] = old
			mutate(old, func(n any) { v[name] = n }, emit)
		}
	case []any:
		for i := range v {
			mutate(v[i], func(n any) { v[i] = n }, emit)
		}
	}
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// TestStoryAgainstSchemas holds the story's events against schemas and catalogue.
func TestStoryAgainstSchemas(t *testing.T) {
	raw, err := os.ReadFile("../testdata/story/events.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	schemas := compiled(t)
	n := 0
	for line := range bytes.Lines(raw) {
		ev, err := events.Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := lookup(t, ev.Type).Check(&ev); problems != nil {
			t.Errorf("%s: %+v", ev.Aggregate, problems)
		}
		if err := valid(t, schemas[ev.Type], line); err != nil {
			t.Errorf("%s: %v", ev.Aggregate, err)
		}
		n++
	}
	if n != 145 {
		t.Errorf("the story has %d events, want 145", n)
	}
}

func TestEnvelopeSchemas(t *testing.T) {
	typ := lookup(t, "processing_activity.reviewed.v1")
	submit := compile(t, "submit", typ.SubmitSchema())
	ledger := compile(t, "ledger", events.LedgerSchema())
	event := string(submission(t, typ, []byte(typ.Example)))
	stored := strings.Replace(event, `{"data"`, `{"actor":"service/hr","data"`, 1)
	tests := []struct {
		name, doc      string
		submit, ledger bool
	}{
		{"as submitted", event, true, false},
		{"as stored", stored, false, true},
		{"subject of another kind", strings.Replace(stored, "processing_activity/FR-012", "breach/BR-2026-001", 1), false, true},
		{"unknown attribute", strings.Replace(event, `{"data"`, `{"color":"red","data"`, 1), false, false},
		{"time without offset", strings.Replace(event, "10:00:00+01:00", "10:00:00", 1), false, false},
		{"id in lower case", strings.Replace(event, `"id":"01JD`, `"id":"01jd`, 1), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := valid(t, submit, []byte(tt.doc)); (err == nil) != tt.submit {
				t.Errorf("submit schema: %v", err)
			}
			if err := valid(t, ledger, []byte(tt.doc)); (err == nil) != tt.ledger {
				t.Errorf("ledger schema: %v", err)
			}
		})
	}
}

// TestEverySubmitSchemaMarksPersons holds x-personal against the classes of the types.
// The values of an amendment have the class of whatever they change.
func TestEverySubmitSchemaMarksPersons(t *testing.T) {
	for _, typ := range events.Catalog() {
		switch typ.New().(type) {
		case events.Amender, *events.Corrected:
			continue
		}
		marked := bytes.Contains(typ.SubmitSchema(), []byte(fmt.Sprintf("%q: %q", "x-personal", "P1")))
		if has := slices.Contains(typ.Classes(), events.P1); has != marked {
			t.Errorf("%s: holds P1 %v, marked in the schema %v", typ.Wire(), has, marked)
		}
	}
}
