package projections_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"greffe/projections"
	"greffe/projections/projectionstest"
)

var update = flag.Bool("update", false, "rewrite the golden registers; only commit the difference if you understand it")

const story = "../testdata/story"

// A golden is a register as the story's folder keeps it. Its digest is the one that a
// daemon shows which imported the story's base into a new ledger.
type golden struct {
	Register  string           `json:"register"`
	RuleSet   string           `json:"rule_set"`
	Anomalies int              `json:"anomalies"`
	Digest    string           `json:"digest"`
	Rows      []jsontext.Value `json:"rows"`
}

func TestStoryRegisters(t *testing.T) {
	m := fold(t, projectionstest.Story(t, filepath.Join(story, "events.ndjson")))
	for _, r := range projections.Registers() {
		t.Run(r.Name, func(t *testing.T) {
			got := goldenText(t, m, r)
			file := filepath.Join(story, "registers", r.Name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-golden +got; go test ./projections -update rewrites it\n%s", diff)
			}
		})
	}
}

func goldenText(t *testing.T, v projections.View, r *projections.Register) []byte {
	t.Helper()
	counts, err := v.Counts(r.Name)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{Register: r.Name, RuleSet: projections.RuleSet, Anomalies: counts.Anomalies, Rows: []jsontext.Value{}}
	if g.Digest, err = v.Digest(r.Name); err != nil {
		t.Fatal(err)
	}
	for row, err := range v.Rows(r.Name, "") {
		if err != nil {
			t.Fatal(err)
		}
		g.Rows = append(g.Rows, append(jsontext.Value(nil), row...))
	}
	text, err := json.Marshal(g, jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// The expected result of the import, domain.md §11.
func TestStoryCounts(t *testing.T) {
	m := fold(t, projectionstest.Story(t, filepath.Join(story, "events.ndjson")))
	want := map[string]map[string]int{
		"organisation": {"identified": 1}, "dpo": {"contact_point": 1}, "processing-activities": {"active": 14},
		"documents": {"published": 5}, "notices": {"live": 5}, "processors": {"active": 6}, "dpas": nil, "transfers": nil,
		"consent-purposes": {"defined": 1}, "trackers": {"declared": 1}, "measures": {"adopted": 15}, "breaches": nil, "requests": nil,
		"dpias": {"not_required": 1}, "retention-rules": {"set": 10}, "deletions": nil, "security-assessments": {"open": 1},
		"security-measures": {"validated": 58, "enhancement": 6, "in_progress": 5, "unassessed": 3},
	}
	got := map[string]map[string]int{}
	for _, r := range projections.Registers() {
		counts, err := m.Counts(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		got[r.Name] = counts.Statuses
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows by status (-want +got)\n%s", diff)
	}
	for text, err := range m.Rows("processing-activities", "") {
		var row struct {
			ID        string `json:"id"`
			Sensitive string `json:"sensitive_declared"`
			UpdatedOn string `json:"updated_on"`
		}
		if err != nil || json.Unmarshal(text, &row) != nil {
			t.Fatal(err)
		}
		updated := "2024-01-18"
		if row.ID >= "FR-013" {
			updated = "2024-03-29"
		}
		if row.Sensitive != "no" || row.UpdatedOn != updated {
			t.Errorf("%s: sensitive %s, updated on %s; want no, %s", row.ID, row.Sensitive, row.UpdatedOn, updated)
		}
	}
	for a, err := range m.Anomalies(0, m.Size()) {
		if err != nil || a.Code != projections.Imported {
			t.Errorf("entry %d: %s %s, %v; want no anomaly but %s", a.Seq, a.Code, a.Path, err, projections.Imported)
		}
	}
}
