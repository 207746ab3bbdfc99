package events

// DocumentKind is what a document is for.
type DocumentKind string

// The kinds.
const (
	PrivacyPolicy     DocumentKind = "privacy_policy"
	ProcedureDocument DocumentKind = "procedure"
	ClauseTemplate    DocumentKind = "clause_template"
)

// Values lists the kinds.
func (DocumentKind) Values() []string {
	return []string{"privacy_policy", "cookie_policy", "terms_of_use", "it_charter", "procedure", "clause_template", "feature_compliance_article", "legal_memo"}
}

// DocumentPublished says that a version of a text is in force (GDPR 12, 24). The same
// document published again with a new version supersedes the old one.
type DocumentPublished struct {
	DocumentID    DocumentID   `json:"document_id"`
	Kind          DocumentKind `json:"kind"`
	Title         string       `json:"title" max:"200"`
	Locales       []Locale     `json:"locales,omitzero"`
	Version       Word         `json:"version,omitzero"`
	Locale        Locale       `json:"locale,omitzero"`
	URL           URL          `json:"url,omitzero"`
	SHA256        SHA256       `json:"sha256,omitzero"`
	EffectiveFrom Date         `json:"effective_from,omitzero"`
	Covers        []Word       `json:"covers,omitzero"` // items of GDPR 13/14, activities, "right:erasure"
	ChangeSummary string       `json:"change_summary,omitzero" max:"1000"`
	ApprovedBy    PersonRef    `json:"approved_by,omitzero" pii:"P1"`

	Points    []ClausePoint    `json:"points,omitzero"`    // of a clause template
	Procedure *RightsProcedure `json:"procedure,omitzero"` // of a procedure for requests
}

// A ClausePoint is what one point of a contract template is about.
type ClausePoint struct {
	PointID   Word      `json:"point_id"`
	Label     string    `json:"label" max:"200"`
	Text      string    `json:"text,omitzero" max:"1000"`
	LegalRefs []Article `json:"legal_refs,omitzero"`
}

// A RightsProcedure is how requests of data subjects are handled, as the document says.
type RightsProcedure struct {
	Audience       string `json:"audience,omitzero"`
	AnswerPeriod   Period `json:"answer_period,omitzero"`
	AnswerFrom     string `json:"answer_from,omitzero"`     // what starts the period
	AnswerSource   string `json:"answer_source,omitzero"`   // what the document rests it on
	ExtensionTold  Tri    `json:"extension_told,omitzero"`  // says that two months may be added
	IdentityChecks Tri    `json:"identity_checks,omitzero"` // says how identity is checked
}

// DocumentReviewed says that somebody looked at a document and what they found.
type DocumentReviewed struct {
	Outcome      ReviewOutcome `json:"outcome"`
	Version      Word          `json:"version,omitzero"`
	Reviewer     PersonRef     `json:"reviewer,omitzero" pii:"P1"`
	NextReviewOn Date          `json:"next_review_on,omitzero"`
}

// Example shows a payload.
func (DocumentPublished) Example() string {
	return `{"approved_by":"per_01JD0000000000000000000000","change_summary":"retention of recordings added","covers":["retention","rights","right:erasure"],"document_id":"DOC-PRIVACY-POLICY","effective_from":"2025-05-03","kind":"privacy_policy","locale":"fr","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","title":"Privacy policy","url":"https://www.example.org/privacy","version":"4"}`
}

// Example shows a payload.
func (DocumentReviewed) Example() string {
	return `{"next_review_on":"2027-05-03","outcome":"unchanged","reviewer":"per_01JD0000000000000000000000","version":"4"}`
}
