package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// place says which entry owns each byte of a bundle; -1 is before the first,
// and the bytes after the last entry belong to none.
func place(l *chaintest.Ledger, bundle []byte) []int {
	owner := slices.Repeat([]int{-1}, 10)
	for i := range l.Records {
		n := 3 + len(l.Records[i].Header) + 1 + len(l.Records[i].Payload)
		owner = append(owner, slices.Repeat([]int{i}, n)...)
	}
	return append(owner, slices.Repeat([]int{len(l.Records)}, len(bundle)-len(owner))...)
}

// notAfter fails the test if the report is not a failure, or if its first
// fault that names an entry names one after the edit.
func notAfter(t *testing.T, r verify.Report, edited int) {
	t.Helper()
	if r.Outcome() != verify.Failed || len(r.Faults) == 0 {
		t.Errorf("entry %d was edited: outcome %v with %d faults", edited, r.Outcome(), len(r.Faults))
	}
	for _, f := range r.Faults {
		if f.Seq != nil {
			if int(*f.Seq) > max(edited, 0) {
				t.Errorf("entry %d was edited, and the first fault is %v", edited, f)
			}
			return
		}
	}
}

// step is 1, and more with -short: the race detector makes a flip ten times as slow, and
// looks for something else.
func step() int {
	if testing.Short() {
		return 37
	}
	return 1
}

// TestEveryBit flips every bit of a bundle, once.
func TestEveryBit(t *testing.T) {
	l := chaintest.New(t, "main", 20, 1)
	bundle := l.Bundle(t)
	owner := place(l, bundle)
	var cores sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			copied := bytes.Clone(bundle)
			for bit := worker; bit < 8*len(bundle); bit += runtime.GOMAXPROCS(0) * step() {
				copied[bit/8] ^= 1 << (bit % 8)
				r, err := verify.Bundle(context.Background(), bytes.NewReader(copied), l.Verifier, verify.Options{Workers: 1})
				if err != nil {
					t.Errorf("bit %d: %v", bit, err)
					return
				}
				notAfter(t, r, owner[bit/8])
				copied[bit/8] ^= 1 << (bit % 8)
			}
		})
	}
	cores.Wait()
	t.Logf("%d bits", 8*len(bundle))
}

// storyBundle is the bundle of the worked story: a real base of 145 events.
func storyBundle(t *testing.T) (*chaintest.Ledger, []byte) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/story/events.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	l := chaintest.Uniform(t, "main", 1, 300)
	for line := range bytes.Lines(text) {
		var ev struct{ Type, Subject string }
		if err := json.Unmarshal(line, &ev); err != nil {
			t.Fatal(err)
		}
		l.Enter(t, "import", ev.Type, ev.Subject, bytes.TrimSpace(line))
	}
	return l, l.Bundle(t)
}

// TestStory flips a bit of each fifth byte of the story's bundle, and with
// GREFFE_EVERY_BIT set each bit of it, once.
func TestStory(t *testing.T) {
	l, bundle := storyBundle(t)
	if r := check(t, bundle, l.Verifier); r.Outcome() != verify.Sound || r.Size < 100 {
		t.Fatalf("%v, %d entries", r.Outcome(), r.Size)
	}
	owner, every := place(l, bundle), os.Getenv("GREFFE_EVERY_BIT") != ""
	var cores sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			copied := bytes.Clone(bundle)
			for bit := worker; bit < 8*len(bundle); bit += runtime.GOMAXPROCS(0) {
				if i := bit / 8; !every && (i%(5*step()) != 0 || bit%8 != i/5%8) {
					continue
				}
				copied[bit/8] ^= 1 << (bit % 8)
				r, err := verify.Bundle(context.Background(), bytes.NewReader(copied), l.Verifier, verify.Options{Workers: 1})
				if err != nil {
					t.Errorf("bit %d: %v", bit, err)
					return
				}
				notAfter(t, r, owner[bit/8])
				copied[bit/8] ^= 1 << (bit % 8)
			}
		})
	}
	cores.Wait()
	t.Logf("%d bytes, every bit: %t", len(bundle), every)
}

