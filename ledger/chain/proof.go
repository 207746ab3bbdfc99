package chain

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxProof is the largest number of hashes in a proof: one a level of a tree of 2^63 leaves.
const MaxProof = 63

// ErrProof is wrapped by the checks of proofs: the hashes do not lead to that root.
var ErrProof = errors.New("the proof does not hold")

// A NodeFunc returns the hash of the perfect subtree over the 2^level leaves from
// n·2^level on. It is only asked for subtrees that lie inside the tree.
type NodeFunc func(level int, n uint64) (Hash, error)

// ReadHashes implements [tlog.HashReader], whose indexes number the same nodes.
func (f NodeFunc) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		h, err := f(level, uint64(n))
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

// ProveInclusion returns the audit path of entry seq in the tree of the first size
// entries (RFC 6962 §2.1.1), from the leaf's sibling up. An error of node is returned
// as it is. It does what [tlog.ProveRecord] does, several times as fast.
func ProveInclusion(size, seq uint64, node NodeFunc) ([]Hash, error) {
	if seq >= size || size > math.MaxInt64 {
		return nil, fmt.Errorf("prove entry %d in a tree of %d: there is no such entry: %w", seq, size, ErrMalformed)
	}
	// The tree is one perfect subtree for each bit of size, the largest first. That of
	// the highest bit in which size and seq differ holds the entry.
	top := bits.Len64(size^seq) - 1
	path := make([]Hash, 0, bits.Len64(size-1))
	for level := range top {
		h, err := node(level, seq>>level^1)
		if err != nil {
			return nil, err
		}
		path = append(path, h)
	}
	if size&(1<<top-1) != 0 { // what comes after it is one tree of its own
		h, err := rightOf(size, top, node)
		if err != nil {
			return nil, err
		}
		path = append(path, h)
	}
	for level := top + 1; size>>level != 0; level++ {
		if size>>level&1 == 0 {
			continue
		}
		h, err := node(level, size>>level-1)
		if err != nil {
			return nil, err
		}
		path = append(path, h)
	}
	return path, nil
}

// rightOf returns the root of the tree over the last entries, those of the bits of size
// below top, of which there is one at least.
func rightOf(size uint64, top int, node NodeFunc) (root Hash, err error) {
	first := bits.TrailingZeros64(size)
	for level := first; level < top; level++ {
		if size>>level&1 == 0 {
			continue
		}
		h, err := node(level, size>>level-1)
		if err != nil {
			return Hash{}, err
		}
		if level == first {
			root = h
		} else {
			root = tlog.NodeHash(h, root)
		}
	}
	return root, nil
}

// CheckInclusion checks that the entry with that leaf hash is entry seq of the tree of
// size entries with that root (RFC 9162 §2.1.3.2). The error wraps [ErrProof]. It does
// what [tlog.CheckRecord] does, which never returns for a size above 2^62.
func CheckInclusion(proof []Hash, size uint64, root Hash, seq uint64, leaf Hash) error {
	wrong := func() error { return fmt.Errorf("entry %d in a tree of %d: %w", seq, size, ErrProof) }
	if seq >= size || size > math.MaxInt64 {
		return wrong()
	}
	c := climb{seq, size - 1}
	for _, h := range proof {
		left, ok := c.up()
		switch {
		case !ok:
			return wrong()
		case left:
			leaf = tlog.NodeHash(h, leaf)
		default:
			leaf = tlog.NodeHash(leaf, h)
		}
	}
	if c.last != 0 || leaf != root {
		return wrong()
	}
	return nil
}

// A climb goes from a node of a tree to its root. It counts nodes of one level, the last
// of which is at the right edge.
type climb struct{ node, last uint64 }

// up goes to the parent, past the levels at which an edge has no sibling, and reports
// whether the sibling was the left one; ok is false above the root.
func (c *climb) up() (left, ok bool) {
	if c.last == 0 {
		return false, false
	}
	left = c.node&1 == 1 || c.node == c.last
	for ; left && c.node&1 == 0 && c.node != 0; c.node, c.last = c.node>>1, c.last>>1 {
	}
	c.node, c.last = c.node>>1, c.last>>1
	return left, true
}

// ProveConsistency returns the proof that the tree of the first old entries is a prefix
// of that of the first size entries (RFC 6962 §2.1.2). It is empty for old = 0 and for
// old = size.
func ProveConsistency(old, size uint64, node NodeFunc) ([]Hash, error) {
	if old > size || size > math.MaxInt64 {
		return nil, fmt.Errorf("prove that a tree of %d grew to %d: it did not grow: %w", old, size, ErrMalformed)
	}
	if old == 0 || old == size {
		return nil, nil
	}
	return tlog.ProveTree(int64(size), int64(old), node)
}

// ProvedRoot returns the root at size old that a consistency proof establishes beside
// root. It reports false if the proof does not lead to root, and for old a power of two,
// whose proof rests on a root that is brought (RFC 9162 §2.1.4.2): only where it reports
// true does another root at old contradict root.
func ProvedRoot(proof []Hash, old, size uint64, root Hash) (Hash, bool) {
	if old == 0 || old >= size || size > math.MaxInt64 || old&(old-1) == 0 || len(proof) == 0 {
		return Hash{}, false
	}
	oldRoot, newRoot, ok := grow(proof, old, size)
	return oldRoot, ok && newRoot == root
}

// grow returns the two roots that a consistency proof leads to, from the hash of the
// largest perfect subtree in which the smaller tree ends, which comes first. It reports
// false if the proof has another length.
func grow(proof []Hash, old, size uint64) (oldRoot, newRoot Hash, ok bool) {
	c := climb{old - 1, size - 1}
	for ; c.node&1 == 1; c.node, c.last = c.node>>1, c.last>>1 {
	}
	oldRoot, newRoot = proof[0], proof[0]
	for _, h := range proof[1:] {
		left, ok := c.up()
		switch {
		case !ok:
			return Hash{}, Hash{}, false
		case left:
			oldRoot, newRoot = tlog.NodeHash(h, oldRoot), tlog.NodeHash(h, newRoot)
		default:
			newRoot = tlog.NodeHash(newRoot, h)
		}
	}
	return oldRoot, newRoot, c.last == 0
}

// CheckConsistency checks that the tree of old entries with oldRoot is a prefix of the
// tree of size entries with root. The error wraps [ErrProof].
func CheckConsistency(proof []Hash, old uint64, oldRoot Hash, size uint64, root Hash) error {
	wrong := fmt.Errorf("a tree of %d entries before one of %d: %w", old, size, ErrProof)
	switch {
	case old > size || size > math.MaxInt64:
		return wrong
	case old == 0: // the empty tree is a prefix of every other
		if len(proof) != 0 || oldRoot != PayloadHash(nil) {
			return wrong
		}
		return nil
	case old == size:
		if len(proof) != 0 || oldRoot != root {
			return wrong
		}
		return nil
	case old&(old-1) == 0: // one perfect subtree, whose hash is brought
		proof = append([]Hash{oldRoot}, proof...)
	case len(proof) == 0:
		return wrong
	}
	if gotOld, got, ok := grow(proof, old, size); !ok || gotOld != oldRoot || got != root {
		return wrong
	}
	return nil
}
