package store

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"

	"greffe/projections"
)

// A view reads one snapshot of the store.
type view struct {
	snap *pebble.Snapshot
	meta meta
	of   *Store

	generation uint64 // of the store when the snapshot was taken
}

// View opens a snapshot of the registers, without waiting for a fold that is under way:
// it shows a prefix of the ledger then. It must be closed before the store is.
func (s *Store) View() (projections.View, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	snap := s.db.NewSnapshot()
	m, err := readMeta(snap)
	if err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	return &view{snap: snap, meta: m, of: s, generation: s.generation}, nil
}

// Size implements [projections.View].
func (v *view) Size() uint64 { return v.meta.size }

// Close implements [projections.View].
func (v *view) Close() error { return v.snap.Close() }

// scan yields what lies between two keys. Key and value are valid until the next.
func (v *view) scan(lower, upper []byte) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			yield(item{}, fmt.Errorf("read the store of registers: %w", err))
			return
		}
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			value, err := it.ValueAndErr()
			if !yield(item{it.Key(), value}, err) || err != nil {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(item{}, fmt.Errorf("read the store of registers: %w", err))
		}
	}
}

type item struct{ key, value []byte }

// Rows implements [projections.View].
func (v *view) Rows(register, after string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for it, err := range v.scan(rowBounds(register, after)) {
			if !yield(it.value, err) {
				return
			}
		}
	}
}

// Row implements [projections.View].
func (v *view) Row(register, id string) ([]byte, bool, error) {
	value, closer, err := v.snap.Get(appendRowKey(nil, register, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read a row of register %s: %w", register, err)
	}
	defer closer.Close()
	return slices.Clone(value), true, nil
}

// Counts implements [projections.View].
func (v *view) Counts(register string) (c projections.Counts, err error) {
	value, closer, err := v.snap.Get(countsKey(register))
	if errors.Is(err, pebble.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the counts of register %s: %w", register, err)
	}
	defer closer.Close()
	err = json.Unmarshal(value, &c)
	return c, err
}

// Anomalies implements [projections.View].
func (v *view) Anomalies(from, to uint64) iter.Seq2[projections.Anomaly, error] {
	lower, upper := appendAnomalyKey(nil, from, 0), appendAnomalyKey(nil, to, 0)
	return func(yield func(projections.Anomaly, error) bool) {
		for it, err := range v.scan(lower, upper) {
			var a projections.Anomaly
			if err == nil {
				err = json.Unmarshal(it.value, &a)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// History implements [projections.View].
func (v *view) History(aggregate string) ([]uint64, error) {
	return v.seqs(historyBounds(aggregate))
}

// Entries implements [projections.View].
func (v *view) Entries(kind string) ([]uint64, error) {
	seqs, err := v.seqs(kindBounds(kind))
	slices.Sort(seqs)
	return seqs, err
}

func (v *view) seqs(lower, upper []byte) ([]uint64, error) {
	var seqs []uint64
	for it, err := range v.scan(lower, upper) {
		if err != nil {
			return nil, err
		}
		seqs = append(seqs, seqOf(it.key))
	}
	return seqs, nil
}

// Digest implements [projections.View]. It reads the whole register, unless nothing
// in it changed since it was asked for last.
func (v *view) Digest(register string) (string, error) {
	counts, err := v.Counts(register)
	if err != nil {
		return "", err
	}
	if d, ok := v.of.digests.get(register, v.generation, counts.Changed); ok {
		return d, nil
	}
	d, err := projections.RegisterDigest(register, v.Rows(register, ""))
	if err == nil {
		v.of.digests.put(register, digest{v.generation, counts.Changed, d})
	}
	return d, err
}

// digests remembers the digest of each register with the entry that it rests on.
type digests struct {
	mu sync.Mutex
	of map[string]digest
}

type digest struct {
	generation uint64 // how often the store had been emptied
	changed    uint64 // entry that changed the register last
	text       string
}

func (d *digests) get(register string, generation, changed uint64) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	have, ok := d.of[register]
	return have.text, ok && have.generation == generation && have.changed == changed
}

func (d *digests) put(register string, of digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of[register] = of
}
