package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"greffe/events"
)

// headKey is the one key of the head bucket.
const headKey = "head"

// A Head is the small record of the newest checkpoint that was shown to anybody,
// kept apart from the ledger so that a ledger restored from an old copy notices.
type Head struct{ kv jetstream.KeyValue }

// Head opens the ledger's head record, and makes its bucket on first use.
func (s *Stream) Head(ctx context.Context) (*Head, error) {
	kv, err := s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      events.HeadBucket(s.ledger),
		Description: "newest published checkpoint of the greffe ledger " + s.ledger,
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    max(1, s.opts.Replicas),
	})
	if err != nil {
		return nil, fmt.Errorf("open head record: %w", err)
	}
	return &Head{kv: kv}, nil
}

// Load returns the checkpoint in the record and its revision, or nil if there is none.
func (h *Head) Load(ctx context.Context) (checkpoint []byte, revision uint64, err error) {
	entry, err := h.kv.Get(ctx, headKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read head record: %w", err)
	}
	return entry.Value(), entry.Revision(), nil
}

// Swap writes the checkpoint if the record is still of that revision, and returns the
// new one. It fails with [ErrMoved] if somebody else wrote in between: load, compare,
// and decide again.
func (h *Head) Swap(ctx context.Context, checkpoint []byte, revision uint64) (uint64, error) {
	next, err := h.kv.Update(ctx, headKey, checkpoint, revision)
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) && api.ErrorCode == codeWrongLastSequence {
		return 0, fmt.Errorf("write head record: %w", ErrMoved)
	}
	if err != nil {
		return 0, fmt.Errorf("write head record: %w", err)
	}
	return next, nil
}
