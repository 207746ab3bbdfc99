package events

// DPOKind says in which capacity somebody is the contact for data protection.
type DPOKind string

// Values lists the capacities.
func (DPOKind) Values() []string { return []string{"internal", "external", "contact_point_only"} }

// ChannelKind is a way to reach the contact point.
type ChannelKind string

// Values lists the kinds.
func (ChannelKind) Values() []string { return []string{"postal", "email", "phone", "form", "team"} }

// A Channel is one way to reach the contact point: a function, never a person.
type Channel struct {
	Kind      ChannelKind `json:"kind"`
	Value     string      `json:"value,omitzero" public:"true"`
	Recipient string      `json:"recipient,omitzero" max:"200"` // as a letter is addressed
	Label     string      `json:"label,omitzero" max:"200"`     // as the page introduces it
	Public    *bool       `json:"public,omitzero"`
}

// DPODesignated says who is data protection officer from a day on (GDPR 37). The
// person stands behind a pseudonym.
type DPODesignated struct {
	DPOID             DPOID     `json:"dpo_id"`
	Kind              DPOKind   `json:"kind"`
	PersonRef         PersonRef `json:"person_ref" pii:"P1"`
	DesignatedOn      Date      `json:"designated_on"`
	EndedOn           Date      `json:"ended_on,omitzero"`
	CNILReference     string    `json:"cnil_reference,omitzero" max:"60"`
	Channels          []Channel `json:"channels,omitzero"`
	Scope             string    `json:"scope,omitzero"`
	ConflictsDeclared Tri       `json:"conflicts_declared,omitzero"`
	Team              string    `json:"team,omitzero"`
}

// DPOContactPublished says how persons can reach the contact point (GDPR 37(7)). It
// holds functions and not names: the public page need not name the person.
type DPOContactPublished struct {
	DPOID           DPOID     `json:"dpo_id"`
	Channels        []Channel `json:"channels" min:"1"`
	URL             URL       `json:"url,omitzero"`
	Heading         string    `json:"heading,omitzero" max:"200"`
	Designated      Tri       `json:"designated,omitzero"` // what the page lets one conclude
	PersonRef       PersonRef `json:"person_ref,omitzero" pii:"P1"`
	RelatedDocument string    `json:"related_document,omitzero" max:"200"`
}

// DPOReplaced ends the function of one officer and names the next.
type DPOReplaced struct {
	EndedOn       Date      `json:"ended_on"`
	SuccessorID   DPOID     `json:"successor_id,omitzero"`
	SuccessorRef  PersonRef `json:"successor_ref,omitzero" pii:"P1"`
	DesignatedOn  Date      `json:"designated_on,omitzero"` // of the successor
	CNILReference string    `json:"cnil_reference,omitzero" max:"60"`
}

// Example shows a payload.
func (DPODesignated) Example() string {
	return `{"channels":[{"kind":"form","public":true,"value":"https://www.example.org/rights"}],"cnil_reference":"DPO-12345","conflicts_declared":"no","designated_on":"2024-02-01","dpo_id":"DPO-1","kind":"external","person_ref":"per_01JD0000000000000000000000"}`
}

// Example shows a payload.
func (DPOContactPublished) Example() string {
	return `{"channels":[{"kind":"postal","public":true,"recipient":"Exemple SAS, data protection","value":"1 place Bellecour, 69002 Lyon, France"}],"designated":"yes","dpo_id":"DPO-1","heading":"Contact our DPO","url":"https://www.example.org/dpo"}`
}

// Example shows a payload.
func (DPOReplaced) Example() string {
	return `{"designated_on":"2026-03-01","ended_on":"2026-02-28","successor_id":"DPO-2","successor_ref":"per_01JD0000000000000000000001"}`
}
