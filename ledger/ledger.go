package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

var (
	// ErrNotFound means that the ledger holds no such entry.
	ErrNotFound = errors.New("not in the ledger")
	// ErrDamaged means that the store contradicts itself: run greffed fsck.
	ErrDamaged = errors.New("the ledger's store is damaged")
	// ErrLocked means that another process has the store open.
	ErrLocked = errors.New("the ledger is held by another daemon")
	// ErrForeign means that the store is not what this build or this key writes.
	ErrForeign = errors.New("this is another ledger")
)

// Options configure [Open]. VKey is required.
type Options struct {
	// VKey is the verification key that the ledger was opened with, as its genesis has
	// it; its name is the origin. Later keys follow from the ledger itself.
	VKey string
	// Signer finds the private key of a verification key, or fails with an error of
	// class [ErrNoSigner]. It is asked when another key begins to sign. Nil: read only.
	Signer func(vkey string) (note.Signer, error)
	// Newest is the newest verification key that the folder knows of, if it knows one.
	// A ledger that has not come to it yet, and does not have the private key of an
	// older one, catches up with checkpoints that are not signed and never shown.
	Newest string
	FS     vfs.FS // the disk; nil is the real one
	Log    *slog.Logger
}

// A Ledger is an open store.
type Ledger struct {
	db      *pebble.DB
	origin  string
	opened  string // the verification key of the genesis
	keyring keyring
	ids     *recentIDs
	tiles   tileCache

	appender // owned by the one goroutine that appends

	edge atomic.Pointer[Edge] // what readers may see: everything in it is synced
}

// An Edge is where the ledger ends.
type Edge struct {
	Size       uint64 // number of entries
	Head       chain.Entry
	Leaf       chain.Hash // leaf hash of Head
	Root       chain.Hash // of the tree over all entries
	Checkpoint []byte     // signed note of this size; nil while it is not signed, see Options.Newest
	Keys       *chain.KeyHistory
	Anchor     Anchor
}

// An Anchor says what the stream held at the newest entry, unhashed: it is how
// ingest notices that the stream is not the one that it read.
type Anchor struct {
	StreamCreated int64    // ns since the Unix epoch: identity of the stream
	StreamSeq     uint64   // of the newest entry's message
	At            int64    // its timestamp, as the stream gave it, ns
	Digest        [32]byte // SHA-256 of topic ‖ 0 ‖ data of that message
}

// Open opens or makes the ledger in dir. It fails with [ErrLocked] if another
// process has it open, [ErrForeign] if it was opened or signed by another key, and
// [ErrDamaged] if the store contradicts itself at its edge.
func Open(dir string, o Options) (*Ledger, error) {
	origin, err := chain.OpenVKey(o.VKey)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: the key that it was opened with: %w", dir, err)
	}
	opts := pebbleOptions(&o)
	defer opts.Cache.Unref()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) {
			return nil, fmt.Errorf("open ledger %s: %w, stop it or use another --dir", dir, ErrLocked)
		}
		return nil, fmt.Errorf("open ledger %s: %w", dir, err)
	}
	l := &Ledger{db: db, origin: origin.Name(), opened: o.VKey, keyring: keyring{find: o.Signer, newest: o.Newest}, ids: newRecentIDs(), tiles: tileCache{max: maxTiles},
		appender: appender{tree: new(chain.Tree), conflicts: map[conflictKey]uint64{}}}
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", dir, err), db.Close())
	}
	return l, nil
}

// pebbleOptions tunes Pebble for large entries that come in order: measured against
// the defaults, the longest batch fell from 112 to 5 ms and scans became twice as
// fast.
//
// A proof reads one entry at random, and with it the whole block that it is in. CPU time
// of one core, with entries of 1 KiB in the page cache:
//
//	block      proof    scan, hashed   scan of headers   append
//	128 KiB    47 µs    1.03 µs        0.36 µs           10.8 µs
//	32 KiB     23 µs    1.13 µs        0.47 µs           10.5 µs
//	16 KiB     18 µs    1.15 µs        0.50 µs           11.2 µs
//	8 KiB      16 µs    1.29 µs        0.62 µs           11.0 µs
//
// The index of a file is one block, and the cache holds those of some ten million entries
// beside the memtable in use and the one kept for the next, whose 16 MiB each are taken
// out of it: else each look-up reads its index again, which is 3 µs.
//
// Nothing is compressed, since sealed payloads do not shrink, and nothing has a
// Bloom filter, since whether an id is new is answered from memory.
func pebbleOptions(o *Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                          o.FS,
		Cache:                       pebble.NewCache(48 << 20),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 6,
		L0CompactionThreshold:       32, // entries do not overlap, so many files do no harm
		L0StopWritesThreshold:       128,
		LBaseMaxBytes:               1 << 40, // one level below L0: what comes in order need not be rewritten twice
		BytesPerSync:                1 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)-1) },
		Logger:                      storeLogger{o.Log},
	}
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 8 << 10
		opts.Levels[i].IndexBlockSize = 256 << 10
	}
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	opts.EnsureDefaults()
	return opts
}

