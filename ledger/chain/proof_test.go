package chain_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// TestProofs proves every entry and every earlier size of every tree up to 70 entries,
// and checks that a proof holds for nothing else.
func TestProofs(t *testing.T) {
	l := chaintest.New(t, "main", 70, 210)
	roots := []chain.Hash{chain.PayloadHash(nil)}
	var leaves []chain.Hash
	var f chain.Frontier
	for i := range l.Records {
		leaves = append(leaves, chain.LeafHash(l.Records[i].Header))
		f.Append(leaves[i])
		roots = append(roots, f.Root())
	}
	for size := uint64(1); size <= 70; size++ {
		for seq := range size {
			proof, err := chain.ProveInclusion(size, seq, l.Node)
			if err == nil {
				err = chain.CheckInclusion(proof, size, roots[size], seq, leaves[seq])
			}
			if err != nil {
				t.Fatalf("entry %d of %d: %v", seq, size, err)
			}
			for other := range size {
				if other != seq && chain.CheckInclusion(proof, size, roots[size], other, leaves[seq]) == nil {
					t.Errorf("the proof of entry %d of %d holds at %d", seq, size, other)
				}
			}
		}
		for old := range size + 1 {
			proof, err := chain.ProveConsistency(old, size, l.Node)
			if err == nil {
				err = chain.CheckConsistency(proof, old, roots[old], size, roots[size])
			}
			if err != nil {
				t.Fatalf("%d before %d: %v", old, size, err)
			}
			wrong := roots[old]
			wrong[7] ^= 1
			if err := chain.CheckConsistency(proof, old, wrong, size, roots[size]); !errors.Is(err, chain.ErrProof) {
				t.Errorf("%d before %d with a wrong old root: %v", old, size, err)
			}
			if err := chain.CheckConsistency(append(slices.Clone(proof), chain.Hash{}), old, roots[old], size, roots[size]); !errors.Is(err, chain.ErrProof) {
				t.Errorf("%d before %d with a hash too many: %v", old, size, err)
			}
		}
	}
}

// TestProvedRoot: a proof establishes the old root exactly where it can.
func TestProvedRoot(t *testing.T) {
	l := chaintest.New(t, "main", 70, 210)
	for size := uint64(1); size <= 70; size++ {
		for old := range size {
			proof, err := chain.ProveConsistency(old, size, l.Node)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := chain.ProvedRoot(proof, old, size, l.RootAt(size))
			if want := old != 0 && old&(old-1) != 0; ok != want || ok && got != l.RootAt(old) {
				t.Errorf("%d before %d: %x, %t", old, size, got, ok)
			}
			for i := range proof {
				proof[i][3] ^= 1
				if _, ok := chain.ProvedRoot(proof, old, size, l.RootAt(size)); ok {
					t.Errorf("%d before %d: a proof with hash %d changed establishes something", old, size, i)
				}
				proof[i][3] ^= 1
			}
		}
	}
}

// TestProofsFlipped flips each bit of a proof and of what it is checked against.
func TestProofsFlipped(t *testing.T) {
	l := chaintest.New(t, "main", 37, 210)
	root, leaf := mustNode(t, l, 37), chain.LeafHash(l.Records[12].Header)
	proof, err := chain.ProveInclusion(37, 12, l.Node)
	if err != nil {
		t.Fatal(err)
	}
	hashes := append(slices.Clone(proof), root, leaf)
	for bit := range len(hashes) * 256 {
		h := slices.Clone(hashes)
		h[bit/256][bit%256/8] ^= 1 << (bit % 8)
		if chain.CheckInclusion(h[:len(proof)], 37, h[len(proof)], 12, h[len(proof)+1]) == nil {
			t.Fatalf("bit %d flipped and nobody noticed", bit)
		}
	}
}

func mustNode(t *testing.T, l *chaintest.Ledger, size int) chain.Hash {
	t.Helper()
	var f chain.Frontier
	for _, r := range l.Records[:size] {
		f.Append(chain.LeafHash(r.Header))
	}
	return f.Root()
}

