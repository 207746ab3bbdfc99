package events

// ConsentLaw is the provision that asks for consent.
type ConsentLaw string

// Values lists the provisions: GDPR 6(1)(a), 9(2)(a), and article 82 of the French Act
// (ePrivacy 5(3)).
func (ConsentLaw) Values() []string { return []string{"gdpr_6_1_a", "gdpr_9_2_a", "eprivacy_art82"} }

// ConsentPurposeDefined says for what persons are asked (GDPR 7). A consent refers to
// a version of the texts, so that what a person read can be shown later.
type ConsentPurposeDefined struct {
	PurposeID        ConsentPurposeID `json:"purpose_id"`
	Label            Text             `json:"label"`
	Versions         []TextVersion    `json:"versions,omitzero"`
	ActivityRef      ActivityID       `json:"activity_ref,omitzero"`
	Legal            []ConsentLaw     `json:"legal,omitzero"`
	Granularity      string           `json:"granularity,omitzero"`
	Validity         Period           `json:"validity,omitzero"`
	OnBehalfOf       string           `json:"on_behalf_of,omitzero" max:"200"`
	Controllers      []string         `json:"controllers,omitzero" max:"200"`
	Recipients       []Recipient      `json:"recipients,omitzero"`
	WithdrawalMethod string           `json:"withdrawal_method,omitzero"`
	Children         Tri              `json:"children,omitzero"`

	NotRequiredFor  string         `json:"not_required_for,omitzero"` // what is said to need no consent
	OtherBasis      *OtherBasis    `json:"other_basis,omitzero"`      // on which that rests
	LegalReferences []string       `json:"legal_references,omitzero"`
	AdviceToClients []string       `json:"advice_to_clients,omitzero"`
	Tools           []NamedAddress `json:"tools,omitzero"` // consent tools that are recommended
}

// A TextVersion is a text as persons saw it, by its digest.
type TextVersion struct {
	Version       Word   `json:"version"`
	Locale        Locale `json:"locale"`
	SHA256        SHA256 `json:"sha256"`
	EffectiveFrom Date   `json:"effective_from"`
}

// OtherBasis is what the organisation relies on instead of consent.
type OtherBasis struct {
	LegalBasis           LegalBasis `json:"legal_basis"`
	InterestsOf          []string   `json:"interests_of,omitzero" max:"200"`
	Interests            []string   `json:"interests,omitzero" max:"200"`
	BalancingTestClaimed Tri        `json:"balancing_test_claimed,omitzero"`
}

// A NamedAddress is a name with a place on the web.
type NamedAddress struct {
	Name string `json:"name" max:"200"`
	URL  URL    `json:"url,omitzero"`
}

// ConsentPurposeAmended changes a purpose. A material change ends the validity of
// older consents.
type ConsentPurposeAmended struct {
	Changes     []Change `json:"changes"`
	EffectiveOn Date     `json:"effective_on,omitzero"`
	Material    bool     `json:"material"`
}

// Amendment returns the changes and the date from which they hold, if it was given.
func (a *ConsentPurposeAmended) Amendment() ([]Change, Date) { return a.Changes, a.EffectiveOn }

// Example shows a payload.
func (ConsentPurposeDefined) Example() string {
	return `{"activity_ref":"FR-005","controllers":["Exemple SAS"],"label":{"en":"newsletter","fr":"lettre d'information"},"legal":["gdpr_6_1_a"],"purpose_id":"CPU-002","validity":"P13M","versions":[{"effective_from":"2025-05-03","locale":"fr","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","version":"1"}],"withdrawal_method":"link in every message"}`
}

// Example shows a payload.
func (ConsentPurposeAmended) Example() string {
	return `{"changes":[{"from":"P13M","path":"validity","to":"P6M"}],"effective_on":"2026-01-01","material":true}`
}
