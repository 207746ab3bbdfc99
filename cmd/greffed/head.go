package main

import (
	"context"
	"encoding/hex"
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

	mu       sync.Mutex       // one writer
	shown    chain.Checkpoint // what the record holds and this ledger agrees with
	signed   []byte           // the note of shown
	revision uint64           // of the record, once it has been verified
	ahead    chain.Checkpoint // what another daemon showed of entries that are not here yet
}

// errForked is the class of heads that cannot both be true. Nothing is shown after it.
var errForked = errors.New("this ledger contradicts what was shown to others")

// load reads the record, which must be signed by the ledger's key.
func (h *headKeeper) load(ctx context.Context) (chain.Checkpoint, error) {
	text, revision, err := h.record.Load(ctx)
	if err != nil || text == nil {
		return chain.Checkpoint{}, err
	}
	cp, err := chain.OpenCheckpoint(text, h.verifier)
	if err != nil {
		return cp, fmt.Errorf("the head record is not signed by this ledger's key, somebody else wrote it: %w", err)
	}
	h.revision = revision
	return cp, nil
}

// agree holds a checkpoint against the ledger, which has reached its size.
func (h *headKeeper) agree(cp chain.Checkpoint) error {
	root, err := h.ledger.RootAt(cp.Size)
	if err != nil {
		return err
	}
	if root != cp.Root {
		return fmt.Errorf("%w: a checkpoint of %d entries with root %x was shown, this ledger has root %x at that size; it is a restored or forked copy, compare both before going on",
			errForked, cp.Size, cp.Root[:], root[:])
	}
	return nil
}

// start holds the record against the ledger, which has reached its size, before
// anything is shown.
func (h *headKeeper) start(cp chain.Checkpoint) error {
	if cp.Size == 0 {
		if size := h.ledger.Size(); size > 1 { // else the ledger was just opened
			h.log.Warn("the head record is absent, writing it anew", "size", size)
		}
		return nil
	}
	return h.agree(cp)
}

// run publishes the newest checkpoint at most every second. It ends with an error only
// if this ledger contradicts what was shown.
func (h *headKeeper) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_, _, err := h.publish(ctx)
		if errors.Is(err, errForked) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			h.log.Warn("the head record could not be written", "error", err)
		}
	}
}

// publish returns a checkpoint that is in the record, that this ledger agrees with, and
// that covers everything synced before the call.
func (h *headKeeper) publish(ctx context.Context) ([]byte, uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for size := h.ledger.Size(); size > h.shown.Size; {
		if err := h.checkAhead(); err != nil {
			return nil, 0, err
		}
		edge := h.ledger.Edge()
		if edge.Size <= h.ahead.Size {
			// Another daemon has shown more than we have: what we have is covered.
			return edge.Checkpoint, edge.Size, nil
		}
		revision, err := h.record.Swap(ctx, edge.Checkpoint, h.revision)
		if errors.Is(err, stream.ErrMoved) {
			if h.ahead, err = h.load(ctx); err != nil {
				return nil, 0, err
			}
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		h.revision, h.signed = revision, edge.Checkpoint
		h.shown = chain.Checkpoint{Origin: h.ledger.Origin(), Size: edge.Size, Root: edge.Root}
	}
	return h.signed, h.shown.Size, nil
}

// newest returns the newest checkpoint that is in the record and that this ledger agrees
// with; nil if there is none yet.
func (h *headKeeper) newest() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.signed
}

// recorded reads the record and changes nothing: what is in it may be of another daemon.
func (h *headKeeper) recorded(ctx context.Context) (chain.Checkpoint, error) {
	text, _, err := h.record.Load(ctx)
	if err != nil || text == nil {
		return chain.Checkpoint{}, err
	}
	return chain.OpenCheckpoint(text, h.verifier)
}

// checkAhead compares what another daemon showed as soon as it can be. h.mu is held.
func (h *headKeeper) checkAhead() error {
	if h.ahead.Size == 0 || h.ahead.Size > h.ledger.Size() {
		return nil
	}
	if err := h.agree(h.ahead); err != nil {
		return err
	}
	h.ahead = chain.Checkpoint{}
	return nil
}

// point publishes, and returns the newest checkpoint that this daemon shows.
func (h *headKeeper) point(ctx context.Context) query.CheckpointPoint {
	if _, _, err := h.publish(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("the newest checkpoint could not be published", "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return query.CheckpointPoint{Size: h.shown.Size, Root: hex.EncodeToString(h.shown.Root[:])}
}
