package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger/chain"
)

// The direct way reads entries out of the files, past Pebble's cache, where each block of
// 8 KiB costs as much as its hashes: two thirds of the time are left. It is taken because
// entries are written once: each is in one file, or in the log, and nothing hides it. That
// this is so is checked on the way. At anything else, damage or a fault included, all is
// read again the plain way, and only that is reported: what Pebble would give to the
// daemon is what counts.

// errPlain ends the direct way.
var errPlain = errors.New("to be read the plain way")

// A table is a file that holds entries: first, last, and some of those between.
type table struct {
	name        string
	first, last uint64
}

// A plan says where the entries are.
type plan struct {
	dir    string
	reader sstable.ReaderOptions
	tables []table
	files  []string // all, those without entries too
	tail   uint64   // entries from here on are in the log only
	flush  uint64   // the log's batches from this number on are in no file
}

// makePlan returns nil if there is a file that is not as the ledger's are.
func (f *fsck) makePlan() (*plan, error) {
	levels, err := f.db.SSTables()
	if err != nil {
		return nil, err
	}
	opts := pebbleOptions(&Options{FS: f.disk})
	defer opts.Cache.Unref()
	p := &plan{dir: f.dir, reader: opts.MakeReaderOptions()}
	for _, tables := range levels {
		for i := range tables {
			info := &tables[i]
			p.flush = max(p.flush, uint64(info.LargestSeqNum)+1)
			first, last := info.Smallest.UserKey, info.Largest.UserKey
			name := fmt.Sprintf("%06d.sst", uint64(info.BackingSSTNum))
			p.files = append(p.files, name)
			switch {
			case info.Virtual || len(first) == 0 || first[0] < spaceEntry:
				return nil, nil
			case first[0] > spaceEntry:
				continue
			case len(first) != 9:
				return nil, nil
			}
			t := table{name: name, first: binary.BigEndian.Uint64(first[1:])}
			ok := len(last) == 9
			if last[0] == spaceEntry && ok {
				t.last = binary.BigEndian.Uint64(last[1:])
			} else {
				t.last, ok = f.lastEntry(t.name)
			}
			if !ok || t.last < t.first || t.last == math.MaxUint64 {
				return nil, nil
			}
			p.tables = append(p.tables, t)
			p.tail = max(p.tail, t.last+1)
		}
	}
	if p.tail == 0 {
		return nil, nil // all is in the log
	}
	return p, nil
}

// maxOpen is how many files a goroutine reads side by side: one or two, unless something
// is odd.
const maxOpen = 16

// A directReader reads entries for one goroutine.
type directReader struct {
	disk *scarredDisk
	plan *plan
	open []*openTable // those that the range may be in
	pool block.BufferPool
	free [][]byte // buffers of files that were closed
	key  []byte
}

// An openTable is a file that is read.
type openTable struct {
	*table
	source *aheadReader
	file   *sstable.Reader
	it     sstable.Iterator

	more    bool   // it stands on an entry
	seq     uint64 // of that entry
	value   []byte
	notNext error // what it stands on is no entry that was written once
}

func newDirectReader(disk *scarredDisk, p *plan) *directReader {
	r := &directReader{disk: disk, plan: p}
	r.pool.Init(maxOpen)
	return r
}

// pass gives the entries from next on, up to to, as far as they are in files.
func (r *directReader) pass(next *uint64, to uint64, give func(chain.RawRecord)) error {
	to = min(to, r.plan.tail)
	if *next >= to {
		return nil
	}
	if err := r.choose(*next, to); err != nil {
		return err
	}
	for *next < to {
		t := r.at(*next)
		if t == nil {
			return errPlain
		}
		for t.more && t.seq == *next && *next < to {
			header, payload, ok := splitEntry(t.value)
			if !ok {
				return errPlain
			}
			give(chain.RawRecord{Header: header, Payload: payload})
			*next++
			t.step()
			if t.notNext != nil {
				return t.notNext
			}
		}
	}
	for _, t := range r.open { // an entry that is left is there twice
		if t.more && t.seq < to {
			return errPlain
		}
	}
	return nil
}

// at returns the file that stands on an entry.
func (r *directReader) at(seq uint64) *openTable {
	for _, t := range r.open {
		if t.more && t.seq == seq {
			return t
		}
	}
	return nil
}

// choose opens the files that a range may be in, each at its first entry there, and closes
// those that are behind: ranges come in their order.
func (r *directReader) choose(from, to uint64) error {
	r.key = appendEntryKey(r.key[:0], from)
	kept := r.open[:0]
	for _, t := range r.open {
		if t.last < from {
			if err := t.close(); err != nil {
				return err
			}
			r.free = append(r.free, t.source.buf)
			continue
		}
		kept = append(kept, t)
	}
	r.open = kept
	for i := range r.plan.tables {
		t := &r.plan.tables[i]
		if t.first >= to || t.last < from || slices.ContainsFunc(r.open, func(o *openTable) bool { return o.table == t }) {
			continue
		}
		if len(r.open) == maxOpen {
			return errPlain
		}
		opened, err := r.openTable(t)
		if err != nil {
			return err
		}
		r.open = append(r.open, opened)
	}
	for _, t := range r.open {
		if t.seek(r.key); t.notNext != nil {
			return t.notNext
		}
	}
	return nil
}

