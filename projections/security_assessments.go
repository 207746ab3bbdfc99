package projections

import "greffe/events"

// A SecurityAssessment is one self-assessment against a framework (GDPR 32(1)(d)); what
// it looks at are the rows of security-measures.
type SecurityAssessment struct {
	Base
	events.SecurityAssessmentOpened

	Counts   *events.SecurityCounts `json:"counts,omitzero"` // as signed at the end
	SignedBy events.PersonRef       `json:"signed_by,omitzero"`
	ClosedOn events.Date            `json:"closed_on,omitzero"`
}

func assessmentColumns() []Column {
	return columns("id Ref/Réf", "framework Framework/Référentiel", "edition Edition/Édition", "scope Scope/Périmètre", "closed_on Closed/Close", "status Status/État")
}

func foldAssessment() folder {
	m := states(`
		state  | opened | closed
		(none) | ->open | !closed
		open   | = A-DUP| ->closed
		closed | = A-DUP| =
	`)
	return aggregates(m, func(c *call, row *SecurityAssessment) {
		switch p := c.fact.Payload.(type) {
		case *events.SecurityAssessmentOpened:
			row.SecurityAssessmentOpened = *p
		case *events.SecurityAssessmentClosed:
			row.Counts, row.SignedBy, row.ClosedOn = &p.Counts, p.SignedBy, p.ClosedOn
			if row.ClosedOn == "" {
				row.ClosedOn = c.day()
			}
		}
	})
}
