package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// evidence returns files of each kind with everything that they can hold.
func evidence(t *testing.T) map[string]*chaintest.Forgery {
	t.Helper()
	files := map[string]*chaintest.Forgery{}
	for name, lines := range map[string][]string{
		"whole":   {"earlier 5 w1 w2", "stamp 6 good", "policy"},
		"excerpt": {`excerpt {"by":"range","from":2,"to":5}`, "earlier 5 w1 w2", "stamp 6 good", "policy", "since 4 proved"},
		"period":  {`excerpt {"by":"period","from":"2026-01-01T00:00:01Z","to":"2026-01-01T00:00:03Z"}`, "earlier 8 w1 w2", "policy"},
		"rotated": {"ledger rotated", `excerpt {"by":"range","from":5,"to":6}`, "key old"},
		"proof":   {"proof 2"},
	} {
		f := chaintest.Forge(t)
		for _, line := range lines {
			f.Do(line)
		}
		if r, err := judge(t, f); err != nil || r.Outcome() != verify.Sound {
			t.Fatalf("%s is not sound: %v %+v", name, err, r)
		}
		files[name] = f
	}
	return files
}

// TestEveryByteOfEvidence changes every byte of every file, once. Nothing is sound then.
func TestEveryByteOfEvidence(t *testing.T) {
	for name, f := range evidence(t) {
		file := f.Bytes()
		f.Edit(func([]byte) []byte { return file })
		for i := 0; i < len(file); i += step() {
			file[i] ^= 1 << (i % 8)
			if r, err := judge(t, f); err == nil && r.Outcome() == verify.Sound {
				t.Errorf("%s: byte %d changed, and it is sound", name, i)
			}
			file[i] ^= 1 << (i % 8)
		}
	}
}

// TestEveryBitReframed flips every bit of headers, payloads, proofs and sections, with the
// framing and the trailer made right again: what is found is found by hashes, signatures
// and rules. A scope may say something else that is true as well.
func TestEveryBitReframed(t *testing.T) {
	for name := range evidence(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := evidence(t)[name]
			sound, err := judge(t, f)
			if err != nil {
				t.Fatal(err)
			}
			for p, part := range parts(f) {
				for bit := 0; bit < 8*len(part); bit += step() {
					part[bit/8] ^= 1 << (bit % 8)
					if r, err := judge(t, f); err == nil && r.Outcome() == verify.Sound && r.Claim == sound.Claim {
						t.Errorf("bit %d of part %d flipped, and it is sound", bit, p)
					}
					part[bit/8] ^= 1 << (bit % 8)
				}
			}
		})
	}
}

func parts(f *chaintest.Forgery) (all [][]byte) {
	for i := range f.Raw {
		all = append(all, f.Raw[i].Header, f.Raw[i].Proof)
		if p := f.Raw[i].Payload; p != nil {
			all = append(all, p[:min(len(p), 40)]) // one digest covers it all
		}
	}
	for i := range f.Sections {
		all = append(all, f.Sections[i].Data)
	}
	return all
}

// TestEveryRecordOfAnExcerpt drops, repeats, moves and replaces each record: law M7.
func TestEveryRecordOfAnExcerpt(t *testing.T) {
	other := chaintest.New(t, "other", 8, 300)
	edits := map[string]func(raw []chain.RawRecord, i int) []chain.RawRecord{
		"drop":    func(raw []chain.RawRecord, i int) []chain.RawRecord { return slices.Delete(raw, i, i+1) },
		"repeat":  func(raw []chain.RawRecord, i int) []chain.RawRecord { return slices.Insert(raw, i, raw[i]) },
		"replace": func(raw []chain.RawRecord, i int) []chain.RawRecord { raw[i] = other.Raw()[i]; return raw },
		"unprove": func(raw []chain.RawRecord, i int) []chain.RawRecord { raw[i].Proof = nil; return raw },
		"swap": func(raw []chain.RawRecord, i int) []chain.RawRecord {
			j := (i + 1) % len(raw)
			raw[i], raw[j] = raw[j], raw[i]
			return raw
		},
	}
	for name, edit := range edits {
		for i := range 5 {
			f := chaintest.Forge(t)
			f.Do(`excerpt {"by":"range","from":1,"to":5}`)
			if name == "unprove" && f.Raw[i].Proof == nil {
				continue
			}
			seq := chain.Header(f.Raw[i].Header).Seq()
			f.Raw = edit(f.Raw, i)
			r, err := judge(t, f)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome() != verify.Failed {
				t.Errorf("%s %d: %v", name, i, r.Outcome())
			}
			if first := r.Faults[0]; first.Seq != nil && *first.Seq > seq+1 {
				t.Errorf("%s of entry %d: the first fault is %v", name, seq, first)
			}
		}
	}
}

