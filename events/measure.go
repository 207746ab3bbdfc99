package events

// MeasureKind is how a measure works.
type MeasureKind string

// Values lists the kinds.
func (MeasureKind) Values() []string {
	return []string{"technical", "organisational", "legal", "physical"}
}

// MeasureAdopted says that data are protected in a certain way (GDPR 24, 25, 32).
type MeasureAdopted struct {
	MeasureID           MeasureID           `json:"measure_id"`
	Kind                MeasureKind         `json:"kind"`
	Topic               string              `json:"topic" max:"100"`
	Text                string              `json:"text" max:"1000"`
	Scope               []Reference         `json:"scope,omitzero"` // systems, activities
	Documented          Tri                 `json:"documented,omitzero"`
	Owner               PersonRef           `json:"owner,omitzero" pii:"P1"`
	Evidence            []Attachment        `json:"evidence,omitzero"`
	VerifiedOn          Date                `json:"verified_on,omitzero"`
	VerifyPeriod        Period              `json:"verify_period,omitzero"`
	ISO27001Controls    []Word              `json:"iso27001_controls,omitzero"`
	SecurityMeasureRefs []SecurityMeasureID `json:"security_measure_refs,omitzero"`
}

// VerifyMethod is how a measure was checked.
type VerifyMethod string

// Values lists the methods.
func (VerifyMethod) Values() []string { return []string{"audit", "test", "pentest", "self_declared"} }

// VerifyResult is what the check found.
type VerifyResult string

// Values lists the results.
func (VerifyResult) Values() []string { return []string{"effective", "partly", "ineffective"} }

// MeasureVerified says that somebody checked whether a measure works (GDPR 32(1)(d)).
type MeasureVerified struct {
	Method     VerifyMethod `json:"method"`
	Result     VerifyResult `json:"result"`
	VerifiedBy PersonRef    `json:"verified_by,omitzero" pii:"P1"`
	Evidence   []Attachment `json:"evidence,omitzero"`
	NextOn     Date         `json:"next_on,omitzero"`
}

// MeasureRetired says that a measure is no longer in place.
type MeasureRetired struct {
	ReplacedBy MeasureID `json:"replaced_by,omitzero"`
	RetiredOn  Date      `json:"retired_on,omitzero"`
}

// Example shows a payload.
func (MeasureAdopted) Example() string {
	return `{"iso27001_controls":["A.8.15"],"kind":"technical","measure_id":"TOM-05","owner":"per_01JD0000000000000000000000","scope":[{"ref":"FR-011"}],"text":"connections are logged","topic":"logging","verify_period":"P12M"}`
}

// Example shows a payload.
func (MeasureVerified) Example() string {
	return `{"evidence":[{"bytes":81920,"label":"report","media_type":"application/pdf","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],"method":"audit","next_on":"2027-06-01","result":"effective","verified_by":"per_01JD0000000000000000000000"}`
}

// Example shows a payload.
func (MeasureRetired) Example() string {
	return `{"replaced_by":"TOM-16","retired_on":"2026-05-31"}`
}
