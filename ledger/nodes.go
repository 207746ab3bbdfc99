package ledger

import (
	"fmt"
	"sync"
	"sync/atomic"

	"greffe/ledger/chain"
)

// maxTiles bounds how many expanded tiles are in memory: 64 MiB, which is the whole tree
// of a million entries. More of a larger one are read as they are needed.
const maxTiles = 4096

const hashSize = len(chain.Hash{})

// Hashes returns the first width hashes of a tile of the tree, which is complete or at
// its right edge. It fails with [ErrNotFound] if the tree is not that wide.
func (l *Ledger) Hashes(level int, n uint64, width int) ([]byte, error) {
	t, err := l.expand(tileKey{level, n}, l.Size())
	if err != nil {
		return nil, err
	}
	if width > t.width {
		return nil, fmt.Errorf("%d hashes of tile %d of level %d: %w", width, n, level, ErrNotFound)
	}
	return t.nodes[: width*hashSize : width*hashSize], nil
}

// Rest drops the expanded tiles if none was used since the call before, and reports
// whether it had any to drop.
func (l *Ledger) Rest() bool { return l.tiles.rest() }

// nodes returns the hashes inside the tree of the first size entries.
func (l *Ledger) nodes(size uint64) (chain.NodeFunc, error) {
	synced := l.Size()
	if size > synced {
		return nil, fmt.Errorf("a tree of %d entries: %w, it holds %d", size, ErrNotFound, synced)
	}
	var last *expanded // neighbours on a path lie in the same tile
	return func(level int, n uint64) (chain.Hash, error) {
		row := level % chain.TileHeight
		key := tileKey{level / chain.TileHeight, n >> (chain.TileHeight - row)}
		if last == nil || last.tileKey != key {
			t, err := l.expand(key, synced)
			if err != nil {
				return chain.Hash{}, err
			}
			last = t
		}
		return last.node(row, int(n&(chain.TileWidth>>row-1))), nil
	}, nil
}

// A tileKey names a tile: its level among tiles, and its number on that level.
type tileKey struct {
	level int
	n     uint64
}

// An expanded tile has every hash of its subtree that is known: a complete one all 511,
// one at the right edge those over its first width hashes. It is never changed.
type expanded struct {
	tileKey
	width int
	used  atomic.Bool                              // since the last time that room was sought
	nodes [(2*chain.TileWidth - 1) * hashSize]byte // row after row, the widest first
}

// at returns where hash i of a row begins: row 0 has 256, row 8 one.
func at(row, i int) int { return (2*chain.TileWidth - 2*chain.TileWidth>>row + i) * hashSize }

func (t *expanded) node(row, i int) chain.Hash {
	return chain.Hash(t.nodes[at(row, i) : at(row, i)+hashSize])
}

// fill computes the rows above row 0, of which the hashes from from to width are new.
func (t *expanded) fill(from int) {
	for row := range chain.TileHeight {
		for i := from >> (row + 1); i < t.width>>(row+1); i++ {
			h := chain.SubtreeHash(t.nodes[at(row, 2*i) : at(row, 2*i)+2*hashSize])
			copy(t.nodes[at(row+1, i):], h[:])
		}
	}
}

// expand returns a tile with all that the first synced entries give to it.
func (l *Ledger) expand(key tileKey, synced uint64) (*expanded, error) {
	have := synced >> (chain.TileHeight * key.level) // hashes of that level
	first := key.n * chain.TileWidth
	if have <= first {
		return nil, fmt.Errorf("tile %d of level %d: %w", key.n, key.level, ErrNotFound)
	}
	width := int(min(have-first, chain.TileWidth))
	known := l.tiles.get(key)
	if known != nil && known.width >= width {
		return known, nil
	}
	t := &expanded{tileKey: key, width: width}
	from := 0
	if known != nil {
		from = known.width
		copy(t.nodes[:], known.nodes[:])
	}
	if err := l.readTile(t, from); err != nil {
		return nil, err
	}
	t.fill(from)
	l.tiles.put(t)
	return t, nil
}

// readTile reads row 0 from from on: a complete tile is stored; the leaves of one at the
// right edge are in their entries, its other hashes are the roots of the tiles below.
func (l *Ledger) readTile(t *expanded, from int) error {
	if t.width == chain.TileWidth {
		data, err := l.Tile(t.level, t.n)
		if err == nil && len(data) != chain.TileBytes {
			err = fmt.Errorf("it has %d bytes", len(data))
		}
		if err != nil {
			return fmt.Errorf("%w: tile %d of level %d: %w", ErrDamaged, t.n, t.level, err)
		}
		copy(t.nodes[:], data)
		return nil
	}
	first := t.n * chain.TileWidth
	if t.level == 0 {
		i := from
		return l.Read(first+uint64(from), first+uint64(t.width), func(r chain.Record) error {
			leaf := chain.LeafHash(r.Header)
			copy(t.nodes[at(0, i):], leaf[:])
			i++
			return nil
		})
	}
	for i := from; i < t.width; i++ {
		root, err := l.tileRoot(tileKey{t.level - 1, first + uint64(i)})
		if err != nil {
			return err
		}
		copy(t.nodes[at(0, i):], root[:])
	}
	return nil
}

// tileRoot returns the root of a complete tile, without keeping the tile in memory.
func (l *Ledger) tileRoot(key tileKey) (chain.Hash, error) {
	if t := l.tiles.get(key); t != nil && t.width == chain.TileWidth {
		return t.node(chain.TileHeight, 0), nil
	}
	t := expanded{tileKey: key, width: chain.TileWidth}
	if err := l.readTile(&t, 0); err != nil {
		return chain.Hash{}, err
	}
	return chain.SubtreeHash(t.nodes[:chain.TileBytes]), nil
}

// A tileCache holds expanded tiles. When it is full, one that was not used lately makes
// room: a hand goes round, and passes over each that was used since it came by.
type tileCache struct {
	max   int
	asked atomic.Bool // since the last rest
	mu    sync.RWMutex
	tiles map[tileKey]*expanded
	ring  []tileKey
	hand  int
}

func (c *tileCache) get(key tileKey) *expanded {
	if !c.asked.Load() {
		c.asked.Store(true)
	}
	c.mu.RLock()
	t := c.tiles[key]
	c.mu.RUnlock()
	if t != nil && !t.used.Load() {
		t.used.Store(true)
	}
	return t
}

// put adds a tile, or the same one with more hashes.
func (c *tileCache) put(t *expanded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.tiles[t.tileKey]
	switch {
	case old != nil && old.width >= t.width:
		return // another reader was faster
	case old != nil:
	case len(c.ring) < c.max:
		if c.tiles == nil {
			c.tiles = make(map[tileKey]*expanded)
		}
		c.ring = append(c.ring, t.tileKey)
	default:
		for c.tiles[c.ring[c.hand]].used.Swap(false) {
			c.hand = (c.hand + 1) % c.max
		}
		delete(c.tiles, c.ring[c.hand])
		c.ring[c.hand] = t.tileKey
		c.hand = (c.hand + 1) % c.max
	}
	c.tiles[t.tileKey] = t
}

func (c *tileCache) rest() bool {
	if c.asked.Swap(false) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.tiles != nil
	c.tiles, c.ring, c.hand = nil, nil, 0
	return had
}
