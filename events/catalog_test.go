package events_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"greffe/events"
)

// TestCatalogComplete names what a new row forgot.
func TestCatalogComplete(t *testing.T) {
	kinds := map[string]*events.Aggregate{}
	for _, a := range events.Aggregates() {
		kinds[a.Kind] = a
		if a.Label.En == "" || a.Label.Fr == "" || a.Pattern == "" {
			t.Errorf("aggregate %s lacks a label or the pattern of its id", a.Kind)
		}
	}
	seen := map[string]bool{}
	for _, typ := range events.Catalog() {
		wire := typ.Wire()
		if seen[wire] {
			t.Errorf("%s is in the table twice", wire)
		}
		seen[wire] = true
		if !events.ValidType(wire) {
			t.Errorf("%s is not a type by the rules of the envelope", wire)
		}
		if kinds[typ.Aggregate] == nil {
			t.Errorf("%s is about %s, which is not in the table of aggregates", wire, typ.Aggregate)
		}
		if typ.Label.En == "" || typ.Label.Fr == "" || typ.Law == "" {
			t.Errorf("%s lacks a label or its law", wire)
		}
		for _, c := range typ.Classes() {
			if c != events.P1 {
				t.Errorf("%s can hold class %s, which cannot be sealed yet", wire, c)
			}
		}
	}
}

