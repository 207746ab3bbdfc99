package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// kept is a ledger where it is kept, for tests.
type kept struct {
	records []chain.RawRecord
	err     error // of every read from entry broken on
	broken  uint64
}

func keep(l *chaintest.Ledger) *kept {
	k := &kept{}
	for _, r := range l.Records {
		k.records = append(k.records, chain.RawRecord{Header: bytes.Clone(r.Header), Payload: bytes.Clone(r.Payload)})
	}
	return k
}

func (k *kept) Size() uint64                   { return uint64(len(k.records)) }
func (k *kept) Reader() (verify.Reader, error) { return k, nil }
func (k *kept) Close() error                   { return nil }
func (k *kept) Read(from, to uint64, each func(chain.RawRecord) chain.Header) error {
	if k.err != nil && to > k.broken {
		return k.err
	}
	var memory [2][]byte // used again for each record, as a store does
	for _, r := range k.records[from:to] {
		for i, b := range [][]byte{r.Header, r.Payload} {
			clear(memory[i])
			memory[i] = append(memory[i][:0], b...)
		}
		rec := chain.RawRecord{}
		if r.Header != nil {
			rec.Header = memory[0]
		}
		if r.Payload != nil {
			rec.Payload = memory[1]
		}
		if h := each(rec); h != nil && !bytes.Equal(h, r.Header) {
			return fmt.Errorf("the header given back is another")
		}
	}
	return nil
}

// Entries says of a ledger what Bundle says of its bundle, and hands out its hashes.
func TestEntriesAsABundle(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, verify.PartSize - 1, verify.PartSize, verify.PartSize + 1, 3*verify.PartSize + 700} {
		l := chaintest.Uniform(t, "main", n, 300)
		var leaves []byte
		var tiles []chain.Hash
		last := uint64(0)
		r, _, err := verify.Entries(context.Background(), keep(l), verify.EntriesOptions{
			Workers: 3,
			Part: func(p *verify.Part) {
				if p.First != uint64(len(leaves)/32) || p.First%verify.PartSize != 0 {
					t.Fatalf("part at %d after %d leaves", p.First, len(leaves)/32)
				}
				leaves, tiles = append(leaves, p.Leaves...), append(tiles, p.Tiles...)
			},
			Progress: func(n uint64) { last = n },
		})
		if err != nil || r.FaultCount != 0 || r.Size != uint64(n) || last != r.Size {
			t.Fatalf("%d entries: %v, %d, faults %v, progress to %d", n, err, r.Size, r.Faults, last)
		}
		b := check(t, l.Bundle(t), l.Verifier)
		if b.Root != r.Root || b.Origin != r.Origin || b.ByDisposition != r.ByDisposition || b.Absent != r.Absent {
			t.Errorf("%d entries: %+v, as a bundle %+v", n, r, b)
		}
		if len(leaves) != 32*n || len(tiles) != n/chain.TileWidth {
			t.Fatalf("%d entries: %d leaves, %d tiles", n, len(leaves)/32, len(tiles))
		}
		for i, h := range tiles {
			if h != chain.SubtreeHash(leaves[i*chain.TileBytes:(i+1)*chain.TileBytes]) {
				t.Errorf("tile %d has another hash", i)
			}
		}
	}
}

// What is wrong with an entry is found wherever a part begins or ends.
func TestEntriesFaults(t *testing.T) {
	n := verify.PartSize + 300
	edits := []struct {
		name string
		edit func(*kept, int)
		want func(seq int) []string
	}{
		{"payload changed", func(k *kept, i int) { k.records[i].Payload[3] ^= 1 }, func(s int) []string { return []string{fmt.Sprint("V013 ", s)} }},
		{"prev changed", func(k *kept, i int) { k.records[i].Header[12] ^= 1 }, func(s int) []string {
			return []string{fmt.Sprint("V007 ", s-1), fmt.Sprint("V007 ", s)}
		}},
		{"cannot be read", func(k *kept, i int) { k.records[i] = chain.RawRecord{} }, func(int) []string { return nil }},
		{"cannot be read, another seq after it", func(k *kept, i int) {
			k.records[i] = chain.RawRecord{}
			k.records[i+1].Header[9] ^= 1
		}, func(s int) []string {
			return []string{fmt.Sprint("V006 ", s+1), fmt.Sprint("V006 ", s+2), fmt.Sprint("V007 ", s+1)}
		}},
	}
	l := chaintest.Uniform(t, "main", n, 300)
	for _, e := range edits {
		for _, seq := range []int{5, 255, 256, verify.PartSize - 2, verify.PartSize - 1, verify.PartSize, verify.PartSize + 1} {
			k := keep(l)
			e.edit(k, seq)
			r, _, err := verify.Entries(context.Background(), k, verify.EntriesOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range r.Faults {
				got = append(got, fmt.Sprint(f.Code, " ", *f.Seq))
			}
			slices.Sort(got)
			if want := e.want(seq); !slices.Equal(got, want) {
				t.Errorf("%s at %d: %v, want %v", e.name, seq, got, want)
			}
		}
	}
}

func TestEntriesReadingErrors(t *testing.T) {
	k := keep(chaintest.Uniform(t, "main", 20*verify.PartSize, 300))
	k.err, k.broken = errors.New("disk on fire"), 2*verify.PartSize
	if _, _, err := verify.Entries(context.Background(), k, verify.EntriesOptions{}); !errors.Is(err, k.err) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k.err = nil
	if _, _, err := verify.Entries(ctx, k, verify.EntriesOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
