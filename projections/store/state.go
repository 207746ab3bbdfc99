package store

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"

	"greffe/ledger/chain"
	"greffe/projections"
)

// A state is the [projections.State] over the database: rows are read through and
// kept decoded; what a batch changed is written by flush. After an error it must be
// thrown away, since its rows are ahead of the database.
type state struct {
	db    *pebble.DB
	frame projections.Frame
	meta  meta
	limit int // of cached rows

	rows      map[rowKey]*cached
	dirty     []*cached
	counts    map[string]*projections.Counts
	counted   map[string]bool // registers whose counts the batch changed
	anomalies []projections.Anomaly
	index     []byte    // keys of the entries, each with its length before it
	encoders  []encoder // one for each core
	known     *filter   // of all rows; nil: the store was not empty when it was opened
	key       []byte
	seq       uint64 // of the entry that is being folded
	err       error  // the first one
}

type rowKey struct {
	register *projections.Register
	id       string
}

// A cached row is decoded; text is its encoding while it is being flushed.
type cached struct {
	rowKey
	row     projections.Row
	status  string // as counted
	stored  bool   // it has been counted
	isDirty bool
	text    []byte
}

func loadState(db *pebble.DB, frame projections.Frame, m meta, limit int) (*state, error) {
	s := &state{
		db: db, frame: frame, meta: m, limit: limit,
		rows: map[rowKey]*cached{}, counts: map[string]*projections.Counts{},
		counted: map[string]bool{}, encoders: make([]encoder, runtime.GOMAXPROCS(0)),
	}
	if m.size == 0 {
		s.known = newFilter()
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceCounts}, UpperBound: []byte{spaceCounts + 1}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		c := &projections.Counts{}
		if err := json.Unmarshal(value, c); err != nil {
			return nil, fmt.Errorf("counts of a register cannot be read: %w", err)
		}
		s.counts[string(it.Key()[1:])] = c
	}
	return s, it.Error()
}

// fold folds one fact.
func (s *state) fold(f *projections.Fact, leaf chain.Hash) {
	if a := f.Entry.Aggregate; a != "" {
		s.key = appendIndexKey(s.key[:0], a, f.Entry.Seq)
		s.index = append(append(s.index, byte(len(s.key))), s.key...)
	}
	s.seq = f.Entry.Seq
	projections.Apply(s, s.frame, f)
	s.meta.size, s.meta.leaf = f.Entry.Seq+1, leaf
}

// Get implements [projections.State].
func (s *state) Get(r *projections.Register, id string) (projections.Row, bool) {
	if c, ok := s.rows[rowKey{r, id}]; ok {
		return c.row, true
	}
	s.key = appendRowKey(s.key[:0], r.Name, id)
	if s.known != nil && !s.known.has(s.key) {
		return nil, false
	}
	value, closer, err := s.db.Get(s.key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false
	}
	if err != nil {
		s.fail(fmt.Errorf("read a row of register %s: %w", r.Name, err))
		return nil, false
	}
	defer closer.Close()
	row, err := r.DecodeRow(value)
	if err != nil {
		s.fail(err)
		return nil, false
	}
	k := rowKey{r, id}
	s.rows[k] = &cached{rowKey: k, row: row, status: projections.RowStatus(row), stored: true}
	return row, true
}

// Put implements [projections.State].
func (s *state) Put(r *projections.Register, row projections.Row) {
	k := rowKey{r, projections.RowID(row)}
	c, ok := s.rows[k]
	if !ok {
		c = &cached{rowKey: k}
		s.rows[k] = c
		if s.known != nil {
			s.key = appendRowKey(s.key[:0], r.Name, k.id)
			s.known.add(s.key)
		}
	}
	s.count(r.Name).Count(row, c.status, c.stored, s.seq)
	c.row, c.status, c.stored = row, projections.RowStatus(row), true
	if !c.isDirty {
		c.isDirty = true
		s.dirty = append(s.dirty, c)
	}
}

// Flag implements [projections.State].
func (s *state) Flag(a projections.Anomaly) {
	s.anomalies = append(s.anomalies, a)
	s.count(a.Register).Anomalies++
}

func (s *state) count(register string) *projections.Counts {
	c, ok := s.counts[register]
	if !ok {
		c = &projections.Counts{}
		s.counts[register] = c
	}
	s.counted[register] = true
	return c
}

func (s *state) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// flush writes what was folded since the last flush, rows and position in one batch.
func (s *state) flush() error {
	if s.err != nil {
		return s.err
	}
	if err := s.encode(); err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := s.write(b); err != nil {
		return fmt.Errorf("write the store of registers: %w", err)
	}
	// If we crash before the batch is on disk, the position there is the old one and
	// so are the rows: nothing to repair.
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("write the store of registers: %w", err)
	}
	s.clear()
	return nil
}

func (s *state) write(b *pebble.Batch) error {
	for _, c := range s.dirty {
		s.key = appendRowKey(s.key[:0], c.register.Name, c.id)
		if err := b.Set(s.key, c.text, nil); err != nil {
			return err
		}
	}
	for rest := s.index; len(rest) > 0; rest = rest[1+rest[0]:] {
		if err := b.Set(rest[1:1+rest[0]], nil, nil); err != nil {
			return err
		}
	}
	n := 0
	for i, a := range s.anomalies {
		if n++; i == 0 || s.anomalies[i-1].Seq != a.Seq {
			n = 0
		}
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		s.key = appendAnomalyKey(s.key[:0], a.Seq, n)
		if err := b.Set(s.key, text, nil); err != nil {
			return err
		}
	}
	for register := range s.counted {
		text, err := json.Marshal(s.counts[register], json.Deterministic(true))
		if err != nil {
			return err
		}
		if err := b.Set(countsKey(register), text, nil); err != nil {
			return err
		}
	}
	return b.Set(metaKey(), appendMeta(nil, s.meta), nil)
}

// encode encodes the changed rows on every core.
func (s *state) encode() error {
	workers := min(len(s.encoders), 1+len(s.dirty)/64)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { errs[w] = s.encoders[w].encode(s.dirty, w, workers) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// An encoder writes every n-th row of a batch into memory of its own.
type encoder struct {
	projections.Encoder
	memory []byte
}

func (e *encoder) encode(rows []*cached, first, n int) (err error) {
	e.memory = e.memory[:0]
	for i := first; i < len(rows) && err == nil; i += n {
		start := len(e.memory)
		e.memory, err = e.Append(e.memory, rows[i].row)
		rows[i].text = e.memory[start:len(e.memory):len(e.memory)]
	}
	return err
}

// clear forgets the batch, and rows of the cache beyond its limit: which ones does
// not matter for any answer.
func (s *state) clear() {
	for _, c := range s.dirty {
		c.isDirty, c.text = false, nil
	}
	clear(s.dirty)
	s.dirty, s.index, s.anomalies = s.dirty[:0], s.index[:0], s.anomalies[:0]
	clear(s.counted)
	if len(s.rows) <= s.limit {
		return
	}
	for k := range s.rows {
		if len(s.rows) <= s.limit/2 {
			break
		}
		delete(s.rows, k)
	}
}
