package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"greffe/events/stream"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

// A headKeeper writes every checkpoint into the head record before it is shown to
// anybody, so that a ledger that was rolled back contradicts the record.
type headKeeper struct {
	record *stream.Head
	ledger *ledger.Ledger
	log    *slog.Logger

	mu       sync.Mutex       // one writer
	shown    chain.Checkpoint // what the record holds and this ledger agrees with
	signed   []byte           // the note of shown
	revision uint64           // of the record, once it has been verified
	ahead    recorded         // what another daemon showed of entries that are not here yet
}

// A recorded checkpoint is what the record holds.
type recorded struct {
	chain.Checkpoint
	text   []byte
	proved bool // signed by a key that this ledger knows
}

// errForked is the class of heads that cannot both be true. Nothing is shown after it.
var errForked = errors.New("this ledger contradicts what was shown to others")

// errUnsigned means that there is nothing to show yet.
var errUnsigned = errors.New("the ledger is catching up through entries that an older key signed, which is not here")

// load reads the record.
func (h *headKeeper) load(ctx context.Context) (recorded, error) {
	text, revision, err := h.record.Load(ctx)
	if err != nil || text == nil {
		return recorded{}, err
	}
	r := recorded{text: text}
	if err := h.prove(&r); err != nil {
		return r, err
	}
	h.revision = revision
	return r, nil
}

// prove wants the record to be signed by the key valid at its size. Only of a size that
// the ledger has not come to, the key may not be known yet: between may be a rotation.
func (h *headKeeper) prove(r *recorded) (err error) {
	r.Checkpoint, err = openOwn(h.ledger, r.text)
	r.proved = err == nil
	if err != nil && (r.Origin != h.ledger.Origin() || r.Size <= h.ledger.Size()) {
		return fmt.Errorf("the head record is not signed by this ledger's key, somebody else wrote it: %w", err)
	}
	return nil
}

// openOwn opens a checkpoint of this ledger by the key valid at its size, or, of a size
// that is still to come, by the newest that is known.
func openOwn(l *ledger.Ledger, text []byte) (chain.Checkpoint, error) {
	edge := l.Edge()
	cp, err := chain.OpenCheckpoint(text, edge.Keys.Verifier(edge.Size))
	if cp.Text == "" || cp.Size >= edge.Size {
		return cp, err
	}
	return chain.OpenCheckpoint(text, edge.Keys.Verifier(cp.Size))
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
func (h *headKeeper) start(r recorded) error {
	if r.Size == 0 {
		if size := h.ledger.Size(); size > 1 { // else the ledger was just opened
			h.log.Warn("the head record is absent, writing it anew", "size", size)
		}
		return nil
	}
	if err := h.prove(&r); err != nil {
		return err
	}
	return h.agree(r.Checkpoint)
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
		if edge.Checkpoint == nil {
			return nil, 0, errUnsigned
		}
		if edge.Size <= h.ahead.Size {
			if !h.ahead.proved {
				return nil, 0, fmt.Errorf("the head record is of %d entries and signed by a key that this ledger, with %d, does not know yet", h.ahead.Size, edge.Size)
			}
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
	return openOwn(h.ledger, text)
}

// checkAhead compares what another daemon showed as soon as it can be. h.mu is held.
func (h *headKeeper) checkAhead() error {
	if h.ahead.Size == 0 {
		return nil
	}
	reached := h.ahead.Size <= h.ledger.Size()
	if reached || !h.ahead.proved {
		if err := h.prove(&h.ahead); err != nil {
			return err
		}
	}
	if !reached {
		return nil
	}
	if err := h.agree(h.ahead.Checkpoint); err != nil {
		return err
	}
	h.ahead = recorded{}
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
