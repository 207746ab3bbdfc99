package events

import (
	"fmt"
	"strconv"
	"strings"
)

// A pattern matches texts against a small part of the regular expressions, so that
// the hot path and the JSON Schemas rest on one source string.
//
//	pattern = alternative *( "|" alternative )
//	alternative = "^" *( atom [ "{" n [ "," [ m ] ] "}" ] ) "$"
//	atom = "\d" / "\" any / "[" class "]" / any
//
// Matching is greedy and never goes back; the atoms of an alternative must therefore
// not need it, which a test holds against package regexp. It is some twenty times as
// fast as that package, and a 1 KiB event holds a dozen references.
type pattern struct {
	source       string
	alternatives [][]step
}

// A step is one atom and how often it may occur.
type step struct {
	set      [256]bool
	min, max int
}

// compilePattern panics on what is not a pattern: patterns are constants.
func compilePattern(source string) *pattern {
	p := &pattern{source: source}
	for _, alt := range strings.Split(source, "|") {
		inner, ok1 := strings.CutPrefix(alt, "^")
		inner, ok2 := strings.CutSuffix(inner, "$")
		if !ok1 || !ok2 {
			panic(fmt.Sprintf("pattern %q is not anchored", source))
		}
		var steps []step
		for inner != "" {
			var s step
			s, inner = cutStep(inner)
			steps = append(steps, s)
		}
		p.alternatives = append(p.alternatives, steps)
	}
	return p
}

func cutStep(in string) (step, string) {
	s := step{min: 1, max: 1}
	switch {
	case strings.HasPrefix(in, `\d`):
		s.add('0', '9')
		in = in[2:]
	case in[0] == '\\':
		s.add(in[1], in[1])
		in = in[2:]
	case in[0] == '[':
		end := strings.IndexByte(in, ']')
		s.class(in[1:end])
		in = in[end+1:]
	default:
		s.add(in[0], in[0])
		in = in[1:]
	}
	if !strings.HasPrefix(in, "{") {
		return s, in
	}
	count, rest, _ := strings.Cut(in[1:], "}")
	low, high, ranged := strings.Cut(count, ",")
	s.min = atoi(low)
	switch {
	case !ranged:
		s.max = s.min
	case high == "":
		s.max = int(^uint(0) >> 1)
	default:
		s.max = atoi(high)
	}
	return s, rest
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("pattern count %q is not a number", s))
	}
	return n
}

func (s *step) class(in string) {
	for i := 0; i < len(in); i++ {
		if i+2 < len(in) && in[i+1] == '-' {
			s.add(in[i], in[i+2])
			i += 2
			continue
		}
		s.add(in[i], in[i])
	}
}

func (s *step) add(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		s.set[b] = true
	}
}

// match reports whether the whole of text has the pattern.
func (p *pattern) match(text string) bool {
	for _, steps := range p.alternatives {
		if matchSteps(steps, text) {
			return true
		}
	}
	return false
}

func matchSteps(steps []step, text string) bool {
	pos := 0
	for i := range steps {
		s := &steps[i]
		n := 0
		for n < s.max && pos < len(text) && s.set[text[pos]] {
			pos++
			n++
		}
		if n < s.min {
			return false
		}
	}
	return pos == len(text)
}
