package projections_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
	"greffe/projections/projectionstest"
)

// fold folds a whole ledger in memory.
func fold(t testing.TB, l *projectionstest.Ledger) *projections.Memory {
	t.Helper()
	frame, err := projections.FrameOf(l.Records[0])
	if err != nil {
		t.Fatal(err)
	}
	m := projections.NewMemory(frame)
	for _, rec := range l.Records {
		m.Apply(rec)
	}
	return m
}

// row returns a row as plain data.
func row(t testing.TB, v projections.View, register, id string) map[string]any {
	t.Helper()
	text, ok, err := v.Row(register, id)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return nil
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// anomalies returns "CODE effect path" of each anomaly.
func anomalies(t testing.TB, v projections.View) []string {
	t.Helper()
	var list []string
	for a, err := range v.Anomalies(0, v.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Code, a.Effect, a.Path)))
	}
	return list
}

// The tables of states, walked: domain.md §3.
func TestStates(t *testing.T) {
	type step struct {
		wire string
		with projectionstest.Data
	}
	steps := func(wires ...string) (list []step) {
		for _, w := range wires {
			list = append(list, step{w + ".v1", nil})
		}
		return list
	}
	tests := []struct {
		name, register, aggregate string
		steps                     []step
		status                    string // "" = no row
		anomalies                 []string
	}{
		{"activity", "processing-activities", "processing_activity/FR-001", steps("processing_activity.recorded", "processing_activity.reviewed"), "active", nil},
		{"activity twice", "processing-activities", "processing_activity/FR-001", steps("processing_activity.recorded", "processing_activity.recorded"), "active", []string{"A-DUP kept_not_applied"}},
		{"activity, draft", "processing-activities", "processing_activity/FR-001", []step{{"processing_activity.recorded.v1", projectionstest.Data{"initial_status": "draft"}}}, "draft", nil},
		{"activity, review of nothing", "processing-activities", "processing_activity/FR-001", steps("processing_activity.reviewed"), "", []string{"A-UNKNOWN-AGG kept_not_applied"}},
		{"activity, amended first", "processing-activities", "processing_activity/FR-001", []step{{"processing_activity.amended.v1", projectionstest.Data{"changes": []any{}}}}, "draft", []string{"A-UNKNOWN-AGG applied_flagged"}},
		{"activity, amended after its end", "processing-activities", "processing_activity/FR-001", []step{{"processing_activity.recorded.v1", nil}, {"processing_activity.retired.v1", nil}, {"processing_activity.amended.v1", projectionstest.Data{"changes": []any{}}}}, "retired", []string{"A-ILLEGAL applied_flagged"}},
		{"activity, retired twice", "processing-activities", "processing_activity/FR-001", steps("processing_activity.recorded", "processing_activity.retired", "processing_activity.retired"), "retired", []string{"A-ILLEGAL kept_not_applied"}},
		{"contact without officer", "dpo", "dpo/DPO-1", steps("dpo.contact_published"), "contact_point", nil},
		{"officer", "dpo", "dpo/DPO-1", steps("dpo.designated", "dpo.contact_published", "dpo.replaced"), "ended", nil},
		{"second officer", "dpo", "dpo/DPO-1", steps("dpo.designated", "dpo.designated"), "designated", []string{"A-OVERLAP kept_not_applied"}},
		{"document, same version, other text", "documents", "document/DOC-PRIVACY-POLICY", []step{{"document.published.v1", projectionstest.Data{"effective_from": "2027-01-01"}}, {"document.published.v1", projectionstest.Data{"effective_from": "2027-01-01", "sha256": strings.Repeat("0", 64)}}}, "published", []string{"A-CONFLICT applied_flagged version"}},
		{"document, in force before it was out", "documents", "document/DOC-PRIVACY-POLICY", []step{{"document.published.v1", projectionstest.Data{"effective_from": "2020-01-01"}}}, "published", []string{"A-BACKDATED applied_flagged effective_from"}},
		{"processor", "processors", "processor/PRC-0001", steps("processor.registered", "processor.offboarded", "processor.offboarded"), "offboarded", []string{"A-ILLEGAL kept_not_applied"}},
		{"agreement twice", "dpas", "dpa/DPA-0001", steps("dpa.signed", "dpa.signed"), "signed", []string{"A-OVERLAP kept_not_applied"}},
		{"tracker comes back", "trackers", "tracker/TRK-x", steps("tracker.declared", "tracker.removed", "tracker.declared"), "declared", nil},
		{"measure verified after its end", "measures", "measure/TOM-01", steps("measure.adopted", "measure.retired", "measure.verified"), "retired", []string{"A-ILLEGAL applied_flagged"}},
		{"breach, assessed first", "breaches", "breach/BR-2026-001", []step{{"breach.assessed.v1", projectionstest.Data{"aware_at": nil}}}, "established", []string{"A-ORDER applied_flagged"}},
		{"impact assessment without advice", "dpias", "dpia/DPIA-001", []step{{"dpia.started.v1", nil}, {"dpia.validated.v1", projectionstest.Data{"dpo_opinion": nil}}}, "validated", []string{"A-NO-DPO applied_flagged"}},
		{"screening", "dpias", "dpia/SCR-FR-011", []step{{"dpia.screened.v1", projectionstest.Data{"outcome": "required"}}, {"dpia.screened.v1", projectionstest.Data{"outcome": "not_required"}}}, "not_required", nil},
		{"rule amended first", "retention-rules", "retention_rule/RET-01", []step{{"retention.rule_amended.v1", projectionstest.Data{"changes": []any{}}}}, "set", []string{"A-UNKNOWN-AGG applied_flagged"}},
		{"run that erases too much", "deletions", "deletion/DEL-1", []step{{"deletion.run_completed.v1", projectionstest.Data{"counts": counts(1, 2, 0)}}}, "completed", []string{"A-CONFLICT applied_flagged counts.erased"}},
		{"run with failures", "deletions", "deletion/DEL-1", []step{{"deletion.run_completed.v1", projectionstest.Data{"counts": counts(2, 1, 1)}}}, "failed", nil},
		{"measure falls back", "security-measures", "security_measure/SEC-01.1", []step{{"security_measure.state_set.v1", projectionstest.Data{"state": "validated"}}, {"security_measure.state_set.v1", projectionstest.Data{"state": "in_progress"}}}, "in_progress", []string{"A-REGRESSION applied_flagged state"}},
		{"not applicable, nobody says why", "security-measures", "security_measure/SEC-01.1", []step{{"security_measure.state_set.v1", projectionstest.Data{"state": "not_applicable", "comment": nil}}}, "not_applicable", []string{"A-ILLEGAL applied_flagged"}},
		{"assessment closed twice", "security-assessments", "security_assessment/SA-2026", steps("security_assessment.opened", "security_assessment.closed", "security_assessment.closed"), "closed", []string{"A-ILLEGAL kept_not_applied"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := projectionstest.New(t)
			for _, s := range tt.steps {
				l.Publish(t, s.wire, tt.aggregate, s.with)
			}
			m := fold(t, l)
			_, id, _ := strings.Cut(tt.aggregate, "/")
			got, _ := row(t, m, tt.register, id)["status"].(string)
			if got != tt.status {
				t.Errorf("status %q, want %q", got, tt.status)
			}
			if diff := cmp.Diff(tt.anomalies, anomalies(t, m)); diff != "" {
				t.Errorf("anomalies (-want +got)\n%s", diff)
			}
		})
	}
}

