package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/stream"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

// A headKeeper writes every checkpoint into the head record before it is shown to
// anybody, so that a ledger that was rolled back contradicts the record.
type headKeeper struct {
	record   *stream.Head
	ledger   *ledger.Ledger
	verifier note.Verifier
	log      *slog.Logger

	mu     sync.Mutex // one writer
	shown  chain.Checkpoint
	signed []byte // the note of shown
}

// load reads the record and returns its size.
func (h *headKeeper) load(ctx context.Context) (uint64, error) {
	text, err := h.record.Load(ctx)
	if err != nil || text == nil {
		return 0, err
	}
	cp, err := chain.OpenCheckpoint(text, h.verifier)
	if err != nil {
		return 0, fmt.Errorf("the head record is not signed by this ledger's key: %w", err)
	}
	h.shown, h.signed = cp, text
	return cp.Size, nil
}

// check holds the record against the ledger, which has reached its size.
func (h *headKeeper) check() error {
	if h.signed == nil {
		if size := h.ledger.Size(); size > 1 { // else the ledger was just opened
			h.log.Warn("the head record is absent, writing it anew", "size", size)
		}
		return nil
	}
	root, err := h.ledger.RootAt(h.shown.Size)
	if err != nil {
		return err
	}
	if root != h.shown.Root {
		return fmt.Errorf("a checkpoint of %d entries with root %s was shown to others, this ledger has root %s at that size: it is a restored or forked copy, compare both before going on",
			h.shown.Size, h.shown.Root, root)
	}
	return nil
}

// run publishes the newest checkpoint at most every second.
func (h *headKeeper) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, _, err := h.publish(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("the head record could not be written", "error", err)
		}
	}
}

// publish returns a checkpoint that is in the record and covers everything synced
// before the call.
func (h *headKeeper) publish(ctx context.Context) ([]byte, uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	size := h.ledger.Size()
	for {
		if size <= h.shown.Size {
			return h.signed, h.shown.Size, nil
		}
		edge := h.ledger.Edge()
		err := h.record.Swap(ctx, edge.Checkpoint)
		if err == nil {
			h.shown, h.signed = chain.Checkpoint{Origin: h.ledger.Origin(), Size: edge.Size, Root: edge.Root}, edge.Checkpoint
			return h.signed, edge.Size, nil
		}
		if !errors.Is(err, stream.ErrMoved) {
			return nil, 0, err
		}
		if err := h.takeOver(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// takeOver reads the record that another daemon has written meanwhile. It only grows,
// so that the loop around it ends. h.mu is held.
func (h *headKeeper) takeOver(ctx context.Context) error {
	before := h.shown.Size
	size, err := h.load(ctx)
	if err != nil {
		return err
	}
	if size < before {
		return fmt.Errorf("the head record went back from %d to %d entries: somebody else writes it", before, size)
	}
	if size > h.ledger.Size() {
		return nil // ours will be held against it when it gets there
	}
	return h.check()
}

// shownPoint returns the newest published checkpoint.
func (h *headKeeper) shownPoint() query.CheckpointPoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return query.CheckpointPoint{Size: h.shown.Size, Root: fmt.Sprintf("%x", h.shown.Root[:])}
}
