package projections

import "greffe/events"

// A Deletion is the evidence of one run that erased or anonymised what a retention rule
// had expired (GDPR 5(2), 17).
type Deletion struct {
	Base
	events.DeletionRunCompleted
}

func deletionColumns() []Column {
	return columns("id Ref/Réf", "rule_id Rule/Règle", "store Store/Support", "ended_at Ended/Fin", "counts.expired Expired/Échus", "counts.erased Erased/Effacés", "counts.failed Failed/Échecs", "status Status/État")
}

func foldDeletion() folder {
	m := states(`
		state             | run_completed
		(none)            | ->completed
		completed, failed | = A-DUP
	`)
	return aggregates(m, func(c *call, row *Deletion) {
		p, ok := c.fact.Payload.(*events.DeletionRunCompleted)
		if !ok {
			return
		}
		row.DeletionRunCompleted = *p
		if p.Counts.Erased > p.Counts.Expired {
			c.warnAt(Conflict, "counts.erased") // a run erases what is expired
		}
	})
}

// derive shows a run that left something behind.
func (d *Deletion) derive() {
	d.Status = "completed"
	if d.Counts.Failed > 0 {
		d.Status = "failed"
	}
}
