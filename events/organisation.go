package events

// OrganisationIdentified says whose registers these are (GDPR 30(1)(a)).
type OrganisationIdentified struct {
	OrganisationID       OrganisationID `json:"organisation_id"`
	TradeName            string         `json:"trade_name,omitzero"`
	LegalEntity          string         `json:"legal_entity"`
	Address              *Address       `json:"address,omitzero"`
	Business             string         `json:"business,omitzero" max:"1000"`
	RegistrationNumber   string         `json:"registration_number,omitzero" max:"40"`
	SupervisoryAuthority string         `json:"supervisory_authority,omitzero" max:"100"`
	AuthorityTeleservice URL            `json:"authority_teleservice,omitzero"` // where breaches are notified
	Domains              []string       `json:"domains,omitzero" max:"253"`
	RepresentativeRef    string         `json:"representative_ref,omitzero" max:"200"` // GDPR 27, an organisation
	JointControllers     []string       `json:"joint_controllers,omitzero" max:"200"`
	ResponsibleRef       PersonRef      `json:"responsible_ref,omitzero" pii:"P1"` // legal representative
}

// An Address is where an organisation can be reached by post.
type Address struct {
	Street   string  `json:"street,omitzero" max:"200"`
	Postcode string  `json:"postcode,omitzero" max:"20"`
	City     string  `json:"city,omitzero" max:"100"`
	Country  Country `json:"country"`
}

// Example shows a payload.
func (OrganisationIdentified) Example() string {
	return `{"address":{"city":"Lyon","country":"FR","postcode":"69002","street":"1 place Bellecour"},"business":"software for libraries","domains":["www.example.org"],"legal_entity":"Exemple SAS","organisation_id":"ORG-1","responsible_ref":"per_01JD0000000000000000000000","supervisory_authority":"CNIL","trade_name":"Exemple"}`
}