// TestEveryLength cuts a bundle after every byte.
func TestEveryLength(t *testing.T) {
	l := chaintest.New(t, "main", 20, 1)
	bundle := l.Bundle(t)
	owner := place(l, bundle)
	for n := 0; n < len(bundle); n += step() {
		notAfter(t, check(t, bundle[:n], l.Verifier), owner[n])
	}
}

// TestEveryEntry drops, repeats, moves and redacts each entry in turn, with
// framing and trailer made right again.
func TestEveryEntry(t *testing.T) {
	l, other := chaintest.New(t, "main", 20, 300), chaintest.New(t, "other", 20, 300)
	sections := l.Sections(t)
	for i := range l.Records {
		dropped := slices.Delete(l.Raw(), i, i+1)
		notAfter(t, check(t, chaintest.Assemble(dropped, sections), l.Verifier), i)

		repeated := slices.Insert(l.Raw(), i, l.Raw()[i])
		notAfter(t, check(t, chaintest.Assemble(repeated, sections), l.Verifier), i+1)

		spliced := l.Raw()
		spliced[i] = other.Raw()[i]
		notAfter(t, check(t, chaintest.Assemble(spliced, sections), l.Verifier), i)

		if i > 0 {
			swapped := l.Raw()
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			notAfter(t, check(t, chaintest.Assemble(swapped, sections), l.Verifier), i-1)
		}
		tail := append(l.Raw()[:i], other.Raw()[i:]...)
		notAfter(t, check(t, chaintest.Assemble(tail, sections), l.Verifier), i)
	}
}

// TestAbsentPayloads: without a proof of erasure, a missing payload is neither
// sound nor tampering. The genesis cannot be spared.
func TestAbsentPayloads(t *testing.T) {
	l := chaintest.New(t, "main", 20, 300)
	for i, rec := range l.Records {
		if !rec.Entry.Disposition.KeepsPayload() {
			continue
		}
		raw := l.Raw()
		raw[i].Payload = nil
		r := check(t, chaintest.Assemble(raw, l.Sections(t)), l.Verifier)
		want := verify.Unconfirmed
		if i == 0 {
			want = verify.Failed
		}
		if r.Outcome() != want || r.Absent != 1 || r.Erasure.Verdict != verify.Unconfirmed {
			t.Errorf("entry %d absent: %v, %d absent, erasure %v", i, r.Outcome(), r.Absent, r.Erasure)
		}
	}
}

// TestUncheckedSections: what this version cannot check is never sound.
func TestUncheckedSections(t *testing.T) {
	l := chaintest.New(t, "main", 3, 300)
	for _, kind := range []chain.SectionKind{chain.SectionKeyHistory, chain.SectionRedactions} {
		sections := append(l.Sections(t), chain.Section{Kind: kind, Data: []byte("?")})
		if r := check(t, chaintest.Assemble(l.Raw(), sections), l.Verifier); r.Outcome() != verify.Unconfirmed {
			t.Errorf("section %d: %v", kind, r.Outcome())
		}
	}
}

// TestManyFaults: a bundle with more faults than a report lists still gets
// the verdict, the count and the faults of the whole.
func TestManyFaults(t *testing.T) {
	l, other := chaintest.New(t, "main", 4000, 1000), chaintest.New(t, "other", 1, 300)
	raw := l.Raw()
	for i := range raw {
		raw[i].Header[20] ^= 1 // inside prev
	}
	r := check(t, chaintest.Assemble(raw, l.Sections(t)), other.Verifier)
	if r.FaultCount < 4000 || len(r.Faults) < verify.MaxFaults || len(r.Faults) > verify.MaxFaults+10 {
		t.Errorf("%d faults, %d listed", r.FaultCount, len(r.Faults))
	}
	if last := r.Faults[len(r.Faults)-1]; r.Signature.Verdict != verify.Failed || last.Field != "signature" {
		t.Errorf("signature %v, last fault %v", r.Signature, last)
	}
}
