package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
	"greffe/projections"
)

// A Ledger is what the store reads: the entries, in order.
type Ledger interface {
	// Size returns the number of entries.
	Size() uint64
	// Read calls fn for the entries from (included) to (excluded), in order. The
	// record's bytes are valid only during the call.
	Read(from, to uint64, fn func(chain.Record) error) error
}

// batchEntries is how many entries share one batch: enough to spread the cost of a
// batch, few enough to bound memory at a few megabytes.
const batchEntries = 2048

// ErrGap means that Apply was given entries that do not follow the store's position.
var ErrGap = errors.New("these entries do not follow what the store holds")

// Catchup folds the entries that the ledger has and the store has not. Before that it
// empties the store if it does not belong to this ledger or to this build. It stops
// after a batch when ctx ends; what is folded by then stays.
func (s *Store) Catchup(ctx context.Context, l Ledger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := l.Size()
	if size == 0 {
		return nil
	}
	if err := s.fit(l, size); err != nil {
		return err
	}
	if err := s.fold(ctx, l, size); err != nil {
		s.state = nil // its rows may be ahead of the database
		return err
	}
	return nil
}

// Rebuild empties the store and folds the whole ledger.
func (s *Store) Rebuild(ctx context.Context, l Ledger) error {
	s.mu.Lock()
	err := s.empty()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Catchup(ctx, l)
}

// Apply folds records that follow the store's position; [Store.Catchup] must have run
// before. It fails with [ErrGap] if they do not follow, and then folds nothing.
func (s *Store) Apply(records []chain.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		return ErrClosed
	}
	if len(records) == 0 {
		return nil
	}
	if s.state == nil || records[0].Entry.Seq != s.state.meta.size {
		return fmt.Errorf("%w: catch up first", ErrGap)
	}
	for i := range records {
		f := projections.Read(records[i])
		s.state.fold(&f, chain.LeafHash(records[i].Header))
	}
	if err := s.state.flush(); err != nil {
		s.state = nil
		return err
	}
	return nil
}

// fit makes sure that s.state belongs to the ledger, and empties the store if not.
func (s *Store) fit(l Ledger, size uint64) error {
	if s.isClosed() {
		return ErrClosed
	}
	if s.state != nil {
		if same, err := follows(s.state.meta, l, size); err != nil || same {
			return err
		}
	}
	frame, err := frameOf(l)
	if err != nil {
		return err
	}
	m, err := readMeta(s.db)
	if err != nil {
		return err
	}
	same, err := follows(m, l, size)
	if err != nil {
		return err
	}
	if !same || m.schema != schema || m.ledgerID != frame.LedgerID {
		if err := s.empty(); err != nil {
			return err
		}
		m = meta{schema: schema, ledgerID: frame.LedgerID}
	}
	s.state, err = loadState(s.db, frame, m, s.o.Rows)
	return err
}

// follows reports whether the ledger goes on where the store stands: the leaf hash of
// an entry covers every entry before it.
func follows(m meta, l Ledger, size uint64) (bool, error) {
	if m.size == 0 || m.size > size {
		return false, nil
	}
	var leaf chain.Hash
	err := l.Read(m.size-1, m.size, func(r chain.Record) error {
		leaf = chain.LeafHash(r.Header)
		return nil
	})
	return leaf == m.leaf, err
}

func frameOf(l Ledger) (frame projections.Frame, err error) {
	err = l.Read(0, 1, func(r chain.Record) (err error) {
		frame, err = projections.FrameOf(r)
		return err
	})
	return frame, err
}

// empty removes everything from the store.
func (s *Store) empty() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.state = nil
	s.generation++
	if err := s.db.DeleteRange([]byte{0}, []byte{0xff}, pebble.NoSync); err != nil {
		return fmt.Errorf("empty the store of registers: %w", err)
	}
	return nil
}

// fold folds the entries up to size: one goroutine reads, every core decodes, and
// this one folds in the order of the ledger.
func (s *Store) fold(ctx context.Context, l Ledger, size uint64) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := newPipeline(ctx, runtime.GOMAXPROCS(0))
	go p.read(l, s.state.meta.size, size)
	for c := range p.ordered {
		<-c.decoded
		if err := ctx.Err(); err != nil {
			return p.end(stop, err)
		}
		for i := range c.facts {
			s.state.fold(&c.facts[i], c.leaves[i])
		}
		if err := s.state.flush(); err != nil {
			return p.end(stop, err)
		}
		p.done(c)
		if s.o.Progress != nil {
			s.o.Progress(s.state.meta.size, size)
		}
	}
	if p.err == nil && s.state.meta.size != size {
		return ctx.Err()
	}
	return p.err
}
