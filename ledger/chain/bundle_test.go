package chain_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// readAll reads a bundle to its end.
func readAll(r io.Reader) (records []chain.Record, sections []chain.Section, err error) {
	b := chain.NewBundleReader(r)
	for {
		rec, err := b.Next()
		if errors.Is(err, io.EOF) {
			return records, b.Sections(), nil
		}
		if err != nil {
			return records, nil, err
		}
		rec.Header, rec.Payload = bytes.Clone(rec.Header), bytes.Clone(rec.Payload)
		records = append(records, rec)
	}
}

// TestBundleRoundTrip reads bundles of less and of more than one block.
func TestBundleRoundTrip(t *testing.T) {
	for _, n := range []int{1, 20, 900} {
		l := chaintest.New(t, "main", n, 4000)
		bundle := l.Bundle(t)
		if n == 900 && len(bundle) < chain.BlockSize {
			t.Fatalf("%d bytes do not cross a block", len(bundle))
		}
		records, sections, err := readAll(iotest.HalfReader(bytes.NewReader(bundle)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l.Records, records); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(l.Sections(t), sections); diff != "" {
			t.Error(diff)
		}
		if !bytes.Equal(chaintest.Assemble(l.Raw(), sections), bundle) {
			t.Error("the writer and the test's own assembly differ")
		}
	}
}

func TestBundleFaults(t *testing.T) {
	l := chaintest.New(t, "main", 6, 300)
	good := l.Bundle(t)
	raw := l.Raw()
	edit := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	second := 10 + 3 + len(raw[0].Header) + 1 + len(raw[0].Payload)
	cases := []struct {
		name   string
		bundle []byte
		kind   chain.BundleErrorKind
		seq    int // -1 if none
	}{
		{"empty", nil, chain.NotABundle, -1},
		{"foreign", []byte("PK\x03\x04 a zip file"), chain.NotABundle, -1},
		{"another version", edit(9, 3), chain.UnknownVersion, -1},
		{"cut in the magic", good[:4], chain.Truncated, -1},
		{"cut in a record", good[:second+40], chain.Truncated, 1},
		{"cut between records", good[:second], chain.Truncated, -1},
		{"cut in the trailer", good[:len(good)-1], chain.Truncated, -1},
		{"unknown tag", edit(second, 9), chain.BadFrame, 0},
		{"header too short", edit(second+2, 3), chain.BadHeader, 1},
		{"header version", edit(second+3, 2), chain.BadHeader, 1},
		{"payload neither present nor absent", edit(second+3+len(raw[1].Header), 7), chain.BadFrame, 1},
		{"record after a section", append(bytes.Clone(good[:len(good)-33]), good[10:second]...), chain.BadFrame, -1},
		{"section of kind 8", chaintest.Assemble(raw, []chain.Section{{Kind: 8}}), chain.BadSection, -1},
		{"65 sections", chaintest.Assemble(raw, make65()), chain.BadSection, -1},
		{"trailer", edit(len(good)-1, good[len(good)-1]^1), chain.BadTrailer, -1},
		{"more", append(bytes.Clone(good), 0), chain.AfterTrailer, -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := readAll(bytes.NewReader(c.bundle))
			var got *chain.BundleError
			if !errors.As(err, &got) || !errors.Is(err, chain.ErrMalformed) {
				t.Fatalf("got %v", err)
			}
			if got.Kind != c.kind || got.HasSeq != (c.seq >= 0) || got.HasSeq && int(got.Seq) != c.seq {
				t.Errorf("got kind %d, seq %d (%v), %v; want kind %d, seq %d", got.Kind, got.Seq, got.HasSeq, err, c.kind, c.seq)
			}
		})
	}
}

func make65() (s []chain.Section) {
	for range chain.MaxSections + 1 {
		s = append(s, chain.Section{Kind: chain.SectionTimestamp})
	}
	return s
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	good := chaintest.New(t, "main", 6, 300).Bundle(t)
	for _, n := range []int{0, 5, 100, len(good)} {
		_, _, err := readAll(io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	l := chaintest.New(t, "main", 8, 300)
	r := l.Records
	cases := []struct {
		name  string
		write func(*chain.BundleWriter) error
	}{
		{"seq left out", func(w *chain.BundleWriter) error { return w.WriteRecord(r[1].Header, r[1].Payload) }},
		{"no header", func(w *chain.BundleWriter) error { return w.WriteRecord(nil, r[0].Payload) }},
		{"two headers", func(w *chain.BundleWriter) error {
			return w.WriteRecord(append(bytes.Clone(r[0].Header), r[1].Header...), nil)
		}},
		{"payload of another length", func(w *chain.BundleWriter) error { return w.WriteRecord(r[0].Header, []byte("{}")) }},
		{"record after a section", func(w *chain.BundleWriter) error {
			if err := w.WriteSection(chain.SectionCheckpoint, nil); err != nil {
				t.Error(err)
			}
			return w.WriteRecord(r[0].Header, nil)
		}},
		{"unknown section", func(w *chain.BundleWriter) error { return w.WriteSection(8, nil) }},
		{"large section", func(w *chain.BundleWriter) error {
			return w.WriteSection(chain.SectionTimestamp, make([]byte, chain.MaxSection+1))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, err := chain.NewBundleWriter(io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.write(w); !errors.Is(err, chain.ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzBundle: what the reader accepts, the writer writes again byte for byte
// (payloads apart, which the trailer leaves to their digests).
func FuzzBundle(f *testing.F) {
	l := chaintest.New(f, "fuzz", 9, 210)
	f.Add(l.Bundle(f))
	f.Add(chaintest.Assemble(nil, nil))
	f.Add(chaintest.Assemble(l.Raw()[:2], []chain.Section{{Kind: 3, Data: []byte("x")}, {Kind: 1}}))
	f.Add(l.Excerpt(f, chain.Scope{By: chain.ByRange, FromSeq: 2, ToSeq: 5}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, block, raw := chain.NewScanner(bytes.NewReader(data)), chain.Block{}, []chain.RawRecord(nil)
		for err := error(nil); err == nil; err = s.Scan(&block) {
			for _, r := range block.Records {
				raw = append(raw, chain.RawRecord{Header: bytes.Clone(r.Header), Payload: clone(r.Payload), Proof: clone(r.Proof)})
			}
		}
		if _, _, err := readAll(bytes.NewReader(data)); err != nil {
			return
		}
		again := chaintest.Assemble(raw, s.Sections())
		if s.Version() == chain.ExcerptVersion {
			again = chaintest.AssembleExcerpt(raw, s.Sections())
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("accepted %x, writes %x", data, again)
		}
	})
}

// clone keeps nil apart from empty.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
