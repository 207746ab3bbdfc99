package projections

import "greffe/events"

// A DPO is the data protection officer, or the contact point where none is designated
// (GDPR 37 to 39).
type DPO struct {
	Base
	events.DPODesignated

	PublishedURL  events.URL   `json:"published_url,omitzero"` // where persons find the contact (37(7))
	PublishedOn   events.Date  `json:"published_on,omitzero"`  // since when
	Heading       string       `json:"heading,omitzero"`       // of that page
	DesignatedTri events.Tri   `json:"designated,omitzero"`    // what the page lets one conclude
	Related       string       `json:"related_document,omitzero"`
	SuccessorID   events.DPOID `json:"successor_id,omitzero"`
}

func dpoColumns() []Column {
	return columns("id Ref/Réf", "kind Kind/Nature", "designated_on Designated/Désigné", "ended_on Ended/Fin", "published_on Contact published/Contact publié", "status Status/État")
}

func foldDPO() folder {
	m := states(`
		state         | designated   | contact_published | replaced
		(none)        | ->designated | ->contact_point   | =
		contact_point | ->active     | ->contact_point   | =
		designated    | = A-OVERLAP  | ->active          | ->ended
		active        | = A-OVERLAP  | ->active          | ->ended
		ended         | ->designated | !ended            | =
	`)
	return aggregates(m, func(c *call, row *DPO) {
		switch p := c.fact.Payload.(type) {
		case *events.DPODesignated:
			channels := row.Channels
			row.DPODesignated = *p
			if len(p.Channels) == 0 {
				row.Channels = channels
			}
		case *events.DPOContactPublished:
			publishContact(c, row, p)
		case *events.DPOReplaced:
			row.EndedOn, row.SuccessorID = p.EndedOn, p.SuccessorID
		}
	})
}

func publishContact(c *call, row *DPO, p *events.DPOContactPublished) {
	row.DPOID, row.Channels, row.PublishedURL = p.DPOID, p.Channels, p.URL
	row.Heading, row.DesignatedTri, row.Related = p.Heading, p.Designated, p.RelatedDocument
	row.PublishedOn = c.day()
	if row.Status == "contact_point" {
		row.Kind = "contact_point_only"
	}
	if p.PersonRef != "" {
		row.PersonRef = p.PersonRef
	}
}
