package ledger_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger"
)

// The newest cosigned checkpoint is kept, and the last of each day.
func TestCosigned(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs)
	if _, _, err := l.Cosigned(math.MaxUint64); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("an empty ledger has one: %v", err)
	}
	const day = 24 * 60 * 60 * 1e9
	for n := uint64(1); n <= 40; n++ { // ten entries a day
		d := draft(t, n, "crm", n, fmt.Sprintf(`{"n":%d}`, n))
		d.At = int64((n-1)/10) * day
		appendAll(t, l, d)
		if n%3 == 0 {
			if err := l.PutCosigned(n, fmt.Appendf(nil, "note of %d", n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.PutCosigned(39, []byte("more lines")); err != nil {
		t.Fatal(err)
	}
	if err := l.PutCosigned(38, []byte("late")); err != nil { // an answer that was overtaken
		t.Fatal(err)
	}
	for _, size := range []uint64{0, 41, math.MaxUint64} {
		if err := l.PutCosigned(size, []byte("x")); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("size %d was kept: %v", size, err)
		}
	}
	check := func() {
		t.Helper()
		for max, want := range map[uint64]uint64{math.MaxUint64: 39, 40: 39, 39: 39, 38: 30, 30: 30, 29: 18, 18: 18, 17: 9, 9: 9, 8: 0, 0: 0} {
			size, note, err := l.Cosigned(max)
			if size != want || (want == 0) != errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("of at most %d: %d, %v; want %d", max, size, err, want)
			}
			text := fmt.Sprintf("note of %d", want)
			if want == 39 {
				text = "more lines"
			}
			if want > 0 && string(note) != text {
				t.Errorf("of %d is %q", want, note)
			}
		}
	}
	check()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, fs)
	defer l.Close()
	check()
	checkBundle(t, l) // its notes are none
}
