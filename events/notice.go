package events

// NoticeMode says whether data come from the person (GDPR 13) or from elsewhere (14).
type NoticeMode string

// NoticeUndetermined is the mode of a notice for which none was stated.
const NoticeUndetermined NoticeMode = "undetermined"

// Values lists the modes.
func (NoticeMode) Values() []string { return []string{"direct", "indirect", "undetermined"} }

// NoticeItem is a piece of information that GDPR 13 or 14 asks for.
type NoticeItem string

// Values lists the items in the order of GDPR 13, then what 14 adds.
func (NoticeItem) Values() []string {
	return []string{"controller_identity", "dpo_contact", "purposes", "legal_basis", "legitimate_interest", "recipients", "transfers", "retention", "rights", "withdraw_consent", "complaint", "mandatory_or_optional", "automated_decision", "data_categories", "source"}
}

// ItemPlace is where an item is told: on the notice, or on the text that it refers to.
type ItemPlace string

// Values lists the places.
func (ItemPlace) Values() []string { return []string{"here", "layer2", "missing", "not_applicable"} }

// NoticePublished says that a notice stands at a place where data are collected.
type NoticePublished struct {
	NoticeID           NoticeID                 `json:"notice_id"`
	CollectionPoint    string                   `json:"collection_point" max:"300"`
	URL                URL                      `json:"url,omitzero"`
	Site               string                   `json:"site,omitzero" max:"253"`
	Mode               NoticeMode               `json:"mode"`
	PurposeText        string                   `json:"purpose_text,omitzero"`
	ControllerNamedAs  string                   `json:"controller_named_as,omitzero" max:"200"`
	Mechanism          string                   `json:"mechanism,omitzero"`       // how it is given or accepted
	SaidToConfirm      []string                 `json:"said_to_confirm,omitzero"` // what acceptance is said to mean
	Version            Word                     `json:"version,omitzero"`
	Locale             Locale                   `json:"locale,omitzero"`
	SHA256             SHA256                   `json:"sha256,omitzero"`
	EffectiveFrom      Date                     `json:"effective_from,omitzero"`
	Items              map[NoticeItem]ItemPlace `json:"items,omitzero"`
	Layer2Ref          *DocumentVersion         `json:"layer2_ref,omitzero"`
	ActivityRefs       []ActivityID             `json:"activity_refs,omitzero"`
	ConsentPurposeRefs []ConsentPurposeID       `json:"consent_purpose_refs,omitzero"`
}

// A DocumentVersion is a document, at a version if it is known.
type DocumentVersion struct {
	DocumentID DocumentID `json:"document_id"`
	Version    Word       `json:"version,omitzero"`
}

// Example shows a payload.
func (NoticePublished) Example() string {
	return `{"activity_refs":["FR-007"],"collection_point":"contact form","effective_from":"2025-05-03","items":{"controller_identity":"here","purposes":"here","rights":"layer2"},"layer2_ref":{"document_id":"DOC-PRIVACY-POLICY","version":"4"},"locale":"fr","mode":"direct","notice_id":"NOT-003","url":"https://www.example.org/contact","version":"2"}`
}
