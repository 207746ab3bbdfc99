package main

import (
	"context"
	"runtime/debug"
	"time"
)

// quietAfter is how long nothing must have been entered before memory is given back.
const quietAfter = 10 * time.Second

// giveBack returns the memory of a burst, of events or of proofs, to the system once it
// is over: left alone, the runtime keeps several hundred megabytes for minutes.
func (d *daemon) giveBack(ctx context.Context) error {
	tick := time.NewTicker(quietAfter)
	defer tick.Stop()
	before, freed := d.ledger.Size(), d.ledger.Size()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		size, rested := d.ledger.Size(), d.ledger.Rest()
		if rested || size == before && size != freed {
			debug.FreeOSMemory()
			freed = size
		}
		before = size
	}
}