// load reads the edge and prepares the appender to go on from it.
func (l *Ledger) load() error {
	switch version, err := l.get([]byte{spaceVersion}); {
	case errors.Is(err, ErrNotFound):
		if err := l.db.Set([]byte{spaceVersion}, []byte(layoutVersion), pebble.Sync); err != nil {
			return err
		}
	case err != nil:
		return err
	case string(version) != layoutVersion:
		return fmt.Errorf("%w: its layout is not %q, use the build that wrote it", ErrForeign, layoutVersion)
	}
	size, err := l.storedSize()
	if err != nil {
		return err
	}
	edge := &Edge{Size: size}
	if size > 0 {
		if edge, err = l.loadEdge(size); err != nil {
			return err
		}
	}
	l.appender.edge = *edge
	l.edge.Store(edge)
	return nil
}

// storedSize returns the number of entries: one more than the largest key.
func (l *Ledger) storedSize() (uint64, error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceEntry}, UpperBound: []byte{spaceEntry + 1}})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	if !it.Last() {
		return 0, it.Error()
	}
	if len(it.Key()) != 9 {
		return 0, fmt.Errorf("%w: an entry's key has %d bytes", ErrDamaged, len(it.Key()))
	}
	return binary.BigEndian.Uint64(it.Key()[1:]) + 1, it.Error()
}

// loadEdge rebuilds the tree's right edge and holds it against the checkpoint that
// was written together with the newest entry.
func (l *Ledger) loadEdge(size uint64) (*Edge, error) {
	edge := &Edge{Size: size}
	head, err := l.read(size - 1)
	if err != nil {
		return nil, err
	}
	edge.Head, edge.Leaf = head.Entry, chain.LeafHash(head.Header)
	if edge.Keys, err = l.loadKeys(); err != nil {
		return nil, err
	}
	anchor, err := l.get([]byte{spaceAnchor})
	if err != nil {
		return nil, fmt.Errorf("%w: no anchor (%w)", ErrDamaged, err)
	}
	if edge.Anchor, err = cutAnchor(anchor); err != nil {
		return nil, err
	}
	if l.appender.tree, err = chain.RestoreTree(size, l.Tile, l.leaf); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	edge.Root = l.appender.tree.Root()
	return edge, l.loadCheckpoint(edge)
}

// loadCheckpoint reads the newest checkpoint and holds it against the entries. Its key
// is the one that is valid at its size.
func (l *Ledger) loadCheckpoint(edge *Edge) error {
	text, err := l.get([]byte{spaceCheckpoint})
	if err != nil {
		return fmt.Errorf("%w: no checkpoint (%w)", ErrDamaged, err)
	}
	if string(text) == chain.FormatCheckpoint(l.origin, edge.Size, edge.Root) && l.catchingUp(edge.Keys) {
		return nil
	}
	cp, err := chain.OpenCheckpoint(text, edge.Keys.Verifier(edge.Size))
	if err != nil {
		return fmt.Errorf("%w: its checkpoint is not signed by the key valid at size %d (%w)", ErrForeign, edge.Size, err)
	}
	if cp.Size != edge.Size || cp.Root != edge.Root {
		return fmt.Errorf("%w: its checkpoint is of size %d, its entries are %d and hash to another root", ErrDamaged, cp.Size, edge.Size)
	}
	edge.Checkpoint = text
	return nil
}

// Edge returns where the ledger ends now. The caller must not change it.
func (l *Ledger) Edge() *Edge { return l.edge.Load() }

// Size returns the number of entries that are synced.
func (l *Ledger) Size() uint64 { return l.Edge().Size }

// Origin returns the name under which checkpoints are signed.
func (l *Ledger) Origin() string { return l.origin }

// DiskBytes returns how many bytes the store takes on disk.
func (l *Ledger) DiskBytes() uint64 { return l.db.Metrics().DiskSpaceUsage() }

// Close closes the store. What was staged and not waited for may be lost.
func (l *Ledger) Close() error { return l.db.Close() }

// storeLogger passes Pebble's errors on. A failed sync is fatal: Pebble calls
// Fatalf, and nothing may go on after it, because what the disk holds is unknown.
type storeLogger struct{ log *slog.Logger }

func (storeLogger) Infof(string, ...any) {}
func (s storeLogger) Errorf(format string, args ...any) {
	if s.log != nil {
		s.log.Error(fmt.Sprintf(format, args...), "from", "ledger store")
	}
}
func (s storeLogger) Fatalf(format string, args ...any) {
	panic("ledger store: " + fmt.Sprintf(format, args...))
}
