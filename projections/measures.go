package projections

import "greffe/events"

// A Measure is a technical or organisational measure (GDPR 24, 25, 32, 30(1)(g)).
type Measure struct {
	Base
	events.MeasureAdopted

	Verification *events.MeasureVerified `json:"verification,omitzero"` // the last one
	ReplacedBy   events.MeasureID        `json:"replaced_by,omitzero"`
	RetiredOn    events.Date             `json:"retired_on,omitzero"`
}

func measureColumns() []Column {
	return columns("id Ref/Réf", "kind Kind/Nature", "topic Topic/Thème", "text Measure/Mesure", "verified_on Verified/Vérifiée", "verification.result Result/Résultat", "status Status/État")
}

func foldMeasure() folder {
	m := states(`
		state   | adopted   | amended   | verified  | exception_granted | retired
		(none)  | ->adopted | !adopted  | =         | =                 | =
		adopted | = A-DUP   | ->adopted | ->adopted | ->adopted         | ->retired
		retired | = A-DUP   | !retired  | !retired  | =                 | =
	`)
	return aggregates(m, func(c *call, row *Measure) {
		switch p := c.fact.Payload.(type) {
		case *events.MeasureAdopted:
			row.MeasureAdopted = *p
		case *events.MeasureVerified:
			row.Verification, row.VerifiedOn = p, c.day()
		case *events.MeasureRetired:
			row.ReplacedBy, row.RetiredOn = p.ReplacedBy, p.RetiredOn
			if row.RetiredOn == "" {
				row.RetiredOn = c.day()
			}
		}
	})
}
