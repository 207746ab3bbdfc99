package base_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"greffe/events"
	"greffe/events/base"
)

var update = flag.Bool("update", false, "rewrite the golden files; only commit the difference if you understand it")

const (
	storyBase   = "../../testdata/story/magnetis.yaml"
	storyEvents = "../../testdata/story/events.ndjson"
)

func story(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile(storyBase)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func importAll(t testing.TB, raw []byte, o base.Options) ([]events.Event, []base.Warning) {
	t.Helper()
	b, err := base.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, warnings, err := b.Events(o)
	if err != nil {
		t.Fatal(err)
	}
	return out, warnings
}

// TestStory is the golden test of domain.md §11.
func TestStory(t *testing.T) {
	got, warnings := importAll(t, story(t), base.Options{})
	if len(warnings) != 27 {
		t.Errorf("got %d warnings, want the 27 issues of the base", len(warnings))
	}
	var lines []byte
	for _, ev := range got {
		var err error
		if lines, err = ev.Append(lines); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, '\n')
	}
	if *update {
		if err := os.WriteFile(storyEvents, lines, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(storyEvents)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(lines), "\n")); diff != "" {
		t.Errorf("events.ndjson (-golden +got); go test ./events/base -update rewrites it:\n%s", diff)
	}
}

func TestStoryCounts(t *testing.T) {
	got, _ := importAll(t, story(t), base.Options{RecordedAt: "2026-11-23T12:00:00+01:00"})
	counts := map[string]int{}
	for _, ev := range got {
		counts[strings.TrimSuffix(ev.Type, ".v1")]++
	}
	want := map[string]int{
		"processing_activity.recorded": 14, "processing_activity.amended": 14, "document.published": 5,
		"notice.published": 5, "processor.registered": 6, "consent_purpose.defined": 1, "tracker.declared": 1,
		"measure.adopted": 15, "dpia.screened": 1, "retention.rule_set": 10, "security_assessment.opened": 1,
		"security_measure.state_set": 69, "dpo.contact_published": 1, "organisation.identified": 1, "import.completed": 1,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
	if len(got) != 145 {
		t.Errorf("got %d events, want 145", len(got))
	}
	if first, last := got[0].Type, got[len(got)-1].Type; first != "organisation.identified.v1" || last != "import.completed.v1" {
		t.Errorf("the import begins with %s and ends with %s", first, last)
	}
}

func TestStoryStates(t *testing.T) {
	got, _ := importAll(t, story(t), base.Options{})
	states, points := map[events.SecurityState]int{}, 0
	for _, ev := range got {
		typ, _ := events.Lookup(ev.Type)
		payload, problems := typ.Check(&ev)
		if problems != nil {
			t.Fatalf("%s: %+v", ev.Aggregate, problems)
		}
		switch p := payload.(type) {
		case *events.SecurityMeasureStateSet:
			states[p.State]++
			if p.StateSince != "" {
				t.Errorf("%s has the day %s, which the base does not state", ev.Aggregate, p.StateSince)
			}
		case *events.SecurityAssessmentOpened:
			points = len(p.Measures)
		}
	}
	want := map[events.SecurityState]int{events.SecurityValidated: 58, events.SecurityEnhancement: 6, events.SecurityInProgress: 5}
	if diff := cmp.Diff(want, states); diff != "" || points != 72 {
		t.Errorf("%d measures, states:\n%s", points, diff)
	}
}

// TestImportedEventsAreSubmissions holds the events against what the gateway asks.
func TestImportedEventsAreSubmissions(t *testing.T) {
	got, _ := importAll(t, story(t), base.Options{RecordedAt: "2026-11-23T12:00:00+01:00"})
	for _, ev := range got {
		raw, err := ev.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := events.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", ev.Aggregate, err)
		}
		if problems := again.Check(); problems != nil {
			t.Errorf("%s: %+v", ev.Aggregate, problems)
		}
		if len(raw) > events.MaxSubmit {
			t.Errorf("%s has %d bytes, too many to submit", ev.Aggregate, len(raw))
		}
	}
}

func TestIDs(t *testing.T) {
	raw := story(t)
	plain, _ := importAll(t, raw, base.Options{})
	again, _ := importAll(t, raw, base.Options{})
	seen := map[events.ID]string{}
	for i, ev := range plain {
		if ev.ID != again[i].ID {
			t.Errorf("%s has another id when it is imported again", ev.Aggregate)
		}
		if other, ok := seen[ev.ID]; ok {
			t.Errorf("%s and %s have the same id", ev.Aggregate, other)
		}
		seen[ev.ID] = ev.Aggregate
	}

	// An id depends on the event alone: without the last activity all others keep theirs,
	// but for the summary of the import.
	shorter := bytes.Replace(raw, []byte("  count: 14\n"), []byte("  count: 13\n"), 1)
	shorter = cutActivity(t, shorter, "FR-014")
	fewer, _ := importAll(t, shorter, base.Options{})
	if len(fewer) != 143 {
		t.Fatalf("got %d events, want 143", len(fewer))
	}
	for _, ev := range fewer[:142] {
		if seen[ev.ID] != ev.Aggregate {
			t.Errorf("%s got another id because another row is gone", ev.Aggregate)
		}
	}
	if last := fewer[142]; seen[last.ID] != "" {
		t.Error("the summary of another file has the same id")
	}
}

