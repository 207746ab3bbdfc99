package projectionstest

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"greffe/events"
)

// A Data is what a test says differently from the example of a type: member → value as
// Go data. A nil value takes the member away.
type Data map[string]any

// Example returns the example of a type with some members changed, as JSON.
func Example(t testing.TB, wire string, with Data) string {
	t.Helper()
	typ, ok := events.Lookup(wire)
	if !ok {
		t.Fatalf("%s is not in the catalogue", wire)
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal([]byte(typ.Example), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range with {
		if value == nil {
			delete(members, name)
			continue
		}
		text, err := json.Marshal(value, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		members[name] = text
	}
	text, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Publish enters an example of a type about an aggregate. The member that repeats the
// aggregate's id, if there is one, follows it.
func (l *Ledger) Publish(t testing.TB, wire, aggregate string, with Data) {
	t.Helper()
	typ, ok := events.Lookup(wire)
	if !ok {
		t.Fatalf("%s is not in the catalogue", wire)
	}
	ev := l.Event(wire, aggregate, Example(t, wire, with))
	ev.Data = repeatID(t, typ, &ev)
	l.Append(t, ev)
}
