package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"greffe/ledger/chain"
	"greffe/projections"
	"greffe/projections/projectionstest"
	"greffe/projections/store"
)

// open opens a store on fs, with a cache so small that rows are read back.
func open(t testing.TB, fs vfs.FS) *store.Store {
	t.Helper()
	s, err := store.Open("registers", store.Options{FS: fs, Rows: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func catchup(t testing.TB, s *store.Store, l store.Ledger) {
	t.Helper()
	if err := s.Catchup(context.Background(), l); err != nil {
		t.Fatal(err)
	}
}

// text is everything that a view answers, as one text.
func text(t testing.TB, v projections.View) string {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "size %d\n", v.Size())
	for _, r := range projections.Registers() {
		counts, err := v.Counts(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := v.Digest(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %+v %s\n", r.Name, counts, digest)
		for row, err := range v.Rows(r.Name, "") {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n", row)
		}
		for _, kind := range r.Kinds {
			seqs, err := v.Entries(kind)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %v\n", kind, seqs)
		}
	}
	for a, err := range v.Anomalies(0, v.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", a)
	}
	for _, a := range []string{"processing_activity/FR-001", "measure/TOM-01", "ledger/main", "measure/TOM"} {
		seqs, err := v.History(a)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %v\n", a, seqs)
	}
	return b.String()
}

func viewed(t testing.TB, s *store.Store) string {
	t.Helper()
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	return text(t, v)
}

// inMemory is the oracle: the entries folded one by one, nothing stored.
func inMemory(t testing.TB, l *projectionstest.Ledger) string {
	t.Helper()
	frame, err := projections.FrameOf(l.Records[0])
	if err != nil {
		t.Fatal(err)
	}
	m := projections.NewMemory(frame)
	for _, rec := range l.Records {
		m.Apply(rec)
	}
	return text(t, m)
}

// M3: a store that grew entry by entry, one that was built at once, and no store at
// all give the same answers, at every prefix.
func TestRebuildIsIncremental(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := projectionstest.History(t, rt)
		grown := open(t, vfs.NewMem())
		catchup(t, grown, l.Prefix(1))
		for n := uint64(1); n <= l.Size(); n++ {
			if n > 1 {
				if err := grown.Apply(l.Records[n-1 : n]); err != nil {
					t.Fatal(err)
				}
			}
			want := inMemory(t, l.Prefix(n))
			if diff := cmp.Diff(want, viewed(t, grown)); diff != "" {
				rt.Fatalf("M3 after %d entries: -memory +store\n%s", n, diff)
			}
		}
		built := open(t, vfs.NewMem())
		catchup(t, built, l)
		if diff := cmp.Diff(inMemory(t, l), viewed(t, built)); diff != "" {
			rt.Fatalf("M3: -memory +built at once\n%s", diff)
		}
	})
}

func TestStoryIsIncremental(t *testing.T) {
	l := projectionstest.Story(t, "../../testdata/story/events.ndjson")
	s := open(t, vfs.NewMem())
	catchup(t, s, l.Prefix(1))
	for n := uint64(2); n <= l.Size(); n++ {
		if err := s.Apply(l.Records[n-1 : n]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(inMemory(t, l.Prefix(n)), viewed(t, s)); diff != "" {
			t.Fatalf("M3 after %d entries: -memory +store\n%s", n, diff)
		}
	}
}

// Where batches are cut makes no difference, whichever way entries came in.
func TestCutsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := projectionstest.History(t, rt)
		s := open(t, vfs.NewMem())
		catchup(t, s, l.Prefix(1))
		for at := uint64(1); at < l.Size(); {
			n := at + uint64(rapid.IntRange(1, int(l.Size()-at)).Draw(rt, "entries"))
			if rapid.Bool().Draw(rt, "by catch-up") {
				catchup(t, s, l.Prefix(n))
			} else if err := s.Apply(l.Records[at:n]); err != nil {
				t.Fatal(err)
			}
			at = n
		}
		if diff := cmp.Diff(inMemory(t, l), viewed(t, s)); diff != "" {
			rt.Fatalf("-memory +store\n%s", diff)
		}
	})
}