func cutActivity(t *testing.T, raw []byte, id string) []byte {
	t.Helper()
	from := bytes.Index(raw, []byte("    - id: "+id+"\n"))
	to := bytes.Index(raw, []byte("\n# ------"+strings.Repeat("-", 58)+" section 2"))
	if from < 0 || to < from {
		t.Fatal("the story has no such activity at the end of section 1")
	}
	return append(bytes.Clone(raw[:from]), raw[to:]...)
}

func TestDates(t *testing.T) {
	got, _ := importAll(t, story(t), base.Options{})
	want := map[string][2]string{
		"processing_activity.recorded.v1 processing_activity/FR-001": {"2018-05-10T00:00:00+02:00", "day"},
		"processing_activity.recorded.v1 processing_activity/FR-011": {"2019-12-12T00:00:00+01:00", "day"},
		"processing_activity.amended.v1 processing_activity/FR-001":  {"2024-01-18T00:00:00+01:00", "day"},
		"measure.adopted.v1 measure/TOM-01":                          {"2024-03-29T00:00:00+01:00", "unknown"},
		"security_assessment.opened.v1 security_assessment/SA-2024":  {"2024-03-29T00:00:00+01:00", "unknown"},
	}
	for _, ev := range got {
		key := ev.Type + " " + ev.Aggregate
		if w, ok := want[key]; ok {
			if string(ev.OccurredAt) != w[0] || string(ev.Precision) != w[1] {
				t.Errorf("%s: got %s %s, want %s %s", key, ev.OccurredAt, ev.Precision, w[0], w[1])
			}
			delete(want, key)
		}
		if ev.RecordedAt != "2024-03-29T00:00:00+01:00" {
			t.Errorf("%s is recorded at %s", key, ev.RecordedAt)
		}
	}
	for key := range want {
		t.Errorf("no event %s", key)
	}
}

func TestAssumeAssessedOn(t *testing.T) {
	got, _ := importAll(t, story(t), base.Options{AssumeAssessedOn: "2024-05-01"})
	states := 0
	for _, ev := range got {
		typ, _ := events.Lookup(ev.Type)
		payload, _ := typ.Decode(ev.Data)
		p, ok := payload.(*events.SecurityMeasureStateSet)
		if !ok {
			continue
		}
		states++
		if p.StateSince != "2024-05-01" || ev.OccurredAt != "2024-05-01T00:00:00+02:00" || ev.Precision != events.PrecisionDay || ev.Reason == "" {
			t.Errorf("%s: since %q at %s (%s), reason %q", ev.Aggregate, p.StateSince, ev.OccurredAt, ev.Precision, ev.Reason)
		}
	}
	if states != 69 {
		t.Errorf("got %d states, want 69", states)
	}
}

func TestSuggestedIsNoFact(t *testing.T) {
	raw := bytes.Replace(story(t), []byte("      name: Magnetis Client Account Management\n"),
		[]byte("      name: Magnetis Client Account Management\n      suggested: {register: controller, anything: [1, {suggested: 2}]}\n"), 1)
	raw = append(raw, "suggested: {issues: none}\n"...)
	got, _ := importAll(t, raw, base.Options{})
	plain, _ := importAll(t, story(t), base.Options{})
	for i := range got[:len(got)-1] { // the last one names the file's digest
		if diff := cmp.Diff(string(plain[i].Data), string(got[i].Data)); diff != "" {
			t.Errorf("%s differs:\n%s", got[i].Aggregate, diff)
		}
	}
}

// noHome are the keys that doc.go names as not carried into the ledger.
var noHome = []string{
	"schema", "sections", "processing_activities.stated", "processors.art_28_3_points_not_listed", "processors.note",
	"consent_cookies.legal_reference_cited.status", "consent_cookies.legal_reference_cited.replaced_by",
	"breach_register.state", "breach_register.entries", "breach_register.authority", "breach_register.subjects_informed_when",
	"breach_register.documentation_points", "breach_register.not_listed_but_required_by_art_33_5",
	"data_subject_rights.rights_not_named", "security_self_assessment.states_legend", "security_self_assessment.counts",
}

// translated are the words of a base that stand in events as others.
var translated = []string{"unknown", "move", "daily", "not_necessary", "V", "E", "P", "-"}

