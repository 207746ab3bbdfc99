package gateway_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// A prover proves by the newest checkpoint, as the daemon does.
type prover struct {
	s     *system
	calls atomic.Int64
	fail  atomic.Int64 // from this proof of a call on; 0 never
	hang  atomic.Bool
}

func (p *prover) Prove(ctx context.Context, seqs []uint64, fn func(int, []byte)) error {
	p.calls.Add(1)
	if p.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	edge := p.s.ledger.Edge()
	for i, seq := range seqs {
		if n := p.fail.Load(); n > 0 && int64(i)+1 >= n {
			return errors.New("no checkpoint can be published")
		}
		text, err := p.s.ledger.TlogProof(seq, edge.Size, edge.Checkpoint)
		if err != nil {
			return err
		}
		fn(i, text)
	}
	return nil
}

func startProving(t testing.TB) (*system, *prover) {
	return startProvingWith(t, gateway.Options{})
}

func startProvingWith(t testing.TB, o gateway.Options) (*system, *prover) {
	t.Helper()
	p := &prover{}
	o.Prover = p
	s := start(t, o)
	p.s = s
	return s, p
}

// all submits events as hr and returns their receipts.
func (s *system) all(t testing.TB, proofs bool, events iter.Seq2[[]byte, error]) (receipts []gateway.Receipt) {
	t.Helper()
	nc := s.Connect(t, stream.RolePublisher, "hr")
	defer nc.Close()
	c := gateway.NewClient(nc, "main", "hr")
	c.Proofs = proofs
	err := c.SubmitAll(t.Context(), events, func(_ int, r gateway.Receipt) error { receipts = append(receipts, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return receipts
}

func several(first, n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			if !yield(event(first+i, 400), nil) {
				return
			}
		}
	}
}

// checkProof holds the proof of a receipt against the receipt.
func (s *system) checkProof(t testing.TB, r gateway.Receipt) {
	t.Helper()
	p, err := chain.ParseTlogProof([]byte(r.Proof))
	if err != nil || p.Seq != r.Seq || r.Unproved != "" {
		t.Fatalf("receipt of seq %d: a proof of %d, %v, %s", r.Seq, p.Seq, err, r.Unproved)
	}
	if report, err := verify.Proof([]byte(r.Proof), s.verifier, verify.Options{}); err != nil || report.Outcome() != verify.Sound {
		t.Fatalf("the proof of seq %d does not hold: %+v", r.Seq, report.Faults)
	}
}

// Whatever becomes of an event, its receipt carries the proof if it was asked for.
func TestReceiptsWithProofs(t *testing.T) {
	s, p := startProving(t)
	receipts := s.all(t, true, several(1, 600))
	for i, r := range receipts {
		if r.Disposition != gateway.Recorded || r.Seq != uint64(i+1) {
			t.Fatalf("event %d: %+v", i, r)
		}
		s.checkProof(t, r)
	}
	if calls := p.calls.Load(); calls > 300 {
		t.Errorf("%d calls for 600 proofs: they are to be made together", calls)
	}
	others := func(yield func([]byte, error) bool) {
		_ = yield(event(1, 400), nil) && yield(event(1, 401), nil) && yield(event(1, 401), nil) && yield([]byte("{"), nil) && yield([]byte("{"), nil)
	}
	want := []gateway.Disposition{gateway.Duplicate, gateway.Conflict, gateway.Conflict, gateway.Quarantined, gateway.Quarantined}
	for i, r := range s.all(t, true, others) {
		if r.Disposition != want[i] {
			t.Errorf("event %d: %s, want %s", i, r.Disposition, want[i])
		}
		s.checkProof(t, r)
	}
	before := p.calls.Load()
	for _, r := range s.all(t, false, several(1000, 10)) {
		if r.Proof != "" || r.Unproved != "" {
			t.Errorf("nobody asked for %+v", r)
		}
	}
	if p.calls.Load() != before {
		t.Error("proofs were made that nobody asked for")
	}
	if n := s.gateway.Counts(); n.Recorded != 610 || n.Duplicate != 1 || n.Conflict != 2 || n.Quarantined != 2 || n.Failed+n.Busy != 0 {
		t.Errorf("counts %+v", n)
	}
}

// A receipt does not depend on its proof.
func TestReceiptsWithoutTheirProofs(t *testing.T) {
	s, p := startProving(t)
	p.fail.Store(2)
	proved := 0
	for _, r := range s.all(t, true, several(1, 300)) {
		if r.Disposition != gateway.Recorded {
			t.Fatalf("%+v", r)
		}
		if r.Proof != "" {
			s.checkProof(t, r)
			proved++
		} else if !strings.Contains(r.Unproved, "greffe prove") {
			t.Fatalf("%+v says not why", r)
		}
	}
	if proved == 0 || proved == 300 {
		t.Errorf("%d of 300 are proved", proved)
	}
	p.fail.Store(0)
	p.hang.Store(true)
	if r := s.all(t, true, several(1000, 1)); r[0].Disposition != gateway.Recorded || r[0].Unproved == "" {
		t.Errorf("%+v", r[0])
	}
	p.hang.Store(false)
	if r := s.all(t, true, several(1000, 1)); r[0].Disposition != gateway.Duplicate || r[0].Proof == "" {
		t.Errorf("sent again: %+v", r[0])
	}
}

// Without a prover a receipt says so.
func TestNoProver(t *testing.T) {
	s := start(t, gateway.Options{})
	if r := s.all(t, true, several(1, 1)); r[0].Disposition != gateway.Recorded || r[0].Unproved == "" {
		t.Errorf("%+v", r[0])
	}
}

// Requests that wait for proofs are bounded like all others.
func TestProofsAreAdmitted(t *testing.T) {
	s, p := startProvingWith(t, gateway.Options{MaxInFlight: 8})
	p.hang.Store(true)
	go func() { // let them go once all have been sent and some refused
		for s.gateway.Counts().Busy == 0 {
			time.Sleep(time.Millisecond)
		}
		p.hang.Store(false)
	}()
	for _, r := range s.all(t, true, several(1, 40)) {
		if r.Disposition != gateway.Recorded && r.Disposition != gateway.Duplicate {
			t.Errorf("%+v", r)
		}
	}
}
