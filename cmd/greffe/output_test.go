package main

import (
	"bytes"
	"strings"
	"testing"

	"greffe/events"
	"greffe/projections/query"
)

// A terminal gets a table that fits; a file and a pipe get every value whole, and so
// does whoever compares hashes.
func TestTableIsCutOnATerminalAlone(t *testing.T) {
	long, root := strings.Repeat("x", 80), strings.Repeat("0a", 32)
	proof := query.Proof{Checkpoint: query.CheckpointPoint{Size: 1, Root: root}}
	for _, c := range []struct {
		name            string
		terminal, uncut bool
		whole           bool
	}{
		{"terminal", true, false, false},
		{"terminal, hashes", true, true, true},
		{"file", false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			v := view{head: []string{"text"}, rows: [][]string{{long}}, uncut: c.uncut, proof: &proof}
			if err := printTable(&out, v, c.terminal); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), long); got != c.whole {
				t.Errorf("value whole: %v, want %v\n%s", got, c.whole, &out)
			}
			if got := strings.Contains(out.String(), root); got == c.terminal {
				t.Errorf("root whole: %v on a terminal: %v\n%s", got, c.terminal, &out)
			}
			if !c.terminal && strings.Contains(out.String(), "…") {
				t.Errorf("cut:\n%s", &out)
			}
		})
	}
}

func TestDiskSize(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0.0 kB", 400: "0.4 kB", 42_000: "42.0 kB", 999_900: "999.9 kB", 1_000_000: "1.0 MB", 12_340_000: "12.3 MB"} {
		if got := diskSize(bytes); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
}

// What keeps the daemon from reading its stream is the first thing that status says.
func TestStatusShowsTrouble(t *testing.T) {
	v, err := statusView(query.Status{Ledger: "main", Trouble: "the stream is away"})
	if err != nil || v.rows[0][0] != "TROUBLE" || v.rows[0][1] != "the stream is away" {
		t.Errorf("first row %v, %v", v.rows[0], err)
	}
}

func TestStatusShowsTimestamp(t *testing.T) {
	at := events.Instant("2026-01-05T09:20:00.123Z")
	tests := []struct {
		point query.TimestampPoint
		want  string
	}{
		{query.TimestampPoint{Behind: 3}, "none yet, 3 entries behind"},
		{query.TimestampPoint{Size: 7, At: at, Authority: "T"}, "size 7, 2026-01-05T09:20:00.123Z, by T"},
		{query.TimestampPoint{Size: 7, At: at, Authority: "T", Behind: 1, Trouble: "x: no answer"}, "size 7, 2026-01-05T09:20:00.123Z, by T, 1 entry behind; the last attempt failed: x: no answer"},
	}
	for _, tt := range tests {
		v, err := statusView(query.Status{Ledger: "main", Timestamp: &tt.point})
		if err != nil || v.rows[5][0] != "timestamp" || v.rows[5][1] != tt.want {
			t.Errorf("row %v (%v), want %q", v.rows[5], err, tt.want)
		}
	}
	v, err := statusView(query.Status{Ledger: "main"})
	for _, row := range v.rows {
		if err != nil || row[0] == "timestamp" {
			t.Errorf("row %v (%v), and nobody is asked", row, err)
		}
	}
}
