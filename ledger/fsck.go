package ledger

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// FsckOptions configure [Fsck]. VKey is required.
type FsckOptions struct {
	VKey    string // as in [Options]: what the ledger was opened with
	Newest  string // as in [Options]: until the ledger comes to it, it may be unsigned
	FS      vfs.FS // the disk; nil is the real one
	Workers int    // reading goroutines; 0 means one a core
	// ContentDigest, if set, returns the digest by which a duplicate is told from a
	// conflict (FORMAT §1.3) of a payload: the index is compared with it too. It costs
	// about half of all the rest, since every payload is hashed once more.
	ContentDigest func(payload []byte) ([32]byte, error)
	// Registers, if set, compares what was folded of the entries with them. It is called
	// last, and only if nothing else was found, since it would only find the same again.
	// It fills in Code, Key, Want and Got.
	Registers func(context.Context, Records) ([]StoreFault, error)
	// Progress, if set, is called now and then with the entries checked so far.
	Progress func(done, total uint64)
}

// Records are the entries of a store that was checked.
type Records interface {
	Size() uint64
	Read(from, to uint64, fn func(chain.Record) error) error
}

// A FsckReport is what [Fsck] found.
type FsckReport struct {
	Origin        string // of the genesis, "" if it cannot be read
	Size          uint64 // number of entries
	Root          chain.Hash
	ByDisposition [chain.Quarantined + 1]uint64
	Tiles         uint64 // complete tiles that were compared
	Rows          uint64 // rows of the index that were compared
	Digests       bool   // whether the index was compared with the content of events
	Registers     bool   // whether the registers were compared
	// Notes say what is no fault and should be known, one line each.
	Notes []string
	// Faults are the first of each kind, damaged files first, then entries by seq.
	// FaultCount counts all of them.
	Faults     []StoreFault
	FaultCount uint64
}

// Sound reports whether nothing was found.
func (r *FsckReport) Sound() bool { return r.FaultCount == 0 }

// Fsck holds the store in dir against itself: entries, tiles, index, checkpoint and
// anchor. It changes nothing, and no daemon may have the store open. The error is not
// nil only if it could not look: there is no store, it is held ([ErrLocked]), it may
// not be read, or ctx ended. Everything that is wrong with the store is in the report.
//
// What a store cannot know of itself: whether it was rolled back as a whole. That is
// for the daemon's head record, for witnesses, and for whoever kept a receipt.
func Fsck(ctx context.Context, dir string, o FsckOptions) (FsckReport, error) {
	f, err := newFsck(dir, o)
	if err != nil {
		return FsckReport{}, fmt.Errorf("check the store %s: the key that it was opened with: %w", dir, err)
	}
	if _, err := f.disk.Stat(dir); err != nil {
		return FsckReport{}, fmt.Errorf("check the store %s: %w", dir, err)
	}
	if err := f.open(); err != nil {
		return FsckReport{}, err
	}
	if f.db == nil {
		return f.finish(), nil
	}
	f.rows = f.db
	if !f.runDirect(ctx) {
		err = f.run(ctx)
	}
	if err == nil {
		f.checkFiles()
		err = f.checkRegisters(ctx)
	}
	if closing := f.guard(f.db.Close); closing != nil {
		f.damaged(brokenFile, closing)
	}
	if err != nil {
		return FsckReport{}, fmt.Errorf("check the store %s: %w", dir, err)
	}
	return f.finish(), nil
}

// runDirect checks the direct way, and reports whether that is all that is to be known:
// if anything was found, it is to be found again the plain way.
func (f *fsck) runDirect(ctx context.Context) bool {
	var p *plan
	err := f.guard(func() (err error) {
		p, err = f.makePlan()
		return err
	})
	if err != nil || p == nil || f.faults.any() {
		return false
	}
	direct := &fsck{o: f.o, opened: f.opened, dir: f.dir, disk: f.disk, db: f.db, rows: f.rows, seed: f.seed, plan: p}
	if err := direct.run(ctx); err != nil || direct.faults.any() {
		return false
	}
	f.report, f.size, f.indexRows, f.logged = direct.report, direct.size, direct.indexRows, true
	return true
}

// An fsck is one check under way.
type fsck struct {
	o      FsckOptions
	opened note.Verifier // of o.VKey
	dir    string
	disk   *scarredDisk
	db     *pebble.DB
	rows   pebble.Reader // what db holds
	logged bool          // the logs have been read
	plan   *plan         // of the direct way; nil: entries are read from rows
	seed   maphash.Seed
	faults storeFaults
	report FsckReport

	size       uint64            // number of entries that there should be
	signed     []byte            // the checkpoint as it is stored, nil without
	checkpoint *chain.Checkpoint // nil if its signature does not hold
	keys       *chain.KeyHistory // nil if the genesis cannot be read
	ledger     string            // its name, of the genesis

	mu         sync.Mutex
	entryRows  rowSum          // what the index should hold, by the entries
	indexRows  rowSum          // what it holds
	repeats    []uint64        // duplicates and conflicts of an id that the index does not have before them
	unreadable int             // entries that could not be read so far
	brokenBy   []string        // why files cannot be read: what is missing may be no more than that
	suspects   map[uint64]bool // entries with a fault of their own
}

