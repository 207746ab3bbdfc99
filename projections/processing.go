package projections

import (
	"slices"

	"greffe/events"
)

// An Activity is one row of the record of processing activities (GDPR 30).
type Activity struct {
	Base
	events.ProcessingActivityRecorded

	NextReviewOn    events.Date            `json:"next_review_on,omitzero"`
	ReviewOutcome   events.ReviewOutcome   `json:"review_outcome,omitzero" row:"derived"`
	SensitiveReal   bool                   `json:"sensitive_derived" row:"derived"` // any category that is special
	RetiredOn       events.Date            `json:"retired_on,omitzero"`
	DataDisposition events.DataDisposition `json:"data_disposition,omitzero"`
	SuccessorID     events.ActivityID      `json:"successor_id,omitzero"`
}

func activityColumns() []Column {
	return columns("id Ref/Réf", "name Activity/Activité", "register Register/Registre", "created_on Created/Créée", "updated_on Updated/Mise à jour", "reviewed_on Reviewed/Revue", "sensitive_declared Sensitive/Sensible", "status Status/État")
}

func foldActivity() folder {
	m := states(`
		state     | recorded | amended     | reviewed    | activated | suspended   | resumed  | retired   | reinstated
		(none)    | ->draft  | !draft      | =           | =         | =           | =        | =         | =
		draft     | = A-DUP  | ->draft     | ->draft     | ->active  | =           | =        | ->retired | =
		active    | = A-DUP  | ->active    | ->active    | =         | ->suspended | =        | ->retired | =
		suspended | = A-DUP  | ->suspended | ->suspended | !active   | =           | ->active | ->retired | =
		retired   | = A-DUP  | !retired    | =           | =         | =           | =        | =         | ->active
	`)
	return aggregates(m, func(c *call, row *Activity) {
		switch p := c.fact.Payload.(type) {
		case *events.ProcessingActivityRecorded:
			row.ProcessingActivityRecorded, row.Status = *p, string(p.InitialStatus)
		case events.Amender:
			row.UpdatedOn = c.day()
		case *events.ProcessingActivityReviewed:
			row.ReviewedOn, row.NextReviewOn, row.ReviewOutcome = c.day(), p.NextReviewOn, p.Outcome
		case *events.ProcessingActivityRetired:
			row.RetiredOn, row.DataDisposition, row.SuccessorID = p.RetiredOn, p.DataDisposition, p.SuccessorID
		}
	})
}

// derive finds out whether any category of data is special, whatever was declared.
func (a *Activity) derive() {
	a.SensitiveReal = slices.ContainsFunc(a.DataCategories, func(d events.ActivityData) bool { return d.Category.Special() })
}