func counts(expired, erased, failed int) map[string]int {
	return map[string]int{"examined": 9, "expired": expired, "erased": erased, "anonymised": 0, "archived": 0, "held": 0, "failed": failed}
}

func TestAmended(t *testing.T) {
	type change = map[string]any
	tests := []struct {
		name      string
		changes   []change
		path      string // of the row, "" = whole
		want      any
		anomalies []string
	}{
		{"set", []change{{"path": "register", "from": "controller", "to": "processor"}}, "register", "processor", nil},
		{"inside a list", []change{{"path": "purposes.0.text", "from": "payroll management", "to": "pay"}}, "purposes.0.text", "pay", nil},
		{"append", []change{{"path": "system_refs.-", "to": "hr"}}, "system_refs.0", "hr", nil},
		{"inside a map", []change{{"path": "name.de", "to": "Lohn"}}, "name.de", "Lohn", nil},
		{"behind a pointer", []change{{"path": "automated_decision.kind", "to": "none"}}, "automated_decision.kind", "none", nil},
		{"taken away", []change{{"path": "purposes.0.is_main", "from": true}}, "purposes.0.is_main", nil, nil},
		{"stale", []change{{"path": "register", "from": "undetermined", "to": "processor"}}, "register", "processor", []string{"A-STALE-EDIT applied_flagged register"}},
		{"stale: nothing was said to be there", []change{{"path": "register", "to": "processor"}}, "register", "processor", []string{"A-STALE-EDIT applied_flagged register"}},
		{"no such field", []change{{"path": "colour", "to": "red"}}, "colour", nil, []string{"A-CONFLICT applied_flagged colour"}},
		{"beyond the list", []change{{"path": "purposes.7.text", "to": "x"}}, "purposes.7", nil, []string{"A-CONFLICT applied_flagged purposes.7.text"}},
		{"below a text", []change{{"path": "register.x", "to": "y"}}, "register", "controller", []string{"A-CONFLICT applied_flagged register.x"}},
		{"another type", []change{{"path": "purposes", "to": 7}}, "purposes.0.text", "payroll management", []string{"A-CONFLICT applied_flagged purposes"}},
		{"no value of the enumeration", []change{{"path": "register", "from": "controller", "to": "both"}}, "register", "controller", []string{"A-CONFLICT applied_flagged register"}},
		{"unknown member", []change{{"path": "automated_decision", "to": change{"kind": "none", "who": "x"}}}, "automated_decision", nil, []string{"A-CONFLICT applied_flagged automated_decision"}},
		{"the id", []change{{"path": "activity_id", "to": "FR-999"}}, "activity_id", "FR-001", []string{"A-CONFLICT applied_flagged activity_id"}},
		{"provenance", []change{{"path": "first_seq", "to": 9}}, "first_seq", 1.0, []string{"A-CONFLICT applied_flagged first_seq"}},
		{"the status", []change{{"path": "status", "to": "retired"}}, "status", "active", []string{"A-CONFLICT applied_flagged status"}},
		{"derived", []change{{"path": "sensitive_derived", "to": true}}, "sensitive_derived", false, []string{"A-CONFLICT applied_flagged sensitive_derived"}},
		{"what must be there", []change{{"path": "register", "from": "controller"}}, "register", "controller", []string{"A-CONFLICT applied_flagged register"}},
		{"derives", []change{{"path": "data_categories", "to": []any{change{"category": "health"}}}}, "sensitive_derived", true, nil},
		{"nothing", nil, "updated_on", "2026-11-01", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := projectionstest.New(t)
			l.Publish(t, "processing_activity.recorded.v1", "processing_activity/FR-001", projectionstest.Data{
				"register": "controller", "data_categories": nil, "system_refs": nil, "automated_decision": nil, "updated_on": "2020-01-01",
			})
			list := append([]change{}, tt.changes...)
			l.Publish(t, "processing_activity.amended.v1", "processing_activity/FR-001", projectionstest.Data{"changes": list})
			m := fold(t, l)
			got := at(row(t, m, "processing-activities", "FR-001"), tt.path)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.path, diff)
			}
			if diff := cmp.Diff(tt.anomalies, anomalies(t, m)); diff != "" {
				t.Errorf("anomalies (-want +got)\n%s", diff)
			}
		})
	}
}