// TestNothingLost looks for every text and day of the base in the events.
func TestNothingLost(t *testing.T) {
	raw := story(t)
	got, _ := importAll(t, raw, base.Options{})
	var all strings.Builder
	for _, ev := range got {
		all.Write(ev.Data)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	looked := 0
	scalars(doc.Content[0], "", func(path string, n *yaml.Node) {
		if n.Tag != "!!str" && n.Tag != "!!timestamp" || slices.Contains(translated, n.Value) {
			return
		}
		for _, p := range noHome {
			if path == p || strings.HasPrefix(path, p+".") {
				return
			}
		}
		looked++
		quoted, err := events.AppendCanonical(nil, []byte(strconv.Quote(n.Value)))
		if err != nil {
			t.Fatal(err)
		}
		if want := string(quoted[1 : len(quoted)-1]); !strings.Contains(all.String(), want) {
			t.Errorf("line %d: %s is in no event", n.Line, path)
		}
	})
	if looked < 400 {
		t.Errorf("only %d texts were looked for", looked)
	}
}

// scalars visits every value of a tree with its path, positions in lists left out.
func scalars(n *yaml.Node, path string, visit func(string, *yaml.Node)) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			scalars(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."), visit)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			scalars(item, path, visit)
		}
	default:
		visit(path, n)
	}
}

func TestBadBases(t *testing.T) {
	const activity = "      created_on: 2018-05-10\n"
	tests := []struct{ name, old, new, want string }{
		{"another schema", "schema: gdpr-base/1", "schema: gdpr-base/9", "line 7: schema: only gdpr-base/1"},
		{"no schema", "schema: gdpr-base/1\n", "", `the key "schema" is required`},
		{"unknown key", "  trade_name:", "  tradename:", `organisation: unknown key "tradename"`},
		{"comma in a text", `text: web exchanges always over https`, `text: web exchanges, always over https`, "must be quoted"},
		{"missing key", activity, "", `processing_activities.items.0: the key "created_on" is required`},
		{"null where a fact must be", "  legal_entity: Finesime SARL", "  legal_entity: null", `organisation: the key "legal_entity" is required`},
		{"bad date", activity, "      created_on: 10/5/2018\n", "processing_activities.items.0.created_on: is not a date"},
		{"no such day", activity, "      created_on: 2018-02-30\n", "created_on: is not a date"},
		{"bad period", "lifetime: P30D", "lifetime: 30 days", "consent_cookies.cookies.0.lifetime: is not a period"},
		{"bad answer", "      sensitive: false\n", "      sensitive: perhaps\n", "must be true, false or unknown"},
		{"row that is a word", "    - id: FR-001\n", "    - none\n    - id: FR-001\n", "must have keys of its own"},
		{"key twice", "  trade_name: Magnétis", "  trade_name: Magnétis\n  trade_name: Magnetis", "twice"},
		{"count", "  count: 14\n", "  count: 15\n", "processing_activities: count says 15 and there are 14 rows"},
		{"count of states", "Validated: 58", "Validated: 59", "counts.Validated says 59 and there are 58"},
		{"state", "[charter binding with a reminder of sanctions, V]", "[charter binding with a reminder of sanctions, Z]", "topic 2, measure 2: the state must be"},
		{"id twice", "    - id: FR-002\n", "    - id: FR-001\n", "the id FR-001 stands at two rows"},
		{"id of another form", "    - id: FR-001\n", "    - id: first\n", "/subject"},
		{"breach", "  entries: []", "  entries: [{id: BR-2024-001}]", "this importer knows only null here"},
		{"name of a person", "  named_person: null", "  named_person: Jean Dupont", "/data/person_ref"},
		{"kind of a document", "kind: terms_of_use", "kind: poem", "document/DOC-GTC: /data/kind: must be one of"},
		{"not YAML", "organisation:\n", "organisation: {\n", "line"},
		{"alias", "  trade_name: Magnétis", "  trade_name: &a Magnétis\n  business: *a", "alias"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := strings.Replace(string(story(t)), tt.old, tt.new, 1)
			if raw == string(story(t)) {
				t.Fatal("the story does not hold what this test changes")
			}
			b, err := base.Read(strings.NewReader(raw))
			if err == nil {
				_, _, err = b.Events(base.Options{})
			}
			if !errors.Is(err, base.ErrBase) {
				t.Fatalf("got %v, want an error of class ErrBase", err)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "Jean") {
				t.Errorf("the error repeats a value: %q", err)
			}
		})
	}
}

func TestForeignFiles(t *testing.T) {
	for _, in := range []string{"", "# nothing\n", "[1, 2]", "hello", "\x00\x01", "a: [", strings.Repeat("[", 10_000), "a: &a [*a]"} {
		if _, err := base.Read(strings.NewReader(in)); !errors.Is(err, base.ErrBase) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Read(%.20q): got %v, want one line of class ErrBase", in, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	b, err := base.Read(bytes.NewReader(story(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []base.Options{{RecordedAt: "yesterday"}, {RecordedAt: "2026-11-23T12:00:00"}, {AssumeAssessedOn: "2024-02-30"}} {
		if out, _, err := b.Events(o); err == nil {
			t.Errorf("%+v: got %d events", o, len(out))
		}
	}
}