func newFsck(dir string, o FsckOptions) (*fsck, error) {
	opened, err := chain.OpenVKey(o.VKey)
	f := &fsck{o: o, opened: opened, dir: dir, seed: maphash.MakeSeed(), disk: &scarredDisk{FS: o.FS}}
	if o.FS == nil {
		f.disk.FS = vfs.Default
	}
	return f, err
}

// open opens the store for reading. Damage that keeps it from opening is a fault.
func (f *fsck) open() error {
	err := f.openDB()
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("check the store %s: %w, stop it first", f.dir, ErrLocked)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("check the store %s: %w, run this as the daemon's user", f.dir, err)
	}
	f.disk.noOptions = true
	if f.openDB() == nil {
		f.faults.add(StoreFault{Code: brokenOptions, File: f.optionsFile(), Got: oneLine(err)})
		return nil
	}
	f.disk.noOptions = false
	f.damaged(brokenOpen, err)
	return nil
}

// openDB sets db, nil after an error.
func (f *fsck) openDB() error {
	opts := pebbleOptions(&Options{FS: f.disk})
	defer opts.Cache.Unref()
	opts.ReadOnly = true
	opts.Logger = storeLogger{}
	opts.EventListener = &pebble.EventListener{DataCorruption: func(c pebble.DataCorruptionInfo) { // the default stops the process
		f.disk.learn(f.disk.PathBase(c.Path), c.Details.Error())
	}}
	err := f.guard(func() (err error) {
		f.db, err = pebble.Open(f.dir, opts)
		return err
	})
	if err != nil {
		f.db = nil
	}
	return err
}

// guard runs what reads the store. Pebble panics on some damage.
func (f *fsck) guard(read func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading stopped: %v", r)
		}
	}()
	return read()
}

// run checks what can be read.
func (f *fsck) run(ctx context.Context) error {
	f.signed = f.get([]byte{spaceCheckpoint})
	if err := f.guard(f.findSize); err != nil {
		f.damaged(brokenFile, err)
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() {
		if err := f.guard(func() error { return f.scanRows(ctx) }); err != nil && ctx.Err() == nil {
			f.damaged(brokenFile, err)
		}
	})
	if f.plan != nil {
		others.Go(func() { f.try(f.checkLogs) })
	}
	tiles := newTileCheck(f)
	report, keys, err := verify.Entries(ctx, entries{f}, verify.EntriesOptions{
		Workers: f.o.Workers,
		Part:    tiles.part,
		Progress: func(n uint64) {
			if f.o.Progress != nil {
				f.o.Progress(n, f.size)
			}
		},
	})
	if err != nil {
		cancel()
	}
	others.Wait()
	tiles.end()
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	f.keys = keys
	f.takeEntries(&report)
	f.openCheckpoint(report.Root)
	tiles.judge()
	if err := f.guard(func() error { return f.checkIndex(ctx) }); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.damaged(brokenFile, err)
	}
	f.checkEdge(&report)
	if err := f.guard(func() error { return f.scanLater(ctx) }); err != nil && ctx.Err() == nil {
		f.damaged(brokenFile, err)
	}
	return ctx.Err()
}

// checkRegisters has what was folded of the entries compared with them.
func (f *fsck) checkRegisters(ctx context.Context) error {
	if f.o.Registers == nil || f.faults.any() || f.size == 0 {
		return nil
	}
	l := &Ledger{db: f.db}
	l.edge.Store(&Edge{Size: f.size})
	faults, err := f.o.Registers(ctx, l)
	for _, fault := range faults {
		f.faults.add(fault)
	}
	f.report.Registers = err == nil
	return err
}

// takeEntries takes over what verify found.
func (f *fsck) takeEntries(r *verify.Report) {
	f.report.Origin, f.report.Size, f.report.Root, f.report.ByDisposition = r.Origin, r.Size, r.Root, r.ByDisposition
	f.faults.takeEntryFaults(r)
	f.suspects = map[uint64]bool{}
	for i := range f.faults.kept {
		if seq := f.faults.kept[i].Seq; seq != nil {
			f.suspects[*seq] = true
		}
	}
}

func (f *fsck) finish() FsckReport {
	f.report.Rows, f.report.Digests = f.indexRows.n, f.o.ContentDigest != nil
	f.report.Faults, f.report.FaultCount = f.faults.sorted(), f.faults.count
	return f.report
}

// get returns a copy of a value, nil if there is none. Damage is noted.
func (f *fsck) get(key []byte) (value []byte) {
	err := f.guard(func() error {
		found, closer, err := f.rows.Get(key)
		if err != nil {
			return err
		}
		value = append([]byte{}, found...)
		return closer.Close()
	})
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		f.damaged(brokenFile, err)
		return nil
	}
	return value
}

// isBroken reports whether something could not be read.
func (f *fsck) isBroken() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.brokenBy) > 0
}
