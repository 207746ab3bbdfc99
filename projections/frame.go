package projections

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // the same zones on every host

	"greffe/events"
	"greffe/ledger/chain"
)

// RuleSet names the version of the folds and rules of this build. It is part of every
// digest: another rule set may show the same entries differently, and says so.
const RuleSet = "greffe-rules/1"

// ErrFrame means that an entry cannot be the first one of a ledger.
var ErrFrame = errors.New("not the first entry of a ledger")

// A Frame is what the genesis of a ledger fixes for every fold.
type Frame struct {
	Ledger   string
	LedgerID string         // 32 lower-case hexadecimal digits
	Zone     *time.Location // in which civil days are counted
	Calendar string         // of public holidays
}

// FrameOf reads the frame from the entry at seq 0. It fails with [ErrFrame] if the
// record is another entry or names a zone that does not exist.
func FrameOf(genesis chain.Record) (Frame, error) {
	if genesis.Entry.Seq != 0 || genesis.Entry.Type != events.TypeLedgerOpened {
		return Frame{}, fmt.Errorf("%w: seq %d is of another type", ErrFrame, genesis.Entry.Seq)
	}
	g, err := events.ParseGenesis(genesis.Payload)
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	zone, err := time.LoadLocation(g.Zone)
	if err != nil {
		return Frame{}, fmt.Errorf("%w: its time zone is not in the tz database", ErrFrame)
	}
	return Frame{Ledger: string(g.Ledger), LedgerID: string(g.LedgerID), Zone: zone, Calendar: string(g.Calendar)}, nil
}

// civilDate returns the day of an instant in the ledger's zone, as YYYY-MM-DD, or
// "" if the instant cannot be read.
func (f Frame) civilDate(i events.Instant) string {
	t, err := i.Time()
	if err != nil {
		return ""
	}
	return t.In(f.Zone).Format(time.DateOnly)
}
