package tiles_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"greffe/ledger/chain"
	"greffe/ledger/tiles"
)

// While entries are appended, what a checkpoint covers is there at once and for ever:
// whoever reads one finds every tile and bundle of its size, full and partial, with the
// hashes that it signs, and can go on from the one before.
func TestFollowWhileAppending(t *testing.T) {
	srv, l, verifier := serve(t, 1)
	appended := make(chan error, 1)
	var followers sync.WaitGroup
	var ended atomic.Bool
	for range 3 {
		followers.Go(func() {
			old, rounds := tlog.Tree{N: 1}, 0
			for last := false; !last; rounds++ {
				last = ended.Load()
				tree, err := followOnce(t, srv.URL, verifier, old)
				if err != nil {
					t.Errorf("after %d checkpoints, from size %d: %v", rounds, old.N, err)
					return
				}
				old = tree
			}
			if old.N != int64(l.Size()) || rounds < 3 {
				t.Errorf("after %d checkpoints it is at size %d of %d", rounds, old.N, l.Size())
			}
		})
	}
	go func() {
		defer ended.Store(true)
		// Batches that end before, at and after the edges of tiles, of both levels.
		for i := 0; l.Size() < 70000; i++ {
			if err := add(l, []int{1, 254, 1, 300, 212, 1000, 5, 251}[i%8]); err != nil {
				appended <- err
				return
			}
		}
		appended <- nil
	}()
	followers.Wait()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
}

// followOnce reads the newest checkpoint and what is new since an older one.
func followOnce(t *testing.T, url string, verifier note.Verifier, old tlog.Tree) (tlog.Tree, error) {
	_, _, text := get(t, url+"/checkpoint")
	cp, err := chain.OpenCheckpoint(text, verifier)
	if err != nil {
		return old, err
	}
	tree := tlog.Tree{N: int64(cp.Size), Hash: cp.Root}
	hashes := tlog.TileHashReader(tree, &sumdbTiles{t: t, url: url})
	if old.Hash != (tlog.Hash{}) {
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
		}
		if err != nil {
			return old, err
		}
	}
	n := (tree.N - 1) / chain.TileWidth
	name := fmt.Sprintf("%03d", n)
	if w := tree.N % chain.TileWidth; w != 0 {
		name += fmt.Sprintf(".p/%d", w)
	}
	status, _, bundle := get(t, url+"/tile/entries/"+name)
	if status != http.StatusOK {
		return old, fmt.Errorf("bundle %s at size %d: %d", name, tree.N, status)
	}
	var indexes []int64
	for seq := n * chain.TileWidth; seq < tree.N; seq++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, seq))
	}
	leaves, err := hashes.ReadHashes(indexes)
	if err != nil {
		return old, err
	}
	for i, leaf := range leaves {
		end := 2 + int(bundle[0])<<8 + int(bundle[1])
		if chain.LeafHash(bundle[2:end]) != leaf {
			return old, fmt.Errorf("entry %d of bundle %s at size %d is not that of the tree", i, name, tree.N)
		}
		bundle = bundle[end:]
	}
	return tree, nil
}

// The newest checkpoint is written down before it is shown, which costs a round trip:
// tiles of a checkpoint that was shown are read without asking for a newer one, and an
// open tile is the same whether it is computed at once or as it grows.
func TestTilesOfAShownCheckpoint(t *testing.T) {
	_, l, _ := serve(t, 70000)
	var asked atomic.Int32
	handler := tiles.Handler(tiles.Source{Ledger: l, Log: slog.New(slog.DiscardHandler),
		Checkpoint: func(context.Context) ([]byte, uint64, error) {
			asked.Add(1)
			return l.Edge().Checkpoint, l.Size(), nil
		}})
	answer := func(path string) []byte {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Fatalf("GET %s: %d", path, w.Code)
		}
		return w.Body.Bytes()
	}
	answer("/checkpoint")
	for _, path := range []string{"/tile/0/273.p/%d", "/tile/1/001.p/%d"} {
		width := 17
		if strings.HasPrefix(path, "/tile/0") {
			width = 112
		}
		var parts [][]byte
		for w := 1; w <= width; w++ {
			parts = append(parts, answer(fmt.Sprintf(path, w)))
		}
		for w, part := range parts {
			if len(part) != (w+1)*32 || !bytes.HasPrefix(parts[width-1], part) {
				t.Errorf(path+" is not the beginning of the open tile", w+1)
			}
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the newest checkpoint was asked for %d times, want 1", n)
	}
	if err := add(l, 1); err != nil {
		t.Fatal(err)
	}
	if answer("/tile/0/273.p/113"); asked.Load() != 2 {
		t.Errorf("a tile beyond what was shown: the newest checkpoint was asked for %d times, want 2", asked.Load())
	}
}
