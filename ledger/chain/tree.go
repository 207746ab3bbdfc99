package chain

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles are those of C2SP tlog-tiles: 256 hashes wide, eight tree levels high.
const (
	// TileHeight is the number of tree levels in a tile.
	TileHeight = 8
	// TileWidth is the number of hashes in a full tile.
	TileWidth = 1 << TileHeight
	// TileBytes is the size of a full tile.
	TileBytes = TileWidth * tlog.HashSize
	// TileLevels is the number of tile levels of the largest tree, 2^63 leaves.
	TileLevels = 8
)

// A Frontier is the right edge of a Merkle tree (RFC 6962 §2.1): one hash for
// each perfect subtree, at most 64. It is enough to append and to give the
// root. The zero value is the empty tree; copying it copies the tree.
type Frontier struct {
	size uint64
	// edge[i] is the hash of the perfect subtree of 2^i leaves, meaningful
	// if bit i of size is set.
	edge [64]Hash
}

// Size returns the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// Append adds one leaf.
func (f *Frontier) Append(leaf Hash) { f.AppendSubtree(0, leaf) }

// AppendSubtree adds 2^level leaves at once by the hash of their perfect
// subtree. Size must be a multiple of 2^level; it panics otherwise, because
// the result would be the root of no tree.
func (f *Frontier) AppendSubtree(level int, h Hash) {
	if f.size&(1<<level-1) != 0 {
		panic("chain: subtree not aligned with the tree's size")
	}
	i := level
	for ; f.size>>i&1 == 1; i++ {
		h = tlog.NodeHash(f.edge[i], h)
	}
	f.edge[i] = h
	f.size += 1 << level
}

// Root returns the tree's root; that of the empty tree is SHA-256 of nothing.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		return PayloadHash(nil)
	}
	i := bits.TrailingZeros64(f.size)
	root := f.edge[i]
	for i++; f.size>>i != 0; i++ {
		if f.size>>i&1 == 1 {
			root = tlog.NodeHash(f.edge[i], root)
		}
	}
	return root
}

// A TileFunc receives every tile at the moment it becomes full, so that a
// store can write it in the same batch as the entry that filled it. n counts
// tiles of that level from 0. data is [TileBytes] long and valid during the
// call only.
type TileFunc func(level int, n uint64, data []byte)

// A Tree is an append-only Merkle tree that hands out its full tiles and
// keeps only its right edge: about 66 kB, whatever its size. The zero value
// is the empty tree. To build a batch that may be thrown away, copy the tree
// with [Tree.CopyFrom] and append to the copy.
type Tree struct {
	frontier Frontier
	// open[l] holds the (size >> 8l) % 256 hashes of the open tile of level l.
	open [TileLevels][TileBytes]byte
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 { return t.frontier.size }

// Root returns the RFC 6962 root over all leaves, in at most 63 hashes.
func (t *Tree) Root() Hash { return t.frontier.Root() }

// CopyFrom makes t equal to src, copying only the hashes in use.
func (t *Tree) CopyFrom(src *Tree) {
	t.frontier = src.frontier
	for l := range t.open {
		copy(t.open[l][:], src.OpenTile(l))
	}
}

// OpenTile returns the hashes of the partial tile at the right edge of level,
// possibly none: what /tile/<level>/<n>.p/<w> serves. It is valid until the
// next Append.
func (t *Tree) OpenTile(level int) []byte {
	w := t.Size() >> (TileHeight * level) % TileWidth
	return t.open[level][:w*tlog.HashSize]
}

// Append adds one leaf and calls full, if it is not nil, for each tile that
// this leaf completes, lowest level first. It does not allocate.
func (t *Tree) Append(leaf Hash, full TileFunc) {
	f := &t.frontier
	t.put(0, leaf, full)
	h, i := leaf, 0
	for ; f.size>>i&1 == 1; i++ {
		h = tlog.NodeHash(f.edge[i], h)
		if (i+1)%TileHeight == 0 {
			t.put((i+1)/TileHeight, h, full)
		}
	}
	f.edge[i] = h
	f.size++
}

// put adds a hash to the open tile of level, before size counts the new leaf.
func (t *Tree) put(level int, h Hash, full TileFunc) {
	k := t.Size() >> (TileHeight * level) // index of h among the hashes of its level
	copy(t.open[level][k%TileWidth*tlog.HashSize:], h[:])
	if k%TileWidth == TileWidth-1 && full != nil {
		full(level, k/TileWidth, t.open[level][:])
	}
}

// RestoreTree rebuilds the tree of size leaves from what a store keeps: its
// full tiles and the leaf hashes after the last full tile. It reads at most
// 255 leaves and 255 tiles a level. tile's result is only read, and only
// until the next call. An error of tile or leaf is returned as it is.
//
// After a crash, the tree is whatever the last synced batch holds: tiles and
// entries travel in one batch, so a tile that is missing here is corruption.
func RestoreTree(size uint64, tile func(level int, n uint64) ([]byte, error), leaf func(seq uint64) (Hash, error)) (*Tree, error) {
	t := &Tree{frontier: Frontier{size: size}}
	for i := range size % TileWidth {
		h, err := leaf(size - size%TileWidth + i)
		if err != nil {
			return nil, err
		}
		copy(t.open[0][i*tlog.HashSize:], h[:])
	}
	for level := 1; level < TileLevels; level++ {
		n := size >> (TileHeight * level)
		for i := range n % TileWidth {
			data, err := tile(level-1, n-n%TileWidth+i)
			if err != nil {
				return nil, err
			}
			if len(data) != TileBytes {
				return nil, fmt.Errorf("restore tree: tile %d of level %d has %d bytes, want %d: %w",
					n-n%TileWidth+i, level-1, len(data), TileBytes, ErrMalformed)
			}
			h := SubtreeHash(data)
			copy(t.open[level][i*tlog.HashSize:], h[:])
		}
	}
	t.restoreEdge()
	return t, nil
}

// restoreEdge computes the frontier from the open tiles: each set bit of size
// is one run of hashes in the open tile of its level, the largest first.
func (t *Tree) restoreEdge() {
	for level := range t.open {
		data := t.OpenTile(level)
		for bit := TileHeight - 1; bit >= 0; bit-- {
			n := tlog.HashSize << bit
			if i := level*TileHeight + bit; t.Size()>>i&1 == 1 {
				t.frontier.edge[i] = SubtreeHash(data[:n])
				data = data[n:]
			}
		}
	}
}

// SubtreeHash returns the root of the perfect tree over the concatenated
// hashes in data; their number must be a power of two. It does not allocate.
func SubtreeHash(data []byte) Hash {
	if len(data) == tlog.HashSize {
		return Hash(data)
	}
	n := len(data) / 2
	return tlog.NodeHash(SubtreeHash(data[:n]), SubtreeHash(data[n:]))
}