// at follows a path into plain data.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			fmt.Sscan(key, &i)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func TestCorrected(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "breach.assessed.v1", "breach/BR-2026-001", projectionstest.Data{"aware_at": "2026-10-01T10:00:00+02:00", "risk": "risk"})
	right := projectionstest.Data{"path": "aware_at", "right_value": "2026-10-01T09:00:00+02:00"}
	l.Publish(t, "breach.corrected.v1", "breach/BR-2026-001", right)
	l.Publish(t, "breach.corrected.v1", "breach/BR-2026-001", projectionstest.Data{"path": "nowhere", "right_value": 1})
	l.Publish(t, "breach.corrected.v1", "breach/BR-2026-002", right)
	m := fold(t, l)
	got := row(t, m, "breaches", "BR-2026-001")
	if got["aware_at"] != "2026-10-01T09:00:00+02:00" {
		t.Errorf("aware_at %v: the row shows the right value", got["aware_at"])
	}
	if list, _ := got["corrections"].([]any); len(list) != 1 || at(list, "0.path") != "aware_at" || at(list, "0.seq") != 2.0 {
		t.Errorf("corrections %v", got["corrections"])
	}
	if row(t, m, "breaches", "BR-2026-002") != nil {
		t.Errorf("a correction made a row")
	}
	want := []string{"A-ORDER applied_flagged", "A-CONFLICT kept_not_applied nowhere", "A-UNKNOWN-AGG kept_not_applied"}
	if diff := cmp.Diff(want, anomalies(t, m)); diff != "" {
		t.Errorf("anomalies (-want +got)\n%s", diff)
	}
	if seqs, _ := m.History("breach/BR-2026-001"); !slices.Equal(seqs, []uint64{1, 2, 3}) {
		t.Errorf("history %v keeps both", seqs)
	}
}