// TestGrowth is law M4: every bundle goes on from every earlier checkpoint, as a whole
// ledger and as an excerpt, and from none of another history.
func TestGrowth(t *testing.T) {
	l, fork := chaintest.Uniform(t, "main", 20, 300), chaintest.Uniform(t, "main", 20, 320)
	for size := uint64(1); size <= 20; size++ {
		for _, c := range []struct {
			name  string
			since []byte
			want  verify.Verdict
		}{{"the same", l.CheckpointAt(t, size), verify.Sound}, {"another", fork.CheckpointAt(t, size), verify.Failed}} {
			for kind, bundle := range map[string][]byte{"whole": l.Bundle(t), "excerpt": onward(t, l, size)} {
				r, err := verify.Bundle(context.Background(), bytes.NewReader(bundle), l.Verifier, verify.Options{Since: c.since})
				if err != nil {
					t.Fatal(err)
				}
				want := c.want
				if size == 1 && c.name == "another" {
					want = verify.Sound // the two histories part after the genesis
				}
				// At a power of two the proof of an excerpt rests on the root that was brought.
				accused := want == verify.Failed && (kind == "whole" || size&(size-1) != 0 || size == 20)
				if r.Outcome() != want || accused != (len(r.Evidence) == 2) {
					t.Errorf("%s since %d entries of %s history: %v, %d notes, %v", kind, size, c.name, r.Outcome(), len(r.Evidence), r.Faults)
				}
			}
		}
	}
}

// onward is the excerpt of what came after size entries, with the proof of consistency.
func onward(t *testing.T, l *chaintest.Ledger, size uint64) []byte {
	t.Helper()
	n := uint64(len(l.Records))
	hashes, err := chain.ProveConsistency(size, n, l.Node)
	if err != nil {
		t.Fatal(err)
	}
	section := chain.Section{Kind: chain.SectionConsistency, Data: chain.AppendConsistency(nil, chain.Consistency{Old: size, Hashes: hashes})}
	return l.Excerpt(t, chain.Scope{By: chain.ByRange, FromSeq: min(size, n-1), ToSeq: n}, section)
}

// TestExcusedPayloads: what the auditor has checked before, or does not ask for, is not
// hashed again; what is asked for is.
func TestExcusedPayloads(t *testing.T) {
	l := chaintest.Uniform(t, "main", 10, 300)
	raw := l.Raw()
	raw[3].Payload[100] ^= 1
	bundle := chaintest.Assemble(raw, l.Sections(t))
	at := l.Records[4].Entry.LedgeredAt
	for name, c := range map[string]struct {
		o    verify.Options
		want verify.Verdict
	}{
		"all":            {verify.Options{}, verify.Failed},
		"since after it": {verify.Options{Since: l.CheckpointAt(t, 4)}, verify.Sound},
		"since before":   {verify.Options{Since: l.CheckpointAt(t, 3)}, verify.Failed},
		"seqs after it":  {verify.Options{Demand: chain.Scope{By: chain.ByRange, FromSeq: 4, ToSeq: 9}}, verify.Sound},
		"seqs with it":   {verify.Options{Demand: chain.Scope{By: chain.ByRange, FromSeq: 2, ToSeq: 9}}, verify.Failed},
		"time after it":  {verify.Options{Demand: chain.Scope{By: chain.ByPeriod, From: at, To: at + 1e12}}, verify.Sound},
		"time with it":   {verify.Options{Demand: chain.Scope{By: chain.ByPeriod, From: 0, To: at}}, verify.Failed},
	} {
		r, err := verify.Bundle(context.Background(), bytes.NewReader(bundle), l.Verifier, c.o)
		if err != nil || r.Outcome() != c.want {
			t.Errorf("%s: %v, %v", name, r.Outcome(), err)
		}
	}
}

