package projections

import "greffe/events"

// A DPA is an agreement that binds a processor (GDPR 28(3)). Whether it is in force on
// a day follows from its dates and is not stored.
type DPA struct {
	Base
	events.DPASigned

	TerminatedOn events.Date `json:"terminated_on,omitzero"`
	Cause        string      `json:"cause,omitzero"` // of the termination
}

func dpaColumns() []Column {
	return columns("id Ref/Réf", "processor_id Processor/Sous-traitant", "side Side/Qualité", "signed_on Signed/Signé", "valid_from From/Du", "valid_until Until/Au", "status Status/État")
}

func foldDPA() folder {
	m := states(`
		state      | signed      | amended     | terminated
		(none)     | ->signed    | !signed     | =
		signed     | = A-OVERLAP | ->signed    | ->terminated
		terminated | ->signed    | !terminated | =
	`)
	return aggregates(m, func(c *call, row *DPA) {
		switch p := c.fact.Payload.(type) {
		case *events.DPASigned:
			row.DPASigned, row.TerminatedOn, row.Cause = *p, "", ""
		case *events.DPATerminated:
			row.TerminatedOn, row.Cause = p.On, p.Cause
		}
	})
}
