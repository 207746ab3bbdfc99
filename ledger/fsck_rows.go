package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// A space is one row of the table of key spaces: who adds a space adds a row.
type space struct {
	letter           byte
	minKey, maxKey   int // bytes, the letter included
	minValue, maxVal int
	// row checks one row of the right lengths, if there is more to say of it. Rows
	// come in the order of their keys, from one goroutine.
	row func(f *fsck, sum *rowSummer, key, value []byte)
	// later checks one row once the entries are known. It is for spaces with few rows.
	later func(f *fsck, key, value []byte)
}

const (
	minIndexKey = 1 + 1 + 1 + 16
	maxIndexKey = 1 + chain.MaxPublisher + 1 + 16
)

// spaces are all key spaces but the entries and the tiles, which are read in step with
// each other.
func spaces() []space {
	return []space{
		{spaceAnchor, 1, 1, anchorSize, anchorSize, nil, nil},
		{spaceConflict, minIndexKey + 32, maxIndexKey + 32, 8, 8, (*fsck).indexRow, nil},
		{spaceID, minIndexKey, maxIndexKey, 8 + 32, 8 + 32, (*fsck).indexRow, nil},
		{spaceCheckpoint, 1, 1, 1, chain.MaxCheckpoint, nil, nil},
		{spaceCosigned, 9, 9, 1, chain.MaxCheckpoint, nil, (*fsck).cosignedRow},
		{spaceTimestamp, timestampKeySize, timestampKeySize, hashSize + 2, hashSize + 1 + 255 + MaxToken, nil, (*fsck).timestampRow},
		{spaceVersion, 1, 1, 1, 64, nil, nil},
		{spaceKeyEvent, 9, 9, 0, 0, (*fsck).keyEventRow, nil},
	}
}

// spacesByLetter is the table to look rows up in.
func spacesByLetter() *[256]*space {
	table := [256]*space{}
	for _, s := range spaces() {
		table[s.letter] = &s
	}
	return &table
}

// scanRows reads everything that is neither entry nor tile.
func (f *fsck) scanRows(ctx context.Context) error {
	table := spacesByLetter()
	var sum rowSummer
	sum.init(f)
	defer func() { f.addIndexRows(sum.sum) }()
	all := [][2][]byte{
		{appendEntryKey(nil, f.size), {spaceEntry + 1}}, // beyond the end
		{nil, {spaceEntry}}, {{spaceEntry + 1}, {spaceTile}}, {{spaceTile + 1}, nil},
	}
	if f.plan != nil {
		if err := f.scanFiles(ctx, table, &sum); err != nil {
			return err
		}
		all = all[:1]
	}
	for _, bounds := range all {
		if err := f.scanBetween(ctx, bounds[0], bounds[1], table, &sum); err != nil {
			return err
		}
	}
	return nil
}

func (f *fsck) addIndexRows(s rowSum) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.indexRows.add(s)
}

// scanLater reads the spaces again whose rows are checked last.
func (f *fsck) scanLater(ctx context.Context) error {
	for _, s := range spaces() {
		if s.later == nil {
			continue
		}
		it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: []byte{s.letter}, UpperBound: []byte{s.letter + 1}})
		if err != nil {
			return err
		}
		for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
			if key, value := it.Key(), it.Value(); len(key) >= s.minKey && len(key) <= s.maxKey && len(value) >= s.minValue && len(value) <= s.maxVal {
				s.later(f, key, value)
			}
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// cosignedRow checks a checkpoint that witnesses have cosigned. Their signatures are
// for those who chose the witnesses.
func (f *fsck) cosignedRow(key, value []byte) {
	cp, err := f.openSigned(value)
	size := binary.BigEndian.Uint64(key[1:])
	switch {
	case errors.Is(err, chain.ErrMalformed):
		f.faults.ofKey(badCosigned, key, "its one canonical form", "")
		return
	case err != nil:
		f.faults.ofKey(badCosigned, key, "a signature by this ledger's key", "")
		return
	case cp.Size != size:
		f.faults.ofKey(badCosigned, key, "the size of its key", number(cp.Size))
		return
	}
	f.checkPast(badCosigned, key, size, cp.Root)
}

// timestampRow checks that a timestamp is over this ledger. The token holds its time and
// its authority once more; they are for those who trust that authority.
func (f *fsck) timestampRow(key, value []byte) {
	t, err := cutTimestamp(key, value)
	if err != nil {
		f.faults.ofKey(badTimestamp, key, "the token whose digest is in its key", "")
		return
	}
	f.checkPast(badTimestamp, key, t.Size, t.Root)
}

// checkPast holds what somebody outside has signed against the entries: that many there
// were, with this root.
func (f *fsck) checkPast(code StoreCode, key []byte, size uint64, root chain.Hash) {
	switch {
	case size > f.size:
		f.faults.ofKey(rolledBack, key, "at least "+number(size)+" entries", number(f.size))
		return
	case len(f.suspects) > 0 || f.isBroken():
		return // an entry that was changed changes this root too
	}
	tile := func(level int, n uint64) ([]byte, error) { return f.get(appendTileKey(nil, level, n)), nil }
	leaf := func(seq uint64) (chain.Hash, error) {
		header, _, _ := splitEntry(f.get(appendEntryKey(nil, seq)))
		return chain.LeafHash(header), nil
	}
	tree, err := chain.RestoreTree(size, tile, leaf)
	if err == nil && tree.Root() != root {
		f.faults.ofKey(code, key, hex.EncodeToString(root[:]), "the root at that size is another")
	}
}

