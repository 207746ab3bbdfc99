package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// maxUnreadable is how many single entries are tried behind damage before the rest of
// a range is given up: each costs a look at the damaged file.
const maxUnreadable = 1 << 14

// entries are the store's, as package verify reads them.
type entries struct{ f *fsck }

func (e entries) Size() uint64 { return e.f.size }

func (e entries) Reader() (verify.Reader, error) {
	r := &rangeReader{f: e.f}
	if e.f.plan != nil {
		r.direct = newDirectReader(e.f.disk, e.f.plan)
	}
	r.rows.init(e.f)
	return r, nil
}

// A rangeReader reads ranges of entries for one goroutine, without copying them, and
// sums up what the index should hold of them.
type rangeReader struct {
	f      *fsck
	direct *directReader // nil: the plain way
	it     *pebble.Iterator
	lower  []byte
	upper  []byte
	rows   rowSummer
	lost   gap
}

// A gap is a run of entries that are missing or cannot be read.
type gap struct {
	code      StoreCode
	first, n  uint64
	file, why string // of what cannot be read
}

// Read implements [verify.Reader].
func (r *rangeReader) Read(from, to uint64, each func(chain.RawRecord) chain.Header) error {
	next := from
	if r.direct != nil {
		err := r.f.guard(func() error {
			return r.direct.pass(&next, to, func(rec chain.RawRecord) { seq := next; r.give(&seq, rec, each) })
		})
		if err != nil || r.f.faults.any() {
			return errPlain
		}
	}
	for next < to {
		err := r.f.guard(func() error { return r.pass(&next, to, each) })
		if err == nil {
			break
		}
		r.closeIter()
		for n := r.f.skip(to - next); n > 0; n-- { // what cannot be read now, and go on behind it
			r.lose(next, err)
			r.give(&next, chain.RawRecord{}, each)
		}
	}
	r.report()
	return nil
}

// skip says how many of left entries to give up.
func (f *fsck) skip(left uint64) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unreadable++; f.unreadable > maxUnreadable {
		return left
	}
	return 1
}

// pass reads from next on until to, or until something is damaged.
func (r *rangeReader) pass(next *uint64, to uint64, each func(chain.RawRecord) chain.Header) error {
	if err := r.seek(*next, to); err != nil {
		return err
	}
	for ok := r.it.First(); ok; ok = r.it.Next() {
		key := r.it.Key()
		if len(key) != 9 {
			r.f.faults.ofKey(badKey, key, "9 bytes", number(uint64(len(key))))
			continue
		}
		for seq := binary.BigEndian.Uint64(key[1:]); *next < seq; {
			r.lose(*next, nil)
			r.give(next, chain.RawRecord{}, each)
		}
		value, err := r.it.ValueAndErr()
		if err != nil {
			return err
		}
		header, payload, ok := splitEntry(value)
		if !ok {
			r.f.faults.at(shortEntry, *next, "", "")
		}
		r.give(next, chain.RawRecord{Header: header, Payload: payload}, each)
	}
	if err := r.it.Error(); err != nil {
		return err
	}
	for *next < to {
		r.lose(*next, nil)
		r.give(next, chain.RawRecord{}, each)
	}
	return nil
}

// seek sets the iterator to a range. The first range begins at the space itself, so
// that shorter keys are seen.
func (r *rangeReader) seek(from, to uint64) (err error) {
	r.lower, r.upper = appendEntryKey(r.lower[:0], from), appendEntryKey(r.upper[:0], to)
	if from == 0 {
		r.lower = r.lower[:1]
	}
	if r.it == nil {
		r.it, err = r.f.rows.NewIter(&pebble.IterOptions{LowerBound: r.lower, UpperBound: r.upper})
		return err
	}
	r.it.SetBounds(r.lower, r.upper)
	return nil
}

// give hands one record on, and adds its row of the index.
func (r *rangeReader) give(next *uint64, rec chain.RawRecord, each func(chain.RawRecord) chain.Header) {
	seq := *next
	*next++
	h := each(rec)
	if h == nil {
		return
	}
	d := h.Disposition()
	if d != chain.Recorded && d != chain.Quarantined && r.f.o.ContentDigest != nil {
		r.f.checkRepeat(seq, h)
	}
	if !d.KeepsPayload() {
		return
	}
	if seq == 0 {
		if g, err := chain.OpenGenesis(h, rec.Payload); err == nil {
			r.f.ledger = g.Ledger // read after all entries
		}
	}
	if rec.Payload == nil {
		r.f.faults.at(absentPayload, seq, "", "")
	}
	r.rows.entry(seq, d, h, rec.Payload)
}

// lose notes that an entry is not there.
func (r *rangeReader) lose(seq uint64, err error) {
	now := gap{code: missingEntry, first: seq, n: 1}
	if err != nil {
		now.code = brokenFile
		now.file, now.why = r.f.blame(err)
	}
	if g := &r.lost; g.n > 0 && g.code == now.code && g.why == now.why && g.first+g.n == seq {
		g.n++
		return
	}
	r.report()
	r.lost = now
}

// report reports the gap that has ended.
func (r *rangeReader) report() {
	g := r.lost
	r.lost = gap{}
	if g.n == 0 {
		return
	}
	got := ""
	if g.n > 1 {
		got = fmt.Sprintf("entries %d to %d", g.first, g.first+g.n-1)
	}
	if g.code == missingEntry {
		r.f.faults.at(missingEntry, g.first, "", got)
		return
	}
	why := g.why
	r.f.mu.Lock()
	r.f.brokenBy = append(r.f.brokenBy, why)
	r.f.mu.Unlock()
	if got != "" {
		why = got + ": " + why
	}
	r.f.faults.add(StoreFault{Code: brokenFile, Seq: &g.first, File: g.file, Got: why})
}

func (r *rangeReader) closeIter() {
	if r.it != nil {
		_ = r.f.guard(r.it.Close) // its error has been reported
		r.it = nil
	}
}

// Close implements [verify.Reader].
func (r *rangeReader) Close() error {
	r.f.mu.Lock()
	r.f.entryRows.add(r.rows.sum)
	r.f.mu.Unlock()
	if r.direct != nil {
		if err := r.f.guard(r.direct.close); err != nil {
			r.f.damaged(brokenFile, err)
		}
	}
	if r.it == nil {
		return nil
	}
	it := r.it
	r.it = nil
	if err := r.f.guard(it.Close); err != nil && !errors.Is(err, pebble.ErrClosed) {
		r.f.damaged(brokenFile, err)
	}
	return nil
}
