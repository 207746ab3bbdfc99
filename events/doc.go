// Package events says what happened: the envelope of an event, its canonical
// bytes, and the one table of event types.
//
// An event is a compliance-relevant fact, as published: an edit of a register,
// a breach, a consent, a step of a data-subject request, a deletion. On the wire
// it is one CloudEvents 1.0 object in structured JSON; in the ledger it is the
// canonical form of the same object, and that form is what is hashed.
//
// The package guarantees
//
//   - one encoding per value: [AppendCanonical] accepts a value or refuses it,
//     and what it writes is the only form that it accepts unchanged;
//   - one table: everything that greffe knows about a type of event (payload,
//     personal-data classes, labels, law) is a row of the catalogue;
//   - no surprise: it imports nothing of greffe, does no I/O and reads no clock.
//
// # Example
//
//	{"data":{"outcome":"unchanged"},"id":"01JD0000000000000000000000",
//	 "recordedat":"2026-11-23T10:05:00+01:00","source":"hr-portal/4.2",
//	 "specversion":"1.0","subject":"processing_activity/FR-012",
//	 "time":"2026-11-23T10:00:00+01:00","type":"processing_activity.reviewed.v1"}
//
// # Why canonical JSON and not the bytes received
//
// The gateway seals personal fields before anything is durable, so the bytes
// received are never the bytes stored. Hashing one canonical form lets a
// publisher in any language retry an event without keeping its first bytes, and
// leaves no second reading of a signed fact: duplicate keys, invalid UTF-8, floats
// and nulls are refused instead of being interpreted.
package events