// What is not a first, readable event changes no register.
func TestDispositions(t *testing.T) {
	l := projectionstest.New(t)
	recorded := func() events.Event {
		return l.Event("measure.adopted.v1", "measure/TOM-01", projectionstest.Example(t, "measure.adopted.v1", projectionstest.Data{"measure_id": "TOM-01"}))
	}
	l.Append(t, recorded())
	before := fold(t, l)
	l.Enter(t, projectionstest.Publisher, chain.Duplicate, recorded())
	l.Enter(t, projectionstest.Publisher, chain.Conflict, recorded())
	l.Enter(t, projectionstest.Publisher, chain.Quarantined, recorded())
	l.Append(t, l.Event("measure.painted.v9", "measure/TOM-01", `{}`))
	l.Append(t, l.Event("measure.verified.v1", "measure/TOM-01", `{"method":"guess"}`))
	l.Append(t, l.Event("measure.verified.v1", "breach/BR-2026-001", projectionstest.Example(t, "measure.verified.v1", nil)))
	after := fold(t, l)
	want := []string{"A-ID-REUSE kept_not_applied", "A-UNKNOWN-TYPE kept_not_applied", "A-SCHEMA kept_not_applied /data/method", "A-SCHEMA kept_not_applied /subject"}
	if diff := cmp.Diff(want, anomalies(t, after)); diff != "" {
		t.Errorf("anomalies (-want +got)\n%s", diff)
	}
	was, is := row(t, before, "measures", "TOM-01"), row(t, after, "measures", "TOM-01")
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("the row changed\n%s", diff)
	}
	if n, err := projections.Quarantined(after); n != 1 || err != nil {
		t.Errorf("%d items in quarantine, %v; want 1", n, err)
	}
}

func TestQuarantineIsDecided(t *testing.T) {
	l := projectionstest.New(t)
	var items []events.ID
	for range 3 {
		ev := l.Event("ledger.quarantined.v1", "ledger/main", projectionstest.Example(t, "ledger.quarantined.v1", nil))
		items = append(items, ev.ID)
		l.Append(t, ev)
	}
	l.Publish(t, "quarantine.released.v1", "quarantine/"+string(items[0]), nil)
	l.Publish(t, "quarantine.discarded.v1", "quarantine/"+string(items[1]), nil)
	l.Publish(t, "quarantine.discarded.v1", "quarantine/"+string(items[1]), nil)
	m := fold(t, l)
	if n, err := projections.Quarantined(m); n != 1 || err != nil {
		t.Errorf("%d items wait, %v; want 1", n, err)
	}
	if diff := cmp.Diff([]string{"A-ILLEGAL kept_not_applied"}, anomalies(t, m)); diff != "" {
		t.Errorf("anomalies (-want +got)\n%s", diff)
	}
}

