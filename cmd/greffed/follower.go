package main

import (
	"context"
	"log/slog"
	"sync"

	"greffe/ledger"
	"greffe/projections"
	"greffe/projections/store"
)

// A follower keeps the registers up to the ledger.
type follower struct {
	store  *store.Store
	ledger *ledger.Ledger
	log    *slog.Logger
	grown  chan struct{}
	mu     sync.Mutex // one catch-up at a time
}

func newFollower(s *store.Store, l *ledger.Ledger, log *slog.Logger) *follower {
	return &follower{store: s, ledger: l, log: log, grown: make(chan struct{}, 1)}
}

// wake says that the ledger has grown.
func (f *follower) wake() {
	select {
	case f.grown <- struct{}{}:
	default:
	}
}

// run folds what comes, until ctx ends. Registers that cannot be folded are no reason
// to stop taking events: reads say what is wrong.
func (f *follower) run(ctx context.Context) error {
	for {
		if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
			f.log.Error("the registers could not be brought up to the ledger", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.grown:
		}
	}
}

func (f *follower) catchUp(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.store.Catchup(ctx, f.ledger)
}

// view opens the registers with everything folded in that was receipted before.
func (f *follower) view(ctx context.Context) (projections.View, error) {
	if err := f.catchUp(ctx); err != nil {
		return nil, err
	}
	return f.store.View()
}
