package projections

import (
	"strings"

	"greffe/events"
)

// A DPIA is an impact assessment (DPIA-001), or the screening (SCR-…) that says whether
// one is needed (GDPR 35).
type DPIA struct {
	Base
	events.DPIAStarted

	Screening  *events.DPIAScreened  `json:"screening,omitzero"` // the last one counts
	ScreenedOn events.Date           `json:"screened_on,omitzero" row:"derived"`
	Validation *events.DPIAValidated `json:"validation,omitzero"` // the last one
	ReviewOn   events.Date           `json:"review_on,omitzero"`
}

func dpiaColumns() []Column {
	return columns("id Ref/Réf", "activity_refs Activities/Activités", "screening.scope.service Service/Service", "screening.outcome Screening/Analyse préalable", "validation.decision Decision/Décision", "review_on Review/Revue", "status Status/État")
}

func foldDPIA() folder {
	m := states(`
		state                                  | screened  | started   | validated          | retired
		(none)                                 | ->unclear | ->started | !validated A-ORDER | =
		required, not_required, unclear        | ->.       | ->started | !validated A-ORDER | ->retired
		started                                | ->.       | = A-DUP   | ->validated        | ->retired
		validated                              | ->.       | = A-DUP   | ->validated        | ->retired
		retired                                | !.        | ->started | =                  | =
	`)
	return aggregates(m, func(c *call, row *DPIA) {
		switch p := c.fact.Payload.(type) {
		case *events.DPIAScreened:
			row.DPIAID, row.Screening, row.ScreenedOn = p.DPIAID, p, c.day()
			if len(row.ActivityRefs) == 0 {
				row.ActivityRefs = p.Scope.ActivityIDs
			}
		case *events.DPIAStarted:
			row.DPIAStarted = *p
		case *events.DPIAValidated:
			row.DPIAID, row.Validation, row.ReviewOn = events.DPIAID(row.ID), p, p.ReviewOn
			if p.DPOOpinion == "" {
				c.warn(NoDPO) // GDPR 35(2): the controller seeks the DPO's advice
			}
		}
	})
}

// derive shows the outcome of a screening as its status.
func (d *DPIA) derive() {
	if d.Screening != nil && strings.HasPrefix(d.ID, "SCR-") && d.Status != "retired" {
		d.Status = string(d.Screening.Outcome)
	}
}
