package events_test

import (
	"testing"

	"greffe/events"
)

func TestCutEventTopic(t *testing.T) {
	ledger, publisher, typ, ok := events.CutEventTopic(events.EventTopic("main", "hr", "breach.assessed.v1"))
	if !ok || ledger != "main" || publisher != "hr" || typ != "breach.assessed.v1" {
		t.Errorf("got %q %q %q %v", ledger, publisher, typ, ok)
	}
	for _, bad := range []string{"", "greffe", "greffe.main", "greffe.main.event.hr", "greffe.main.submit.hr", "greffe.main.event.HR.a.b.v1", "greffe.main.event.hr.a.v1", "x.main.event.hr.a.b.v1"} {
		if _, _, _, ok := events.CutEventTopic(bad); ok {
			t.Errorf("%q was taken for an event's topic", bad)
		}
	}
}
