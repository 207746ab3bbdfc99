package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"greffe/ledger"
	"greffe/ledger/chain/chaintest"
)

// BenchmarkFsck checks a ledger of events of 1 KiB on the real disk, as a daemon left
// it, and compares with nothing but SHA-256 over the same payloads, on all cores, in
// the same run.
func BenchmarkFsck(b *testing.B) {
	const size = 1024
	n := benchEntries(b, 1_000_000)
	dir := b.TempDir()
	benchLedger(b, dir, n, size)
	for _, deep := range []bool{false, true} {
		name, o := "default", ledger.FsckOptions{VKey: vkeyOf(b, 7)}
		if deep {
			name, o.ContentDigest = "deep", func(p []byte) ([32]byte, error) { return sha256.Sum256(p), nil }
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			raw, cpu := chaintest.SHA256PerSecond(size), cpuTime(b)
			b.ResetTimer()
			for b.Loop() {
				r, err := ledger.Fsck(context.Background(), dir, o)
				if err != nil || !r.Sound() || r.Size != n {
					b.Fatal(err, r.Size, r.Faults)
				}
			}
			perSecond := float64(n) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond, "entries/s")
			cpu = cpuTime(b) - cpu
			raw = (raw + chaintest.SHA256PerSecond(size)) / 2 // before and after: the machine may have other work
			b.ReportMetric(float64(cpu.Nanoseconds())/(float64(n)*float64(b.N)), "cpu-ns/entry")
			b.ReportMetric(raw, "raw-SHA-256/s")
			b.ReportMetric(perSecond/raw, "of-raw-SHA-256")
		})
	}
}

// benchLedger fills a folder with n entries.
func benchLedger(b *testing.B, dir string, n uint64, size int) {
	l, err := ledger.Open(dir, options(b, 7, nil))
	if err != nil {
		b.Fatal(err)
	}
	payload := []byte(strings.Repeat("x", size))
	var before *ledger.Staged
	for seq := uint64(1); seq <= n; {
		var drafts []ledger.Draft
		for ; len(drafts) < 1000 && seq <= n; seq++ {
			binary.BigEndian.PutUint64(payload, seq)
			d := draft(b, seq, fmt.Sprint("service-", seq%5), seq, string(payload))
			d.Type, d.Aggregate = "measure.verified.v1", fmt.Sprint("measure/TOM-", seq%50)
			if seq == 1 {
				d = draft(b, 1, "", 1, "")
			}
			drafts = append(drafts, d)
		}
		staged, err := l.Stage(drafts, anchorOf(drafts))
		if err != nil {
			b.Fatal(err)
		}
		if before != nil {
			if err := before.Wait(); err != nil {
				b.Fatal(err)
			}
		}
		before = staged
	}
	if err := before.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// cpuTime returns the time that all cores have spent on this process: what it costs,
// whatever else the machine does.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
