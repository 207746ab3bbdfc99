package gateway

import (
	"context"
	"encoding/json"
	"time"
)

// HeaderProof is the header of a submission that asks, with the value 1, for the proof of
// its entry in the receipt: the text of a C2SP tlog-proof in the member proof, under a
// checkpoint that was published first. If none can be made in time, the member unproved
// says so instead; the receipt is as good without it.
const HeaderProof = "Greffe-Proof"

// A Prover proves entries that are on the ledger's disk.
type Prover interface {
	// Prove calls fn with the proof file of each entry, all under one published
	// checkpoint. After an error those that fn was not called with have none.
	Prove(ctx context.Context, seqs []uint64, fn func(i int, proof []byte)) error
}

// provePatience is how long a receipt waits for its proof, and proveBatch how many
// proofs are made under one checkpoint.
const (
	provePatience = 5 * time.Second
	proveBatch    = 1024
)

// unproved is the member of a receipt that has no proof.
const unproved = `,"unproved":"the proof could not be made in time: ask for it by greffe prove, or by sending the event again"}`

// An owed receipt lacks nothing but its proof.
type owed struct {
	waiter
	seq  uint64
	text string
}

// hand answers a request that was not admitted, from what the ledger has.
func (g *Gateway) hand(w waiter, place Place, d Disposition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.proof {
		g.send(w.reply, g.receipt(w, place, d))
	} else if g.admit(w, 0) {
		g.owe(w, place.Seq, g.receipt(w, place, d))
	}
}

// owe puts off the answer to a request that was admitted. g.mu is held.
func (g *Gateway) owe(w waiter, seq uint64, text string) {
	g.owed = append(g.owed, owed{w, seq, text})
	select {
	case g.prove <- struct{}{}:
	default:
	}
}

// payAll makes the proofs that are owed until ctx ends. What comes while some are being
// made is proved together, under the next checkpoint.
func (g *Gateway) payAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.prove:
		}
		for batch := g.nextOwed(); len(batch) > 0 && ctx.Err() == nil; batch = g.nextOwed() {
			g.pay(ctx, batch)
		}
	}
}

func (g *Gateway) nextOwed() []owed {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.owed), proveBatch)
	batch := g.owed[:n:n]
	g.owed = g.owed[n:]
	return batch
}

// pay gives a batch of receipts out, those that could not be proved in time without.
func (g *Gateway) pay(ctx context.Context, batch []owed) {
	seqs, paid := make([]uint64, len(batch)), make([]bool, len(batch))
	for i := range batch {
		seqs[i] = batch[i].seq
	}
	if g.o.Prover != nil {
		patience, cancel := context.WithTimeout(ctx, provePatience)
		defer cancel()
		err := g.o.Prover.Prove(patience, seqs, func(i int, proof []byte) {
			paid[i] = true
			g.settleOwed(batch[i], g.withProof(batch[i].text, proof))
		})
		if err != nil && ctx.Err() == nil {
			g.o.Log.Error("receipts go out without their proofs", "events", len(batch), "error", err)
		}
	}
	for i, done := range paid {
		if !done {
			g.settleOwed(batch[i], batch[i].text[:len(batch[i].text)-1]+unproved)
		}
	}
}

func (g *Gateway) settleOwed(o owed, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reply(o.waiter, text)
}

// withProof adds the proof to a receipt, or says that there is none if the server would
// not take so large an answer.
func (g *Gateway) withProof(receipt string, proof []byte) string {
	open := receipt[:len(receipt)-1]
	text, err := json.Marshal(string(proof))
	if err != nil || int64(len(receipt)+len(text)+16) > g.nc.MaxPayload() {
		return open + unproved
	}
	return open + `,"proof":` + string(text) + "}"
}
