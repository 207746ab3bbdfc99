package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger/chain"
	"greffe/projections"
)

// schema names the layout of the store and the folds that filled it. Whoever changes
// a fold or a row without changing [projections.RuleSet] changes the number here, and
// every store is rebuilt at its next start.
const schema = "greffe projections 1, " + projections.RuleSet

// ErrClosed means that the store was closed.
var ErrClosed = errors.New("the store of registers is closed")

// Options configure [Open]; the zero value works.
type Options struct {
	FS   vfs.FS       // the disk; nil is the real one
	Log  *slog.Logger // nil is silent
	Rows int          // rows kept decoded in memory between batches; 0 means 32,768
	// Progress, if set, is called during [Store.Catchup] after each batch.
	Progress func(done, total uint64)
}

// A Store is an open store of registers.
type Store struct {
	db *pebble.DB
	o  Options

	mu    sync.Mutex // held while folding
	state *state     // owned by mu; nil: load it from the database first

	life       sync.RWMutex // held for moments; taken after mu
	closed     bool         // owned by life
	generation uint64       // owned by life: how often the store was emptied

	digests digests
}

// A meta says what the store holds: it is written in the batch of the rows.
type meta struct {
	schema   string
	ledgerID string
	size     uint64     // entries folded
	leaf     chain.Hash // leaf hash of the last of them
}

// Open opens or makes the store in dir. It looks at no ledger: the first
// [Store.Catchup] does, and empties the store if it does not fit.
func Open(dir string, o Options) (*Store, error) {
	if o.Rows <= 0 {
		o.Rows = 32 << 10
	}
	opts := pebbleOptions(&o)
	defer opts.Cache.Unref()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open the store of registers: %w; it holds nothing that the ledger does not: stop what else has it open, or delete the folder %s", err, dir)
	}
	return &Store{db: db, o: o, digests: digests{of: map[string]digest{}}}, nil
}

func pebbleOptions(o *Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                          o.FS,
		Cache:                       pebble.NewCache(16 << 20),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               128 << 20,
		BytesPerSync:                1 << 20,
		Logger:                      pebbleLog{o.Log},
	}
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 16 << 10
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	opts.EnsureDefaults()
	return opts
}

// Close waits for the fold that is under way and closes the store. Views must be
// closed before.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.db.Close()
}

// isClosed reports whether Close was called.
func (s *Store) isClosed() bool {
	s.life.RLock()
	defer s.life.RUnlock()
	return s.closed
}

// Size returns the number of entries that are folded in.
func (s *Store) Size() (uint64, error) {
	m, err := readMeta(s.db)
	return m.size, err
}

// DiskBytes returns how much of the disk the store takes.
func (s *Store) DiskBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// readMeta returns the meta, zero for an empty store.
func readMeta(r pebble.Reader) (meta, error) {
	var m meta
	value, closer, err := r.Get(metaKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read the store of registers: %w", err)
	}
	defer closer.Close()
	return cutMeta(value), nil
}

// appendMeta and cutMeta: size(8) leaf(32) n(1) ledger-id schema.
func appendMeta(dst []byte, m meta) []byte {
	dst = binary.BigEndian.AppendUint64(dst, m.size)
	dst = append(dst, m.leaf[:]...)
	dst = append(append(dst, byte(len(m.ledgerID))), m.ledgerID...)
	return append(dst, m.schema...)
}

// cutMeta returns a zero meta for bytes that it does not know, which is what throws a
// store of an unknown layout away.
func cutMeta(b []byte) (m meta) {
	const fixed = 8 + chainHashSize + 1
	if len(b) < fixed || len(b) < fixed+int(b[fixed-1]) {
		return meta{}
	}
	m.size = binary.BigEndian.Uint64(b)
	copy(m.leaf[:], b[8:])
	n := int(b[fixed-1])
	m.ledgerID, m.schema = string(b[fixed:fixed+n]), string(b[fixed+n:])
	return m
}

const chainHashSize = len(chain.Hash{})

// pebbleLog passes errors on. Fatalf follows a failed write: what the disk holds is
// unknown then, and nothing may go on.
type pebbleLog struct{ log *slog.Logger }

func (pebbleLog) Infof(string, ...any) {}
func (l pebbleLog) Errorf(format string, args ...any) {
	if l.log != nil {
		l.log.Error(fmt.Sprintf(format, args...), "from", "store of registers")
	}
}
func (l pebbleLog) Fatalf(format string, args ...any) {
	panic("store of registers: " + fmt.Sprintf(format, args...))
}