func TestProofLimits(t *testing.T) {
	l := chaintest.New(t, "main", 3, 210)
	if _, err := chain.ProveInclusion(3, 3, l.Node); !errors.Is(err, chain.ErrMalformed) {
		t.Errorf("an entry after the end: %v", err)
	}
	if _, err := chain.ProveConsistency(4, 3, l.Node); !errors.Is(err, chain.ErrMalformed) {
		t.Errorf("a ledger that shrank: %v", err)
	}
	for _, size := range []uint64{0, 2, 1 << 63, 1<<64 - 1} {
		if err := chain.CheckInclusion(nil, size, chain.Hash{}, 2, chain.Hash{}); !errors.Is(err, chain.ErrProof) {
			t.Errorf("size %d: %v", size, err)
		}
		if err := chain.CheckConsistency(nil, 3, chain.Hash{}, size, chain.Hash{}); !errors.Is(err, chain.ErrProof) {
			t.Errorf("3 before %d: %v", size, err)
		}
	}
}

// sameLeaves is the NodeFunc of a tree of any size whose leaves are all the same.
func sameLeaves(level int, _ uint64) (chain.Hash, error) {
	h := chain.LeafHash(nil)
	for range level {
		h = tlog.NodeHash(h, h)
	}
	return h, nil
}

// sameRoot is its root.
func sameRoot(size uint64) chain.Hash {
	var f chain.Frontier
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			h, _ := sameLeaves(level, 0)
			f.AppendSubtree(level, h)
		}
	}
	return f.Root()
}

// TestProofsOfTheLargest: sizes go to 2^63 - 1, and whoever reads a file cannot choose
// them. A check must end and be right up there too.
func TestProofsOfTheLargest(t *testing.T) {
	const half = 1 << 62
	for _, size := range []uint64{half, half + 1, half + 2, half + half/2, math.MaxInt64 - 1, math.MaxInt64} {
		root := sameRoot(size)
		for _, seq := range []uint64{0, 1, half - 1, half, size - 2, size - 1} {
			if seq >= size {
				continue
			}
			proof, err := chain.ProveInclusion(size, seq, sameLeaves)
			if err != nil {
				t.Fatal(err)
			}
			if err := chain.CheckInclusion(proof, size, root, seq, chain.LeafHash(nil)); err != nil {
				t.Errorf("entry %d of %d: %v", seq, size, err)
			}
			proof[len(proof)-1][0] ^= 1
			if err := chain.CheckInclusion(proof, size, root, seq, chain.LeafHash(nil)); !errors.Is(err, chain.ErrProof) {
				t.Errorf("entry %d of %d with a flipped bit: %v", seq, size, err)
			}
		}
		if size == half {
			continue
		}
		right := sameRoot(size - half)
		if err := chain.CheckConsistency([]chain.Hash{right}, half, sameRoot(half), size, root); err != nil {
			t.Errorf("%d before %d: %v", uint64(half), size, err)
		}
		if size == half+1 {
			continue
		}
		first, err := chain.ProveInclusion(size-half, 0, sameLeaves)
		if err != nil {
			t.Fatal(err)
		}
		left, _ := sameLeaves(62, 0)
		proof := append(append([]chain.Hash{chain.LeafHash(nil)}, first...), left)
		if err := chain.CheckConsistency(proof, half+1, sameRoot(half+1), size, root); err != nil {
			t.Errorf("%d before %d: %v", uint64(half+1), size, err)
		}
		if err := chain.CheckConsistency(proof, half+1, root, size, root); !errors.Is(err, chain.ErrProof) {
			t.Errorf("%d before %d with another root: %v", uint64(half+1), size, err)
		}
	}
}

// TestProofsAsOthersCheckThem: what package tlog says of a proof of any length is what is
// said here.
func TestProofsAsOthersCheckThem(t *testing.T) {
	for size := int64(1); size <= 40; size++ {
		root := sameRoot(uint64(size))
		for seq := range size {
			for n := range 8 {
				for top := range 2 { // all right of the path, or one hash of it wrong
					proof, _ := chain.ProveInclusion(uint64(size), uint64(seq), sameLeaves)
					for len(proof) < n {
						proof = append(proof, chain.Hash{})
					}
					if proof = proof[:n]; n > 0 {
						proof[n-1][0] ^= byte(top)
					}
					want := tlog.CheckRecord(proof, size, root, seq, chain.LeafHash(nil)) == nil
					if got := chain.CheckInclusion(proof, uint64(size), root, uint64(seq), chain.LeafHash(nil)) == nil; got != want {
						t.Errorf("%d hashes for entry %d of %d: %t, want %t", n, seq, size, got, want)
					}
					proof, _ = chain.ProveConsistency(uint64(seq), uint64(size), sameLeaves)
					for len(proof) < n {
						proof = append(proof, chain.Hash{})
					}
					if proof = proof[:n]; n > 0 {
						proof[n-1][0] ^= byte(top)
					}
					want = seq > 0 && tlog.CheckTree(proof, size, root, seq, sameRoot(uint64(seq))) == nil || seq == 0 && n == 0
					if got := chain.CheckConsistency(proof, uint64(seq), sameRoot(uint64(seq)), uint64(size), root) == nil; got != want {
						t.Errorf("%d hashes for %d before %d: %t, want %t", n, seq, size, got, want)
					}
				}
			}
		}
	}
}

