package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
	"greffe/projections"
	"greffe/projections/query"
)

// source is the stream as ingest wants it: ingest knows no NATS.
type source struct{ *stream.Stream }

func (s source) State(ctx context.Context) (ingest.State, error) {
	st, err := s.Stream.State(ctx)
	if errors.Is(err, stream.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ingest.ErrNoStream, err)
	}
	return ingest.State{
		Created: st.Created.UnixNano(), Epoch: st.Epoch, FirstSeq: st.FirstSeq, LastSeq: st.LastSeq, Deleted: st.Deleted,
	}, err
}

func (s source) Get(ctx context.Context, seq uint64) (ingest.Message, error) {
	m, err := s.Stream.Get(ctx, seq)
	return message(m), err
}

func (s source) Reader(ctx context.Context, seq uint64) (ingest.Reader, error) {
	r, err := s.Stream.Reader(ctx, seq)
	if err != nil {
		return nil, err
	}
	return &reader{Reader: r}, nil
}

type reader struct {
	*stream.Reader
	buf []stream.Message
}

func (r *reader) Next(ctx context.Context, dst []ingest.Message, max int) ([]ingest.Message, error) {
	var err error
	r.buf, err = r.Reader.Next(ctx, r.buf[:0], max)
	for _, m := range r.buf {
		dst = append(dst, message(m))
	}
	return dst, err
}

func message(m stream.Message) ingest.Message {
	return ingest.Message{Seq: m.Seq, At: m.At.UnixNano(), Topic: m.Topic, Data: m.Data}
}

// gatewayLedger is the ledger as the gateway asks it.
type gatewayLedger struct{ *ledger.Ledger }

func (g gatewayLedger) First(publisher string, id [16]byte) (gateway.Place, [32]byte, bool, error) {
	seq, digest, err := g.Find(publisher, id)
	p, ok, err := g.place(seq, err)
	return p, digest, ok, err
}

func (g gatewayLedger) Conflict(publisher string, id [16]byte, digest [32]byte) (gateway.Place, bool, error) {
	return g.place(g.FindConflict(publisher, id, digest))
}

func (g gatewayLedger) place(seq uint64, err error) (gateway.Place, bool, error) {
	if errors.Is(err, ledger.ErrNotFound) {
		return gateway.Place{}, false, nil
	}
	if err != nil {
		return gateway.Place{}, false, err
	}
	r, err := g.Record(seq)
	if err != nil {
		return gateway.Place{}, false, err
	}
	return gateway.Place{Seq: seq, Leaf: chain.LeafHash(r.Header)}, true, nil
}

// dispositions are the chain's, in the words of receipts.
var dispositions = map[chain.Disposition]gateway.Disposition{
	chain.Recorded: gateway.Recorded, chain.Duplicate: gateway.Duplicate,
	chain.Conflict: gateway.Conflict, chain.Quarantined: gateway.Quarantined,
}

func committed(drafts []ledger.Draft, placed []ledger.Placed) []gateway.Committed {
	out := make([]gateway.Committed, len(placed))
	for i, p := range placed {
		d := &drafts[i]
		out[i] = gateway.Committed{
			Publisher: d.Publisher, ID: d.ID, Digest: d.ContentDigest,
			Place: gateway.Place{Seq: p.Seq, Leaf: p.Leaf}, Disposition: dispositions[p.Disposition],
		}
	}
	return out
}

// sources is what the query service may read.
func (d *daemon) sources() query.Sources {
	return query.Sources{
		Ledger: d.ledger,
		Find: func(publisher string, id events.ID) (uint64, bool, error) {
			seq, _, err := d.ledger.Find(publisher, id.Bytes())
			if errors.Is(err, ledger.ErrNotFound) {
				return 0, false, nil
			}
			return seq, err == nil, err
		},
		FindAll: func(id events.ID) ([]query.Origination, error) {
			found, err := d.ledger.FindAll(id.Bytes())
			out := make([]query.Origination, len(found))
			for i, f := range found {
				out[i] = query.Origination(f)
			}
			return out, err
		},
		Covering: d.covering, Signed: d.signed, Evidence: d.evidence, KeyEvents: d.ledger.KeyEvents,
		View:       func(ctx context.Context) (projections.View, error) { return d.follower.view(ctx) },
		Shown:      d.head.point,
		Checkpoint: d.head.publish,
		Status:     d.status,
		Log:        d.log,
	}
}

// status is what only the daemon knows.
func (d *daemon) status() query.Status {
	edge, n := d.ledger.Edge(), d.gateway.Counts()
	var witnessed *query.Witnessed
	var contradiction string
	if d.witnesses != nil {
		witnessed, contradiction = d.witnesses.status()
	}
	return query.Status{
		Witnessed: witnessed,
		Ledger:    d.folder.ledger, LedgerID: string(d.id.LedgerID), Origin: d.id.Origin, Zone: d.id.Zone,
		Size:       edge.Size,
		Head:       query.Head{Seq: edge.Head.Seq, LeafHash: hex.EncodeToString(edge.Leaf[:]), At: events.InstantOf(time.Unix(0, edge.Head.LedgeredAt).UTC())},
		Checkpoint: d.head.point(d.ended),
		Timestamp:  d.timestampPoint(edge.Size),
		Stream:     query.StreamPoint{Epoch: edge.Head.Epoch, Seq: edge.Head.StreamSeq},
		Trouble:    cmp.Or(d.ingest.Trouble(), contradiction),
		Submissions: map[string]uint64{
			"recorded": n.Recorded, "duplicate": n.Duplicate, "conflict": n.Conflict,
			"quarantined": n.Quarantined, "busy": n.Busy, "failed": n.Failed,
		},
		Started:   events.InstantOf(d.started),
		DiskBytes: map[string]uint64{"ledger": d.ledger.DiskBytes(), "projections": d.follower.store.DiskBytes(), "stream": d.streamBytes()},
	}
}

func (d *daemon) streamBytes() uint64 {
	ctx, cancel := context.WithTimeout(d.ended, time.Second)
	defer cancel()
	st, err := d.stream.State(ctx)
	if err != nil {
		return 0
	}
	return st.Bytes
}
