package chain_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// example is a recorded entry with every field different.
func example() chain.Entry {
	return chain.Entry{
		Seq: 7, Prev: chain.LeafHash([]byte("six")), Epoch: 2, StreamSeq: 5, LedgeredAt: 1_767_225_600_000_000_000,
		Disposition: chain.Recorded, PayloadHash: chain.PayloadHash([]byte(`{"a":1}`)), PayloadLen: 7,
		EventID:   [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Publisher: "hr", Type: "breach.established.v1", Aggregate: "breach/BR-2026-001",
	}
}

// TestGoldenEntry spells one header out. These bytes may never change.
func TestGoldenEntry(t *testing.T) {
	annotated := []struct{ hex, means string }{
		{"01", "version 1"},
		{"01", "disposition recorded"},
		{"0000000000000007", "seq 7"},
		{"ca233e7a26b8c35c2c93f524c7b905e7a2105640d6dcc594694cff56d26efb25", "prev"},
		{"00000002", "epoch 2"},
		{"0000000000000005", "stream seq 5"},
		{"18867251edfa0000", "ledgered at 2026-01-01T00:00:00Z in ns"},
		{"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862", `SHA-256 of {"a":1}`},
		{"00000007", "payload of 7 bytes"},
		{"0102030405060708090a0b0c0d0e0f10", "event id"},
		{"02" + "6872", "publisher hr"},
		{"15" + "6272656163682e65737461626c69736865642e7631", "type breach.established.v1"},
		{"12" + "6272656163682f42522d323032362d303031", "aggregate breach/BR-2026-001"},
	}
	e := example()
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	rest := header
	for _, field := range annotated {
		want, err := hex.DecodeString(field.hex)
		if err != nil || len(want) > len(rest) {
			t.Fatalf("%s: %v", field.means, err)
		}
		if !bytes.Equal(rest[:len(want)], want) {
			t.Errorf("%s: got %x, want %x", field.means, rest[:len(want)], want)
		}
		rest = rest[len(want):]
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes too many", len(rest))
	}
	got, rest, err := chain.CutEntry(append(header, "next"...))
	if err != nil || string(rest) != "next" {
		t.Fatalf("rest %q, error %v", rest, err)
	}
	if diff := cmp.Diff(e, got); diff != "" {
		t.Error(diff)
	}
}

// TestEntryRules breaks one rule at a time. AppendEntry must refuse the value,
// and name the field.
func TestEntryRules(t *testing.T) {
	cases := []struct {
		name, field string
		edit        func(*chain.Entry)
	}{
		{"disposition 0", "disposition", func(e *chain.Entry) { e.Disposition = 0 }},
		{"disposition 5", "disposition", func(e *chain.Entry) { e.Disposition = 5 }},
		{"seq too large", "seq", func(e *chain.Entry) { e.Seq = math.MaxInt64 + 1 }},
		{"epoch 0", "epoch", func(e *chain.Entry) { e.Epoch = 0 }},
		{"stream seq 0", "stream_seq", func(e *chain.Entry) { e.StreamSeq = 0 }},
		{"before 1970", "ledgered_at", func(e *chain.Entry) { e.LedgeredAt = -1 }},
		{"empty payload", "payload_len", func(e *chain.Entry) { e.PayloadLen = 0 }},
		{"payload too long", "payload_len", func(e *chain.Entry) { e.PayloadLen = chain.MaxPayload + 1 }},
		{"duplicate of an empty payload", "payload_len", func(e *chain.Entry) { e.Disposition, e.PayloadLen = chain.Duplicate, 0 }},
		{"searchable quarantine", "payload_hash", func(e *chain.Entry) { e.Disposition = chain.Quarantined }},
		{"no id", "event_id", func(e *chain.Entry) { e.EventID = [16]byte{} }},
		{"no publisher", "publisher", func(e *chain.Entry) { e.Publisher = "" }},
		{"no type", "type", func(e *chain.Entry) { e.Type = "" }},
		{"no aggregate", "aggregate", func(e *chain.Entry) { e.Aggregate = "" }},
		{"long publisher", "publisher", func(e *chain.Entry) { e.Publisher = strings.Repeat("a", 33) }},
		{"long type", "type", func(e *chain.Entry) { e.Type = "a." + strings.Repeat("b", 76) + ".v1" }},
		{"long aggregate", "aggregate", func(e *chain.Entry) { e.Aggregate = "a/" + strings.Repeat("b", 95) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := example()
			c.edit(&e)
			dst := []byte("kept")
			got, err := chain.AppendEntry(dst, &e)
			var field *chain.FieldError
			if !errors.As(err, &field) || field.Field != c.field || !errors.Is(err, chain.ErrMalformed) {
				t.Errorf("got error %v, want one of field %s", err, c.field)
			}
			if string(got) != "kept" {
				t.Error("dst was changed")
			}
		})
	}
}

// TestNames lists what each name allows, through AppendEntry.
func TestNames(t *testing.T) {
	cases := []struct {
		field     string
		set       func(*chain.Entry, string)
		good, bad []string
	}{
		{"publisher", func(e *chain.Entry, s string) { e.Publisher = s },
			[]string{"a", "hr-1", "a--", strings.Repeat("z", 32)},
			[]string{"1a", "-a", "A", "a_b", "a.b", "é", "a b"}},
		{"type", func(e *chain.Entry, s string) { e.Type = s },
			[]string{"a.b.v1", "a.b.c.v9999", "a_1.b_.v10", "a.v1.v2", "a." + strings.Repeat("b", 75) + ".v1"},
			[]string{"a.v1", "a.b", "a.b.v0", "a.b.v01", "a.b.v10000", "a..v1", ".b.v1", "a.b.", "a.b.v", "A.b.v1", "a.1b.v1", "a.b.v1x", "v1", "a.b-c.v1"}},
		{"aggregate", func(e *chain.Entry, s string) { e.Aggregate = s },
			[]string{"a/b", "a//", "a/b/c", "a_1/!~", "a/" + strings.Repeat("b", 94)},
			[]string{"a", "a/", "/b", "1/b", "A/b", "a-b/c", "a/ b", "a/\x7f", "a/é", "a b/c"}},
	}
	for _, c := range cases {
		for _, s := range c.good {
			e := example()
			c.set(&e, s)
			if _, err := chain.AppendEntry(nil, &e); err != nil {
				t.Errorf("%s %q: %v", c.field, s, err)
			}
		}
		for _, s := range c.bad {
			e := example()
			c.set(&e, s)
			if _, err := chain.AppendEntry(nil, &e); err == nil {
				t.Errorf("%s %q was accepted", c.field, s)
			}
		}
	}
}

func TestQuarantinedMayBeEmpty(t *testing.T) {
	e := chain.Entry{Epoch: 1, StreamSeq: 1, Disposition: chain.Quarantined, PayloadLen: math.MaxUint32}
	header, err := chain.AppendEntry(nil, &e)
	if err != nil || len(header) != chain.MinHeader {
		t.Fatalf("got %d bytes, %v", len(header), err)
	}
	if got, _, err := chain.CutEntry(header); err != nil || got != e {
		t.Errorf("got %+v, %v", got, err)
	}
	e.Publisher = "NOT A NAME"
	if _, err := chain.AppendEntry(nil, &e); err == nil {
		t.Error("a quarantined entry may lack a name, not have a bad one")
	}
}

func TestDispositionNames(t *testing.T) {
	for d := chain.Recorded; d <= chain.Quarantined; d++ {
		if got, err := chain.ParseDisposition(d.String()); got != d || err != nil {
			t.Errorf("%v: got %v, %v", d, got, err)
		}
	}
	if _, err := chain.ParseDisposition(chain.Disposition(9).String()); err == nil {
		t.Error("disposition 9 has a name")
	}
}

// TestEventIDText agrees with the ULID library that publishers use.
func TestEventIDText(t *testing.T) {
	for _, id := range [][16]byte{{}, {1, 2, 3, 15: 9}, example().EventID, [16]byte(bytes.Repeat([]byte{0xff}, 16))} {
		if got, want := chain.EventIDText(id), ulid.ULID(id).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzEntry is the malleability test: what CutEntry accepts, AppendEntry
// writes again byte for byte, and one shorter is refused.
func FuzzEntry(f *testing.F) {
	for _, r := range chaintest.New(f, "fuzz", 12, 200).Records {
		f.Add(r.Header)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, rest, err := chain.CutEntry(data)
		if err != nil {
			if !errors.Is(err, chain.ErrMalformed) || len(rest) != len(data) {
				t.Fatalf("error %v, rest of %d bytes", err, len(rest))
			}
			return
		}
		used := data[:len(data)-len(rest)]
		again, err := chain.AppendEntry(nil, &e)
		if err != nil || !bytes.Equal(again, used) {
			t.Fatalf("accepted %x and wrote %x, %v", used, again, err)
		}
		if _, _, err := chain.CutEntry(used[:len(used)-1]); err == nil {
			t.Fatal("a header that ends early was accepted")
		}
	})
}

func TestCutHeaderAllocates(t *testing.T) {
	e := example()
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		if _, _, err := chain.CutHeader(header); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkCutHeader(b *testing.B) {
	e := example()
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := chain.CutHeader(header); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeafHash(b *testing.B) {
	header := make([]byte, 180)
	for b.Loop() {
		chain.LeafHash(header)
	}
}
