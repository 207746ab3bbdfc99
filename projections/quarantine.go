package projections

import (
	"fmt"

	"greffe/events"
	"greffe/ledger/chain"
)

// A QuarantinedItem is one submission that could not be taken, until somebody
// releases or discards it (domain.md §1.5). Its bytes are not here.
type QuarantinedItem struct {
	Base
	Publisher  string                    `json:"publisher,omitzero"` // whose submission it was
	Reasons    []events.QuarantineReason `json:"reasons,omitzero"`
	ByteLength uint64                    `json:"byte_length"`
}

// The statuses of a quarantined item.
const (
	statusOpen      = "open"
	statusReleased  = "released"
	statusDiscarded = "discarded"
)

func quarantineColumns() []Column {
	return columns("id Item/Élément", "publisher Publisher/Émetteur", "byte_length Bytes/Octets", "status Status/État", "occurred_at Since/Depuis")
}

// foldQuarantine keeps the items apart by the id of the event that quarantined them,
// or by the seq of a message that ingest could not read.
func foldQuarantine(c *call) {
	switch {
	case c.fact.Entry.Disposition == chain.Quarantined:
		row, _ := find[QuarantinedItem](c, fmt.Sprintf("seq-%d", c.fact.Entry.Seq))
		row.Status, row.Publisher, row.ByteLength = statusOpen, c.fact.Entry.Publisher, uint64(c.fact.Entry.PayloadLen)
		c.effect = Applied
		c.put(row)
	case c.fact.Verb == "quarantined":
		row, _ := find[QuarantinedItem](c, string(c.fact.Event.ID))
		quarantined(c, row)
	case c.fact.Kind == kindQuarantine:
		decideQuarantine(c)
	}
}

// decideQuarantine closes an item: the aggregate is the item.
func decideQuarantine(c *call) {
	row, known := find[QuarantinedItem](c, c.fact.ID)
	switch {
	case !known:
		c.keep(UnknownAgg)
		return
	case row.Status != statusOpen:
		c.keep(Illegal)
		return
	case c.fact.Verb == "released":
		row.Status = statusReleased
	case c.fact.Verb == "discarded":
		row.Status = statusDiscarded
	}
	c.put(row)
}

// Quarantined returns how many items wait for a decision.
func Quarantined(v View) (int, error) {
	c, err := v.Counts(quarantineRegister)
	return c.Statuses[statusOpen], err
}

// quarantined opens the item of a submission that the gateway could not take.
func quarantined(c *call, row *QuarantinedItem) {
	p, ok := c.fact.Payload.(*events.LedgerQuarantined)
	if !ok {
		return
	}
	row.Status, row.Publisher, row.Reasons, row.ByteLength = statusOpen, string(p.Publisher), p.Reasons, uint64(p.ByteLength)
	c.put(row)
}
