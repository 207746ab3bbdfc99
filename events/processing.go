package events

// RegisterKind is the record that an activity belongs to: GDPR 30(1) or 30(2).
type RegisterKind string

// RegisterUndetermined is the record of an activity for which none was stated.
const RegisterUndetermined RegisterKind = "undetermined"

// Values lists the records.
func (RegisterKind) Values() []string { return []string{"controller", "processor", "undetermined"} }

// ActivityStatus is the state in which an activity is recorded.
type ActivityStatus string

// The states of a new row.
const (
	ActivityDraft  ActivityStatus = "draft"
	ActivityActive ActivityStatus = "active"
)

// Values lists the states.
func (ActivityStatus) Values() []string { return []string{"draft", "active"} }

// ProcessingActivityRecorded opens a row of the record of processing activities with
// all that is known (GDPR 30). What is not known stays out; [events.Undetermined] is
// an answer, an invented basis is not.
type ProcessingActivityRecorded struct {
	ActivityID      ActivityID     `json:"activity_id"`
	Register        RegisterKind   `json:"register"`
	Name            Text           `json:"name" max:"200"`
	CreatedOn       Date           `json:"created_on"`
	UpdatedOn       Date           `json:"updated_on,omitzero"`
	InitialStatus   ActivityStatus `json:"initial_status"`
	Purposes        []Purpose      `json:"purposes" min:"1"`
	SensitiveStated Tri            `json:"sensitive_declared"` // the published Yes/No column

	DataCategories    []ActivityData    `json:"data_categories,omitzero"`
	SubjectCategories []SubjectCategory `json:"subject_categories,omitzero"`
	SubjectsText      string            `json:"subjects_text,omitzero"`
	Recipients        []Recipient       `json:"recipients,omitzero"`
	Transfers         []TransferID      `json:"transfers,omitzero"`
	TransfersDeclared TransfersDeclared `json:"transfers_declared,omitzero"` // an empty list is not "none"
	RetentionRefs     []RuleID          `json:"retention_refs,omitzero"`
	RetentionText     string            `json:"retention_text,omitzero"`
	MeasureRefs       []MeasureID       `json:"measure_refs,omitzero"`

	ControllerRef        string              `json:"controller_ref,omitzero" max:"200"`
	JointControllers     []string            `json:"joint_controllers,omitzero" max:"200"`
	RepresentativeRef    string              `json:"representative_ref,omitzero" max:"200"`
	DPORef               DPOID               `json:"dpo_ref,omitzero"`
	ClientsRef           []string            `json:"clients_ref,omitzero" max:"200"`
	ProcessingCategories []string            `json:"processing_categories,omitzero"`
	NoticeRefs           []NoticeID          `json:"notice_refs,omitzero"`
	ConsentPurposeRefs   []ConsentPurposeID  `json:"consent_purpose_refs,omitzero"`
	SystemRefs           []Word              `json:"system_refs,omitzero"`
	AutomatedDecision    *AutomatedDecisions `json:"automated_decision,omitzero"`
	DPIAScreeningRef     DPIAID              `json:"dpia_screening_ref,omitzero"`
	DPIARef              DPIAID              `json:"dpia_ref,omitzero"`
	Scale                *Scale              `json:"scale,omitzero"`
	Owner                PersonRef           `json:"owner,omitzero" pii:"P1"`
	ReviewedOn           Date                `json:"reviewed_on,omitzero"`
	ReviewPeriod         Period              `json:"review_period,omitzero"`
}

// A Purpose is one end that an activity serves. Its legal basis is its own: a basis
// belongs to a purpose, not to an activity.
type Purpose struct {
	PurposeID        Word          `json:"purpose_id,omitzero"`
	Text             string        `json:"text"`
	IsMain           *bool         `json:"is_main,omitzero"`
	LegalBasis       LegalBasis    `json:"legal_basis,omitzero"`
	LegalBasisDetail string        `json:"legal_basis_detail,omitzero"`
	LIARef           Word          `json:"lia_ref,omitzero"` // balancing test
	Art9Condition    Art9Condition `json:"art9_condition,omitzero"`
	DPVPurpose       Word          `json:"dpv_purpose,omitzero"` // W3C Data Privacy Vocabulary
}