// P3: after any crash, and after the folder is deleted, the answers are the same.
func TestCrashLosesProgressOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := projectionstest.History(t, rt)
		disk := vfs.NewCrashableMem()
		s := open(t, disk)
		catchup(t, s, l.Prefix(1))
		for n := uint64(1); n < l.Size(); n++ {
			if err := s.Apply(l.Records[n : n+1]); err != nil {
				t.Fatal(err)
			}
		}
		percent := rapid.IntRange(0, 100).Draw(rt, "unsynced data kept (percent)")
		after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))})
		again := open(t, after)
		size, err := again.Size()
		if err != nil {
			t.Fatal(err)
		}
		if size > 0 { // whatever is left is the registers of a prefix
			if diff := cmp.Diff(inMemory(t, l.Prefix(size)), viewed(t, again)); diff != "" {
				rt.Fatalf("after the crash, at %d: -memory +store\n%s", size, diff)
			}
		}
		catchup(t, again, l)
		if diff := cmp.Diff(inMemory(t, l), viewed(t, again)); diff != "" {
			rt.Fatalf("caught up: -memory +store\n%s", diff)
		}
	})
}

// A store that does not belong to the ledger is thrown away, and says nothing of it.
func TestForeignStoreIsThrownAway(t *testing.T) {
	whole := projectionstest.New(t)
	for i := range 9 {
		whole.Publish(t, "measure.adopted.v1", fmt.Sprintf("measure/TOM-%02d", i), nil)
	}
	regrown := whole.Prefix(5) // restored from a backup, then it went another way
	for i := range 9 {
		regrown.Publish(t, "tracker.declared.v1", fmt.Sprintf("tracker/TRK-%d", i), nil)
	}
	tests := map[string]*projectionstest.Ledger{"shorter": whole.Prefix(5), "regrown": regrown, "longer": whole}
	for name, l := range tests {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewMem()
			first, err := store.Open("registers", store.Options{FS: disk})
			if err != nil {
				t.Fatal(err)
			}
			catchup(t, first, whole.Prefix(8))
			viewed(t, first) // fills the digests
			catchup(t, first, l)
			if diff := cmp.Diff(inMemory(t, l), viewed(t, first)); diff != "" {
				t.Errorf("while open: -memory +store\n%s", diff)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, disk)
			catchup(t, again, l)
			if diff := cmp.Diff(inMemory(t, l), viewed(t, again)); diff != "" {
				t.Errorf("opened again: -memory +store\n%s", diff)
			}
		})
	}
}

func TestRebuild(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	s := open(t, vfs.NewMem())
	catchup(t, s, l)
	want := viewed(t, s)
	if err := s.Rebuild(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, viewed(t, s)); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
}

func TestApplyWantsWhatFollows(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	l.Publish(t, "measure.retired.v1", "measure/TOM-01", nil)
	s := open(t, vfs.NewMem())
	catchup(t, s, l.Prefix(1))
	want := viewed(t, s)
	for _, records := range [][]chain.Record{l.Records[2:], l.Records[:1]} {
		if err := s.Apply(records); err == nil {
			t.Errorf("entries from seq %d were folded after seq 0", records[0].Entry.Seq)
		}
	}
	if got := viewed(t, s); got != want {
		t.Errorf("entries that do not follow changed the store:\n%s", got)
	}
}

// A view stays as it was opened.
func TestViewIsASnapshot(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	s := open(t, vfs.NewMem())
	catchup(t, s, l)
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want := text(t, v)
	l.Publish(t, "measure.retired.v1", "measure/TOM-01", nil)
	catchup(t, s, l)
	if now := viewed(t, s); now == want {
		t.Error("the store did not change")
	}
	if got := text(t, v); got != want {
		t.Errorf("the view changed:\n%s", cmp.Diff(want, got))
	}
}

func TestCatchupStops(t *testing.T) {
	l := projectionstest.New(t)
	for i := range 20 {
		l.Publish(t, "measure.adopted.v1", fmt.Sprintf("measure/TOM-%02d", i), nil)
	}
	s := open(t, vfs.NewMem())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Catchup(ctx, l); err == nil {
		t.Fatal("an ended context let the catch-up go on")
	}
	catchup(t, s, l)
	if diff := cmp.Diff(inMemory(t, l), viewed(t, s)); diff != "" {
		t.Errorf("-memory +store\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Catchup(context.Background(), l); err == nil {
		t.Error("a closed store was caught up")
	}
}