// TestBatchesDoNotMatter is law M1 for readers: however the bytes arrive, and however
// many workers there are, the report is the same.
func TestBatchesDoNotMatter(t *testing.T) {
	for name, f := range evidence(t) {
		file := f.Bytes()
		if chain.IsTlogProof(file) {
			continue
		}
		var reports []string
		key, err := note.NewVerifier(f.VKey)
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2, 7} {
			for _, chunk := range []int{1, 13, 1 << 20} {
				r, err := verify.Bundle(context.Background(), &dribble{file, chunk}, key, verify.Options{Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				reports = append(reports, fmt.Sprintf("%+v", r))
			}
		}
		if slices.Sort(reports); reports[0] != reports[len(reports)-1] {
			t.Errorf("%s: reports differ:\n%s\n%s", name, reports[0], reports[len(reports)-1])
		}
	}
}

// A dribble gives a few bytes at a time.
type dribble struct {
	rest []byte
	n    int
}

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, d.rest[:min(d.n, len(d.rest))])
	d.rest = d.rest[n:]
	return n, nil
}

// TestConstantMemory verifies a bundle far larger than the memory that is used: entries
// are made while they are read.
func TestConstantMemory(t *testing.T) {
	const entries = 300_000
	r, w := io.Pipe()
	genesis, signer, key := chaintest.Genesis(t, "main")
	go func() { w.CloseWithError(endless(w, genesis, signer, entries)) }()
	var most uint64
	report, err := verify.Bundle(context.Background(), r, key, verify.Options{Progress: func(n uint64, _ int64) {
		if n%10_000 < 2000 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}})
	if err != nil || report.Outcome() != verify.Sound || report.Size != entries {
		t.Fatalf("%v, %v, %d entries, %v", err, report.Outcome(), report.Size, report.Faults)
	}
	if most > 100<<20 {
		t.Errorf("%d MB in use", most>>20)
	}
	t.Logf("at most %d MB in use for %d entries", most>>20, entries)
}

// endless writes the bundle of a ledger of n entries of 1 KiB that never is in memory.
func endless(w io.Writer, rec chain.Record, signer note.Signer, n uint64) error {
	b, err := chain.NewBundleWriter(w)
	if err != nil {
		return err
	}
	var tree chain.Frontier
	rec.Header = bytes.Clone(rec.Header)
	for seq := uint64(0); seq < n; seq++ {
		if seq > 0 {
			payload := bytes.Repeat([]byte("x"), 1024)
			copy(payload, fmt.Sprintf(`{"seq":%d`, seq))
			e := chain.Entry{
				Seq: seq, Prev: chain.LeafHash(rec.Header), Epoch: 1, StreamSeq: seq + 1, LedgeredAt: rec.Entry.LedgeredAt + 1, Disposition: chain.Recorded,
				PayloadHash: chain.PayloadHash(payload), PayloadLen: 1024, EventID: [16]byte{1}, Publisher: "hr", Type: "breach.established.v1", Aggregate: "breach/BR-1",
			}
			rec.Entry, rec.Payload = e, payload
			if rec.Header, err = chain.AppendEntry(rec.Header[:0], &e); err != nil {
				return err
			}
		}
		tree.Append(chain.LeafHash(rec.Header))
		if err := b.WriteRecord(rec.Header, rec.Payload); err != nil {
			return err
		}
	}
	cp, err := chain.SignCheckpoint(signer.Name(), tree.Size(), tree.Root(), signer)
	return errors.Join(err, b.WriteSection(chain.SectionCheckpoint, cp), b.Close())
}
