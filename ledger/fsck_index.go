package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// checkIndex compares the two sums, and looks for the rows that make them differ.
func (f *fsck) checkIndex(ctx context.Context) error {
	if f.entryRows == f.indexRows {
		for _, seq := range f.repeats {
			f.faults.at(neverRecorded, seq, "", "")
		}
		return nil
	}
	if f.isBroken() {
		return nil // what a damaged file holds is missing on one side or the other
	}
	if err := f.nameRows(ctx); err != nil {
		return err
	}
	if err := f.nameEntries(ctx); err != nil {
		return err
	}
	if !f.faults.any() {
		f.faults.add(StoreFault{Code: rowSums, Want: number(f.entryRows.n) + " rows", Got: number(f.indexRows.n)})
	}
	return nil
}

// nameRows looks up the entry of every row of the index. It is slow, and only runs
// when something is wrong.
func (f *fsck) nameRows(ctx context.Context) error {
	for _, space := range []byte{spaceConflict, spaceID, spaceKeyEvent} {
		it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: []byte{space}, UpperBound: []byte{space + 1}})
		if err != nil {
			return err
		}
		for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
			f.nameRow(it.Key(), it.Value())
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// nameRow reports a row whose entry is not what the row says.
func (f *fsck) nameRow(key, value []byte) {
	if key[0] == spaceKeyEvent {
		f.nameKeyEvent(key)
		return
	}
	publisher, id, digest, ok := cutIndexKey(key)
	if !ok || len(value) < 8 {
		return // reported by its form
	}
	seq := binary.BigEndian.Uint64(value)
	if f.suspects[seq] {
		return // the entry is what is wrong
	}
	if seq >= f.size {
		f.faults.ofKey(strayRow, key, "a seq below "+number(f.size), number(seq))
		return
	}
	h, payload, ok := f.entry(seq)
	if !ok {
		return
	}
	want := chain.Recorded
	if key[0] == spaceConflict {
		want = chain.Conflict
	} else {
		digest = value[8:]
	}
	if h.Disposition() != want || h.EventID() != id || !bytes.Equal(h.Publisher(), publisher) {
		f.faults.ofKey(strayRow, key, "", "entry "+number(seq)+" is another")
		return
	}
	if f.o.ContentDigest == nil || payload == nil {
		return
	}
	if got, err := f.o.ContentDigest(payload); err == nil && !bytes.Equal(got[:], digest) {
		f.faults.add(StoreFault{Code: rowDigest, Seq: &seq, Key: keyText(key), Want: hex.EncodeToString(got[:]), Got: hex.EncodeToString(digest)})
	}
}

// nameKeyEvent reports a row whose entry is no key event.
func (f *fsck) nameKeyEvent(key []byte) {
	if len(key) != 9 {
		return // reported by its form
	}
	seq := binary.BigEndian.Uint64(key[1:])
	if f.suspects[seq] {
		return
	}
	if h, _, ok := f.entry(seq); seq >= f.size || ok && !chain.IsKeyEvent(h) {
		f.faults.ofKey(strayRow, key, "", "entry "+number(seq)+" is no key event")
	}
}

// entry reads an entry whose header is canonical.
func (f *fsck) entry(seq uint64) (h chain.Header, payload []byte, ok bool) {
	header, payload, ok := splitEntry(f.get(appendEntryKey(nil, seq)))
	if !ok {
		return nil, nil, false
	}
	h, rest, err := chain.CutHeader(header)
	return h, payload, err == nil && len(rest) == 0
}

// nameEntries looks up the row of every entry that should have one.
func (f *fsck) nameEntries(ctx context.Context) error {
	it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceEntry}, UpperBound: appendEntryKey(nil, f.size)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		header, _, ok := splitEntry(it.Value())
		if !ok || len(it.Key()) != 9 {
			continue
		}
		h, rest, err := chain.CutHeader(header)
		seq := binary.BigEndian.Uint64(it.Key()[1:])
		if err != nil || len(rest) != 0 || f.suspects[seq] {
			continue
		}
		f.nameEntry(seq, h)
	}
	return it.Error()
}

// nameEntry reports an entry without its row. A row that is there and leads elsewhere
// is reported as a stray one.
func (f *fsck) nameEntry(seq uint64, h chain.Header) {
	publisher, id := string(h.Publisher()), h.EventID()
	missing := StoreFault{Code: missingRow, Seq: &seq}
	if key := appendKeyEventKey(nil, seq); chain.IsKeyEvent(h) && f.get(key) == nil {
		missing.Key = keyText(key)
		f.faults.add(missing)
	}
	switch h.Disposition() {
	case chain.Recorded:
		key := appendIDKey(nil, publisher, id)
		value := f.get(key)
		if value == nil {
			missing.Key = keyText(key)
			f.faults.add(missing)
		} else if len(value) == 8+32 {
			if first := binary.BigEndian.Uint64(value); first < seq && !f.suspects[first] {
				// Both cannot be the first of their id: the row says which was.
				if e, ok := f.header(first); ok && e.EventID == id && e.Publisher == publisher && e.Disposition == chain.Recorded {
					f.faults.at(neverRecorded, seq, "duplicate or conflict of entry "+number(first), "recorded again")
				}
			}
		}
	case chain.Conflict:
		if _, ok := f.conflictAt(publisher, id, seq); !ok {
			missing.Key = keyText(appendConflictKey(nil, publisher, id, [32]byte{})[:1+len(publisher)+1+16])
			f.faults.add(missing)
		}
	}
}

// conflictAt finds the row of the conflict at seq, and returns its digest.
func (f *fsck) conflictAt(publisher string, id [16]byte, seq uint64) (digest [32]byte, ok bool) {
	prefix := appendIDKey(nil, publisher, id)
	prefix[0] = spaceConflict
	upper := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 33)...)
	it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return digest, false
	}
	defer it.Close()
	for more := it.First(); more; more = it.Next() {
		key, value := it.Key(), it.Value()
		if len(key) == len(prefix)+32 && len(value) == 8 && binary.BigEndian.Uint64(value) == seq {
			return [32]byte(key[len(prefix):]), true
		}
	}
	return digest, false
}

// checkRepeat looks whether the id of a duplicate or conflict was recorded before it.
// If the index itself is damaged, that is what is reported.
func (f *fsck) checkRepeat(seq uint64, h chain.Header) {
	value := f.get(appendIDKey(nil, string(h.Publisher()), h.EventID()))
	if len(value) == 8+32 && binary.BigEndian.Uint64(value) < seq {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.repeats) < maxOfAKind {
		f.repeats = append(f.repeats, seq)
	}
}
