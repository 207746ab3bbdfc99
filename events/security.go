package events

// SecurityState is how far a security measure is (domain.md §3.11): in progress = being
// put in place; enhancement = in place, to be improved; validated = in place, seen.
type SecurityState string

// The states.
const (
	SecurityUnassessed    SecurityState = "unassessed"
	SecurityNotApplicable SecurityState = "not_applicable"
	SecurityInProgress    SecurityState = "in_progress"
	SecurityEnhancement   SecurityState = "enhancement"
	SecurityValidated     SecurityState = "validated"
)

// Values lists the states.
func (SecurityState) Values() []string {
	return []string{"unassessed", "not_applicable", "in_progress", "enhancement", "validated"}
}

// SecurityAssessmentOpened starts a self-assessment. It names every measure that is to
// be looked at, so that one without a state shows as unassessed instead of being lost.
type SecurityAssessmentOpened struct {
	AssessmentID AssessmentID    `json:"assessment_id"`
	Framework    string          `json:"framework" max:"200"`
	Edition      string          `json:"edition,omitzero" max:"60"`
	Scope        string          `json:"scope,omitzero"`
	Assessor     PersonRef       `json:"assessor,omitzero" pii:"P1"`
	Measures     []AssessedPoint `json:"measures"`
}

// An AssessedPoint is a measure of the framework.
type AssessedPoint struct {
	MeasureID SecurityMeasureID `json:"measure_id"`
	TopicNo   int64             `json:"topic_no" min:"1" max:"99"`
	Topic     string            `json:"topic" max:"200"`
	Text      string            `json:"text"`
}

// SecurityMeasureStateSet says how far one measure is (GDPR 32).
type SecurityMeasureStateSet struct {
	MeasureID    SecurityMeasureID `json:"measure_id"`
	AssessmentID AssessmentID      `json:"assessment_id,omitzero"`
	State        SecurityState     `json:"state"`
	StateSince   Date              `json:"state_since,omitzero"`
	Evidence     []Attachment      `json:"evidence,omitzero"`
	TargetOn     Date              `json:"target_on,omitzero"`
	Owner        PersonRef         `json:"owner,omitzero" pii:"P1"`
	Comment      string            `json:"comment,omitzero"` // the reason, for not_applicable
	TOMRefs      []MeasureID       `json:"tom_refs,omitzero"`
	ISORefs      []Word            `json:"iso_refs,omitzero"`
}

// SecurityCounts is how many measures are in each state.
type SecurityCounts struct {
	Unassessed    int64 `json:"unassessed"`
	NotApplicable int64 `json:"not_applicable"`
	InProgress    int64 `json:"in_progress"`
	Enhancement   int64 `json:"enhancement"`
	Validated     int64 `json:"validated"`
}

// SecurityAssessmentClosed ends a self-assessment.
type SecurityAssessmentClosed struct {
	Counts   SecurityCounts `json:"counts"`
	SignedBy PersonRef      `json:"signed_by,omitzero" pii:"P1"`
	ClosedOn Date           `json:"closed_on,omitzero"`
}

// Example shows a payload.
func (SecurityAssessmentOpened) Example() string {
	return `{"assessment_id":"SA-2026","assessor":"per_01JD0000000000000000000000","edition":"2024","framework":"CNIL Data Security Guide","measures":[{"measure_id":"SEC-04.3","text":"assigned passwords must be changed","topic":"Authenticating users","topic_no":4}],"scope":"whole company"}`
}

// Example shows a payload.
func (SecurityMeasureStateSet) Example() string {
	return `{"assessment_id":"SA-2026","comment":"tool chosen","measure_id":"SEC-04.3","owner":"per_01JD0000000000000000000000","state":"enhancement","state_since":"2026-03-26","target_on":"2026-12-31","tom_refs":["TOM-03"]}`
}

// Example shows a payload.
func (SecurityAssessmentClosed) Example() string {
	return `{"closed_on":"2026-04-30","counts":{"enhancement":6,"in_progress":5,"not_applicable":0,"unassessed":3,"validated":58},"signed_by":"per_01JD0000000000000000000000"}`
}