// ActivityData is a category of data within an activity.
type ActivityData struct {
	Category     DataCategory `json:"category"`
	Detail       string       `json:"detail,omitzero"`
	Source       DataSource   `json:"source,omitzero"`
	Mandatory    Tri          `json:"mandatory,omitzero"`
	RetentionRef RuleID       `json:"retention_ref,omitzero"`
}

// DataSource says where data come from.
type DataSource string

// Values lists the sources.
func (DataSource) Values() []string {
	return []string{"subject", "client", "observed", "derived", "third_party"}
}

// A Recipient is somebody to whom data go (GDPR 30(1)(d)).
type Recipient struct {
	Kind RecipientKind `json:"kind"`
	Ref  Word          `json:"ref,omitzero"`
	Text string        `json:"text,omitzero"`
}

// RecipientKind is what a recipient is to the organisation.
type RecipientKind string

// Values lists the kinds.
func (RecipientKind) Values() []string {
	return []string{"internal", "processor", "joint_controller", "client", "third_party", "authority"}
}

// TransfersDeclared says that there is no transfer, which an empty list does not.
type TransfersDeclared string

// Values lists the declarations.
func (TransfersDeclared) Values() []string { return []string{"none_declared", "listed"} }

// AutomatedDecisions says whether decisions are taken without a person (GDPR 22).
type AutomatedDecisions struct {
	Kind  AutomationKind `json:"kind"`
	Logic string         `json:"logic,omitzero" max:"1000"`
}

// AutomationKind is how far decisions are automated.
type AutomationKind string

// Values lists the kinds.
func (AutomationKind) Values() []string { return []string{"none", "profiling", "art22"} }

// Scale is how large an activity is (GDPR 35, WP248).
type Scale struct {
	Subjects  *Count    `json:"subjects,omitzero"`
	Volume    string    `json:"volume,omitzero"`
	Geography []Country `json:"geography,omitzero"`
}

// ReviewOutcome is what a review found.
type ReviewOutcome string

// Values lists the outcomes.
func (ReviewOutcome) Values() []string { return []string{"unchanged", "changes_needed", "retire"} }

// ProcessingActivityReviewed says that somebody looked at the row and what they found.
type ProcessingActivityReviewed struct {
	Outcome      ReviewOutcome `json:"outcome"`
	Reviewer     PersonRef     `json:"reviewer,omitzero" pii:"P1"`
	NextReviewOn Date          `json:"next_review_on,omitzero"`
}

// ProcessingActivityRetired ends an activity and says what became of the data.
type ProcessingActivityRetired struct {
	RetiredOn       Date            `json:"retired_on"`
	DataDisposition DataDisposition `json:"data_disposition,omitzero"`
	SuccessorID     ActivityID      `json:"successor_id,omitzero"`
}

// Example shows a payload.
func (ProcessingActivityRecorded) Example() string {
	return `{"activity_id":"FR-012","created_on":"2019-12-12","data_categories":[{"category":"nir","mandatory":"yes","source":"subject"}],"initial_status":"active","name":{"en":"Payroll","fr":"Paie"},"owner":"per_01JD0000000000000000000000","purposes":[{"is_main":true,"legal_basis":"legal_obligation","text":"payroll management"}],"recipients":[{"kind":"authority","text":"social security bodies"}],"register":"controller","scale":{"subjects":{"approx":true,"max":60,"min":40}},"sensitive_declared":"no","subject_categories":["employees"],"transfers_declared":"none_declared"}`
}

// Example shows a payload.
func (ProcessingActivityReviewed) Example() string {
	return `{"next_review_on":"2027-11-23","outcome":"unchanged","reviewer":"per_01JD0000000000000000000000"}`
}

// Example shows a payload.
func (ProcessingActivityRetired) Example() string {
	return `{"data_disposition":"erased","retired_on":"2026-10-31","successor_id":"FR-015"}`
}
