package events

// Matches reports whether text has a pattern in the language of this package.
func Matches(source, text string) bool { return compilePattern(source).match(text) }

// Patterns returns every pattern of the catalogue.
func Patterns() []string {
	seen := map[string]bool{}
	for _, a := range catalogue().aggregates {
		seen[a.Pattern] = true
	}
	for _, t := range catalogue().types {
		t.shape.walk(func(s *shape) {
			if s.format != nil {
				seen[s.format.pattern] = true
			}
		})
	}
	var out []string
	for p := range seen {
		out = append(out, p)
	}
	return out
}
