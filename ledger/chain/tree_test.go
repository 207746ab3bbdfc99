package chain_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"greffe/ledger/chain"
)

// leaf returns a distinct leaf hash for seq.
func leaf(seq uint64) chain.Hash {
	return chain.LeafHash(binary.BigEndian.AppendUint64(nil, seq))
}

// tileStore keeps what a store keeps: full tiles and leaf hashes.
type tileStore struct {
	tree   chain.Tree
	tiles  map[string][]byte
	leaves []chain.Hash
}

func newTileStore() *tileStore { return &tileStore{tiles: map[string][]byte{}} }

func (s *tileStore) append(h chain.Hash) {
	s.leaves = append(s.leaves, h)
	s.tree.Append(h, func(level int, n uint64, data []byte) {
		key := fmt.Sprintf("%d/%d", level, n)
		if _, twice := s.tiles[key]; twice {
			panic("tile " + key + " handed out twice")
		}
		s.tiles[key] = append([]byte{}, data...)
	})
}

func (s *tileStore) tile(level int, n uint64) ([]byte, error) {
	data, ok := s.tiles[fmt.Sprintf("%d/%d", level, n)]
	if !ok {
		return nil, fmt.Errorf("no tile %d/%d", level, n)
	}
	return data, nil
}

// Height, ReadTiles and SaveTiles make a tileStore a tlog.TileReader.
func (s *tileStore) Height() int { return chain.TileHeight }

func (s *tileStore) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := s.tile(t.L, uint64(t.N))
		if err != nil {
			data = s.tree.OpenTile(t.L)
		}
		all = append(all, data[:t.W*tlog.HashSize])
	}
	return all, nil
}

func (s *tileStore) SaveTiles([]tlog.Tile, [][]byte) {}

