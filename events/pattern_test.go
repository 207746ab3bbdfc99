package events_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"greffe/events"
)

// TestPatterns holds the patterns of the catalogue against package regexp: on texts
// that have them, and on such texts with one character more, less or different.
func TestPatterns(t *testing.T) {
	patterns := events.Patterns()
	if len(patterns) < 25 {
		t.Fatalf("only %d patterns", len(patterns))
	}
	for _, source := range patterns {
		re := regexp.MustCompile(source)
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(source).Draw(t, "text")
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			b := rapid.SampledFrom([]byte("09azAFZ-_./:+ \n{}\x80")).Draw(t, "byte")
			for _, s := range []string{text, text[:at], text[:at] + string(b) + text[at:], text[:at] + string(b) + text[min(at+1, len(text)):]} {
				if got, want := events.Matches(source, s), re.MatchString(s); got != want {
					t.Fatalf("%s on %q: got %v, package regexp says %v", source, s, got, want)
				}
			}
		})
	}
}
