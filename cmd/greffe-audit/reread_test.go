package main

import (
	"crypto/sha256"
	"math"
	"os"
	"path/filepath"
	"testing"

	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// TestFileChangedBetweenReadings: registers are folded, and bundles compared, in a second
// reading. A payload that is not the one that was verified is not noticed by the trailer.
func TestFileChangedBetweenReadings(t *testing.T) {
	l := chaintest.New(t, "main", 8, 300)
	file := filepath.Join(t.TempDir(), "main.greffe")
	put := func(b []byte) []byte {
		t.Helper()
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		return sum[:]
	}
	var c command
	judged := put(l.Bundle(t))
	reports := [2]*verify.Report{{}, {}}
	for _, last := range []uint64{math.MaxInt64, 3} {
		if _, err := c.fold(file, last, judged); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.compare([]string{file, file}, reports, [2][]byte{judged, judged}); err != nil {
		t.Error(err)
	}
	raw := l.Raw()
	raw[7].Payload[100] ^= 1
	put(chaintest.Assemble(raw, l.Sections(t)))
	for _, last := range []uint64{math.MaxInt64, 3} {
		if _, err := c.fold(file, last, judged); err == nil {
			t.Errorf("up to entry %d: folded from another file than was judged", last)
		}
	}
	if _, err := c.compare([]string{file, file}, reports, [2][]byte{judged, judged}); err == nil {
		t.Error("compared with another file than was judged")
	}
}
