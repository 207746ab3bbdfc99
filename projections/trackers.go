package projections

import "greffe/events"

// A Tracker is a cookie or another trace on a visitor's device (directive 2002/58,
// article 5(3); French Act, article 82).
type Tracker struct {
	Base
	events.TrackerDeclared

	RemovedOn    events.Date `json:"removed_on,omitzero"`
	RemovalCause string      `json:"removal_cause,omitzero"`
}

func trackerColumns() []Column {
	return columns("id Ref/Réf", "name Name/Nom", "kind Kind/Nature", "domain Domain/Domaine", "party Party/Partie", "lifetime Lifetime/Durée", "exempt Exempt/Exempté", "status Status/État")
}

func foldTracker() folder {
	m := states(`
		state    | declared   | amended    | removed
		(none)   | ->declared | !declared  | =
		declared | = A-DUP    | ->declared | ->removed
		removed  | ->declared | !removed   | =
	`)
	return aggregates(m, func(c *call, row *Tracker) {
		switch p := c.fact.Payload.(type) {
		case *events.TrackerDeclared:
			row.TrackerDeclared, row.RemovedOn, row.RemovalCause = *p, "", ""
		case *events.TrackerRemoved:
			row.RemovedOn, row.RemovalCause = p.RemovedOn, p.Cause
		}
	})
}
