package projectionstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"greffe/events"
	"greffe/ledger/chain"
)

// A Fact is an event with what becomes of it.
type Fact struct {
	Event       events.Event
	Disposition chain.Disposition
}

// History draws a ledger of up to 25 entries about a few aggregates of every kind, in
// any order, legal or not.
func History(t testing.TB, rt *rapid.T) *Ledger {
	l := New(t)
	l.EnterAll(t, Facts(t, rt))
	return l
}

// EnterAll enters facts in this order.
func (l *Ledger) EnterAll(t testing.TB, facts []Fact) {
	t.Helper()
	for _, f := range facts {
		l.Enter(t, Publisher, f.Disposition, f.Event)
	}
}

// Facts draws what [History] enters.
func Facts(t testing.TB, rt *rapid.T) []Fact {
	t.Helper()
	numbering := New(t) // gives each event an id and an instant
	types := slices.DeleteFunc(events.Catalog(), func(typ *events.Type) bool { return typ.Name == "ledger.opened" })
	facts := make([]Fact, rapid.IntRange(1, 25).Draw(rt, "entries"))
	for i := range facts {
		typ := rapid.SampledFrom(types).Draw(rt, "type")
		ev := numbering.Event(typ.Wire(), aggregate(rt, typ), data(t, rt, typ))
		ev.Data = repeatID(t, typ, &ev)
		if rapid.IntRange(0, 9).Draw(rt, "actor") == 0 {
			ev.Actor = "import/base"
		}
		if rapid.IntRange(0, 19).Draw(rt, "readable") == 0 {
			ev.Type = strings.Replace(ev.Type, ".v1", ".v77", 1)
		}
		numbering.Records = append(numbering.Records, chain.Record{})
		facts[i] = Fact{ev, disposition(rt)}
	}
	return facts
}

func disposition(rt *rapid.T) chain.Disposition {
	switch rapid.IntRange(0, 19).Draw(rt, "disposition") {
	case 0:
		return chain.Duplicate
	case 1:
		return chain.Conflict
	case 2:
		return chain.Quarantined
	}
	return chain.Recorded
}

// ids are two ids of each kind.
func ids(kind string) []string {
	known := map[string][]string{
		"organisation": {"ORG-1", "ORG-2"}, "dpo": {"DPO-1", "DPO-2"}, "processing_activity": {"FR-001", "FR-002"},
		"document": {"DOC-A1", "DOC-A2"}, "notice": {"NOT-001", "NOT-002"}, "processor": {"PRC-0001", "PRC-0002"},
		"dpa": {"DPA-0001", "DPA-0002"}, "transfer": {"TRF-0001", "TRF-0002"}, "consent_purpose": {"CPU-001", "CPU-002"},
		"tracker": {"TRK-a", "TRK-b"}, "measure": {"TOM-01", "TOM-02"}, "breach": {"BR-2026-001", "BR-2026-002"},
		"dpia": {"DPIA-001", "SCR-FR-001"}, "retention_rule": {"RET-01", "RET-02"}, "deletion": {"DEL-1", "DEL-2"},
		"security_assessment": {"SA-2025", "SA-2026"}, "security_measure": {"SEC-01.1", "SEC-01.2"},
	}
	if list, ok := known[kind]; ok {
		return list
	}
	return []string{"main", "other"}
}

func aggregate(rt *rapid.T, typ *events.Type) string {
	return typ.Aggregate + "/" + rapid.SampledFrom(ids(typ.Aggregate)).Draw(rt, "aggregate")
}

// data draws a payload: mostly the example, sometimes with other edits or states.
func data(t testing.TB, rt *rapid.T, typ *events.Type) string {
	with := Data{}
	switch typ.Name {
	case "security_assessment.opened":
		with["measures"] = points(rt)
	case "security_measure.state_set":
		with["state"] = rapid.SampledFrom(events.SecurityState("").Values()).Draw(rt, "state")
	case "processing_activity.recorded":
		with["initial_status"] = rapid.SampledFrom(events.ActivityStatus("").Values()).Draw(rt, "status")
	}
	if _, ok := typ.New().(events.Amender); ok {
		with["changes"] = edits(rt)
	}
	return Example(t, typ.Wire(), with)
}

func points(rt *rapid.T) []any {
	list := []any{}
	for _, id := range ids("security_measure") {
		if rapid.Bool().Draw(rt, "listed") {
			list = append(list, map[string]any{"measure_id": id, "topic_no": 1, "topic": "T", "text": rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "text")})
		}
	}
	return list
}

func edits(rt *rapid.T) []any {
	paths := []string{"register", "purposes.0.text", "topic", "phases.0.period", "valid_until", "items.retention", "title", "nowhere", "system_refs.-"}
	list := []any{}
	for range rapid.IntRange(0, 2).Draw(rt, "edits") {
		change := map[string]any{"path": rapid.SampledFrom(paths).Draw(rt, "path")}
		if rapid.Bool().Draw(rt, "to") {
			change["to"] = rapid.SampledFrom([]string{"controller", "P7D", "2027-01-01", "missing"}).Draw(rt, "value")
		}
		list = append(list, change)
	}
	return list
}

// repeatID makes a payload that repeats the id of its aggregate repeat the right one.
func repeatID(t testing.TB, typ *events.Type, ev *events.Event) jsontext.Value {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal(ev.Data, &members); err != nil {
		t.Fatal(err)
	}
	for _, a := range events.Aggregates() {
		if _, has := members[a.IDField]; has && a.Kind == typ.Aggregate {
			members[a.IDField] = jsontext.Value(`"` + ev.AggregateID() + `"`)
		}
	}
	text, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
