package projections_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"greffe/projections"
	"greffe/projections/projectionstest"
)

// P1: the same entries give the same rows and digests, byte for byte.
func TestFoldIsDeterministic(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := projectionstest.History(t, rt)
		a, b := fold(t, l), fold(t, l)
		for _, r := range projections.Registers() {
			one, err := a.Digest(r.Name)
			if err != nil {
				rt.Fatal(err)
			}
			if two, err := b.Digest(r.Name); err != nil || one != two {
				rt.Fatalf("register %s: digests %s and %s, %v", r.Name, one, two, err)
			}
		}
	})
}

// M9: facts about different aggregates commute, but for the seqs that rows name.
func TestAggregatesCommute(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		facts := projectionstest.Facts(t, rt)
		i := rapid.IntRange(0, len(facts)-1).Draw(rt, "swap after")
		if i+1 >= len(facts) || facts[i].Event.Aggregate == facts[i+1].Event.Aggregate {
			rt.Skip()
		}
		one, other := projectionstest.New(t), projectionstest.New(t)
		one.EnterAll(t, facts)
		facts[i], facts[i+1] = facts[i+1], facts[i]
		other.EnterAll(t, facts)
		if d := diff.Diff(withoutSeqs(t, fold(t, one)), withoutSeqs(t, fold(t, other))); d != "" {
			rt.Fatalf("M9: %s and %s do not commute\n%s", facts[i].Event.Type, facts[i+1].Event.Type, d)
		}
	})
}

// withoutSeqs is every row and anomaly of a view, in an order of their own.
func withoutSeqs(t testing.TB, v projections.View) (all []any) {
	t.Helper()
	for _, r := range projections.Registers() {
		for text, err := range v.Rows(r.Name, "") {
			if err != nil {
				t.Fatal(err)
			}
			var row map[string]any
			if err := json.Unmarshal(text, &row); err != nil {
				t.Fatal(err)
			}
			delete(row, "first_seq")
			delete(row, "last_seq")
			corrections, _ := row["corrections"].([]any)
			for _, c := range corrections {
				delete(c.(map[string]any), "seq")
			}
			all = append(all, row)
		}
	}
	var list []projections.Anomaly
	for a, err := range v.Anomalies(0, v.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		a.Seq = 0
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b projections.Anomaly) int {
		return cmp.Or(cmp.Compare(a.EventID, b.EventID), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Code, b.Code))
	})
	return append(all, list)
}

// A row says the same after it was stored and read back.
func TestRowsSurviveEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := fold(t, projectionstest.History(t, rt))
		var enc projections.Encoder
		for _, r := range projections.Registers() {
			for text, err := range m.Rows(r.Name, "") {
				if err != nil {
					rt.Fatal(err)
				}
				row, err := r.DecodeRow(text)
				if err != nil {
					rt.Fatal(err)
				}
				again, err := enc.Append(nil, row)
				if err != nil || !bytes.Equal(text, again) {
					rt.Fatalf("register %s: %v\n%s\n%s", r.Name, err, text, again)
				}
			}
		}
	})
}
