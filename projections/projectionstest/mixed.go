package projectionstest

import (
	"fmt"
	"strings"
	"testing"
)

// Mixed returns a ledger of n entries for measurements, payloads of about 1 KiB: of
// ten events six are evidence of deletion runs (each a new row), two set a security
// measure's state, one verifies a measure and one amends a processing activity.
func Mixed(t testing.TB, n int) *Ledger {
	t.Helper()
	l := New(t)
	filler := strings.Repeat("x", 400)
	for i := range 50 {
		l.Publish(t, "processing_activity.recorded.v1", fmt.Sprintf("processing_activity/FR-%03d", i), nil)
		l.Publish(t, "measure.adopted.v1", fmt.Sprintf("measure/TOM-%02d", i), nil)
	}
	for i := len(l.Records); i < n; i++ {
		switch i % 10 {
		case 0:
			l.Publish(t, "processing_activity.amended.v1", fmt.Sprintf("processing_activity/FR-%03d", i%50), Data{"changes": []any{
				map[string]any{"path": "subjects_text", "from": filler, "to": filler},
			}})
		case 1:
			l.Publish(t, "measure.verified.v1", fmt.Sprintf("measure/TOM-%02d", i%50), Data{"evidence": evidence(4)})
		case 2, 3:
			l.Publish(t, "security_measure.state_set.v1", fmt.Sprintf("security_measure/SEC-%02d.%d", i%24+1, i%3+1), Data{"comment": filler, "evidence": evidence(1)})
		default:
			l.Publish(t, "deletion.run_completed.v1", fmt.Sprintf("deletion/DEL-%d-%s", i, strings.Repeat("x", 50)), Data{"tool": strings.Repeat("t", 100)})
		}
	}
	return l
}

func evidence(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = map[string]any{"sha256": strings.Repeat("0123456789abcdef", 4), "label": fmt.Sprintf("report %d", i), "media_type": "application/pdf", "bytes": 12345}
	}
	return list
}
