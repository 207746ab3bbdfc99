package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// A reference is what a growing ledger is held against: every leaf and every root.
type reference struct {
	leaves []chain.Hash
	roots  []chain.Hash // roots[n] is that of the first n entries
	tree   chain.Frontier
}

func newReference() *reference {
	r := new(reference)
	r.roots = append(r.roots, r.tree.Root())
	return r
}

func (r *reference) grow(placed []ledger.Placed) {
	for _, p := range placed {
		r.leaves = append(r.leaves, p.Leaf)
		r.tree.Append(p.Leaf)
		r.roots = append(r.roots, r.tree.Root())
	}
}

func (r *reference) checkInclusion(l *ledger.Ledger, size, seq uint64) error {
	path, err := l.Inclusion(size, seq)
	if err != nil {
		return fmt.Errorf("entry %d in %d: %w", seq, size, err)
	}
	return chain.CheckInclusion(path, size, r.roots[size], seq, r.leaves[seq])
}

func (r *reference) checkConsistency(l *ledger.Ledger, old, size uint64) error {
	proof, err := l.Consistency(old, size)
	if err != nil {
		return fmt.Errorf("%d before %d: %w", old, size, err)
	}
	return chain.CheckConsistency(proof, old, r.roots[old], size, r.roots[size])
}

func (r *reference) inclusion(t fataler, l *ledger.Ledger, size, seq uint64) {
	t.Helper()
	if err := r.checkInclusion(l, size, seq); err != nil {
		t.Fatal(err)
	}
}

func (r *reference) consistency(t fataler, l *ledger.Ledger, old, size uint64) {
	t.Helper()
	if err := r.checkConsistency(l, old, size); err != nil {
		t.Fatal(err)
	}
}

// Every size of a growing ledger has its proofs, whatever was asked before and after.
func TestProofsAtEverySize(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	want := newReference()
	random := rand.New(rand.NewPCG(1, 2))
	for n := uint64(1); n <= 1100; n++ {
		want.grow(appendAll(t, l, draft(t, n, "hr", n, "x")))
		for range 4 {
			size := n - random.Uint64N(min(n, 300))
			want.inclusion(t, l, size, random.Uint64N(size))
			want.consistency(t, l, random.Uint64N(size+1), size)
			if root, err := l.RootAt(size); err != nil || root != want.roots[size] {
				t.Fatalf("root at %d: %v, %v", size, root, err)
			}
		}
		if n%97 == 0 {
			l.Rest() // twice at once: the second finds nothing used in between
			l.Rest()
		}
	}
}

// A larger tree: three levels of tiles, complete ones and ones at the edge, of which
// few are kept.
func TestProofsOfALargeLedger(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	l.KeepTiles(7)
	want := newReference()
	for n := uint64(0); n < 70_000; {
		var drafts []ledger.Draft
		for range 2500 {
			n++
			drafts = append(drafts, draft(t, n, "hr", n, "x"))
		}
		want.grow(appendAll(t, l, drafts...))
		for range 50 {
			size := 1 + rand.Uint64N(n)
			want.inclusion(t, l, size, rand.Uint64N(size))
			want.consistency(t, l, rand.Uint64N(size+1), size)
		}
	}
	for _, size := range []uint64{1, 255, 256, 257, 511, 512, 65535, 65536, 65537, 65792, 70_000} {
		for _, seq := range []uint64{0, size / 2, size - 1} {
			want.inclusion(t, l, size, seq)
			want.consistency(t, l, seq, size)
			want.consistency(t, l, size, 70_000)
		}
	}
	if n := l.KeptTiles(); n != 7 {
		t.Errorf("%d tiles are kept, want 7", n)
	}
}

