package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/projections/projectionstest"
	"greffe/projections/store"
)

// kept returns a disk with the registers of a ledger, closed.
func kept(t *testing.T, l store.Ledger) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewMem()
	s, err := store.Open("registers", store.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	catchup(t, s, l)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return disk
}

// edit changes rows of a closed store.
func edit(t *testing.T, disk vfs.FS, change func(*pebble.DB) error) {
	t.Helper()
	db, err := pebble.Open("registers", &pebble.Options{FS: disk, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(change(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	l := projectionstest.Story(t, "../../testdata/story/events.ndjson")
	check := func(disk vfs.FS, l store.Ledger) store.CheckReport {
		t.Helper()
		r, err := store.Check(context.Background(), "registers", l, store.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, n := range []uint64{1, 7, l.Size()} { // a store may lie behind its ledger
		if r := check(kept(t, l.Prefix(n)), l); r.Size != n || r.Count != 0 || r.Stale != "" || r.Ahead {
			t.Errorf("of %d entries: %+v", n, r)
		}
	}
	if r := check(vfs.NewMem(), l); r.Stale == "" {
		t.Errorf("no store: %+v", r)
	}
	if r := check(kept(t, l), l.Prefix(5)); !r.Ahead {
		t.Errorf("a ledger that is shorter: %+v", r)
	}
	other := projectionstest.New(t)
	other.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	if r := check(kept(t, other), other.Prefix(1)); !r.Ahead {
		t.Errorf("%+v", r)
	}
}

// Every row that is changed, missing or too many is named.
func TestCheckNamesEveryRow(t *testing.T) {
	l := projectionstest.New(t)
	for i := range 3 {
		l.Publish(t, "measure.adopted.v1", fmt.Sprintf("measure/TOM-%02d", i), nil)
	}
	l.Publish(t, "measure.retired.v1", "measure/TOM-99", nil) // an anomaly
	disk := kept(t, l)
	var keys, values [][]byte
	edit(t, disk, func(db *pebble.DB) error {
		it, err := db.NewIter(nil)
		if err != nil {
			return err
		}
		for ok := it.First(); ok; ok = it.Next() {
			keys, values = append(keys, bytes.Clone(it.Key())), append(values, bytes.Clone(it.Value()))
		}
		return it.Close()
	})
	spaces := map[byte]string{'r': "row ", 'c': "the counts of ", 'a': "anomaly ", 'i': "entry "}
	for i, key := range keys {
		if key[0] == 'm' {
			continue
		}
		for what, change := range map[string]func(*pebble.DB) error{
			"another":  func(db *pebble.DB) error { return db.Set(key, append(bytes.Clone(values[i]), 'x'), pebble.Sync) },
			"missing":  func(db *pebble.DB) error { return db.Delete(key, pebble.Sync) },
			"too much": func(db *pebble.DB) error { return db.Set(append(bytes.Clone(key), 'x'), values[i], pebble.Sync) },
		} {
			changed := vfs.NewMem()
			if _, err := vfs.Clone(disk, changed, "registers", "registers"); err != nil {
				t.Fatal(err)
			}
			edit(t, changed, change)
			r, err := store.Check(context.Background(), "registers", l, store.Options{FS: changed})
			if err != nil || r.Count != 1 || r.Differences[0].What != what {
				t.Errorf("key %q %s: %v, %+v", key, what, err, r)
				continue
			}
			if where := r.Differences[0].Where; what != "too much" && !strings.HasPrefix(where, spaces[key[0]]) {
				t.Errorf("key %q is called %s", key, where)
			}
		}
	}
}

// A damaged store is said to be unreadable, whatever Pebble does about it.
func TestCheckOfDamagedFiles(t *testing.T) {
	l := projectionstest.New(t)
	l.Publish(t, "measure.adopted.v1", "measure/TOM-01", nil)
	disk := kept(t, l)
	edit(t, disk, func(db *pebble.DB) error { return db.Flush() })
	names, err := disk.List("registers")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") && !strings.HasPrefix(name, "marker.manifest") {
			continue
		}
		broken := vfs.NewMem()
		if _, err := vfs.Clone(disk, broken, "registers", "registers"); err != nil {
			t.Fatal(err)
		}
		if err := broken.Remove(broken.PathJoin("registers", name)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Check(context.Background(), "registers", l, store.Options{FS: broken}); !errors.Is(err, store.ErrUnreadable) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
