// Package projectionstest holds ledgers in memory for tests of registers.
package projectionstest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"greffe/events"
	"greffe/ledger/chain"
)

// Publisher is who publishes what [Ledger.Append] enters.
const Publisher = "tester"

// LedgerID is the id of every ledger made here, in hexadecimal.
const LedgerID = "00112233445566778899aabbccddeeff"

// A Ledger is a chain of entries in memory. The zero value is empty; [New] makes one with
// its genesis.
type Ledger struct {
	Records []chain.Record
	clock   int64
	mu      sync.Mutex     // over levels
	levels  [][]chain.Hash // of the tree, as far as somebody asked for it
}

// New returns a ledger that holds its genesis.
func New(t testing.TB) *Ledger {
	t.Helper()
	l := &Ledger{clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano()}
	l.Enter(t, "greffe", chain.Recorded, events.Event{
		ID: events.IDFromBytes([16]byte{1}), Source: "test", Type: events.TypeLedgerOpened, Aggregate: "ledger/main",
		OccurredAt: "2026-11-23T13:00:00+01:00", RecordedAt: "2026-11-23T13:00:00+01:00", Actor: "system/greffe",
		Data: []byte(`{"ledger":"main","ledger_id":"` + LedgerID + `","origin":"greffe/main/00112233","vkey":"greffe/main/00112233+0+AA","zone":"Europe/Paris","calendar":"FR","format":1}`),
	})
	return l
}

// Append enters a recorded event of [Publisher].
func (l *Ledger) Append(t testing.TB, ev events.Event) chain.Record {
	t.Helper()
	return l.Enter(t, Publisher, chain.Recorded, ev)
}

// Enter enters an event with a disposition. The next entry is one second later.
func (l *Ledger) Enter(t testing.TB, publisher string, d chain.Disposition, ev events.Event) chain.Record {
	t.Helper()
	payload, err := ev.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := chain.Entry{
		Seq: uint64(len(l.Records)), Epoch: 1, StreamSeq: uint64(len(l.Records)) + 1, LedgeredAt: l.clock,
		Disposition: d, PayloadHash: sha256.Sum256(payload), PayloadLen: uint32(len(payload)),
		EventID: ev.ID.Bytes(), Publisher: publisher, Type: ev.Type, Aggregate: ev.Aggregate,
	}
	if d == chain.Quarantined {
		e.PayloadHash, e.EventID, e.Publisher, e.Type, e.Aggregate = chain.Hash{}, [16]byte{}, "", "", ""
	}
	if n := len(l.Records); n > 0 {
		e.Prev = chain.LeafHash(l.Records[n-1].Header)
	} else {
		e.Prev = chain.GenesisPrev([16]byte{})
	}
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	rec := chain.Record{Entry: e, Header: header}
	if d.KeepsPayload() {
		rec.Payload = payload
	}
	l.Records = append(l.Records, rec)
	l.clock += int64(time.Second)
	return rec
}

// Event returns an event with a fresh id, its instants in November 2026. data is JSON.
func (l *Ledger) Event(wire, aggregate, data string) events.Event {
	n := len(l.Records)
	id := [16]byte{2}
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	at := events.InstantOf(time.Date(2026, 11, 1, 9, n, 0, 0, time.FixedZone("", 3600)))
	return events.Event{
		ID: events.IDFromBytes(id), Source: "test", Type: wire, Aggregate: aggregate,
		OccurredAt: at, RecordedAt: at, Actor: "service/tester", Data: []byte(data),
	}
}

// Size returns the number of entries.
func (l *Ledger) Size() uint64 { return uint64(len(l.Records)) }

// Record returns one entry.
func (l *Ledger) Record(seq uint64) (chain.Record, error) {
	if seq >= l.Size() {
		return chain.Record{}, fmt.Errorf("entry %d is not in this ledger", seq)
	}
	return l.Records[seq], nil
}

// Read calls fn for the entries from (included) to (excluded).
func (l *Ledger) Read(from, to uint64, fn func(chain.Record) error) error {
	for seq := from; seq < min(to, l.Size()); seq++ {
		if err := fn(l.Records[seq]); err != nil {
			return err
		}
	}
	return nil
}

// Prefix returns a ledger of the first n entries.
func (l *Ledger) Prefix(n uint64) *Ledger { return &Ledger{Records: l.Records[:n:n], clock: l.clock} }
