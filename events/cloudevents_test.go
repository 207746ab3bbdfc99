package events_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"greffe/events"
)

// Other people's reading of CloudEvents 1.0 takes what we write: every event of the
// story, with every attribute where the specification has it.
func TestCloudEventsReadOurEvents(t *testing.T) {
	f, err := os.Open("../testdata/story/events.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, events.MaxSubmit)
	n := 0
	for ; lines.Scan(); n++ {
		ours, err := events.Parse(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var theirs cloudevents.Event
		if err := json.Unmarshal(lines.Bytes(), &theirs); err != nil {
			t.Fatalf("event %d: %v", n, err)
		}
		if err := theirs.Validate(); err != nil {
			t.Errorf("event %d: %v", n, err)
		}
		at, _ := ours.OccurredAt.Time()
		if theirs.ID() != string(ours.ID) || theirs.Type() != ours.Type || theirs.Source() != ours.Source ||
			theirs.Subject() != ours.Aggregate || !theirs.Time().Equal(at) || theirs.Extensions()["recordedat"] != string(ours.RecordedAt) {
			t.Errorf("event %d: they read %v", n, theirs)
		}
	}
	if n != 145 {
		t.Errorf("%d events in the story, want 145", n)
	}
}

// And we take what their library writes.
func TestWeReadTheirEvents(t *testing.T) {
	theirs := cloudevents.New(cloudevents.CloudEventsVersionV1)
	theirs.SetID("01JD0000000000000000000001")
	theirs.SetSource("crm")
	theirs.SetType("measure.retired.v1")
	theirs.SetSubject("measure/TOM-01")
	theirs.SetTime(time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 3600)))
	theirs.SetExtension("recordedat", "2026-11-23T10:05:00+01:00")
	if err := theirs.SetData("application/json", map[string]any{"retired_on": "2026-11-23"}); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := events.AppendCanonical(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := events.Parse(canonical)
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if problems := ours.Check(); len(problems) > 0 {
		t.Errorf("%+v: %s", problems, raw)
	}
	if ours.Aggregate != "measure/TOM-01" || ours.OccurredAt != "2026-11-23T09:00:00Z" /* their library drops the offset */ {
		t.Errorf("read %+v", ours)
	}
}