func tlogProof(t testing.TB, l *chaintest.Ledger, seq uint64) chain.TlogProof {
	t.Helper()
	hashes, err := chain.ProveInclusion(uint64(len(l.Records)), seq, l.Node)
	if err != nil {
		t.Fatal(err)
	}
	r := l.Records[seq]
	return chain.TlogProof{Extra: chain.AppendRecord(nil, r.Header, r.Payload), Seq: seq, Hashes: hashes, Checkpoint: l.Checkpoint(t)}
}

func TestTlogProof(t *testing.T) {
	l := chaintest.New(t, "main", 9, 210)
	for seq := range uint64(9) {
		p := tlogProof(t, l, seq)
		text := chain.AppendTlogProof(nil, &p)
		again, err := chain.ParseTlogProof(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		r, rest, err := chain.CutRecord(again.Extra)
		if err != nil || len(rest) != 0 || r.Entry.Seq != seq || !bytes.Equal(r.Payload, l.Records[seq].Payload) {
			t.Errorf("entry %d: got %v, %d bytes more, %v", seq, r.Entry, len(rest), err)
		}
		c, err := chain.OpenCheckpoint(again.Checkpoint, l.Verifier)
		if err == nil {
			err = chain.CheckInclusion(again.Hashes, c.Size, c.Root, again.Seq, chain.LeafHash(r.Header))
		}
		if err != nil {
			t.Errorf("entry %d: %v", seq, err)
		}
	}
}

func FuzzTlogProof(f *testing.F) {
	l := chaintest.New(f, "fuzz", 9, 210)
	for seq := range uint64(9) {
		p := tlogProof(f, l, seq)
		f.Add(chain.AppendTlogProof(nil, &p))
		p.Extra = nil
		f.Add(chain.AppendTlogProof(nil, &p))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := chain.ParseTlogProof(text)
		if err != nil {
			return
		}
		if again := chain.AppendTlogProof(nil, &p); !bytes.Equal(again, text) {
			t.Fatalf("accepted %q, writes %q", text, again)
		}
		r, rest, err := chain.CutRecord(p.Extra)
		if err != nil {
			return
		}
		if again := append(chain.AppendRecord(nil, r.Header, r.Payload), rest...); !bytes.Equal(again, p.Extra) {
			t.Fatalf("accepted record %x, writes %x", p.Extra, again)
		}
	})
}

