package events

// FindingID is such as "F-PA-01-" and ten hexadecimal digits; it is stable over rebuilds.
type FindingID string

func (FindingID) format() format {
	return format{want: "a finding's id", pattern: `^F-[A-Z]{2,4}-\d{2}-[0-9a-f]{10}$`}
}

// FindingDailySummary keeps which findings were open on a day, so that a trend can be
// shown. Findings themselves are computed and never stored.
type FindingDailySummary struct {
	AsOf    Instant        `json:"as_of"`
	RuleSet Word           `json:"rule_set"`
	Opened  []FindingID    `json:"opened,omitzero"`
	Closed  []FindingID    `json:"closed,omitzero"`
	Counts  map[Rule]int64 `json:"counts,omitzero"` // open findings by rule
}

// Rule is a rule of the findings catalogue, such as "F-PA-01".
type Rule string

func (Rule) format() format {
	return format{want: "a rule such as F-PA-01", pattern: `^F-[A-Z]{2,4}-\d{2}$`}
}

// Example shows a payload.
func (FindingDailySummary) Example() string {
	return `{"as_of":"2026-11-23T00:00:00+01:00","closed":["F-PA-08-0123456789"],"counts":{"F-PA-01":14,"F-RET-05":10},"opened":["F-RET-05-abcdef0123"],"rule_set":"2026.1"}`
}
