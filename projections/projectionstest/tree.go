package projectionstest

import (
	"fmt"

	"greffe/ledger/chain"
)

// node is the ledger's [chain.NodeFunc]. Hashes that were computed are kept.
func (l *Ledger) node(level int, n uint64) (chain.Hash, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.levels) <= level {
		l.levels = append(l.levels, nil)
	}
	for seq := uint64(len(l.levels[0])); seq < uint64(len(l.Records)); seq++ {
		l.levels[0] = append(l.levels[0], chain.LeafHash(l.Records[seq].Header))
	}
	for row := 1; row <= level; row++ {
		below := l.levels[row-1]
		for i := len(l.levels[row]); 2*i+1 < len(below); i++ {
			l.levels[row] = append(l.levels[row], chain.SubtreeHash(append(below[2*i][:], below[2*i+1][:]...)))
		}
	}
	return l.levels[level][n], nil
}

// Inclusion returns the audit path of an entry.
func (l *Ledger) Inclusion(size, seq uint64) ([]chain.Hash, error) {
	return chain.ProveInclusion(size, seq, l.node)
}

// Consistency proves that the first old entries are a prefix of the first size ones.
func (l *Ledger) Consistency(old, size uint64) ([]chain.Hash, error) {
	return chain.ProveConsistency(old, size, l.node)
}

// RootAt returns the root over the first size entries.
func (l *Ledger) RootAt(size uint64) (chain.Hash, error) {
	if size > l.Size() {
		return chain.Hash{}, fmt.Errorf("there are %d entries in this ledger, not %d", l.Size(), size)
	}
	var f chain.Frontier
	for seq := range size {
		f.Append(chain.LeafHash(l.Records[seq].Header))
	}
	return f.Root(), nil
}

// TlogProof returns the proof file of an entry.
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

// Headers calls fn for the headers of the entries from (included) to (excluded).
func (l *Ledger) Headers(from, to uint64, fn func(chain.Header) error) error {
	return l.Read(from, to, func(r chain.Record) error { return fn(r.Header) })
}
