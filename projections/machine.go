package projections

import (
	"fmt"
	"strings"
)

// A step is what an event does in a state.
type step struct {
	effect Effect
	to     string // next state; "" keeps the one there is
	code   Code   // of the anomaly, unless the effect is Applied
}

// none is the state of an aggregate without a row.
const none = "(none)"

// A machine says what each event does in each state of an aggregate.
type machine struct {
	steps map[string]map[string]step // by state, by verb
	verbs map[string]bool
}

// states reads a table of states as domain.md §3 writes it: one line for each
// state, one column for each event, "|" between them. A cell is
//
//	->X  legal, the state becomes X    !X  applied_flagged, the state becomes X
//	=    kept_not_applied              ->. and !. keep the state
//
// and may name its anomaly; otherwise that is A-UNKNOWN-AGG for a row that is not
// there and A-ILLEGAL for one that is. A column may name several events with commas.
// It panics on a table that is not one: tables are constants of the program.
func states(table string) *machine {
	lines := strings.Split(strings.TrimSpace(table), "\n")
	verbs := cells(lines[0])[1:]
	m := &machine{steps: map[string]map[string]step{}, verbs: map[string]bool{}}
	for _, line := range lines[1:] {
		row := cells(line)
		if len(row) != len(verbs)+1 {
			panic(fmt.Sprintf("table of states: %d cells under %d columns in %q", len(row), len(verbs)+1, line))
		}
		for _, state := range strings.Split(row[0], ",") {
			state = strings.TrimSpace(state)
			m.steps[state] = map[string]step{}
			for i, cell := range row[1:] {
				for _, verb := range strings.Split(verbs[i], ",") {
					m.verbs[strings.TrimSpace(verb)] = true
					m.steps[state][strings.TrimSpace(verb)] = parseStep(state, cell)
				}
			}
		}
	}
	return m
}

func cells(line string) []string {
	parts := strings.Split(line, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func parseStep(state, cell string) step {
	what, code, _ := strings.Cut(cell, " ")
	s := step{code: Code(strings.TrimSpace(code))}
	switch {
	case strings.HasPrefix(what, "->"):
		s.effect, s.to = Applied, what[2:]
	case strings.HasPrefix(what, "!"):
		s.effect, s.to = AppliedFlagged, what[1:]
	case what == "=":
		s.effect = KeptNotApplied
	default:
		panic(fmt.Sprintf("table of states: the cell %q means nothing", cell))
	}
	if s.to == "." {
		s.to = ""
	}
	if s.code == "" && s.effect != Applied {
		s.code = Illegal
		if state == none {
			s.code = UnknownAgg
		}
	}
	return s
}

// step returns what an event does in a state. An event without a column is one that
// the catalogue gained after the table: it is kept and flagged, never lost.
func (m *machine) step(state, verb string) step {
	if s, ok := m.steps[state][verb]; ok {
		return s
	}
	return step{effect: KeptNotApplied, code: Illegal}
}
