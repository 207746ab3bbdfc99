package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// Inclusion returns the audit path of entry seq in the tree of the first size entries.
// It fails with [ErrNotFound] if the ledger is not that large.
func (l *Ledger) Inclusion(size, seq uint64) ([]chain.Hash, error) {
	node, err := l.nodes(size)
	if err != nil {
		return nil, err
	}
	return chain.ProveInclusion(size, seq, node)
}

// Consistency returns the proof that the first old entries are a prefix of the first
// size ones. It fails with [ErrNotFound] if the ledger is not that large.
func (l *Ledger) Consistency(old, size uint64) ([]chain.Hash, error) {
	node, err := l.nodes(size)
	if err != nil {
		return nil, err
	}
	return chain.ProveConsistency(old, size, node)
}

// RootAt returns the root hash of the tree over the first size entries.
func (l *Ledger) RootAt(size uint64) (chain.Hash, error) {
	node, err := l.nodes(size)
	if err != nil {
		return chain.Hash{}, err
	}
	var f chain.Frontier
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 0 {
			continue
		}
		h, err := node(level, size>>level-1)
		if err != nil {
			return chain.Hash{}, fmt.Errorf("root at size %d: %w", size, err)
		}
		f.AppendSubtree(level, h)
	}
	return f.Root(), nil
}

// TlogProof returns the proof file of entry seq under a signed checkpoint of the first
// size entries (FORMAT §5.3), the record in it.
func (l *Ledger) TlogProof(seq, size uint64, checkpoint []byte) ([]byte, error) {
	r, err := l.Record(seq)
	if err != nil {
		return nil, err
	}
	p := chain.TlogProof{Extra: chain.AppendRecord(nil, r.Header, r.Payload), Seq: seq, Checkpoint: checkpoint}
	if p.Hashes, err = l.Inclusion(size, seq); err != nil {
		return nil, err
	}
	return chain.AppendTlogProof(nil, &p), nil
}

// An Origination is the first event that a publisher made under an id.
type Origination struct {
	Publisher string
	Seq       uint64
}

// FindAll returns the first event of each publisher under an id, by publisher. It costs
// one look into the index for each publisher there ever was.
func (l *Ledger) FindAll(id [16]byte) ([]Origination, error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceID}, UpperBound: []byte{spaceID + 1}})
	if err != nil {
		return nil, fmt.Errorf("read the ledger's ids: %w", err)
	}
	defer it.Close()
	var found []Origination
	for ok := it.First(); ok; {
		end := slices.Index(it.Key(), 0)
		if end < 0 {
			return nil, fmt.Errorf("%w: an id's key names no publisher", ErrDamaged)
		}
		publisher := string(it.Key()[1:end])
		f, err := l.findFirst(publisher, id)
		switch {
		case err == nil && f.seq < l.Size():
			found = append(found, Origination{publisher, f.seq})
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, err
		}
		ok = it.SeekGE(append(append([]byte{spaceID}, publisher...), 1)) // the next publisher's
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("read the ledger's ids: %w", err)
	}
	return found, nil
}
