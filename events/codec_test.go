package events_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"greffe/events"
)

func sample() events.Event {
	return events.Event{
		ID: "01JD0000000000000000000000", Source: "hr-portal/4.2",
		Type: "processing_activity.reviewed.v1", Aggregate: "processing_activity/FR-012",
		OccurredAt: "2026-10-25T02:30:00+02:00", Precision: events.PrecisionHour, RecordedAt: "2026-10-25T02:30:00+01:00",
		Actor: "service/hr", CorrelationID: "01JD0000000000000000000001", CausationID: "01JD0000000000000000000002",
		Corrects: "01JD0000000000000000000003", Reason: "yearly \"review\"\n",
		Data: []byte(`{"outcome": "unchanged", "a": [1, "}"]}`),
	}
}

func TestAppendThenParse(t *testing.T) {
	ev := sample()
	canonical, err := ev.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var c events.Canonicalizer
	if !c.IsCanonical(canonical) {
		t.Fatalf("not canonical: %s", canonical)
	}
	got, err := events.Parse(canonical)
	if err != nil {
		t.Fatal(err)
	}
	ev.Data = []byte(`{"a":[1,"}"],"outcome":"unchanged"}`)
	if diff := cmp.Diff(ev, got, cmpopts.IgnoreUnexported(events.Event{})); diff != "" {
		t.Errorf("-published +parsed\n%s", diff)
	}
	if got.Kind() != "processing_activity" || got.AggregateID() != "FR-012" {
		t.Errorf("aggregate %q %q", got.Kind(), got.AggregateID())
	}
}

func TestContentDigestLeavesTheActorOut(t *testing.T) {
	with := sample()
	without := sample()
	without.Actor = ""
	a, _ := with.Append(nil)
	b, _ := without.Append(nil)
	pa, err := events.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	pb, _ := events.Parse(b)
	if got, want := pa.ContentDigest(a), sha256.Sum256(b); got != want {
		t.Errorf("digest with actor %x, SHA-256 of the event without %x", got, want)
	}
	if got, want := pb.ContentDigest(b), sha256.Sum256(b); got != want {
		t.Errorf("digest without actor %x, want %x", got, want)
	}
	// An attribute of a later build may sort before actor.
	x := []byte(strings.Replace(string(a), `{"actor":"service/hr",`, `{"aaa":"1","actor":"service/hr",`, 1))
	y := []byte(strings.Replace(string(b), `{`, `{"aaa":"1",`, 1))
	px, err := events.Parse(x)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := px.ContentDigest(x), sha256.Sum256(y); got != want {
		t.Errorf("digest with an attribute before actor %x, want %x", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	ev := sample()
	good, _ := ev.Append(nil)
	tests := []struct{ name, old, new string }{
		{"no id", `"id":"01JD0000000000000000000000",`, ``},
		{"lower-case id", `"id":"01JD`, `"id":"01jd`},
		{"id beyond 128 bits", `"id":"01JD`, `"id":"8ZZZ`},
		{"no type", `,"type":"processing_activity.reviewed.v1"`, ``},
		{"type without version", `.reviewed.v1`, `.reviewed`},
		{"version 0", `.reviewed.v1`, `.reviewed.v0`},
		{"type with upper case", `"processing_activity.reviewed`, `"Processing_activity.reviewed`},
		{"aggregate without id", `processing_activity/FR-012`, `processing_activity/`},
		{"aggregate with space", `processing_activity/FR-012`, `processing_activity/FR 012`},
		{"no offset", `"time":"2026-10-25T02:30:00+02:00"`, `"time":"2026-10-25T02:30:00"`},
		{"no such day", `"time":"2026-10-25T`, `"time":"2026-02-30T`},
		{"other version of CloudEvents", `"specversion":"1.0"`, `"specversion":"0.3"`},
		{"data no object", `"data":{"a":[1,"}"],"outcome":"unchanged"}`, `"data":"x"`},
		{"actor no string", `"actor":"service/hr"`, `"actor":{"kind":"service"}`},
		{"empty source", `"source":"hr-portal/4.2"`, `"source":""`},
		{"attribute with upper case", `{"actor"`, `{"Actor"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(string(good), tt.old, tt.new, 1)
			if bad == string(good) {
				t.Fatal("the edit did not apply")
			}
			if _, err := events.Parse([]byte(bad)); !errors.Is(err, events.ErrEnvelope) {
				t.Errorf("got %v, want ErrEnvelope", err)
			}
		})
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	bad := `{"actor":"me","correlationid":"x","data":{},"datacontenttype":"text/xml","id":"01JD0000000000000000000000","newthing":1,"reason":"` +
		strings.Repeat("r", 501) + `","source":"s","specversion":"1.0","subject":"a/b","time":"2026-10-25T02:30:00Z","timeprecision":"week","type":"a.b.v1"}`
	ev, err := events.Parse([]byte(bad))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range ev.Check() {
		got = append(got, p.Pointer+" "+p.Code)
	}
	want := []string{"/newthing unknown_attribute", "/actor actor_given", "/recordedat missing", "/correlationid bad_format",
		"/datacontenttype bad_format", "/reason bad_format", "/timeprecision bad_format"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What is canonical and parses has one encoding: parsing it and writing it again
// gives the same bytes, except for attributes that the build does not know.
func FuzzParse(f *testing.F) {
	ev := sample()
	good, _ := ev.Append(nil)
	f.Add(good)
	f.Fuzz(func(t *testing.T, in []byte) {
		canonical, err := events.AppendCanonical(nil, in)
		if err != nil {
			return
		}
		ev, err := events.Parse(canonical)
		if err != nil || len(ev.Check()) > 0 && ev.Actor == "" {
			return
		}
		again, err := ev.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(canonical), "datacontenttype") || len(ev.Check()) > 1 {
			return
		}
		if string(again) != string(canonical) {
			t.Errorf("parsed %s\nwrote  %s", canonical, again)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	ev := sample()
	ev.Data = []byte(`{"evidence":["` + strings.Repeat("x", 700) + `"]}`)
	canonical, _ := ev.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Parse(canonical); err != nil {
			b.Fatal(err)
		}
	}
}

func TestInstant(t *testing.T) {
	for _, good := range []events.Instant{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00.123456789-11:30", "2024-02-29T23:59:59.9Z"} {
		if !good.Valid() {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []events.Instant{"", "2026-10-25", "2026-10-25T02:30:00", "2026-10-25t02:30:00Z", "2026-10-25T02:30:00z", "2026-10-25 02:30:00Z",
		"2026-10-25T02:30:00,5Z", "2026-10-25T02:30:00.Z", "2026-10-25T02:30:00.1234567890Z", "2026-02-30T02:30:00Z", "2026-10-25T24:00:00Z",
		"2026-10-25T2:30:00Z", "2026-10-25T02:30:60Z", "2026-10-25T02:30:00+2:00", "2026-10-25T02:30:00+0200", "2026-10-25T02:30:00+24:00", "2026-10-25T02:30:00+23:60", "02026-10-25T02:30:00Z"} {
		if bad.Valid() {
			t.Errorf("%s is taken", bad)
		}
	}
}
