package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"greffe/ledger"
)

// Check holds the stream against the ledger once, before anything is served.
func (in *Ingest) Check(ctx context.Context) error { return in.checkAnchor(ctx) }

// checkAnchor holds the stream against the ledger's head: same stream, nothing
// deleted, not shorter, and the same message at the head's place. A stream that fell
// back and grew again past the head passes every other test, so the message itself
// is compared.
func (in *Ingest) checkAnchor(ctx context.Context) error {
	edge := in.ledger.Edge() // before the stream is asked: both grow while we look
	st, err := in.src.State(ctx)
	if errors.Is(err, ErrNoStream) && edge.Size > 0 {
		return fmt.Errorf("%w: the stream is gone, the ledger has %d entries of it; restore the stream, or point the daemon at the right server", ErrDiverged, edge.Size)
	}
	if err != nil {
		return err
	}
	if edge.Size == 0 {
		in.created, in.epoch = st.Created, st.Epoch
		return nil
	}
	anchor := edge.Anchor
	switch {
	case st.Created != anchor.StreamCreated:
		return fmt.Errorf("%w: the stream was made anew at %s, the ledger has %d entries of an older one; restore the stream, or point the daemon at the right server",
			ErrDiverged, time.Unix(0, st.Created).UTC().Format(time.RFC3339), edge.Size)
	case st.Epoch != edge.Head.Epoch:
		return fmt.Errorf("%w: the stream is in epoch %d, the ledger's head in epoch %d", ErrDiverged, st.Epoch, edge.Head.Epoch)
	case st.LastSeq < anchor.StreamSeq:
		return fmt.Errorf("%w: the stream ends at message %d, the ledger has entered message %d; the stream lost its tail, restore it", ErrDiverged, st.LastSeq, anchor.StreamSeq)
	case st.Deleted > 0 || st.FirstSeq > 1:
		return fmt.Errorf("%w: %d messages are gone from the stream, which begins at %d", ErrDiverged, st.Deleted, st.FirstSeq)
	}
	m, err := in.src.Get(ctx, anchor.StreamSeq)
	if err != nil {
		return err
	}
	if m.At != anchor.At || ledger.AnchorDigest(m.Topic, m.Data) != anchor.Digest {
		return fmt.Errorf("%w: message %d of the stream is not the one that entry %d was made from; compare with another daemon before going on", ErrDiverged, anchor.StreamSeq, edge.Head.Seq)
	}
	in.created, in.epoch = st.Created, st.Epoch
	return nil
}

// watchAnchor repeats the check while messages are read. A server that does not
// answer is no divergence: the reader notices by itself.
func (in *Ingest) watchAnchor(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(in.o.CheckEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := in.recheck(ctx); err != nil {
			cancel(err)
			return
		}
	}
}

func (in *Ingest) recheck(ctx context.Context) error {
	// Another value, because checkAnchor sets what the reading goroutine owns.
	probe := Ingest{src: in.src, ledger: in.ledger, o: in.o}
	err := probe.checkAnchor(ctx)
	if err != nil && !isDiverged(err) {
		in.o.Log.Warn("the stream could not be checked", "error", err)
		return nil
	}
	return err
}