func TestImportsAreFlagged(t *testing.T) {
	l := projectionstest.New(t)
	ev := l.Event("measure.adopted.v1", "measure/TOM-01", projectionstest.Example(t, "measure.adopted.v1", nil))
	ev.Actor = "import/base"
	l.Append(t, ev)
	if diff := cmp.Diff([]string{"A-IMPORTED applied"}, anomalies(t, fold(t, l))); diff != "" {
		t.Errorf("anomalies (-want +got)\n%s", diff)
	}
}

// A day is a day of the ledger's zone, whatever offset a publisher uses.
func TestDaysAreOfTheZone(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "processing_activity.recorded.v1", "processing_activity/FR-001", nil)
	ev := l.Event("processing_activity.amended.v1", "processing_activity/FR-001", `{"changes":[]}`)
	ev.OccurredAt = "2026-03-31T22:30:00Z"
	l.Append(t, ev)
	if got := row(t, fold(t, l), "processing-activities", "FR-001")["updated_on"]; got != "2026-04-01" {
		t.Errorf("updated on %v, want the day in Paris", got)
	}
}

func TestBreachRegions(t *testing.T) {
	id := "breach/BR-2026-001"
	l := projectionstest.New(t)
	check := func(authority, persons string) {
		t.Helper()
		got := row(t, fold(t, l), "breaches", "BR-2026-001")
		if got["authority_state"] != authority || got["subjects_state"] != persons {
			t.Errorf("after %d entries: authority %v, persons %v; want %s, %s", l.Size(), got["authority_state"], got["subjects_state"], authority, persons)
		}
	}
	l.Publish(t, "breach.assessed.v1", id, projectionstest.Data{"risk": "none"})
	check("undecided", "not_required")
	l.Publish(t, "breach.notification_decided.v1", id, projectionstest.Data{"decision": "not_required"})
	check("not_required", "not_required")
	l.Publish(t, "breach.assessed.v1", id, projectionstest.Data{"risk": "high"})
	check("due", "due")
	l.Publish(t, "breach.authority_notified.v1", id, projectionstest.Data{"kind": "initial"})
	check("initial_sent", "due")
	l.Publish(t, "breach.subjects_informed.v1", id, nil)
	l.Publish(t, "breach.authority_notified.v1", id, projectionstest.Data{"kind": "complementary"})
	check("complete_sent", "informed")
	l.Publish(t, "breach.assessed.v1", id, projectionstest.Data{"risk": "none"})
	check("complete_sent", "informed")
}

// TestHeaderOfAnotherEvent: a keeper who signs a header over the payload of another event
// gets no row out of it, in anybody's hands.
func TestHeaderOfAnotherEvent(t *testing.T) {
	l := projectionstest.New(t)
	rec := l.Append(t, l.Event("measure.adopted.v1", "measure/TOM-01", `{"measure_id":"TOM-01","kind":"technical","topic":"backup","text":"daily"}`))
	if f := projections.Read(rec); f.Fault != "" || f.Payload == nil {
		t.Fatalf("as it is: %+v", f)
	}
	for name, edit := range map[string]func(*chain.Entry){
		"type":      func(e *chain.Entry) { e.Type = "measure.retired.v1" },
		"aggregate": func(e *chain.Entry) { e.Aggregate = "measure/TOM-02" },
		"id":        func(e *chain.Entry) { e.EventID[3] ^= 1 },
	} {
		forged := rec
		edit(&forged.Entry)
		if f := projections.Read(forged); f.Fault != projections.Schema || f.Payload != nil {
			t.Errorf("%s: fault %q, payload %v", name, f.Fault, f.Payload)
		}
	}
}
