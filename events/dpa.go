package events

// DPASide says which part the organisation plays in an agreement.
type DPASide string

// Values lists the sides.
func (DPASide) Values() []string { return []string{"we_are_controller", "we_are_processor"} }

// Clause is a point that GDPR 28(3) wants in an agreement; (d) stands for 28(2) and
// 28(4) too, (f) for help with breaches and impact assessments.
type Clause string

// Values lists the clauses.
func (Clause) Values() []string {
	return []string{"28(3)(a)", "28(3)(b)", "28(3)(c)", "28(3)(d)", "28(3)(e)", "28(3)(f)", "28(3)(g)", "28(3)(h)"}
}

// ClauseState says whether an agreement has a clause.
type ClauseState string

// Values lists the states.
func (ClauseState) Values() []string { return []string{"yes", "partial", "no", "unknown"} }

// A ClauseAnswer is whether a clause is there, and on which page.
type ClauseAnswer struct {
	State ClauseState `json:"state"`
	Page  *int64      `json:"page,omitzero"`
}

// Authorisation is how sub-processors are authorised (GDPR 28(2)).
type Authorisation string

// Values lists the ways.
func (Authorisation) Values() []string { return []string{"general", "specific"} }

// DPASigned says that an agreement binds a processor (GDPR 28(3)). Whether it is in
// force follows from its dates.
type DPASigned struct {
	DPAID                    DPAID                   `json:"dpa_id"`
	ProcessorID              ProcessorID             `json:"processor_id"`
	Side                     DPASide                 `json:"side"`
	SignedOn                 Date                    `json:"signed_on,omitzero"`
	ValidFrom                Date                    `json:"valid_from,omitzero"`
	ValidUntil               Date                    `json:"valid_until,omitzero"`
	SHA256                   SHA256                  `json:"sha256,omitzero"`
	SubjectMatter            string                  `json:"subject_matter,omitzero"`
	Duration                 string                  `json:"duration,omitzero"`
	NaturePurpose            string                  `json:"nature_purpose,omitzero"`
	DataCategories           []DataCategory          `json:"data_categories,omitzero"`
	SubjectCategories        []SubjectCategory       `json:"subject_categories,omitzero"`
	Clauses                  map[Clause]ClauseAnswer `json:"clauses,omitzero"`
	BreachNoticeHours        *int64                  `json:"breach_notice_hours,omitzero" min:"1" max:"8760"`
	SubprocessorNoticePeriod Period                  `json:"subprocessor_notice_period,omitzero"`
	Authorisation            Authorisation           `json:"authorisation,omitzero"`
	SignedBy                 PersonRef               `json:"signed_by,omitzero" pii:"P1"`
}

// DPATerminated ends an agreement before its date.
type DPATerminated struct {
	On    Date   `json:"on"`
	Cause string `json:"cause"`
}

// Example shows a payload.
func (DPASigned) Example() string {
	return `{"authorisation":"general","breach_notice_hours":24,"clauses":{"28(3)(a)":{"page":2,"state":"yes"},"28(3)(h)":{"state":"no"}},"dpa_id":"DPA-0001","processor_id":"PRC-0002","side":"we_are_controller","signed_by":"per_01JD0000000000000000000000","signed_on":"2024-01-10","subprocessor_notice_period":"P30D","valid_from":"2024-02-01","valid_until":"2027-01-31"}`
}

// Example shows a payload.
func (DPATerminated) Example() string {
	return `{"cause":"service ended","on":"2026-09-30"}`
}
