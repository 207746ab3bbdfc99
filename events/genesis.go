package events

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// TypeLedgerOpened is the type of the first event of every ledger.
const TypeLedgerOpened = "ledger.opened.v1"

// ErrGenesis means that an event cannot open a ledger.
var ErrGenesis = errors.New("not the opening of a ledger")

// ID returns the 16 bytes of the ledger's id.
func (o *LedgerOpened) ID() (id [16]byte, err error) {
	b, err := hex.DecodeString(string(o.LedgerID))
	if err != nil || len(b) != len(id) || hex.EncodeToString(b) != string(o.LedgerID) {
		return id, fmt.Errorf("%w: ledger_id is not 32 lower-case hexadecimal digits", ErrGenesis)
	}
	return [16]byte(b), nil
}

// ParseGenesis reads the payload of a ledger's first entry.
func ParseGenesis(canonical []byte) (LedgerOpened, error) {
	var g LedgerOpened
	ev, err := Parse(canonical)
	if err != nil {
		return g, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	if ev.Type != TypeLedgerOpened {
		return g, fmt.Errorf("%w: its type is not %s", ErrGenesis, TypeLedgerOpened)
	}
	if err := json.Unmarshal(ev.Data, &g); err != nil {
		return g, fmt.Errorf("%w: its data cannot be read", ErrGenesis)
	}
	_, err = g.ID()
	return g, err
}

// TypeQuarantined is the type of the event by which the gateway keeps that something
// was submitted which it could not take.
const TypeQuarantined = "ledger.quarantined.v1"

// Types of the events that change which key signs; see FORMAT §4.1.
const (
	TypeKeyRotated = "ledger.key_rotated.v1"
	TypeKeyRevoked = "ledger.key_revoked.v1"
)
