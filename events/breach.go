package events

// The events of a breach that hold no narrative. Those that do (established, closed)
// are sealed under the key of the case and come with it.

// BreachNature is what was lost (GDPR 4(12)).
type BreachNature string

// Values lists the natures.
func (BreachNature) Values() []string {
	return []string{"confidentiality", "integrity", "availability"}
}

// BreachOrigin is how it happened, in the words of the CNIL's form.
type BreachOrigin string

// Values lists the origins.
func (BreachOrigin) Values() []string {
	return []string{"lost_stolen_equipment", "lost_stolen_paper", "lost_opened_mail", "hacking_malware_phishing", "paper_disposal", "device_disposal", "unintended_publication", "wrong_person_on_portal", "wrong_recipient", "verbal_disclosure", "other", "unknown"}
}

// BreachCause is who caused it, and whether on purpose.
type BreachCause string

// Values lists the causes.
func (BreachCause) Values() []string {
	return []string{"internal_malicious", "internal_accidental", "external_malicious", "external_accidental", "unknown"}
}

// BreachData is a category of data as the CNIL's form has it.
type BreachData string

// Values lists the categories.
func (BreachData) Values() []string {
	return []string{"civil_status", "nir", "contact", "identification_access", "financial", "official_documents", "location", "offences", "unknown", "racial_ethnic", "political", "religious_philosophical", "trade_union", "sexual_orientation", "health", "biometric", "genetic", "other"}
}

// BreachPersons is a group of persons as the CNIL's form has it.
type BreachPersons string

// Values lists the groups.
func (BreachPersons) Values() []string {
	return []string{"employees", "users", "members", "students", "military", "customers", "patients", "minors", "vulnerable", "unknown", "other"}
}

// BreachConsequence is what followed for the data.
type BreachConsequence string

// Values lists the consequences.
func (BreachConsequence) Values() []string {
	return []string{"spread_beyond_control", "linked_with_other_data", "misused", "falsified", "service_unavailable", "service_degraded", "other"}
}

// BreachHarm is what may follow for the persons (recital 85).
type BreachHarm string

// Values lists the harms.
func (BreachHarm) Values() []string {
	return []string{"loss_of_control", "limitation_of_rights", "discrimination", "identity_theft", "fraud", "pseudonymisation_reversed", "financial_loss", "reputation", "privacy", "professional_secrecy", "other"}
}

// BreachReporter is who noticed.
type BreachReporter string

// Values lists the reporters.
func (BreachReporter) Values() []string {
	return []string{"internal", "processor", "subject", "press", "authority", "researcher"}
}

// A NatureConsequence is a consequence of one nature of a breach.
type NatureConsequence struct {
	Nature      BreachNature      `json:"nature"`
	Consequence BreachConsequence `json:"consequence"`
}

// BreachAssessed says what is known of a breach so far, and how grave it is (GDPR
// 33(3), 33(5)). It may come again and again; every member it has replaces the last.
type BreachAssessed struct {
	Risk              Risk                `json:"risk"`
	Severity          Severity            `json:"severity,omitzero"`
	Likelihood        Severity            `json:"likelihood,omitzero"`
	Method            string              `json:"method,omitzero" max:"100"`
	Assessor          PersonRef           `json:"assessor,omitzero" pii:"P1"`
	AwareAt           Instant             `json:"aware_at,omitzero"` // starts the 72 hours
	DetectedAt        Instant             `json:"detected_at,omitzero"`
	StartedAt         Instant             `json:"started_at,omitzero"`
	EndedAt           Instant             `json:"ended_at,omitzero"`
	Ongoing           Tri                 `json:"ongoing,omitzero"`
	ReportedBy        BreachReporter      `json:"reported_by,omitzero"`
	Role              Role                `json:"role,omitzero"`
	Natures           []BreachNature      `json:"natures,omitzero"`
	Origin            []BreachOrigin      `json:"origin,omitzero"`
	Cause             BreachCause         `json:"cause,omitzero"`
	DataCategories    []BreachData        `json:"data_categories,omitzero"`
	SubjectCategories []BreachPersons     `json:"subject_categories,omitzero"`
	SubjectsCount     *Count              `json:"subjects_count,omitzero"`
	RecordsCount      *Count              `json:"records_count,omitzero"`
	ActivityRefs      []ActivityID        `json:"activity_refs,omitzero"`
	ProcessorRefs     []ProcessorID       `json:"processor_refs,omitzero"`
	SystemRefs        []Word              `json:"system_refs,omitzero"`
	Countries         []Country           `json:"countries,omitzero"`
	CrossBorder       Tri                 `json:"cross_border,omitzero"`
	Consequences      []NatureConsequence `json:"consequences,omitzero"`
	Harms             []BreachHarm        `json:"harms,omitzero"`
	MeasuresBefore    []Reference         `json:"measures_before,omitzero"`
}

// BreachPhase is when a measure against a breach takes effect.
type BreachPhase string

// Values lists the phases.
func (BreachPhase) Values() []string { return []string{"immediate", "medium", "long"} }

