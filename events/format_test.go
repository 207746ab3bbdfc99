package events_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"greffe/events"
)

// The vectors of FORMAT.md that this package has to satisfy: what the specification
// says of canonical JSON, of the envelope and of content digests is run here.
func TestFormatVectors(t *testing.T) {
	text, err := os.ReadFile("../ledger/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]func(*testing.T, []string){"canonical-json": canonicalVectors, "envelope": envelopeVectors, "content-digest": digestVectors}
	seen := map[string]bool{}
	for _, block := range strings.Split(string(text), "\n```vector ")[1:] {
		name, rest, _ := strings.Cut(block, "\n")
		body, _, _ := strings.Cut(rest, "\n```")
		if f, ok := run[name]; ok {
			seen[name] = true
			t.Run(name, func(t *testing.T) { f(t, strings.Split(body, "\n")) })
		}
	}
	for name := range run {
		if !seen[name] {
			t.Errorf("FORMAT.md has no vectors %s", name)
		}
	}
}

// cutVector takes a line "accept TEXT" or "reject TEXT // why" apart.
func cutVector(t *testing.T, line string) (text []byte, accept, ok bool) {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "accept":
		return []byte(rest), true, true
	case "reject", "reject-hex":
		if i := strings.LastIndex(rest, " // "); i >= 0 {
			rest = rest[:i]
		}
		if verb == "reject" {
			return []byte(rest), false, true
		}
		raw, err := hex.DecodeString(rest)
		if err != nil {
			t.Fatalf("vector %q: %v", line, err)
		}
		return raw, false, true
	}
	return nil, false, false
}

func canonicalVectors(t *testing.T, lines []string) {
	var c events.Canonicalizer
	for _, line := range lines {
		if text, accept, ok := cutVector(t, line); ok && c.IsCanonical(text) != accept {
			t.Errorf("%s", line)
		}
	}
}

func envelopeVectors(t *testing.T, lines []string) {
	for _, line := range lines {
		text, accept, ok := cutVector(t, line)
		if !ok {
			continue
		}
		if _, err := events.Parse(text); (err == nil) != accept {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func digestVectors(t *testing.T, lines []string) {
	var event []byte
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch verb {
		case "event":
			event = []byte(rest)
		case "digest":
			ev, err := events.Parse(event)
			if err != nil {
				t.Fatal(err)
			}
			if got := ev.ContentDigest(event); hex.EncodeToString(got[:]) != rest {
				t.Errorf("%s has digest %x, want %s", event, got, rest)
			}
		}
	}
}