// Proofs are made while entries come, and hold at any size that is synced.
func TestProofsWhileAppending(t *testing.T) {
	const n = 6000
	l := open(t, vfs.NewMem())
	defer l.Close()
	var mu sync.RWMutex
	want := newReference()
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.RLock()
				if size := uint64(len(want.leaves)); size > 0 {
					size -= rand.Uint64N(min(size, 500))
					err := errors.Join(want.checkInclusion(l, size, rand.Uint64N(size)), want.checkConsistency(l, rand.Uint64N(size+1), size))
					if err != nil {
						t.Error(err)
					}
				}
				mu.RUnlock()
			}
		})
	}
	for i := uint64(0); i < n; {
		var drafts []ledger.Draft
		for range 1 + rand.IntN(40) {
			i++
			drafts = append(drafts, draft(t, i, "hr", i, "x"))
		}
		placed := appendAll(t, l, drafts...)
		mu.Lock()
		want.grow(placed)
		mu.Unlock()
		if i%7 == 0 {
			l.Rest()
		}
	}
	close(done)
	readers.Wait()
}

func TestProofsThatCannotBeMade(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x"))
	for name, err := range map[string]error{
		"an entry of a larger tree": errOf(l.Inclusion(3, 1)),
		"a larger tree":             errOf(l.Consistency(1, 3)),
		"its root":                  errOf(l.RootAt(3)),
		"a tile beyond the end":     errOf(l.Hashes(0, 1, 1)),
		"more of a tile":            errOf(l.Hashes(0, 0, 3)),
		"an upper tile":             errOf(l.Hashes(1, 0, 1)),
	} {
		if !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if _, err := l.Inclusion(2, 2); !errors.Is(err, chain.ErrMalformed) {
		t.Errorf("an entry after the tree: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

// Memory is bounded, and given back once nobody asks.
func TestTilesRest(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x"))
	if l.Rest() {
		t.Error("dropped what was never made")
	}
	if _, err := l.Inclusion(2, 1); err != nil {
		t.Fatal(err)
	}
	if l.Rest() {
		t.Error("dropped what was just used")
	}
	if !l.Rest() {
		t.Error("kept what nobody used")
	}
	before, err := l.Hashes(0, 0, 2)
	if err != nil || len(before) != 64 {
		t.Fatal(len(before), err)
	}
	appendAll(t, l, draft(t, 3, "hr", 3, "x"))
	after, err := l.Hashes(0, 0, 3)
	if err != nil || !bytes.HasPrefix(after, before) {
		t.Errorf("a tile that grew has other hashes, %v", err)
	}
}

// An id is found without its publisher, and every publisher that used it is named.
func TestFindAll(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 7, "x"), draft(t, 3, "hr2", 8, "x"),
		draft(t, 4, "crm", 7, "x"), draft(t, 5, "hr", 8, "x"), draft(t, 6, "h", 9, "x"), draft(t, 7, "hr", 7, "y"))
	for id, want := range map[uint64][]ledger.Origination{
		1: {{Publisher: "greffe", Seq: 0}},
		7: {{Publisher: "crm", Seq: 3}, {Publisher: "hr", Seq: 1}},
		8: {{Publisher: "hr", Seq: 4}, {Publisher: "hr2", Seq: 2}},
		9: {{Publisher: "h", Seq: 5}},
		6: nil,
	} {
		got, err := l.FindAll(draft(t, 2, "", id, "").ID)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("id %d: %v, %v, want %v", id, got, err, want)
		}
	}
}

// A proof file holds the record, its path and the checkpoint.
func TestTlogProof(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	want := newReference()
	want.grow(appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x"), draft(t, 3, "hr", 3, "y")))
	text, err := l.TlogProof(1, 3, l.Edge().Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	_, _, v := key(t, 7)
	if r, err := verify.Proof(text, v, verify.Options{}); err != nil || r.Outcome() != verify.Sound {
		t.Errorf("the proof does not hold: %+v", r.Faults)
	}
	if _, err := l.TlogProof(3, 3, nil); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("of an entry that is not there: %v", err)
	}
}