func (f *fsck) scanBetween(ctx context.Context, lower, upper []byte, table *[256]*space, sum *rowSummer) error {
	it, err := f.rows.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		key := it.Key()
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		f.checkRow(key, value, table, sum)
	}
	return it.Error()
}

// checkRow holds one row against the table.
func (f *fsck) checkRow(key, value []byte, table *[256]*space, sum *rowSummer) {
	switch s := (*space)(nil); {
	case len(key) == 0:
		f.faults.ofKey(badKey, key, "a key", "none")
	case key[0] == spaceEntry:
		if len(key) != 9 {
			f.faults.ofKey(badKey, key, "9 bytes", number(uint64(len(key))))
			return
		}
		f.faults.add(StoreFault{Code: beyondSize, Key: keyText(key), Want: "at most " + number(f.size) + " entries"})
	case table[key[0]] == nil:
		f.faults.ofKey(unknownSpace, key, "", "")
	default:
		s = table[key[0]]
		if len(key) < s.minKey || len(key) > s.maxKey {
			f.faults.ofKey(badKey, key, between(s.minKey, s.maxKey), number(uint64(len(key))))
			return
		}
		if len(value) < s.minValue || len(value) > s.maxVal {
			f.faults.ofKey(badValue, key, between(s.minValue, s.maxVal), number(uint64(len(value))))
			return
		}
		if s.row != nil {
			s.row(f, sum, key, value)
		}
	}
}

func between(least, most int) string {
	if least == most {
		return fmt.Sprintf("%d bytes", least)
	}
	return fmt.Sprintf("%d to %d bytes", least, most)
}

// indexRow adds a row of the index to the sum.
func (f *fsck) indexRow(sum *rowSummer, key, value []byte) {
	publisher, id, digest, ok := cutIndexKey(key)
	if !ok {
		f.faults.ofKey(badKey, key, "publisher, zero byte, id", "")
		return
	}
	if key[0] == spaceID {
		digest = value[8:]
	}
	sum.add(key[0], publisher, id, binary.BigEndian.Uint64(value), digest)
}

// keyEventRow adds a row of the index of key events to the sum.
func (f *fsck) keyEventRow(sum *rowSummer, key, _ []byte) {
	sum.addKeyEvent(binary.BigEndian.Uint64(key[1:]))
}

// cutIndexKey takes a key of the index apart; digest is empty for an id.
func cutIndexKey(key []byte) (publisher []byte, id [16]byte, digest []byte, ok bool) {
	tail := 16
	if len(key) > 0 && key[0] == spaceConflict {
		tail += 32
	}
	at := len(key) - tail - 1 // of the zero byte
	if at < 2 || key[at] != 0 || bytes.IndexByte(key[1:at], 0) >= 0 {
		return nil, id, nil, false
	}
	return key[1:at], [16]byte(key[at+1 : at+17]), key[at+17:], true
}

// A rowSum stands for a set of rows: equal sets have equal sums, and other sets have
// other sums but for one chance in 2^64, since the key of the hash is drawn anew.
type rowSum struct{ sum, n uint64 }

func (s *rowSum) add(o rowSum) { s.sum, s.n = s.sum+o.sum, s.n+o.n }

// A rowSummer sums rows up for one goroutine.
type rowSummer struct {
	f   *fsck
	sum rowSum
	buf []byte
}

func (s *rowSummer) init(f *fsck) { s.f = f }

// add adds the row that says: what publisher sent under id came at seq. The digest
// counts only if it is checked.
func (s *rowSummer) add(space byte, publisher []byte, id [16]byte, seq uint64, digest []byte) {
	s.buf = append(append(s.buf[:0], space), publisher...)
	s.buf = append(append(s.buf, 0), id[:]...)
	s.buf = binary.BigEndian.AppendUint64(s.buf, seq)
	if s.f.o.ContentDigest != nil {
		s.buf = append(s.buf, digest...)
	}
	s.sum.sum += maphash.Bytes(s.f.seed, s.buf)
	s.sum.n++
}

// addKeyEvent adds the row that says: the entry at seq is a key event.
func (s *rowSummer) addKeyEvent(seq uint64) {
	s.buf = appendKeyEventKey(s.buf[:0], seq)
	s.sum.sum += maphash.Bytes(s.f.seed, s.buf)
	s.sum.n++
}

// entry adds the rows that an entry should have.
func (s *rowSummer) entry(seq uint64, d chain.Disposition, h chain.Header, payload []byte) {
	space := byte(spaceID)
	if d == chain.Conflict {
		space = spaceConflict
	}
	var digest [32]byte
	if s.f.o.ContentDigest != nil {
		digest = s.f.digestOf(seq, d, h, payload)
	}
	s.add(space, h.Publisher(), h.EventID(), seq, digest[:])
	if chain.IsKeyEvent(h) {
		s.addKeyEvent(seq)
	}
}

// digestOf returns the content digest of an entry. Of a payload that is absent or no
// event, the index is believed; the entry has a fault of its own then.
func (f *fsck) digestOf(seq uint64, d chain.Disposition, h chain.Header, payload []byte) (digest [32]byte) {
	if payload != nil {
		if digest, err := f.o.ContentDigest(payload); err == nil {
			return digest
		}
	}
	publisher, id := string(h.Publisher()), h.EventID()
	if d == chain.Recorded {
		if value := f.get(appendIDKey(nil, publisher, id)); len(value) == 8+32 {
			copy(digest[:], value[8:])
		}
		return digest
	}
	if row, ok := f.conflictAt(publisher, id, seq); ok {
		return row
	}
	return digest
}
