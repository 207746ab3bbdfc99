package ledger_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger"
)

func grown(t *testing.T, fs vfs.FS, n uint64) *ledger.Ledger {
	t.Helper()
	l := open(t, fs)
	for i := l.Size() + 1; i <= n; i++ {
		appendAll(t, l, draft(t, i, "crm", i, "{}"))
	}
	return l
}

func stampOf(t *testing.T, l *ledger.Ledger, size uint64, at time.Time, token string) ledger.Timestamp {
	t.Helper()
	root, err := l.RootAt(size)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Timestamp{Size: size, Root: root, At: at.UTC(), Authority: "Test TSA", Token: []byte(token)}
}

// Timestamps come back newest first, whatever order they came in, also after a crash.
func TestTimestamps(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l := grown(t, fs, 5)
	at := time.Date(2026, 1, 5, 9, 20, 0, 123_000_000, time.UTC)
	want := []ledger.Timestamp{
		stampOf(t, l, 5, at, "e"),
		stampOf(t, l, 3, at.Add(time.Hour), "d"),
		stampOf(t, l, 3, at, "other authority"),
		stampOf(t, l, 3, at, "c"),
		stampOf(t, l, 1, at.Add(2*time.Hour), strings.Repeat("a", ledger.MaxToken)),
	}
	want[0].Authority, want[4].Authority = strings.Repeat("é", 127), ""
	if got, err := l.Timestamps(math.MaxUint64, 0); err != nil || len(got) != 0 {
		t.Errorf("of a new ledger: %v %v", got, err)
	}
	for range 2 { // the second time changes nothing
		for _, i := range rand.Perm(len(want)) {
			if err := l.PutTimestamp(want[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The order of two of one second is that of their digests.
	got, err := l.Timestamps(math.MaxUint64, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 5 && bytes.Equal(got[2].Token, want[3].Token) {
		want[2], want[3] = want[3], want[2]
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	l2 := open(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	defer l2.Close()
	for _, tt := range []struct {
		max    uint64
		newest int
		want   []ledger.Timestamp
	}{
		{math.MaxUint64, 0, want}, {5, 0, want}, {5, 1, want[:1]}, {4, 0, want[1:]}, {4, 2, want[1:3]}, {2, 9, want[4:]}, {0, 0, nil},
	} {
		got, err := l2.Timestamps(tt.max, tt.newest)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("of at most %d entries, the newest %d: %d of them, %v", tt.max, tt.newest, len(got), err)
		}
	}
	checkLedger(t, l2)
	appendAll(t, l2, draft(t, 6, "crm", 6, "{}"))
	checkLedger(t, l2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is not over this ledger is not kept.
func TestPutTimestampRefuses(t *testing.T) {
	l := grown(t, vfs.NewMem(), 3)
	defer l.Close()
	good := stampOf(t, l, 2, time.Now(), "x")
	tests := []struct {
		name string
		edit func(*ledger.Timestamp)
		want error // nil: any
	}{
		{"another root", func(s *ledger.Timestamp) { s.Root[5] ^= 1 }, ledger.ErrContradiction},
		{"another size", func(s *ledger.Timestamp) { s.Size = 3 }, ledger.ErrContradiction},
		{"beyond the ledger", func(s *ledger.Timestamp) { s.Size = 4 }, ledger.ErrNotFound},
		{"of nothing", func(s *ledger.Timestamp) { s.Size = 0 }, nil},
		{"no token", func(s *ledger.Timestamp) { s.Token = nil }, nil},
		{"a token too large", func(s *ledger.Timestamp) { s.Token = make([]byte, ledger.MaxToken+1) }, nil},
		{"a name too long", func(s *ledger.Timestamp) { s.Authority = strings.Repeat("a", 256) }, nil},
		{"no time", func(s *ledger.Timestamp) { s.At = time.Time{} }, nil},
		{"after 2262", func(s *ledger.Timestamp) { s.At = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.edit(&s)
			if err := l.PutTimestamp(s); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if kept, err := l.Timestamps(math.MaxUint64, 0); err != nil || len(kept) != 0 {
				t.Errorf("kept %v %v", kept, err)
			}
		})
	}
}
