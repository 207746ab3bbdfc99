package main

import (
	"context"
	"errors"
	"math"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

// covering returns the checkpoint by which the entry at seq is proved: the newest that
// witnesses have cosigned, if it covers the entry and the key that is valid now has
// signed it; else the newest that was published.
func (d *daemon) covering(ctx context.Context, seq uint64) ([]byte, uint64, error) {
	size, note, err := d.ledger.Cosigned(math.MaxUint64)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, 0, err
	}
	if err == nil && size > seq {
		if _, err := chain.OpenCheckpoint(note, d.logKeys()[0]); err == nil {
			return note, size, nil
		}
	}
	return d.head.publish(ctx)
}

// signed returns a signed checkpoint of exactly that size: a cosigned one, or the newest.
func (d *daemon) signed(ctx context.Context, size uint64) ([]byte, error) {
	at, note, err := d.ledger.Cosigned(size)
	if err == nil && at == size {
		return note, nil
	}
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	note, at, err = d.head.publish(ctx)
	if err != nil || at != size {
		return nil, err
	}
	return note, nil
}

// newestStamps is how many timestamps go into a bundle, from the newest on.
const newestStamps = 16

// evidence returns what others said of the ledger at sizes up to size: the newest
// checkpoint that witnesses have cosigned, and the newest timestamps.
func (d *daemon) evidence(size uint64) ([]query.Statement, error) {
	var all []query.Statement
	at, note, err := d.ledger.Cosigned(size)
	switch {
	case err == nil:
		all = append(all, query.Statement{Size: at, Section: query.Section{Kind: chain.SectionCosigned, Body: note}})
	case !errors.Is(err, ledger.ErrNotFound):
		return nil, err
	}
	stamps, err := d.ledger.Timestamps(size, newestStamps)
	for _, t := range stamps {
		body := chain.AppendTimestamp(nil, chain.Timestamp{Text: t.Checkpoint(d.ledger.Origin()), Token: t.Token})
		all = append(all, query.Statement{Size: t.Size, Section: query.Section{Kind: chain.SectionTimestamp, Body: body}})
	}
	return all, err
}

// A prover proves entries to their publishers. It is asked once clients are served, when
// the head record is there.
type prover struct{ d *daemon }

// Prove implements [gateway.Prover]: one checkpoint is published for all.
func (p prover) Prove(ctx context.Context, seqs []uint64, fn func(i int, proof []byte)) error {
	note, size, err := p.d.head.publish(ctx)
	if err != nil {
		return err
	}
	for i, seq := range seqs {
		if err := ctx.Err(); err != nil {
			return err
		}
		proof, err := p.d.ledger.TlogProof(seq, size, note)
		if err != nil {
			return err
		}
		fn(i, proof)
	}
	return nil
}