// BreachMeasureRecorded says what was or will be done (GDPR 33(3)(d)).
type BreachMeasureRecorded struct {
	When      BreachPhase `json:"when"`
	Ref       MeasureID   `json:"ref,omitzero"`
	Text      string      `json:"text,omitzero" max:"1000"`
	DoneOn    Date        `json:"done_on,omitzero"`    // in place since
	PlannedOn Date        `json:"planned_on,omitzero"` // to be in place by
	Owner     PersonRef   `json:"owner,omitzero" pii:"P1"`
}

// NotificationDecision is whether the authority is told.
type NotificationDecision string

// Values lists the decisions.
func (NotificationDecision) Values() []string { return []string{"notify", "not_required"} }

// BreachNotificationDecided says whether the authority is told, and why (GDPR 33(1), 33(5)).
type BreachNotificationDecided struct {
	Decision      NotificationDecision `json:"decision"`
	Justification string               `json:"justification,omitzero" max:"1000"`
	DecidedBy     PersonRef            `json:"decided_by,omitzero" pii:"P1"`
	DPOOpinion    string               `json:"dpo_opinion,omitzero" max:"1000"`
}

// NotificationKind is the part of a notification.
type NotificationKind string

// Values lists the parts.
func (NotificationKind) Values() []string { return []string{"initial", "complementary", "complete"} }

// BreachAuthorityNotified says that the authority was told (GDPR 33(1), 33(4)).
type BreachAuthorityNotified struct {
	Kind          NotificationKind `json:"kind"`
	Authority     string           `json:"authority" max:"100"`
	SubmittedAt   Instant          `json:"submitted_at"`
	Reference     string           `json:"reference,omitzero" max:"60"`
	DelayReasons  string           `json:"delay_reasons,omitzero" max:"1000"`
	ContentSHA256 SHA256           `json:"content_sha256,omitzero"`
	SubmittedBy   PersonRef        `json:"submitted_by,omitzero" pii:"P1"`
}

// BreachSubjectsInformed says that the persons were told (GDPR 34). Who they are stays
// outside; a salted manifest can prove it later.
type BreachSubjectsInformed struct {
	Number         *Count    `json:"number,omitzero"`
	Channel        string    `json:"channel" max:"100"`
	From           Instant   `json:"from"`
	To             Instant   `json:"to,omitzero"`
	Language       Locale    `json:"language,omitzero"`
	ContentSHA256  SHA256    `json:"content_sha256,omitzero"`
	ManifestSHA256 SHA256    `json:"subject_refs_manifest_sha256,omitzero"`
	PublishedBy    PersonRef `json:"published_by,omitzero" pii:"P1"`
}

// SubjectsExemption is why the persons need not be told (GDPR 34(3)).
type SubjectsExemption string

// Values lists the exemptions.
func (SubjectsExemption) Values() []string {
	return []string{"34_3_a_unintelligible", "34_3_b_measures_after", "34_3_c_disproportionate_public"}
}

// BreachSubjectsExempted says that the persons are not told one by one, and why.
type BreachSubjectsExempted struct {
	Ground                 SubjectsExemption `json:"ground"`
	Justification          string            `json:"justification" max:"1000"`
	PublicCommunicationURL URL               `json:"public_communication_url,omitzero"`
	DecidedBy              PersonRef         `json:"decided_by,omitzero" pii:"P1"`
}

// Example shows a payload.
func (BreachAssessed) Example() string {
	return `{"activity_refs":["FR-011"],"assessor":"per_01JD0000000000000000000000","aware_at":"2026-10-25T02:30:00+02:00","consequences":[{"consequence":"spread_beyond_control","nature":"confidentiality"}],"data_categories":["contact"],"method":"ENISA","natures":["confidentiality"],"ongoing":"no","origin":["wrong_recipient"],"risk":"risk","role":"controller","severity":"limited","subject_categories":["customers"],"subjects_count":{"approx":true,"max":300,"min":51}}`
}

// Example shows a payload.
func (BreachMeasureRecorded) Example() string {
	return `{"done_on":"2026-10-25","ref":"TOM-05","text":"access withdrawn, sessions ended","when":"immediate"}`
}

// Example shows a payload.
func (BreachNotificationDecided) Example() string {
	return `{"decided_by":"per_01JD0000000000000000000000","decision":"notify","dpo_opinion":"notify out of caution","justification":"contact data of customers left the organisation"}`
}

// Example shows a payload.
func (BreachAuthorityNotified) Example() string {
	return `{"authority":"CNIL","content_sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","kind":"initial","reference":"2026-1234","submitted_at":"2026-10-27T09:00:00+01:00","submitted_by":"per_01JD0000000000000000000000"}`
}

// Example shows a payload.
func (BreachSubjectsInformed) Example() string {
	return `{"channel":"e-mail","content_sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","from":"2026-10-28T09:00:00+01:00","language":"fr","number":{"max":212,"min":212},"to":"2026-10-28T11:00:00+01:00"}`
}

// Example shows a payload.
func (BreachSubjectsExempted) Example() string {
	return `{"decided_by":"per_01JD0000000000000000000000","ground":"34_3_a_unintelligible","justification":"the disk was encrypted, the key did not leave"}`
}
