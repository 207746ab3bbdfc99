package projections

import "greffe/events"

// A Notice is what persons are told where their data are collected (GDPR 13, 14).
type Notice struct {
	Base
	events.NoticePublished

	Versions []NoticeVersion `json:"versions,omitzero" row:"derived"` // in the order of publication
}

// A NoticeVersion is one version of a notice in one language.
type NoticeVersion struct {
	Version       events.Word    `json:"version,omitzero"`
	Locale        events.Locale  `json:"locale,omitzero"`
	SHA256        events.SHA256  `json:"sha256,omitzero"`
	EffectiveFrom events.Date    `json:"effective_from,omitzero"`
	PublishedAt   events.Instant `json:"published_at"`
}

func noticeColumns() []Column {
	return columns("id Ref/Réf", "collection_point Collection point/Point de collecte", "mode Mode/Mode", "url URL/URL", "version Version/Version", "status Status/État")
}

func foldNotice() folder {
	m := states(`
		state   | published | amended  | retired
		(none)  | ->live    | !draft   | =
		draft   | ->live    | ->draft  | ->retired
		live    | ->live    | ->live   | ->retired
		retired | ->live    | !retired | =
	`)
	return aggregates(m, func(c *call, row *Notice) {
		if p, ok := c.fact.Payload.(*events.NoticePublished); ok {
			row.NoticePublished = *p
			row.Versions = append(row.Versions, NoticeVersion{p.Version, p.Locale, p.SHA256, p.EffectiveFrom, c.fact.Event.OccurredAt})
		}
	})
}
