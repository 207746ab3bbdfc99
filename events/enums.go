package events

// The enumerations that several payloads share (domain.md §1.8); one that a single
// aggregate uses stands in that aggregate's file. A value, once here, stays and keeps
// its meaning; new ones come at the end.

// Tri is an answer that may be missing: a missing one is not "no".
type Tri string

// The answers.
const (
	Yes     Tri = "yes"
	No      Tri = "no"
	Unknown Tri = "unknown"
)

// Values lists the answers.
func (Tri) Values() []string { return []string{"yes", "no", "unknown"} }

// LegalBasis is the ground of a purpose (GDPR 6(1)).
type LegalBasis string

// Undetermined is the basis of a purpose for which none was stated.
const Undetermined LegalBasis = "undetermined"

// Values lists the bases in the order of 6(1)(a) to (f).
func (LegalBasis) Values() []string {
	return []string{"consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests", "undetermined"}
}

// Art9Condition lifts the prohibition of special categories (GDPR 9(2)(a) to (j)).
type Art9Condition string

// Values lists the conditions in the order of 9(2).
func (Art9Condition) Values() []string {
	return []string{"explicit_consent", "employment_social_law", "vital_interests", "nonprofit_body", "made_public", "legal_claims", "substantial_public_interest", "health_care", "public_health", "archiving_research"}
}

// DataCategory is a family of personal data, as the CNIL's sheets have them.
type DataCategory string

// Values lists the categories.
func (DataCategory) Values() []string {
	return []string{"identity", "personal_life", "professional_life", "economic_financial", "connection", "location", "internet_trackers", "communications_content", "image_voice", "nir", "offences",
		"racial_ethnic", "political", "religious_philosophical", "trade_union", "genetic", "biometric", "health", "sex_life"}
}

// Special reports whether the category needs more than a legal basis: GDPR 9, offences
// (GDPR 10), and the national number (GDPR 87).
func (c DataCategory) Special() bool {
	switch c {
	case "nir", "offences", "racial_ethnic", "political", "religious_philosophical", "trade_union", "genetic", "biometric", "health", "sex_life":
		return true
	}
	return false
}

// SubjectCategory is a group of persons whose data are processed.
type SubjectCategory string

// Values lists the groups.
func (SubjectCategory) Values() []string {
	return []string{"b2b_client_contacts", "platform_users", "callers", "website_visitors", "email_senders", "prospects", "client_employees", "employees", "candidates", "suppliers", "minors", "vulnerable", "other"}
}

// TransferMechanism is what a transfer out of the EEA rests on (GDPR 44 to 49).
type TransferMechanism string

// Values lists the mechanisms.
func (TransferMechanism) Values() []string {
	return []string{"adequacy", "scc_commission", "scc_authority", "bcr", "code_of_conduct", "certification", "ad_hoc_clauses", "administrative",
		"derogation_49_1_a", "derogation_49_1_b", "derogation_49_1_c", "derogation_49_1_d", "derogation_49_1_e", "derogation_49_1_f", "derogation_49_1_g", "art49_compelling", "none"}
}

// Severity is the CNIL's scale.
type Severity string

// Values lists the severities, lowest first.
func (Severity) Values() []string {
	return []string{"negligible", "limited", "significant", "maximum"}
}

// Risk drives the duties of GDPR 33 and 34.
type Risk string

// Values lists the risks, lowest first.
func (Risk) Values() []string { return []string{"none", "risk", "high"} }

// Role is the part that the organisation plays.
type Role string

// Values lists the roles.
func (Role) Values() []string { return []string{"controller", "processor", "joint"} }

// DataDisposition is what became of the data when their use ended.
type DataDisposition string

// Values lists the dispositions of data.
func (DataDisposition) Values() []string {
	return []string{"erased", "archived", "transferred", "still_held"}
}
