package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// check verifies a bundle in memory.
func check(t testing.TB, bundle []byte, key note.Verifier) verify.Report {
	t.Helper()
	r, err := verify.Bundle(context.Background(), bytes.NewReader(bundle), key, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSoundBundles(t *testing.T) {
	for _, n := range []int{1, 2, 20, 257, 3000} {
		l := chaintest.New(t, "main", n, 3000)
		r := check(t, l.Bundle(t), l.Verifier)
		if r.Outcome() != verify.Sound || r.FaultCount != 0 || len(r.Faults) != 0 {
			t.Fatalf("%d entries: %v, faults %v", n, r.Outcome(), r.Faults)
		}
		if r.Size != uint64(n) || r.Origin != l.Origin || r.Checkpoint.Root != r.Root || r.Checkpoint.Size != r.Size {
			t.Errorf("%d entries: got %+v", n, r)
		}
		if r.Time.Verdict != verify.NotClaimed {
			t.Errorf("time is %v", r.Time.Verdict)
		}
		if sum := r.ByDisposition[1] + r.ByDisposition[2] + r.ByDisposition[3] + r.ByDisposition[4]; sum != r.Size {
			t.Errorf("%d of %d entries counted", sum, r.Size)
		}
	}
}

// TestExample verifies the bundle of FORMAT.md, which Python wrote.
func TestExample(t *testing.T) {
	bundle, err := os.ReadFile("../../testdata/vectors/example.greffe")
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := os.ReadFile("../../testdata/vectors/example.vkey")
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		t.Fatal(err)
	}
	if r := check(t, bundle, key); r.Outcome() != verify.Sound || r.Size != 3 {
		t.Errorf("%v, %d entries, %v", r.Outcome(), r.Size, r.Faults)
	}
}

func TestWorkersAndProgress(t *testing.T) {
	l := chaintest.New(t, "main", 2500, 4000)
	bundle := l.Bundle(t)
	for _, workers := range []int{1, 3, 8} {
		calls, entries, end := 0, uint64(0), int64(0)
		r, err := verify.Bundle(context.Background(), iotest.HalfReader(bytes.NewReader(bundle)), l.Verifier, verify.Options{
			Workers: workers,
			Progress: func(n uint64, bytes int64) {
				if n <= entries || bytes <= end {
					t.Errorf("progress goes from %d, %d to %d, %d", entries, end, n, bytes)
				}
				calls, entries, end = calls+1, n, bytes
			},
		})
		if err != nil || r.Outcome() != verify.Sound {
			t.Fatalf("%d workers: %v, %v", workers, r.Outcome(), err)
		}
		if calls < 4 || entries != 2500 || end > int64(len(bundle)) {
			t.Errorf("%d calls up to %d entries, %d bytes", calls, entries, end)
		}
	}
}

func TestReadingErrors(t *testing.T) {
	l := chaintest.New(t, "main", 5, 300)
	broken := errors.New("disk on fire")
	_, err := verify.Bundle(context.Background(), io.MultiReader(bytes.NewReader(l.Bundle(t)[:500]), iotest.ErrReader(broken)), l.Verifier, verify.Options{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := verify.Bundle(ctx, bytes.NewReader(l.Bundle(t)), l.Verifier, verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTableOfFaults(t *testing.T) {
	seen := map[verify.Code]bool{}
	for _, k := range verify.Kinds() {
		if seen[k.Code] || k.Field == "" || k.What == "" || k.Hint == "" {
			t.Errorf("bad or repeated row %+v", k)
		}
		seen[k.Code] = true
	}
}

// BenchmarkVerifyBundle verifies a bundle in memory and compares with nothing
// but SHA-256 over the same payloads, on as many cores, in the same run.
func BenchmarkVerifyBundle(b *testing.B) {
	const n, size = 100_000, 1024
	l := chaintest.Uniform(b, "bench", n, size)
	bundle := l.Bundle(b)
	for _, cores := range []int{1, runtime.NumCPU()} {
		b.Run(fmt.Sprintf("cores=%d", cores), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			raw := chaintest.SHA256PerSecond(size)
			b.SetBytes(int64(len(bundle)))
			b.ReportAllocs()
			for b.Loop() {
				if r := check(b, bundle, l.Verifier); r.Outcome() != verify.Sound {
					b.Fatal(r.Faults)
				}
			}
			perSecond := float64(n) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond, "entries/s")
			b.ReportMetric(raw, "raw-SHA-256/s")
			b.ReportMetric(perSecond/raw, "of-raw-SHA-256")
		})
	}
}

func FuzzVerify(f *testing.F) {
	l := chaintest.New(f, "fuzz", 6, 210)
	f.Add(l.Bundle(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := check(t, data, l.Verifier)
		if r.Outcome() == verify.Sound && !bytes.Equal(r.Root[:], hash(l)) {
			t.Fatal("another ledger is sound under this key")
		}
		if r.Outcome() == verify.Failed && len(r.Faults) == 0 {
			t.Fatal("failed without a fault")
		}
	})
}

func hash(l *chaintest.Ledger) []byte {
	var tree chain.Frontier
	for i := range l.Records {
		tree.Append(chain.LeafHash(l.Records[i].Header))
	}
	root := tree.Root()
	return root[:]
}
