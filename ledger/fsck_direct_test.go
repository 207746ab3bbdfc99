package ledger_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/ledger"
)

// written returns a disk with a closed ledger whose entries are in several files and, the
// newest, in the log.
func written(t *testing.T) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewMem()
	l := open(t, disk)
	for n := uint64(1); n <= 5000; {
		var drafts []ledger.Draft
		for ; len(drafts) < 250; n++ {
			drafts = append(drafts, draft(t, n, "hr", n, strings.Repeat(string(rune('a'+n%20)), int(n%1500))+"."))
		}
		appendAll(t, l, drafts...)
		if n%1000 == 1 && n < 5000 {
			if err := l.DB().Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if n == 3001 { // files of several levels, which lie side by side
			if err := l.DB().Compact(context.Background(), []byte("E"), []byte("F"), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return disk
}

// The direct way says what the plain way says.
func TestFsckDirect(t *testing.T) {
	disk := written(t)
	o := fsckOptions(t, disk)
	if direct, err := ledger.FsckDirect(context.Background(), "ledger", o); err != nil || !direct {
		t.Fatalf("a store as the ledger writes it is not read the direct way: %v", err)
	}
	got, err := ledger.Fsck(context.Background(), "ledger", o)
	if err != nil || !got.Sound() {
		t.Fatalf("%v, %v", err, got.Faults)
	}
	l := open(t, disk)
	defer l.Close()
	want, err := ledger.FsckRows(context.Background(), l.DB(), o)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the direct way:\n%+v\nthe plain way:\n%+v, %v", got, want, err)
	}
}

// What hides an entry of a file, in the log or in another file, is never passed over.
func TestFsckDirectSeesWhatIsHidden(t *testing.T) {
	disk := written(t)
	e := func(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte("E"), seq) }
	value := func(db *pebble.DB, seq uint64) []byte {
		v, closer, err := db.Get(e(seq))
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		return bytes.Clone(v)
	}
	r := func(seq uint64) []byte { // the row of an entry; the genesis has another publisher
		if seq == 0 {
			return binary.BigEndian.AppendUint64(append([]byte("igreffe\x00"), make([]byte, 8)...), 1)
		}
		return binary.BigEndian.AppendUint64(append([]byte("ihr\x00"), make([]byte, 8)...), seq+1)
	}
	place := func(seq uint64) []byte {
		d := draft(t, seq+1, "hr", seq+1, strings.Repeat(string(rune('a'+(seq+1)%20)), int((seq+1)%1500))+".")
		return append(binary.BigEndian.AppendUint64(nil, seq), d.ContentDigest[:]...)
	}
	edits := []struct {
		name  string
		sound bool
		edit  func(db *pebble.DB, seq uint64) error
	}{
		{"another payload", false, func(db *pebble.DB, seq uint64) error {
			return db.Set(e(seq), flip(value(db, seq), 8*len(value(db, seq))-8), pebble.Sync)
		}},
		{"the same again", true, func(db *pebble.DB, seq uint64) error { return db.Set(e(seq), value(db, seq), pebble.Sync) }},
		{"deleted", false, func(db *pebble.DB, seq uint64) error { return db.Delete(e(seq), pebble.Sync) }},
		{"singly deleted", false, func(db *pebble.DB, seq uint64) error { return db.SingleDelete(e(seq), pebble.Sync) }},
		{"deleted with others", false, func(db *pebble.DB, seq uint64) error { return db.DeleteRange(e(seq), e(seq+3), pebble.Sync) }},
		{"merged", false, func(db *pebble.DB, seq uint64) error { return db.Merge(e(seq), []byte("x"), pebble.Sync) }},
		{"a shorter key before it", false, func(db *pebble.DB, seq uint64) error { return db.Set(e(seq)[:8], []byte("x"), pebble.Sync) }},
		{"a longer key behind it", false, func(db *pebble.DB, seq uint64) error { return db.Set(append(e(seq), 0), []byte("x"), pebble.Sync) }},
		{"one beyond the end", false, func(db *pebble.DB, seq uint64) error { return db.Set(e(5000+seq), value(db, seq), pebble.Sync) }},
		{"its row again", true, func(db *pebble.DB, seq uint64) error { return db.Set(r(seq), place(seq), pebble.Sync) }},
		{"its row another", false, func(db *pebble.DB, seq uint64) error { return db.Set(r(seq), place(seq+1), pebble.Sync) }},
		{"its row deleted", false, func(db *pebble.DB, seq uint64) error { return db.Delete(r(seq), pebble.Sync) }},
		{"its row deleted with others", false, func(db *pebble.DB, seq uint64) error { return db.DeleteRange(r(seq), append(r(seq), 0), pebble.Sync) }},
		{"a row too many", false, func(db *pebble.DB, seq uint64) error { return db.Set(r(seq+100000), place(seq), pebble.Sync) }},
		{"a row for another publisher", false, func(db *pebble.DB, seq uint64) error {
			return db.Set(append([]byte("icrm"), r(seq)[3:]...), place(seq), pebble.Sync)
		}},
		{"a key event too many", false, func(db *pebble.DB, seq uint64) error {
			return db.Set(append([]byte("y"), e(seq)[1:]...), nil, pebble.Sync)
		}},
		{"an unknown space", false, func(db *pebble.DB, seq uint64) error { return db.Set([]byte("zz"), nil, pebble.Sync) }},
		{"a space before the entries", false, func(db *pebble.DB, seq uint64) error { return db.Set([]byte("A"), nil, pebble.Sync) }},
		{"another layout", false, func(db *pebble.DB, seq uint64) error { return db.Set([]byte("v"), []byte("x"), pebble.Sync) }},
		{"no checkpoint", false, func(db *pebble.DB, seq uint64) error { return db.Delete([]byte("k"), pebble.Sync) }},
		{"a tile too many", false, func(db *pebble.DB, seq uint64) error {
			return db.Set(append([]byte{'t', 0}, e(seq + 1000)[1:]...), make([]byte, 8192), pebble.Sync)
		}},
		{"a tile deleted", false, func(db *pebble.DB, seq uint64) error {
			return db.Delete(append([]byte{'t', 0}, e(seq / 300)[1:]...), pebble.Sync)
		}},
		{"a cosigned checkpoint that came and went", true, func(db *pebble.DB, seq uint64) error {
			key := append([]byte("w"), e(seq)[1:]...)
			return errors.Join(db.Set(key, []byte("note"), pebble.Sync), db.Delete(key, pebble.Sync))
		}},
		{"all deleted", false, func(db *pebble.DB, _ uint64) error { return db.DeleteRange([]byte("A"), []byte("Z"), pebble.Sync) }},
	}
	wheres := map[string]func(*pebble.DB) error{
		"in the log":       func(*pebble.DB) error { return nil },
		"in a file":        func(db *pebble.DB) error { return db.Flush() },
		"below in a file":  func(db *pebble.DB) error { return db.Compact(context.Background(), []byte("a"), []byte("b"), false) },
		"in files, merged": func(db *pebble.DB) error { return db.Compact(context.Background(), []byte("A"), []byte("z"), true) },
	}
	seqs := []uint64{0, 1000, 4095, 4999}
	if testing.Short() { // what goroutines do does not depend on the edit
		seqs, edits = seqs[2:3], edits[:2]
	}
	for _, edit := range edits {
		for where, then := range wheres {
			for _, seq := range seqs {
				changed := vfs.NewMem()
				if _, err := vfs.Clone(disk, changed, "ledger", "ledger"); err != nil {
					t.Fatal(err)
				}
				db, err := pebble.Open("ledger", &pebble.Options{FS: changed, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
				if err != nil {
					t.Fatal(err)
				}
				if err := edit.edit(db, seq); err != nil {
					t.Fatal(err)
				}
				if err := then(db); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, changed))
				if err != nil || r.Sound() != edit.sound {
					t.Errorf("entry %d: %s, %s: %v, sound %v, want %v: %v", seq, edit.name, where, err, r.Sound(), edit.sound, r.Faults)
				}
			}
		}
	}
}

// A file that the list has lost is named: here the list ends before it was added.
func TestFsckNamesLostFiles(t *testing.T) {
	disk := vfs.NewMem()
	l := open(t, disk)
	for n := uint64(1); n <= 40; n++ {
		appendAll(t, l, draft(t, n, "hr", n, "x"))
	}
	before := manifest(t, disk)
	for n := uint64(41); n <= 80; n++ {
		appendAll(t, l, draft(t, n, "hr", n, "x"))
	}
	if err := l.DB().Flush(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, draft(t, 81, "hr", 81, "x"))
	after := manifest(t, disk)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if before.name != after.name || len(before.bytes) >= len(after.bytes) {
		t.Fatalf("the list did not grow: %s of %d bytes, %s of %d", before.name, len(before.bytes), after.name, len(after.bytes))
	}
	rewrite(t, disk, after.name, before.bytes)
	files, err := disk.List("ledger")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // the daemon deletes it once its entries are in a file
		if strings.HasSuffix(f, ".log") && len(readFile(t, disk, f)) > 4000 {
			rewrite(t, disk, f, nil)
		}
	}
	r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, disk))
	if err != nil || r.Sound() || r.Faults[0].Code != "S003" || !strings.HasSuffix(r.Faults[0].File, ".sst") {
		t.Errorf("%v, %v, notes %v, files %v", err, r.Faults, r.Notes, files)
	}
}

type namedFile struct {
	name  string
	bytes []byte
}

func manifest(t *testing.T, disk vfs.FS) namedFile {
	t.Helper()
	desc, err := pebble.Peek("ledger", disk)
	if err != nil {
		t.Fatal(err)
	}
	name := disk.PathBase(desc.ManifestFilename)
	return namedFile{name, readFile(t, disk, name)}
}
