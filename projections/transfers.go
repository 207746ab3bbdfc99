package projections

import "greffe/events"

// A Transfer is a flow of data out of the EEA (GDPR 44 to 49, 30(1)(e)).
type Transfer struct {
	Base
	events.TransferRecorded
}

func transferColumns() []Column {
	return columns("id Ref/Réf", "exporter Exporter/Exportateur", "importer Importer/Importateur", "countries Countries/Pays", "mechanism Mechanism/Mécanisme", "valid_until Until/Au", "status Status/État")
}

func foldTransfer() folder {
	m := states(`
		state     | recorded | tia_recorded | suspended   | ended
		(none)    | ->active | =            | =           | =
		active    | = A-DUP  | ->active     | ->suspended | ->ended
		suspended | = A-DUP  | ->suspended  | =           | ->ended
		ended     | = A-DUP  | !ended       | =           | =
	`)
	return aggregates(m, func(c *call, row *Transfer) {
		if p, ok := c.fact.Payload.(*events.TransferRecorded); ok {
			row.TransferRecorded = *p
		}
	})
}
