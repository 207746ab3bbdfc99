package projectionstest

import (
	"bytes"
	"os"
	"testing"

	"greffe/events"
	"greffe/ledger/chain"
)

// Story returns the ledger of an import of the story's base: its genesis and the events
// of testdata/story/events.ndjson, as the gateway stores them. file is the path of that
// file from the test's folder.
func Story(t testing.TB, file string) *Ledger {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l := New(t)
	for line := range bytes.Lines(text) {
		ev, err := events.Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		ev.Actor = "import/base"
		l.Enter(t, "import", chain.Recorded, ev)
	}
	return l
}