func TestScopes(t *testing.T) {
	sound := []string{
		`{"by":"range","from":0,"to":1}`,
		`{"by":"period","from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`,
		`{"by":"aggregate","names":["breach/BR-1","breach/BR-2"]}`,
		`{"by":"aggregate","names":["breach/<a&b>"]}`,
		`{"by":"register","names":["breach"],"register":"breaches"}`,
		`{"by":"publisher","names":["hr"]}`,
	}
	for _, text := range sound {
		s, err := chain.ParseScope([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if again, err := chain.AppendScope(nil, &s); err != nil || string(again) != text {
			t.Errorf("%s: written again %s, %v", text, again, err)
		}
	}
	for _, text := range []string{
		``, `{}`, `null`, `{"by":"color","names":["red"]}`,
		`{"by":"range","from":1,"to":1}`, `{"by":"range","from":-1,"to":1}`, `{"by":"range","from":"0","to":1}`, `{"by":"range","to":1}`,
		`{"by":"range","from":0,"names":["a/b"],"to":1}`,
		`{"by":"period","from":"2026-02-01T00:00:00Z","to":"2026-01-01T00:00:00Z"}`,
		`{"by":"period","from":"2026-01-01T00:00:00+01:00","to":"2026-02-01T00:00:00Z"}`,
		`{"by":"period","from":"2026-01-01T00:00:00.5Z","to":"2026-02-01T00:00:00Z"}`,
		`{"by":"period","from":"1969-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`,
		`{"by":"aggregate","names":[]}`, `{"by":"aggregate"}`, `{"by":"aggregate","names":["b/1","a/1"]}`, `{"by":"aggregate","names":["a/1","a/1"]}`,
		`{"by":"aggregate","names":["a"]}`, `{"by":"aggregate","names":[1]}`, `{"by":"aggregate","names":["a/1"],"register":"breaches"}`,
		`{"by":"register","names":["breach"]}`, `{"by":"register","names":["breach/1"],"register":"breaches"}`,
		`{"by":"publisher","names":["HR"]}`, `{"by":"publisher","names":["hr"],"more":1}`,
		`{ "by":"publisher","names":["hr"]}`, `{"names":["hr"],"by":"publisher"}`,
	} {
		if s, err := chain.ParseScope([]byte(text)); !errors.Is(err, chain.ErrMalformed) {
			t.Errorf("%s: accepted as %+v, %v", text, s, err)
		}
	}
}

func FuzzScope(f *testing.F) {
	f.Add([]byte(`{"by":"range","from":0,"to":1}`))
	f.Add([]byte(`{"by":"period","from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`))
	f.Add([]byte(`{"by":"register","names":["breach"],"register":"breaches"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := chain.ParseScope(text)
		if err != nil {
			return
		}
		if again, err := chain.AppendScope(nil, &s); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("accepted %q, writes %q (%v)", text, again, err)
		}
	})
}

// FuzzSections: the bodies of timestamp and consistency sections have one form.
func FuzzSections(f *testing.F) {
	l := chaintest.New(f, "fuzz", 3, 210)
	text := chain.FormatCheckpoint(l.Origin, 3, chain.Hash{1})
	f.Add(chain.AppendTimestamp(nil, chain.Timestamp{Text: text, Token: []byte{0x30, 0}}))
	f.Add(chain.AppendConsistency(nil, chain.Consistency{Old: 2, Hashes: []chain.Hash{{1}, {2}}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, _, err := chain.ParseTimestamp(body); err == nil && !bytes.Equal(chain.AppendTimestamp(nil, s), body) {
			t.Fatalf("accepted timestamp %x, writes another", body)
		}
		if c, err := chain.ParseConsistency(body); err == nil && !bytes.Equal(chain.AppendConsistency(nil, c), body) {
			t.Fatalf("accepted consistency %x, writes another", body)
		}
	})
}

// TestExcerpt reads every range of a ledger back: the genesis, the entries of the range and
// no other, each with a proof or linked to the next.
func TestExcerpt(t *testing.T) {
	l := chaintest.New(t, "main", 12, 210)
	for from := range uint64(12) {
		for to := from + 1; to <= 12; to++ {
			scanner, block := chain.NewScanner(bytes.NewReader(l.Excerpt(t, chain.Scope{By: chain.ByRange, FromSeq: from, ToSeq: to}))), chain.Block{}
			if err := scanner.Scan(&block); err != nil {
				t.Fatal(err)
			}
			checkExcerpt(t, l, block.Records, from, to)
		}
	}
}

func checkExcerpt(t *testing.T, l *chaintest.Ledger, records []chain.RawRecord, from, to uint64) {
	t.Helper()
	want := to - from
	if from > 0 {
		want++ // the genesis
	}
	if uint64(len(records)) != want {
		t.Fatalf("%d records of %d to %d, want %d", len(records), from, to, want)
	}
	for i, r := range records {
		seq, leaf := chain.Header(r.Header).Seq(), chain.LeafHash(r.Header)
		if r.Proof == nil {
			if next := chain.Header(records[i+1].Header); next.Prev() != leaf {
				t.Fatalf("entry %d has neither proof nor link", seq)
			}
			continue
		}
		if err := chain.CheckInclusion(chain.CutHashes(r.Proof), 12, mustNode(t, l, 12), seq, leaf); err != nil {
			t.Fatal(err)
		}
	}
}
