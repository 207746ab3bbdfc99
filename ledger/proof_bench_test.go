package ledger_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// BenchmarkProof reads an event in random order, makes its inclusion proof and checks
// all of it, on one core, and compares with nothing but SHA-256 over such payloads.
// GREFFE_BENCH_ENTRIES sets the size of the ledger: 1000000 is what the README states.
func BenchmarkProof(b *testing.B) {
	const payload = 1024
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	n := benchEntries(b, 50_000)
	l, root := uniform(b, n, payload)
	raw, cpu := chaintest.SHA256PerSecond(payload), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		if cpu == 0 {
			cpu = cpuTime(b)
		}
		if err := prove(l, n, root, rand.Uint64N(n)); err != nil {
			b.Fatal(err)
		}
	}
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	cpu = cpuTime(b) - cpu
	raw = (raw + chaintest.SHA256PerSecond(payload)) / 2 // before and after: the machine may have other work
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/proof")
	b.ReportMetric(perSecond, "proofs/s")
	b.ReportMetric(raw, "SHA-256/s")
	b.ReportMetric(perSecond/raw, "of-raw-SHA-256")
}

// prove makes and checks one event and its proof, as if they came from elsewhere.
func prove(l *ledger.Ledger, size uint64, root chain.Hash, seq uint64) error {
	r, err := l.Record(seq)
	if err != nil {
		return err
	}
	if chain.PayloadHash(r.Payload) != r.Entry.PayloadHash {
		return chain.ErrProof
	}
	path, err := l.Inclusion(size, seq)
	if err != nil {
		return err
	}
	return chain.CheckInclusion(path, size, root, seq, chain.LeafHash(r.Header))
}

// benchEntries returns how many entries a benchmark is to have.
func benchEntries(b *testing.B, usual uint64) uint64 {
	b.Helper()
	text := os.Getenv("GREFFE_BENCH_ENTRIES")
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 2 {
		b.Fatalf("GREFFE_BENCH_ENTRIES=%s: a number of entries", text)
	}
	return n
}

// uniform makes a ledger of n entries with payloads of size bytes, on the real disk.
func uniform(b *testing.B, n uint64, size int) (*ledger.Ledger, chain.Hash) {
	b.Helper()
	dir := b.TempDir()
	l, err := ledger.Open(dir, options(b, 7, nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	start := time.Now()
	var drafts []ledger.Draft
	for i := uint64(1); i <= n; i++ {
		content := bytes.Repeat([]byte{byte(i)}, size)
		binary.BigEndian.PutUint64(content, i)
		drafts = append(drafts, draft(b, i, "bench", i, string(content)))
		if len(drafts) == 4000 || i == n {
			appendAll(b, l, drafts...)
			drafts = drafts[:0]
		}
	}
	b.Logf("%d entries appended, %.0f a second", n, float64(n)/time.Since(start).Seconds())
	return l, l.Edge().Root
}
