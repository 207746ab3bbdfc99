package events

// TrackerKind is a technique that reads or writes on a terminal.
type TrackerKind string

// TrackerCookie is the kind of an HTTP cookie.
const TrackerCookie TrackerKind = "cookie"

// Values lists the techniques.
func (TrackerKind) Values() []string {
	return []string{"cookie", "local_storage", "pixel", "fingerprint", "sdk"}
}

// TrackerParty says whether a tracker belongs to the site or to another.
type TrackerParty string

// Values lists the parties.
func (TrackerParty) Values() []string { return []string{"first", "third"} }

// Exemption is why a tracker may be set without consent (article 82 of the French Act).
type Exemption string

// Values lists the exemptions.
func (Exemption) Values() []string {
	return []string{"communication", "requested_service", "audience_measurement"}
}

// TrackerDeclared says that a site sets a tracker.
type TrackerDeclared struct {
	TrackerID   TrackerID        `json:"tracker_id"`
	Name        string           `json:"name" max:"200"`
	Kind        TrackerKind      `json:"kind"`
	Domain      string           `json:"domain,omitzero" max:"253"`
	Party       TrackerParty     `json:"party,omitzero"`
	ProviderRef ProcessorID      `json:"provider_ref,omitzero"`
	PurposeID   ConsentPurposeID `json:"purpose_id,omitzero"`
	PurposeText string           `json:"purpose_text,omitzero"` // when there is no consent purpose
	Description string           `json:"description,omitzero"`
	Lifetime    Period           `json:"lifetime,omitzero"`
	Sliding     Tri              `json:"sliding,omitzero"` // a visit starts the lifetime again
	Exempt      Tri              `json:"exempt"`
	Exemption   Exemption        `json:"exemption,omitzero"`
}

// TrackerRemoved says that a site no longer sets a tracker.
type TrackerRemoved struct {
	RemovedOn Date   `json:"removed_on"`
	Cause     string `json:"cause,omitzero"`
}

// Example shows a payload.
func (TrackerDeclared) Example() string {
	return `{"description":"remembers the language","domain":"www.example.org","exempt":"yes","exemption":"requested_service","kind":"cookie","lifetime":"P6M","name":"lang","party":"first","sliding":"no","tracker_id":"TRK-lang"}`
}

// Example shows a payload.
func (TrackerRemoved) Example() string {
	return `{"cause":"feature withdrawn","removed_on":"2026-08-01"}`
}
