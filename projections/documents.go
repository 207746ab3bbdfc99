package projections

import "greffe/events"

// A Document is a policy, terms, or another text that was approved and published; its
// versions say what was online on a day.
type Document struct {
	Base
	events.DocumentPublished // the version in force

	Versions      []DocumentVersion    `json:"versions,omitzero" row:"derived"` // in the order of publication
	ReviewedOn    events.Date          `json:"reviewed_on,omitzero" row:"derived"`
	ReviewOutcome events.ReviewOutcome `json:"review_outcome,omitzero" row:"derived"`
	NextReviewOn  events.Date          `json:"next_review_on,omitzero"`
}

// A DocumentVersion is one version of a document in one language.
type DocumentVersion struct {
	Version       events.Word      `json:"version,omitzero"`
	Locale        events.Locale    `json:"locale,omitzero"`
	SHA256        events.SHA256    `json:"sha256,omitzero"`
	EffectiveFrom events.Date      `json:"effective_from,omitzero"`
	PublishedAt   events.Instant   `json:"published_at"`
	ChangeSummary string           `json:"change_summary,omitzero"`
	ApprovedBy    events.PersonRef `json:"approved_by,omitzero"`
}

func documentColumns() []Column {
	return columns("id Ref/Réf", "kind Kind/Nature", "title Title/Titre", "version Version/Version", "effective_from In force/En vigueur", "reviewed_on Reviewed/Revu", "status Status/État")
}

func foldDocument() folder {
	m := states(`
		state     | published   | reviewed    | withdrawn
		(none)    | ->published | =           | =
		published | ->published | ->published | ->withdrawn
		withdrawn | ->published | !withdrawn  | =
	`)
	return aggregates(m, func(c *call, row *Document) {
		switch p := c.fact.Payload.(type) {
		case *events.DocumentPublished:
			publish(c, row, p)
		case *events.DocumentReviewed:
			row.ReviewedOn, row.ReviewOutcome, row.NextReviewOn = c.day(), p.Outcome, p.NextReviewOn
		}
	})
}

// publish adds a version. The same version with another digest cannot be true of both,
// and a version that is in force before it was published is noted as such.
func publish(c *call, row *Document, p *events.DocumentPublished) {
	v := DocumentVersion{p.Version, p.Locale, p.SHA256, p.EffectiveFrom, c.fact.Event.OccurredAt, p.ChangeSummary, p.ApprovedBy}
	for _, old := range row.Versions {
		if v.Version != "" && old.Version == v.Version && old.Locale == v.Locale && old.SHA256 != v.SHA256 {
			c.warnAt(Conflict, "version")
			break
		}
	}
	if p.EffectiveFrom != "" && p.EffectiveFrom < c.day() {
		c.warnAt(Backdated, "effective_from")
	}
	row.DocumentPublished, row.Versions = *p, append(row.Versions, v)
}
