package projections

import "greffe/events"

// A ConsentPurpose is what persons are asked to consent to (GDPR 6(1)(a), 7).
type ConsentPurpose struct {
	Base
	events.ConsentPurposeDefined

	RenewedOn events.Date `json:"material_change_on,omitzero" row:"derived"` // older consents are no longer valid
}

func consentPurposeColumns() []Column {
	return columns("id Ref/Réf", "label Purpose/Finalité", "legal Ground/Fondement", "activity_ref Activity/Activité", "validity Validity/Validité", "status Status/État")
}

func foldConsentPurpose() folder {
	m := states(`
		state   | defined   | amended   | retired
		(none)  | ->defined | !defined  | =
		defined | = A-DUP   | ->defined | ->retired
		retired | = A-DUP   | !retired  | =
	`)
	return aggregates(m, func(c *call, row *ConsentPurpose) {
		switch p := c.fact.Payload.(type) {
		case *events.ConsentPurposeDefined:
			row.ConsentPurposeDefined = *p
		case *events.ConsentPurposeAmended:
			if p.Material {
				row.RenewedOn = c.day()
			}
		}
	})
}