// TestExamples decodes the example of every type and writes it again.
func TestExamples(t *testing.T) {
	for _, typ := range events.Catalog() {
		t.Run(typ.Wire(), func(t *testing.T) {
			var c events.Canonicalizer
			if !c.IsCanonical([]byte(typ.Example)) {
				t.Errorf("the example is not canonical: %s", typ.Example)
			}
			got, problems := typ.Decode([]byte(typ.Example))
			if len(problems) > 0 {
				t.Fatalf("the example has problems: %+v", problems)
			}
			again := marshal(t, got)
			if diff := cmp.Diff(typ.Example, string(again)); diff != "" {
				t.Errorf("decoding loses or adds something (-example +written):\n%s", diff)
			}
			std := typ.New()
			if err := json.Unmarshal([]byte(typ.Example), std, json.RejectUnknownMembers(true)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(std, got); diff != "" {
				t.Errorf("not what package json reads (-json +Decode):\n%s", diff)
			}
		})
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := events.AppendCanonical(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func lookup(t testing.TB, wire string) *events.Type {
	t.Helper()
	typ, ok := events.Lookup(wire)
	if !ok {
		t.Fatalf("%s is not in the catalogue", wire)
	}
	return typ
}

func TestLookupUnknown(t *testing.T) {
	for _, wire := range []string{"", "processing_activity.recorded", "processing_activity.recorded.v2", "nothing.happened.v1"} {
		if _, ok := events.Lookup(wire); ok {
			t.Errorf("Lookup(%q) found a type", wire)
		}
	}
}

const person = "per_01JD0000000000000000000000"

func TestDecodeProblems(t *testing.T) {
	reviewed, recorded := "processing_activity.reviewed.v1", "processing_activity.recorded.v1"
	tests := []struct {
		name, wire, data string
		code, pointer    string
	}{
		{"missing member", reviewed, `{}`, events.CodeMissing, "/data/outcome"},
		{"unknown member", reviewed, `{"outcome":"unchanged","outcom":1}`, events.CodeUnknown, "/data/outcom"},
		{"unknown member whose name may be a person", reviewed, `{"jean@example.org":1,"outcome":"unchanged"}`, events.CodeUnknown, "/data"},
		{"wrong type", reviewed, `{"outcome":7}`, events.CodeType, "/data/outcome"},
		{"null", reviewed, `{"outcome":null}`, events.CodeType, "/data/outcome"},
		{"unknown value", reviewed, `{"outcome":"fine"}`, events.CodeValue, "/data/outcome"},
		{"no such day", reviewed, `{"next_review_on":"2026-02-30","outcome":"unchanged"}`, events.CodeFormat, "/data/next_review_on"},
		{"name in clear", reviewed, `{"outcome":"unchanged","reviewer":"Jean Dupont"}`, events.CodePersonal, "/data/reviewer"},
		{"e-mail in clear", reviewed, `{"outcome":"unchanged","reviewer":"jean@example.org"}`, events.CodePersonal, "/data/reviewer"},
		{"identifier for a pseudonym", reviewed, `{"outcome":"unchanged","reviewer":{"$id":{"kind":"email","value":"jean@example.org"}}}`, events.CodePersonal, "/data/reviewer"},
		{"identifier in a free place", reviewed, `{"$id":{"kind":"email","value":"jean@example.org"},"outcome":"unchanged"}`, events.CodePersonal, "/data"},
		{"identifier deep in an unknown member", reviewed, `{"outcome":"unchanged","x":[{"y":{"$id":1}}]}`, events.CodePersonal, "/data/x"},
		{"sealed value", reviewed, `{"outcome":"unchanged","reviewer":{"$box":"AAAA"}}`, events.CodeSealed, "/data/reviewer"},
		{"not an object", reviewed, `[]`, events.CodeType, "/data"},
		{"duplicate", reviewed, `{"outcome":"unchanged","outcome":"unchanged"}`, events.CodeMalformed, "/data"},
		{"cut off", reviewed, `{"outcome":"unch`, events.CodeMalformed, "/data/outcome"},
		{"something after it", reviewed, `{"outcome":"unchanged"} {}`, events.CodeMalformed, "/data"},
		{"too deep", reviewed, `{"x":` + strings.Repeat("[", 99), events.CodeMalformed, "/data/x"},
		{"inside a list", recorded, strings.Replace(lookup(t, recorded).Example, `"text":"payroll management"`, `"text":""`, 1), events.CodeTooShort, "/data/purposes/0/text"},
		{"long text", recorded, strings.Replace(lookup(t, recorded).Example, "payroll management", strings.Repeat("é", 501), 1), events.CodeTooLong, "/data/purposes/0/text"},
		{"empty list", recorded, strings.Replace(lookup(t, recorded).Example, `"purposes":[{"is_main":true,"legal_basis":"legal_obligation","text":"payroll management"}]`, `"purposes":[]`, 1), events.CodeTooShort, "/data/purposes"},
		{"bad locale", recorded, strings.Replace(lookup(t, recorded).Example, `"en":`, `"english":`, 1), events.CodeUnknown, "/data/name"},
		{"negative count", "import.completed.v1", strings.Replace(lookup(t, "import.completed.v1").Example, `"rows":128`, `"rows":-1`, 1), events.CodeRange, "/data/rows"},
		{"fraction", "import.completed.v1", strings.Replace(lookup(t, "import.completed.v1").Example, `"rows":128`, `"rows":1.5`, 1), events.CodeType, "/data/rows"},
		{"owner amended to a name", "processing_activity.amended.v1", `{"changes":[{"path":"owner","to":"Jean Dupont"}]}`, events.CodePersonal, "/data/changes/0/to"},
		{"owner amended from a name", "processing_activity.amended.v1", `{"changes":[{"path":"register","to":"controller"},{"from":"Jean Dupont","path":"owner"}]}`, events.CodePersonal, "/data/changes/1/from"},
		{"member of a later event amended to a name", "processing_activity.amended.v1", `{"changes":[{"path":"reviewer","to":"Jean Dupont"}]}`, events.CodePersonal, "/data/changes/0/to"},
		{"owner corrected to a name", "measure.corrected.v1", `{"corrects":"01JD0000000000000000000003","path":"owner","right_value":"Jean Dupont","wrong_value_class":"P1"}`, events.CodePersonal, "/data/right_value"},
		{"identifier in a change", "measure.amended.v1", `{"changes":[{"path":"text","to":{"$id":{"kind":"email","value":"x"}}}]}`, events.CodePersonal, "/data/changes/0/to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := lookup(t, tt.wire).Decode([]byte(tt.data))
			if got != nil || len(problems) == 0 {
				t.Fatalf("got a payload and %d problems, want %s", len(problems), tt.code)
			}
			p := problems[0]
			if p.Code != tt.code || p.Pointer != tt.pointer {
				t.Errorf("got %s at %s, want %s at %s", p.Code, p.Pointer, tt.code, tt.pointer)
			}
			for _, p := range problems {
				if strings.Contains(p.Detail+p.Pointer, "Jean") || strings.Contains(p.Detail+p.Pointer, "jean") {
					t.Errorf("the problem repeats a value: %+v", p)
				}
			}
		})
	}
}

func TestDecodeReportsEverything(t *testing.T) {
	_, problems := lookup(t, "dpo.designated.v1").Decode([]byte(`{"designated_on":"soon","kind":"cousin","person_ref":"Jean"}`))
	got := map[string]string{}
	for _, p := range problems {
		got[p.Pointer] = p.Code
	}
	want := map[string]string{"/data/designated_on": events.CodeFormat, "/data/kind": events.CodeValue, "/data/person_ref": events.CodePersonal, "/data/dpo_id": events.CodeMissing}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAmendmentsThatAreFine(t *testing.T) {
	for _, data := range []string{
		`{"changes":[]}`,
		`{"changes":[{"path":"owner","to":"` + person + `"}],"effective_on":"2026-01-01"}`,
		`{"changes":[{"from":{"en":"Pay"},"path":"name","to":{"en":"Payroll"}}]}`,
		`{"changes":[{"path":"a_member_of_a_later_version","to":[1,true,"x"]}]}`,
	} {
		if _, problems := lookup(t, "processing_activity.amended.v1").Decode([]byte(data)); problems != nil {
			t.Errorf("%s: %+v", data, problems)
		}
	}
}

func TestCheckAggregate(t *testing.T) {
	reviewed := lookup(t, "processing_activity.reviewed.v1")
	recorded := lookup(t, "processing_activity.recorded.v1")
	tests := []struct {
		typ     *events.Type
		about   string
		code    string
		pointer string
	}{
		{reviewed, "processing_activity/FR-012", "", ""},
		{reviewed, "breach/BR-2026-001", events.CodeAggregate, "/subject"},
		{reviewed, "processing_activity/jean", events.CodeFormat, "/subject"},
		{recorded, "processing_activity/FR-012", "", ""},
		{recorded, "processing_activity/FR-013", events.CodeAggregate, "/data/activity_id"},
	}
	for _, tt := range tests {
		ev := events.Event{Type: tt.typ.Wire(), Aggregate: tt.about, Data: []byte(tt.typ.Example)}
		_, problems := tt.typ.Check(&ev)
		var got events.Problem
		if len(problems) > 0 {
			got = problems[0]
		}
		if got.Code != tt.code || got.Pointer != tt.pointer {
			t.Errorf("%s about %s: got %q at %q, want %q at %q", tt.typ.Wire(), tt.about, got.Code, got.Pointer, tt.code, tt.pointer)
		}
	}
}

// FuzzDecode holds Decode against any input: no panic, and what it accepts comes out
// of the struct as it went in.
func FuzzDecode(f *testing.F) {
	for _, typ := range events.Catalog() {
		f.Add(typ.Wire(), []byte(typ.Example))
	}
	f.Fuzz(func(t *testing.T, wire string, data []byte) {
		typ, ok := events.Lookup(wire)
		if !ok {
			return
		}
		typ.Decode(data)
		canonical, err := events.AppendCanonical(nil, data)
		if err != nil {
			return
		}
		got, problems := typ.Decode(canonical)
		if problems != nil {
			return
		}
		if again := marshal(t, got); !bytes.Equal(again, canonical) {
			t.Errorf("in  %s\nout %s", canonical, again)
		}
	})
}

// BenchmarkDecode decodes and checks a payload that makes an event of 1 KiB.
func BenchmarkDecode(b *testing.B) {
	typ := lookup(b, "processing_activity.recorded.v1")
	data := []byte(strings.Replace(typ.Example, "social security bodies", strings.Repeat("social security bodies ", 12)+"x", 1))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := typ.Decode(data); problems != nil {
			b.Fatal(problems)
		}
	}
}
