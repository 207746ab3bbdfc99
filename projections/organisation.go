package projections

import "greffe/events"

// An Organisation is the controller whose registers these are (GDPR 30(1)(a)).
type Organisation struct {
	Base
	events.OrganisationIdentified
}

func organisationColumns() []Column {
	return columns("id Ref/Réf", "legal_entity Legal entity/Entité", "trade_name Trade name/Nom commercial", "address.city City/Ville", "supervisory_authority Authority/Autorité", "occurred_at Since/Depuis")
}

func foldOrganisation() folder {
	m := states(`
		state      | identified
		(none)     | ->identified
		identified | ->identified
	`)
	return aggregates(m, func(c *call, row *Organisation) {
		if p, ok := c.fact.Payload.(*events.OrganisationIdentified); ok {
			row.OrganisationIdentified = *p
		}
	})
}
