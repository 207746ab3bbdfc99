package gateway_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
)

// The wiring that the daemon has too: ingest knows no NATS, the gateway no ledger.

type source struct{ *stream.Stream }

func (s source) State(ctx context.Context) (ingest.State, error) {
	st, err := s.Stream.State(ctx)
	return ingest.State{Created: st.Created.UnixNano(), Epoch: st.Epoch, FirstSeq: st.FirstSeq, LastSeq: st.LastSeq, Deleted: st.Deleted}, err
}

func (s source) Get(ctx context.Context, seq uint64) (ingest.Message, error) {
	m, err := s.Stream.Get(ctx, seq)
	return ingest.Message{Seq: m.Seq, At: m.At.UnixNano(), Topic: m.Topic, Data: m.Data}, err
}

func (s source) Reader(ctx context.Context, seq uint64) (ingest.Reader, error) {
	r, err := s.Stream.Reader(ctx, seq)
	return &reader{r}, err
}

type reader struct{ *stream.Reader }

func (r *reader) Next(ctx context.Context, dst []ingest.Message, max int) ([]ingest.Message, error) {
	ms, err := r.Reader.Next(ctx, nil, max)
	for _, m := range ms {
		dst = append(dst, ingest.Message{Seq: m.Seq, At: m.At.UnixNano(), Topic: m.Topic, Data: m.Data})
	}
	return dst, err
}

type asked struct{ *ledger.Ledger }

func (a asked) First(publisher string, id [16]byte) (gateway.Place, [32]byte, bool, error) {
	seq, digest, err := a.Find(publisher, id)
	p, ok, err := a.place(seq, err)
	return p, digest, ok, err
}

func (a asked) Conflict(publisher string, id [16]byte, digest [32]byte) (gateway.Place, bool, error) {
	return a.place(a.FindConflict(publisher, id, digest))
}

func (a asked) place(seq uint64, err error) (gateway.Place, bool, error) {
	if errors.Is(err, ledger.ErrNotFound) {
		return gateway.Place{}, false, nil
	}
	if err != nil {
		return gateway.Place{}, false, err
	}
	r, err := a.Record(seq)
	return gateway.Place{Seq: seq, Leaf: chain.LeafHash(r.Header)}, err == nil, err
}

func committed(drafts []ledger.Draft, placed []ledger.Placed) []gateway.Committed {
	out := make([]gateway.Committed, len(placed))
	for i, p := range placed {
		d := &drafts[i]
		out[i] = gateway.Committed{Publisher: d.Publisher, ID: d.ID, Digest: d.ContentDigest,
			Place: gateway.Place{Seq: p.Seq, Leaf: p.Leaf}, Disposition: gateway.Disposition(p.Disposition.String())}
	}
	return out
}

func quantile(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
}
