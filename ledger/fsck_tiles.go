package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// A tileCheck compares the stored tiles with the hashes of the entries as they come:
// each level is read once, in order. It belongs to the goroutine that merges.
type tileCheck struct {
	f      *fsck
	levels [chain.TileLevels]tileLevel
	doubts []doubt
}

// A tileLevel is one level on its way up.
type tileLevel struct {
	level    int
	it       *pebble.Iterator // over the stored tiles; nil before the first, and when broken
	more     bool             // it stands on a tile
	used     bool             // that was compared
	broken   bool             // a file of it cannot be read
	next     uint64           // number of the tile that comes next
	computed []byte           // the hashes of that tile so far, by the entries
	stored   []byte           // the same by the stored tiles below, to find out who is wrong
}

// A doubt is a hash of a tile that its entry contradicts; who is right shows at the end.
type doubt struct {
	n    uint64 // of the tile
	seq  uint64
	want chain.Hash
	got  chain.Hash
}

// maxDoubts bounds the memory for doubts.
const maxDoubts = 1 << 16

func newTileCheck(f *fsck) *tileCheck {
	t := &tileCheck{f: f}
	for i := range t.levels {
		t.levels[i].level = i
	}
	return t
}

// part compares the tiles of the leaves that were hashed.
func (t *tileCheck) part(p *verify.Part) {
	for i, root := range p.Tiles {
		leaves := p.Leaves[i*chain.TileBytes : (i+1)*chain.TileBytes]
		stored := t.read(&t.levels[0])
		if stored != nil && !bytes.Equal(stored, leaves) {
			t.doubt(t.levels[0].next-1, stored, leaves)
		}
		t.up(1, root, rootOf(stored, leaves, root))
	}
}

// rootOf returns the hash over a stored tile, which is root if it equals the computed one.
func rootOf(stored, computed []byte, root chain.Hash) chain.Hash {
	if stored == nil || bytes.Equal(stored, computed) {
		return root
	}
	return chain.SubtreeHash(stored)
}

// up adds a hash to a level, and compares the tile that it completes.
func (t *tileCheck) up(level int, computed, stored chain.Hash) {
	if level == len(t.levels) {
		return
	}
	l := &t.levels[level]
	l.computed, l.stored = append(l.computed, computed[:]...), append(l.stored, stored[:]...)
	if len(l.computed) < chain.TileBytes {
		return
	}
	tile := t.read(l)
	root := chain.SubtreeHash(l.computed)
	if tile != nil && !bytes.Equal(tile, l.computed) {
		t.compareUpper(l, tile)
	}
	t.up(level+1, root, rootOf(tile, l.computed, root))
	l.computed, l.stored = l.computed[:0], l.stored[:0]
}

// compareUpper reports a tile that agrees neither with the entries nor with the stored
// tiles below it. If it agrees with one of them, the other has been reported.
func (t *tileCheck) compareUpper(l *tileLevel, tile []byte) {
	for i := 0; i < chain.TileBytes; i += hashSize {
		got := tile[i : i+hashSize]
		if bytes.Equal(got, l.computed[i:i+hashSize]) || bytes.Equal(got, l.stored[i:i+hashSize]) {
			continue
		}
		at := appendTileKey(nil, l.level, l.next-1)
		t.f.faults.ofKey(tileDiffers, at, hex.EncodeToString(l.computed[i:i+hashSize]), hex.EncodeToString(got))
		return
	}
}

