package query_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"greffe/ledger/chain"
	"greffe/projections/projectionstest"
	"greffe/projections/query"
)

// Long answers come in several messages, and longer ones in several answers.
func TestLongAnswers(t *testing.T) {
	l := projectionstest.New(t)
	text := strings.Repeat("é", 1000)
	for i := range 9000 {
		l.Publish(t, "measure.adopted.v1", fmt.Sprintf("measure/TOM-%02d", i%90), projectionstest.Data{"text": text})
	}
	for i := range 10_000 { // 20 MiB of rows
		l.Publish(t, "breach.assessed.v1", fmt.Sprintf("breach/BR-2026-%05d", i), projectionstest.Data{"method": strings.Repeat("m", 100)})
	}
	w := serve(t, l)
	got, err := w.List(t.Context(), "breaches", query.When{})
	if err != nil || len(got.Rows) != 10_000 || got.Next != "" {
		t.Fatalf("%d rows, next %q, %v", len(got.Rows), got.Next, err)
	}
	if ids := slices.Sorted(keys(statuses(t, got.Rows))); len(ids) != 10_000 || ids[0] != "BR-2026-00000" || ids[9999] != "BR-2026-09999" {
		t.Errorf("%d different rows", len(ids))
	}
	history, err := w.History(t.Context(), "measures", "TOM-07", query.When{})
	if err != nil || len(history.Entries) != 100 {
		t.Errorf("%d entries, %v", len(history.Entries), err)
	}
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// The bundle that a client writes is the one that the ledger's entries make.
func TestBundle(t *testing.T) {
	l := projectionstest.Mixed(t, 3000) // several answers
	l.Enter(t, projectionstest.Publisher, chain.Duplicate, l.Event("measure.adopted.v1", "measure/TOM-01", `{}`))
	l.Enter(t, projectionstest.Publisher, chain.Quarantined, l.Event("measure.adopted.v1", "measure/TOM-01", `{}`))
	w := serve(t, l)
	var got, want bytes.Buffer
	var last uint64
	cp, err := w.Bundle(t.Context(), &got, func(done, total uint64) { last = done })
	if err != nil || cp.Size != l.Size() || last != l.Size() {
		t.Fatalf("size %d, progress %d, %v", cp.Size, last, err)
	}
	out, err := chain.NewBundleWriter(&want)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range l.Records {
		if err := out.WriteRecord(rec.Header, rec.Payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.WriteSection(chain.SectionCheckpoint, []byte("a note\n")); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes, want %d others", got.Len(), want.Len())
	}
}

// Many questions at once are all answered, or told to come again.
func TestManyQuestions(t *testing.T) {
	w := serve(t, activities(t))
	results := make(chan error, 1000)
	for range cap(results) {
		go func() {
			_, err := w.Show(t.Context(), "processing-activities", "FR-001", query.When{})
			results <- err
		}()
	}
	answered := 0
	for range cap(results) {
		err := <-results
		var e *query.Error
		switch {
		case err == nil:
			answered++
		case !errors.As(err, &e) || !e.Busy():
			t.Errorf("got %v", err)
		}
	}
	if answered == 0 {
		t.Error("no question was answered")
	}
}