// TestTreeIsThatOfTlog grows two trees side by side, ours and x/mod's, and
// lets x/mod read, authenticate and prove over our tiles.
func TestTreeIsThatOfTlog(t *testing.T) {
	const size = 70_000 // more than 256², so that level 2 has a hash
	store := newTileStore()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	check := map[uint64]bool{1: true, 2: true, 3: true, 255: true, 256: true, 257: true, 1000: true,
		65_535: true, 65_536: true, 65_537: true, size: true}
	for n := range uint64(size) {
		store.append(leaf(n))
		hs, err := tlog.StoredHashesForRecordHash(int64(n), leaf(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
		if check[n+1] {
			checkTree(t, store, reader, n+1)
		}
	}
}

func checkTree(t *testing.T, store *tileStore, reader tlog.HashReader, size uint64) {
	t.Helper()
	want, err := tlog.TreeHash(int64(size), reader)
	if err != nil {
		t.Fatal(err)
	}
	if got := store.tree.Root(); got != want {
		t.Fatalf("size %d: root %v, want %v", size, got, want)
	}
	for _, tile := range tlog.NewTiles(chain.TileHeight, 0, int64(size)) {
		wantData, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := store.ReadTiles([]tlog.Tile{tile})
		if string(got[0]) != string(wantData) {
			t.Fatalf("size %d: %s differs", size, tile.Path())
		}
	}
	checkProofs(t, store, tlog.Tree{N: int64(size), Hash: want})
	restored, err := chain.RestoreTree(size, store.tile, func(seq uint64) (chain.Hash, error) { return store.leaves[seq], nil })
	if err != nil {
		t.Fatal(err)
	}
	checkSame(t, restored, &store.tree)
}

// checkSame compares two trees in all that they show now, and after 300 more leaves.
func checkSame(t *testing.T, got, want *chain.Tree) {
	t.Helper()
	var a, b chain.Tree
	a.CopyFrom(got)
	b.CopyFrom(want)
	for n := range uint64(301) {
		if a.Root() != b.Root() || a.Size() != b.Size() {
			t.Fatalf("size %d: the restored tree has another root", b.Size())
		}
		for level := range chain.TileLevels {
			if string(a.OpenTile(level)) != string(b.OpenTile(level)) {
				t.Fatalf("size %d: the restored tree has another open tile at level %d", b.Size(), level)
			}
		}
		a.Append(leaf(n), nil)
		b.Append(leaf(n), nil)
	}
}

func checkProofs(t *testing.T, store *tileStore, tree tlog.Tree) {
	t.Helper()
	authenticated := tlog.TileHashReader(tree, store)
	for _, seq := range []int64{0, tree.N / 2, tree.N - 1} {
		proof, err := tlog.ProveRecord(tree.N, seq, authenticated)
		if err != nil {
			t.Fatalf("size %d: prove record %d: %v", tree.N, seq, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, seq, leaf(uint64(seq))); err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, seq, leaf(uint64(seq)+1)); err == nil {
			t.Fatalf("size %d: the proof of record %d also proves another", tree.N, seq)
		}
	}
	old := max(tree.N*2/3, 1)
	var before chain.Tree
	for n := range uint64(old) {
		before.Append(leaf(n), nil)
	}
	proof, err := tlog.ProveTree(tree.N, old, authenticated)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, before.Root()); err != nil {
		t.Fatalf("size %d: consistency from %d: %v", tree.N, old, err)
	}
}

// TestFrontierSubtrees builds the same tree out of aligned subtrees of random sizes.
func TestFrontierSubtrees(t *testing.T) {
	const size = 3000
	var byLeaf, bySubtree chain.Frontier
	var data []byte
	for n := range uint64(size) {
		h := leaf(n)
		byLeaf.Append(h)
		data = append(data, h[:]...)
	}
	for pos, step := uint64(0), 0; pos < size; step++ {
		level := step % 5
		for pos&(1<<level-1) != 0 || pos+1<<level > size {
			level--
		}
		end := pos + 1<<level
		bySubtree.AppendSubtree(level, chain.SubtreeHash(data[pos*32:end*32]))
		pos = end
	}
	if byLeaf.Root() != bySubtree.Root() {
		t.Error("roots differ")
	}
	defer func() {
		if recover() == nil {
			t.Error("a subtree that is not aligned was accepted")
		}
	}()
	bySubtree.Append(leaf(0))
	bySubtree.AppendSubtree(4, leaf(0))
}

// TestTreeCopy throws a batch away.
func TestTreeCopy(t *testing.T) {
	var tree, batch chain.Tree
	for n := range uint64(777) {
		tree.Append(leaf(n), nil)
	}
	want := tree.Root()
	batch.CopyFrom(&tree)
	for n := range uint64(600) {
		batch.Append(leaf(n+5000), nil)
	}
	if tree.Root() != want || batch.Root() == want {
		t.Error("the copy and the original are not apart")
	}
	batch.CopyFrom(&tree)
	if batch.Root() != want || string(batch.OpenTile(0)) != string(tree.OpenTile(0)) {
		t.Error("copying back does not restore the tree")
	}
}

func TestRestoreTreeRefusesShortTile(t *testing.T) {
	_, err := chain.RestoreTree(256,
		func(int, uint64) ([]byte, error) { return make([]byte, 32), nil },
		func(uint64) (chain.Hash, error) { return chain.Hash{}, nil })
	if err == nil {
		t.Error("a tile of one hash was accepted as full")
	}
}

func TestTreeAppendAllocates(t *testing.T) {
	var tree chain.Tree
	header := make([]byte, 200)
	if n := testing.AllocsPerRun(1000, func() { tree.Append(chain.LeafHash(header), nil) }); n != 0 {
		t.Errorf("%v allocations an entry, want 0", n)
	}
}

func BenchmarkTreeAppend(b *testing.B) {
	var tree chain.Tree
	h := leaf(1)
	for b.Loop() {
		tree.Append(h, func(int, uint64, []byte) {})
	}
}

func BenchmarkTreeCopyAndRoot(b *testing.B) {
	var tree, batch chain.Tree
	for n := range uint64(1_000_123) {
		tree.Append(leaf(n), nil)
	}
	for b.Loop() {
		batch.CopyFrom(&tree)
		batch.Root()
	}
}