// read returns the next stored tile of a level, nil if it is missing or has a fault.
// It is valid until the next read of that level.
func (t *tileCheck) read(l *tileLevel) []byte {
	n := l.next
	l.next++
	if !t.start(l) {
		return nil
	}
	if l.used {
		t.step(l)
	}
	for l.more {
		key := l.it.Key()
		at, ok := tileNumber(key, l.level)
		switch {
		case !ok:
			t.f.faults.ofKey(badKey, key, "letter, level, number", "")
			t.step(l)
			continue
		case at > n:
			t.f.faults.ofKey(missingTile, appendTileKey(nil, l.level, n), "", "")
			return nil
		}
		var value []byte
		if err := t.f.guard(func() (err error) { value, err = l.it.ValueAndErr(); return err }); err != nil {
			t.breakOff(l, err)
			return nil
		}
		t.f.report.Tiles++
		l.used = true
		if len(value) != chain.TileBytes {
			t.f.faults.ofKey(badValue, key, number(chain.TileBytes)+" bytes", number(uint64(len(value))))
			return nil
		}
		return value
	}
	if !l.broken {
		t.f.faults.ofKey(missingTile, appendTileKey(nil, l.level, n), "", "")
	}
	return nil
}

// start opens the level's iterator. The lowest begins at the space itself and the
// highest goes to its end, so that no key of the space is passed over.
func (t *tileCheck) start(l *tileLevel) bool {
	if l.it != nil || l.broken {
		return !l.broken
	}
	lower, upper := []byte{spaceTile, byte(l.level)}, []byte{spaceTile, byte(l.level + 1)}
	if l.level == 0 {
		lower = lower[:1]
	}
	if l.level == len(t.levels)-1 {
		upper = []byte{spaceTile + 1}
	}
	err := t.f.guard(func() (err error) {
		if l.it, err = t.f.rows.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper}); err != nil {
			return err
		}
		l.more = l.it.First()
		return l.it.Error()
	})
	if err != nil {
		t.breakOff(l, err)
	}
	return err == nil
}

func (t *tileCheck) step(l *tileLevel) {
	l.used = false
	err := t.f.guard(func() error {
		l.more = l.it.Next()
		return l.it.Error()
	})
	if err != nil {
		t.breakOff(l, err)
	}
}

// breakOff gives a level up: what its file held is not known.
func (t *tileCheck) breakOff(l *tileLevel, err error) {
	l.broken, l.more = true, false
	t.f.damaged(brokenFile, err)
}

func tileNumber(key []byte, level int) (uint64, bool) {
	if len(key) != 10 || int(key[1]) != level {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[2:]), true
}

// doubt notes where a stored tile and its entries differ. The seq of its last leaf may
// be the ledger's newest.
func (t *tileCheck) doubt(n uint64, stored, leaves []byte) {
	for i := 0; i < chain.TileBytes && len(t.doubts) < maxDoubts; i += hashSize {
		d := doubt{n: n, seq: n*chain.TileWidth + uint64(i/hashSize), want: chain.Hash(leaves[i:]), got: chain.Hash(stored[i:])}
		if d.want != d.got && d.want != (chain.Hash{}) {
			t.doubts = append(t.doubts, d)
		}
	}
}

// end reports the tiles that are left, and closes the iterators.
func (t *tileCheck) end() {
	for i := range t.levels {
		l := &t.levels[i]
		if t.start(l); l.used {
			t.step(l)
		}
		for ; l.more; t.step(l) {
			code := extraTile
			if _, ok := tileNumber(l.it.Key(), l.level); !ok {
				code = badKey
			}
			t.f.faults.ofKey(code, l.it.Key(), "", "")
		}
		if l.it != nil {
			_ = t.f.guard(l.it.Close) // its error has been reported
		}
	}
}

// judge decides the doubts, once the entries are known. An entry that was changed is
// no longer what the next one links to, and has been reported; otherwise it is the tile
// that was changed. The newest entry has no next one, but the root that is signed.
func (t *tileCheck) judge() {
	last := ^uint64(0)
	for _, d := range t.doubts {
		if d.n == last || t.f.suspects[d.seq] {
			continue
		}
		if cp := t.f.checkpoint; d.seq+1 == t.f.size && cp != nil && cp.Root != t.f.report.Root {
			continue
		}
		last = d.n
		t.f.faults.add(StoreFault{Code: tileDiffers, Key: keyText(appendTileKey(nil, 0, d.n)),
			Want: fmt.Sprintf("%x for entry %d", d.want, d.seq), Got: fmt.Sprintf("%x", d.got)})
	}
}
