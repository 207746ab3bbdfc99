package events

// Relationship is what another organisation is to this one.
type Relationship string

// RelationshipUndetermined is the relationship when none was stated.
const RelationshipUndetermined Relationship = "undetermined"

// Values lists the relationships.
func (Relationship) Values() []string {
	return []string{"processor", "sub_processor", "joint_controller", "separate_controller", "undetermined"}
}

// CategoryID is a category of processors such as "PRCAT-1".
type CategoryID string

func (CategoryID) format() format {
	return format{want: "a category such as PRCAT-1", pattern: `^PRCAT-\d{1,3}$`}
}

// ProcessorRegistered says that somebody else handles data (GDPR 28, 30(1)(d)). Without
// a name only the category is known, which is a finding and not a fault.
type ProcessorRegistered struct {
	ProcessorID  ProcessorID  `json:"processor_id"`
	Name         string       `json:"name,omitzero" max:"200"`
	Category     CategoryID   `json:"category"`
	CategoryText string       `json:"category_text,omitzero"`
	Relationship Relationship `json:"relationship"`
	ParentRef    ProcessorID  `json:"parent_ref,omitzero"` // who engaged a sub-processor
	Countries    []Country    `json:"countries,omitzero"`
	Contact      PersonRef    `json:"contact,omitzero" pii:"P1"`
	Guarantees   []Guarantee  `json:"guarantees,omitzero"`
}

// A Guarantee is why a processor can be trusted (GDPR 28(1), 28(5)).
type Guarantee struct {
	Kind       GuaranteeKind `json:"kind"`
	Text       string        `json:"text,omitzero"`
	ValidUntil Date          `json:"valid_until,omitzero"`
	SHA256     SHA256        `json:"sha256,omitzero"`
}

// GuaranteeKind is the form of a guarantee.
type GuaranteeKind string

// Values lists the kinds.
func (GuaranteeKind) Values() []string {
	return []string{"certification", "audit_report", "code_of_conduct"}
}

// ReturnedData is what a processor did with the data at the end (GDPR 28(3)(g)).
type ReturnedData string

// Values lists the possibilities.
func (ReturnedData) Values() []string {
	return []string{"returned", "deleted", "both", "retained_by_law"}
}

// ProcessorOffboarded ends the work with a processor.
type ProcessorOffboarded struct {
	DataDisposition ReturnedData `json:"data_disposition"`
	Certificate     SHA256       `json:"certificate,omitzero"`
	OffboardedOn    Date         `json:"offboarded_on,omitzero"`
}

// Example shows a payload.
func (ProcessorRegistered) Example() string {
	return `{"category":"PRCAT-2","category_text":"telephony providers","contact":"per_01JD0000000000000000000000","countries":["FR"],"guarantees":[{"kind":"certification","text":"ISO 27001","valid_until":"2027-06-30"}],"name":"Exemple Télécom","processor_id":"PRC-0002","relationship":"processor"}`
}

// Example shows a payload.
func (ProcessorOffboarded) Example() string {
	return `{"certificate":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","data_disposition":"deleted","offboarded_on":"2026-09-30"}`
}