func (r *directReader) openTable(t *table) (*openTable, error) {
	if len(r.free) == 0 {
		r.free = append(r.free, make([]byte, readAhead))
	}
	buf := r.free[len(r.free)-1]
	o, err := r.plan.open(r.disk, t.name, buf, &r.pool, []byte{spaceEntry + 1})
	if err != nil {
		return nil, err
	}
	r.free = r.free[:len(r.free)-1]
	o.table = t
	return o, nil
}

// open opens a file to be read forwards, up to a key.
func (p *plan) open(disk *scarredDisk, name string, ahead []byte, pool *block.BufferPool, upper []byte) (*openTable, error) {
	file, err := disk.Open(disk.PathJoin(p.dir, name))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	o := &openTable{source: &aheadReader{file: file, size: info.Size(), buf: ahead}}
	if o.file, err = sstable.NewReader(context.Background(), o.source, p.reader); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if o.file.Attributes.Has(sstable.AttributeRangeDels) || o.file.Attributes.Has(sstable.AttributeBlobValues) {
		return nil, errors.Join(errPlain, o.close())
	}
	o.it, err = o.file.NewPointIter(context.Background(), sstable.IterOptions{
		Upper:                upper,
		FilterBlockSizeLimit: sstable.NeverUseFilterBlock,
		Env:                  sstable.ReadEnv{Block: block.ReadEnv{BufferPool: pool}},
		ReaderProvider:       sstable.MakeTrivialReaderProvider(o.file),
		BlobContext:          sstable.AssertNoBlobHandles,
	})
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// seek goes to the first entry from key on, unless the file stands there.
func (t *openTable) seek(key []byte) {
	if t.more && t.seq == binary.BigEndian.Uint64(key[1:]) {
		return
	}
	kv := t.it.SeekGE(key, 0)
	if t.more = kv != nil; t.more {
		t.stand(kv.K.UserKey, kv.Kind() == pebble.InternalKeyKindSet, kv.InPlaceValue())
	} else {
		t.notNext = t.it.Error()
	}
}

func (t *openTable) step() {
	kv := t.it.Next()
	if t.more = kv != nil; t.more {
		t.stand(kv.K.UserKey, kv.Kind() == pebble.InternalKeyKindSet, kv.InPlaceValue())
	} else {
		t.notNext = t.it.Error()
	}
}

// stand takes what the iterator stands on.
func (t *openTable) stand(key []byte, set bool, value []byte) {
	if !set || len(key) != 9 {
		t.notNext = errPlain
		return
	}
	t.seq, t.value = binary.BigEndian.Uint64(key[1:]), value
}

func (t *openTable) close() (err error) {
	if t.it != nil {
		err = t.it.Close()
	}
	return errors.Join(err, t.file.Close())
}

func (r *directReader) close() (err error) {
	for _, t := range r.open {
		err = errors.Join(err, t.close())
	}
	r.open = nil
	return err
}

// readAhead is how much of a file is read at once: a block of 8 KiB is not worth a
// system call.
const readAhead = 128 << 10

// An aheadReader is a file that one goroutine reads forwards.
type aheadReader struct {
	file vfs.File
	size int64
	buf  []byte
	at   int64 // where what is in buf begins
	n    int64 // how much is in it
}

// ReadAt implements [objstorage.Readable].
func (a *aheadReader) ReadAt(_ context.Context, p []byte, off int64) error {
	end := off + int64(len(p))
	if off < 0 || end > a.size {
		return fmt.Errorf("read to byte %d of %d: %w", end, a.size, io.ErrUnexpectedEOF)
	}
	if len(p) > readAhead/2 {
		_, err := a.file.ReadAt(p, off)
		return err
	}
	if off < a.at || end > a.at+a.n {
		n := min(readAhead, a.size-off)
		a.n = 0
		if _, err := a.file.ReadAt(a.buf[:n], off); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		a.at, a.n = off, n
	}
	copy(p, a.buf[off-a.at:])
	return nil
}

// Close implements [objstorage.Readable].
func (a *aheadReader) Close() error { return a.file.Close() }

// Size implements [objstorage.Readable].
func (a *aheadReader) Size() int64 { return a.size }

// NewReadHandle implements [objstorage.Readable].
func (a *aheadReader) NewReadHandle(objstorage.ReadBeforeSize) objstorage.ReadHandle {
	return aheadHandle{a}
}

// An aheadHandle is the file once more: its one reader needs no other state.
type aheadHandle struct{ *aheadReader }

// Close implements [objstorage.ReadHandle].
func (aheadHandle) Close() error { return nil }

// SetupForCompaction implements [objstorage.ReadHandle].
func (aheadHandle) SetupForCompaction() {}

// RecordCacheHit implements [objstorage.ReadHandle].
func (aheadHandle) RecordCacheHit(context.Context, int64, int64) {}
