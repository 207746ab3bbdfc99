package projections

import "greffe/events"

// A Processor is somebody else who handles personal data (GDPR 28, 30(1)(d)).
type Processor struct {
	Base
	events.ProcessorRegistered

	OffboardedOn    events.Date         `json:"offboarded_on,omitzero"`
	DataDisposition events.ReturnedData `json:"data_disposition,omitzero"`
	Certificate     events.SHA256       `json:"certificate,omitzero"` // of return or deletion
}

func processorColumns() []Column {
	return columns("id Ref/Réf", "name Name/Nom", "category Category/Catégorie", "category_text Service/Service", "relationship Relationship/Relation", "countries Countries/Pays", "status Status/État")
}

func foldProcessor() folder {
	m := states(`
		state      | registered | amended     | offboarded
		(none)     | ->active   | !candidate  | =
		candidate  | ->active   | ->candidate | ->offboarded
		active     | = A-DUP    | ->active    | ->offboarded
		offboarded | = A-DUP    | !offboarded | =
	`)
	return aggregates(m, func(c *call, row *Processor) {
		switch p := c.fact.Payload.(type) {
		case *events.ProcessorRegistered:
			row.ProcessorRegistered = *p
		case *events.ProcessorOffboarded:
			row.DataDisposition, row.Certificate, row.OffboardedOn = p.DataDisposition, p.Certificate, p.OffboardedOn
			if row.OffboardedOn == "" {
				row.OffboardedOn = c.day()
			}
		}
	})
}
