package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// digest is the content digest of the drafts of these tests.
func digest(payload []byte) ([32]byte, error) { return sha256.Sum256(payload), nil }

func fsckOptions(t fataler, fs vfs.FS) ledger.FsckOptions {
	return ledger.FsckOptions{VKey: vkeyOf(t, 7), FS: fs, ContentDigest: digest, Workers: 2}
}

// checkStore is the oracle of the store: a copy of it, held against itself.
func checkStore(t fataler, fs vfs.FS) ledger.FsckReport {
	t.Helper()
	copied := vfs.NewMem()
	if _, err := vfs.Clone(fs, copied, "ledger", "ledger"); err != nil {
		t.Fatal(err)
	}
	r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, copied))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Sound() {
		t.Fatalf("the store is not sound: %v", r.Faults)
	}
	return r
}

// smallLedger has every disposition, and a recorded event at its head.
func smallLedger(t testing.TB, fs vfs.FS) *ledger.Ledger {
	t.Helper()
	l := open(t, fs)
	n := uint64(0)
	next := func(publisher string, id uint64, content string) ledger.Draft {
		n++
		return draft(t, n, publisher, id, content)
	}
	appendAll(t, l, next("", 1, ""), next("hr", 2, "x"), next("crm", 2, "y"))
	again, repeated := next("hr", 3, "x"), next("hr", 2, "x")
	again.Publisher, again.Type, again.Aggregate = "greffe", "ledger.key_rotated.v1", "ledger/main" // it rotates nothing, and is indexed
	quarantined := next("hr", 0, "refused")
	quarantined.Quarantined, quarantined.Length, quarantined.Aggregate = true, 7, ""
	quarantined.ID, quarantined.PayloadHash, quarantined.Payload = [16]byte{}, [32]byte{}, nil
	appendAll(t, l, again, repeated, quarantined, next("hr", 2, "z"), next("hr", 2, "w"))
	appendAll(t, l, next("hr", 2, "z"), next("h", 4, "x"), next("crm", 2, "y"), next("hr", 9, "the newest"))
	if l.Size() != 12 {
		t.Fatal(l.Size())
	}
	root, err := l.RootAt(7)
	if err != nil {
		t.Fatal(err)
	}
	_, s, _ := key(t, 7)
	text, err := chain.SignCheckpoint(s.Name(), 7, root, s)
	if err != nil {
		t.Fatal(err)
	}
	stamp := ledger.Timestamp{Size: 7, Root: root, At: time.Unix(1e9, 0), Authority: "tsa", Token: []byte("a token")}
	if err := errors.Join(l.PutCosigned(7, text), l.PutTimestamp(stamp)); err != nil {
		t.Fatal(err)
	}
	return l
}

// A row is one key with its value.
type row struct{ key, value []byte }

func rowsOf(t testing.TB, r pebble.Reader) (rows []row) {
	t.Helper()
	it, err := r.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		rows = append(rows, row{bytes.Clone(it.Key()), bytes.Clone(it.Value())})
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// edited runs fsck over the store with some rows changed: a nil value deletes.
func edited(t testing.TB, l *ledger.Ledger, o ledger.FsckOptions, edits ...row) ledger.FsckReport {
	t.Helper()
	b := l.DB().NewIndexedBatch()
	defer b.Close()
	for _, e := range edits {
		err := b.Delete(e.key, nil)
		if e.value != nil {
			err = b.Set(e.key, e.value, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := ledger.FsckRows(context.Background(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names reports whether the report names the entry or the key that a row is about.
func names(r ledger.FsckReport, old row, now []byte) bool {
	seq := uint64(1 << 63)
	switch {
	case old.key[0] == 'E':
		seq = binary.BigEndian.Uint64(old.key[1:])
		if seq > 0 && slices.ContainsFunc(r.Faults, func(f ledger.StoreFault) bool { return f.Code == "S013" && *f.Seq == seq-1 }) {
			return true // a broken link is reported at the earlier of its two entries
		}
	case old.key[0] == 'i', old.key[0] == 'c':
		seq = binary.BigEndian.Uint64(old.value)
	}
	return slices.ContainsFunc(r.Faults, func(f ledger.StoreFault) bool {
		return f.Seq != nil && *f.Seq == seq || f.Key == ledger.KeyText(old.key) || f.Key == ledger.KeyText(now)
	})
}

// Every bit of every key and value of a small store, changed by a valid write.
func TestFsckFindsEveryBit(t *testing.T) {
	l := smallLedger(t, vfs.NewMem())
	defer l.Close()
	rows, o := rowsOf(t, l.DB()), fsckOptions(t, nil)
	if r := edited(t, l, o); !r.Sound() || r.Size != 12 || r.Rows != 9 {
		t.Fatalf("unchanged: %+v", r)
	}
	step := 1
	if testing.Short() {
		step = 17
	}
	flips := 0
	for _, old := range rows {
		for bit := 0; bit < 8*len(old.key); bit += step {
			if old.key[0] == 's' && bit/8 >= 9 && bit/8 < 17 {
				continue // a copy of the time in the token, which package timestamp judges
			}
			now := flip(old.key, bit)
			flips++
			if r := edited(t, l, o, row{old.key, nil}, row{now, old.value}); !names(r, old, now) {
				t.Fatalf("bit %d of key %s: %v", bit, ledger.KeyText(old.key), r.Faults)
			}
		}
		for bit := 0; bit < 8*len(old.value); bit += step {
			if old.key[0] == 'a' && bit < 64 {
				continue // when the stream was made, the stream alone knows: the daemon compares at its start
			}
			if old.key[0] == 's' && bit/8 >= 33 && bit/8 < 36 {
				continue // a copy of the authority's name in the token
			}
			flips++
			if r := edited(t, l, o, row{old.key, flip(old.value, bit)}); !names(r, old, old.key) {
				t.Fatalf("bit %d of the value at %s: %v", bit, ledger.KeyText(old.key), r.Faults)
			}
		}
	}
	t.Log(flips, "flips")
}

func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// Rows that are missing, too many, cut, longer, or exchanged.
func TestFsckFindsEveryRow(t *testing.T) {
	l := smallLedger(t, vfs.NewMem())
	defer l.Close()
	rows, o := rowsOf(t, l.DB()), fsckOptions(t, nil)
	find := func(name string, old row, edits ...row) {
		t.Helper()
		if r := edited(t, l, o, edits...); !names(r, old, edits[len(edits)-1].key) {
			t.Errorf("%s, %s: %v", ledger.KeyText(old.key), name, r.Faults)
		}
	}
	for i, old := range rows {
		if old.key[0] != 's' && old.key[0] != 'w' { // nothing says how many of these there were
			find("missing", old, row{old.key, nil})
		}
		find("one byte more", old, row{old.key, append(bytes.Clone(old.value), 0)})
		for n := range old.value {
			find(fmt.Sprint("cut to ", n), old, row{old.key, old.value[:n:n]})
		}
		longer := append(bytes.Clone(old.key), 1)
		find("a second time, at a longer key", old, row{longer, old.value})
		if shorter := bytes.Clone(old.key[:len(old.key)-1]); len(shorter) > 0 {
			find("a second time, at a shorter key", old, row{shorter, old.value})
		}
		if i > 0 && rows[i-1].key[0] == old.key[0] {
			find("exchanged with its neighbour", old, row{rows[i-1].key, old.value}, row{old.key, rows[i-1].value})
		}
	}
	for _, extra := range []row{
		{[]byte("z"), []byte("x")},
		{[]byte("b"), []byte("x")},
		{[]byte("F12345678"), []byte("x")},
		{append([]byte("E"), 0, 0, 0, 0, 0, 0, 0, 12), rows[3].value},
		{append([]byte("E"), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), rows[3].value},
		{append([]byte("t"), 0, 0, 0, 0, 0, 0, 0, 0, 0), make([]byte, 8192)},
		{append([]byte("t"), 9, 0, 0, 0, 0, 0, 0, 0, 0), make([]byte, 8192)},
		{[]byte("t"), make([]byte, 8192)},
		{append([]byte("ihr\x00"), bytes.Repeat([]byte{9}, 16)...), make([]byte, 40)},
		{append([]byte("chr\x00"), bytes.Repeat([]byte{9}, 48)...), make([]byte, 8)},
	} {
		if r := edited(t, l, o, extra); !slices.ContainsFunc(r.Faults, func(f ledger.StoreFault) bool { return f.Key == ledger.KeyText(extra.key) }) {
			t.Errorf("%s, too many: %v", ledger.KeyText(extra.key), r.Faults)
		}
	}
}

// Each fault of the table, with the edit that gives it and nothing else.
func TestFsckFaults(t *testing.T) {
	l := smallLedger(t, vfs.NewMem())
	defer l.Close()
	get := func(key string) []byte {
		value, closer, err := l.DB().Get([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		return bytes.Clone(value)
	}
	entry := func(seq byte) string { return "E\x00\x00\x00\x00\x00\x00\x00" + string(seq) }
	id := func(space, publisher string, id byte) string {
		return space + publisher + "\x00" + strings.Repeat("\x00", 15) + string(id)
	}
	change := func(key string, at int, b byte) row {
		v := get(key)
		v[at] ^= b
		return row{[]byte(key), v}
	}
	_, signer, _ := key(t, 7)
	root := l.Edge().Root
	otherSize, err := chain.SignCheckpoint(signer.Name(), 11, root, signer)
	if err != nil {
		t.Fatal(err)
	}
	cosigned := func(size uint64, root chain.Hash, origin string) row {
		s := signer
		if origin != signer.Name() {
			skey, _, err := chain.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{9}, 64)), origin)
			if err == nil {
				s, err = note.NewSigner(skey)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		text, err := chain.SignCheckpoint(origin, size, root, s)
		if err != nil {
			t.Fatal(err)
		}
		return row{binary.BigEndian.AppendUint64([]byte("w"), size), text}
	}
	at9, err := l.RootAt(9)
	if err != nil {
		t.Fatal(err)
	}
	head := get(entry(11))
	for _, c := range []struct {
		name string
		want string
		edit []row
	}{
		{"another layout", "S004 v", []row{{[]byte("v"), []byte("greffe store 9")}}},
		{"no layout", "S004 v", []row{{[]byte("v"), nil}}},
		{"unknown space", "S005 z", []row{{[]byte("z"), []byte("x")}}},
		{"key of the wrong length", "S006 0x6b31", []row{{[]byte("k1"), []byte("x")}}},
		{"anchor too short", "S007 a", []row{{[]byte("a"), get("a")[:55]}}},
		{"entry missing", "S008 5", []row{{[]byte(entry(5)), nil}}},
		{"newest entry missing", "S008 11", []row{{[]byte(entry(11)), nil}}},
		{"entry beyond the end", "S009 E 12", []row{{[]byte(entry(12)), head}}},
		{"entry cut short", "S010 5", []row{{[]byte(entry(5)), get(entry(5))[:60]}}},
		{"header changed", "S013 7", []row{change(entry(7), len(get(entry(7)))-2, 1)}},
		{"header of another version", "S011 5; S013 5", []row{change(entry(5), 2, 2)}},
		{"payload changed", "S019 1", []row{change(entry(1), len(get(entry(1)))-1, 1)}},
		{"payload of the genesis changed", "S014 0; S019 0", []row{change(entry(0), len(get(entry(0)))-1, 1)}},
		{"payload absent", "S021 1", []row{{[]byte(entry(1)), get(entry(1))[:len(get(entry(1)))-1]}}},
		{"a payload for a duplicate", "S020 4", []row{{[]byte(entry(4)), append(get(entry(4)), 'x')}}},
		{"newest header changed", "S034 11", []row{change(entry(11), len(get(entry(11)))-1-len("the newest"), 1)}},
		{"index row missing", "S025 1", []row{{[]byte(id("i", "hr", 2)), nil}}},
		{"conflict row missing", "S025 6", []row{{[]byte(id("c", "hr", 2) + string(sum("z"))), nil}}},
		{"key event not indexed", "S025 3", []row{{binary.BigEndian.AppendUint64([]byte("y"), 3), nil}}},
		{"what is no key event indexed", "S026 y 2", []row{{binary.BigEndian.AppendUint64([]byte("y"), 2), []byte{}}}},
		{"key event indexed with a value", "S007 y 3", []row{{binary.BigEndian.AppendUint64([]byte("y"), 3), []byte("x")}}},
		{"checkpoint without signature", "S031 k", []row{{[]byte("k"), []byte(chain.FormatCheckpoint(signer.Name(), 12, root))}}},
		{"index row too many", "S026 i crm 00000000000000000000000003", []row{{[]byte(id("i", "crm", 3)), get(id("i", "crm", 2))}}},
		{"index row leads elsewhere", "S026 i crm 00000000000000000000000002", []row{change(id("i", "crm", 2), 7, 1)}},
		{"index row leads nowhere", "S026 i crm 00000000000000000000000002", []row{change(id("i", "crm", 2), 0, 1)}},
		{"index row of other content", "S027 2", []row{change(id("i", "crm", 2), 8, 1)}},
		{"no checkpoint", "S030 k", []row{{[]byte("k"), nil}}},
		{"checkpoint is no text", "S031 k", []row{{[]byte("k"), []byte("x")}}},
		{"checkpoint changed", "S032 k", []row{{[]byte("k"), bytes.Replace(get("k"), []byte("\n12\n"), []byte("\n13\n"), 1)}}},
		{"checkpoint of another size", "S009 E 11; S026 i hr 00000000000000000000000009; S034 10; S036 a", []row{{[]byte("k"), otherSize}}},
		{"no anchor", "S035 a", []row{{[]byte("a"), nil}}},
		{"anchor of another message", "S036 a", []row{change("a", 15, 1)}},
		{"anchor of another time", "S036 a", []row{change("a", 23, 1)}},
		{"a cosigned checkpoint that fits", "", []row{cosigned(9, at9, signer.Name())}},
		{"a cosigned checkpoint of another root", "S037 w 9", []row{cosigned(9, root, signer.Name())}},
		{"a cosigned checkpoint of another ledger", "S037 w 9", []row{cosigned(9, at9, "greffe/other/00010203")}},
		{"a cosigned checkpoint of another size", "S037 w 8", []row{{binary.BigEndian.AppendUint64([]byte("w"), 8), cosigned(9, at9, signer.Name()).value}}},
		{"a cosigned checkpoint that is no text", "S037 w 9", []row{{binary.BigEndian.AppendUint64([]byte("w"), 9), []byte("x")}}},
		{"a cosigned checkpoint of what is gone", "S038 w 13", []row{cosigned(13, root, signer.Name())}},
		{"anchor of another digest", "S036 a", []row{change("a", 30, 1)}},
	} {
		r := edited(t, l, fsckOptions(t, nil), c.edit...)
		var got []string
		for _, f := range r.Faults {
			s := string(f.Code) + " " + f.Key
			if f.Seq != nil {
				s = fmt.Sprint(f.Code, " ", *f.Seq)
			}
			got = append(got, s)
		}
		slices.Sort(got)
		if text := strings.Join(slices.Compact(got), "; "); text != c.want {
			t.Errorf("%s: %s, want %s\n%v", c.name, text, c.want, r.Faults)
		}
	}
}

// A ledger that catches up through what an older key signed has no signature yet.
func TestFsckUnsigned(t *testing.T) {
	l := smallLedger(t, vfs.NewMem())
	defer l.Close()
	edge := l.Edge()
	text := chain.FormatCheckpoint(l.Origin(), edge.Size, edge.Root)
	o := fsckOptions(t, nil)
	for newest, sound := range map[string]bool{"": false, vkeyOf(t, 7): false, vkeyOf(t, 8): true} {
		o.Newest = newest
		if r := edited(t, l, o, row{[]byte("k"), []byte(text)}); r.Sound() != sound || sound && len(r.Notes) != 1 {
			t.Errorf("newest key %q: %v, %v", newest, r.Faults, r.Notes)
		}
		if r := edited(t, l, o, row{[]byte("k"), []byte(chain.FormatCheckpoint(l.Origin(), edge.Size, chain.Hash{}))}); r.Sound() {
			t.Errorf("newest key %q: another root is sound", newest)
		}
	}
}

func sum(content string) []byte { s := sha256.Sum256([]byte(content)); return s[:] }

// Tiles of two levels: whichever hash is wrong, that tile is named, or the entry is.
func TestFsckTiles(t *testing.T) {
	l := open(t, vfs.NewMem())
	defer l.Close()
	const size = 65536 + 300
	for n := uint64(1); n <= size; {
		var drafts []ledger.Draft
		for ; len(drafts) < 20000 && n <= size; n++ {
			drafts = append(drafts, draft(t, n, "hr", n, "x"))
		}
		appendAll(t, l, drafts...)
	}
	tile := func(level byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'t', level}, n) }
	entry := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'E'}, n) }
	for _, c := range []struct {
		name string
		key  []byte
		bit  int
		want string
	}{
		{"first hash of the first tile", tile(0, 0), 3, "S022 t 0 0"},
		{"last hash of a tile", tile(0, 17), 65535, "S022 t 0 17"},
		{"last complete tile", tile(0, 256), 999, "S022 t 0 256"},
		{"upper tile", tile(1, 0), 256*77 + 5, "S022 t 1 0"},
		{"header of an entry", entry(300), 8 * 129, "S013 300"},
		{"link of an entry at the start of a tile", entry(512), 8 * 20, "S013 511; S013 512"},
		{"header of the last entry of a tile", entry(511), 8 * 129, "S013 511"},
		{"payload", entry(65535), 8 * 130, "S019 65535"},
		{"tile missing", tile(0, 255), -1, "S023 t 0 255"},
		{"upper tile missing", tile(1, 0), -1, "S023 t 1 0"},
		{"tile too many", tile(0, 257), -2, "S024 t 0 257"},
		{"upper tile too many", tile(1, 1), -2, "S024 t 1 1"},
		{"tile of a level that is empty", tile(7, 1), -2, "S024 t 7 1"},
		{"tile too short", tile(0, 5), -3, "S007 t 0 5"},
		{"entry missing", entry(301), -1, "S008 301"},
	} {
		value, closer, err := l.DB().Get(c.key)
		if err == nil {
			value = bytes.Clone(value)
			closer.Close()
		}
		edit := row{c.key, value}
		switch {
		case c.bit >= 0:
			edit.value = flip(value, c.bit)
		case c.bit == -1:
			edit.value = nil
		case c.bit == -2:
			edit.value = make([]byte, chain.TileBytes)
		default:
			edit.value = value[:100]
		}
		o := fsckOptions(t, nil)
		o.ContentDigest = nil
		r := edited(t, l, o, edit)
		var got []string
		for _, f := range r.Faults {
			if f.Seq != nil {
				got = append(got, fmt.Sprint(f.Code, " ", *f.Seq))
			} else {
				got = append(got, fmt.Sprint(f.Code, " ", f.Key))
			}
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s: %s, want %s\n%v", c.name, text, c.want, r.Faults)
		}
	}
	if r := edited(t, l, fsckOptions(t, nil)); !r.Sound() || r.Tiles != 258 {
		t.Errorf("unchanged: %d tiles, %v", r.Tiles, r.Faults)
	}
}

// Files: every bit that is flipped, every cut and every missing file is found, or has
// changed nothing of what the store holds.
func TestFsckFiles(t *testing.T) {
	disk := vfs.NewMem()
	l := smallLedger(t, disk)
	for n := uint64(13); n <= 150; n++ {
		appendAll(t, l, draft(t, n, "hr", 100+n, strings.Repeat("y", int(n))))
		if n%50 == 0 { // the log becomes a file, and the list one longer
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, disk)
		}
	}
	appendAll(t, l, draft(t, 151, "hr", 300, "in the log"), draft(t, 152, "hr", 301, "in the log too"))
	appendAll(t, l, draft(t, 153, "hr", 302, "at its end"))
	want := rowsOf(t, l.DB())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, disk)); err != nil || !r.Sound() || len(r.Notes) > 0 {
		t.Fatalf("unchanged: %v, %v", err, r)
	}
	files, err := disk.List("ledger")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	rnd := rand.New(rand.NewPCG(1, 2))
	kinds, each := map[string]int{}, 25
	if testing.Short() {
		each = 4 // the race detector makes each ten times as slow
	}
	for _, name := range files {
		whole := readFile(t, disk, name)
		kinds[kindOf(name)]++
		var cases []damage
		for range each {
			if len(whole) > 0 {
				cases = append(cases, damage{"bit", flip(whole, rnd.IntN(8*len(whole)))}, damage{"cut", whole[:rnd.IntN(len(whole))]})
			}
		}
		for i := range min(3*each, len(whole)) { // where footers, trailers and marks are
			cases = append(cases, damage{"bit at the end", flip(whole, 8*(len(whole)-1-i)+i%8)})
		}
		if name != "LOCK" {
			cases = append(cases, damage{"missing", nil})
		}
		for _, c := range cases {
			checkDamage(t, disk, name, c, want)
		}
	}
	for _, kind := range []string{"sst", "log", "MANIFEST", "OPTIONS", "marker"} {
		if kinds[kind] == 0 {
			t.Errorf("no file of kind %s among %v", kind, files)
		}
	}
}

type damage struct {
	what  string
	bytes []byte // nil: the file is missing
}

func kindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "marker."):
		return "marker"
	case strings.Contains(name, "-"):
		return name[:strings.Index(name, "-")]
	}
	return name[strings.LastIndex(name, ".")+1:]
}

func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(fs.PathJoin("ledger", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		t.Fatal(err)
	}
	return b
}

// rewrite replaces a file of the store; nil removes it.
func rewrite(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	path := fs.PathJoin("ledger", name)
	if err := fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if b == nil {
		return
	}
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkDamage damages one file of a copy. Either that is found, or every row is as it
// was; only the end of the newest log may be lost in silence, and then a note says so.
func checkDamage(t *testing.T, disk vfs.FS, name string, d damage, want []row) {
	t.Helper()
	fs := vfs.NewMem()
	if _, err := vfs.Clone(disk, fs, "ledger", "ledger"); err != nil {
		t.Fatal(err)
	}
	rewrite(t, fs, name, d.bytes)
	r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, fs))
	if err != nil {
		t.Errorf("%s of %s: %v", d.what, name, err)
		return
	}
	if !r.Sound() {
		for _, f := range r.Faults {
			if strings.Contains(f.String(), "\n") || f.Hint == "" {
				t.Errorf("%s of %s: %v is no line with a hint", d.what, name, f)
			}
		}
		return
	}
	opts := &pebble.Options{FS: fs, ReadOnly: true, Logger: quiet{}}
	db, err := pebble.Open("ledger", opts)
	if err != nil {
		t.Errorf("%s of %s: sound, and does not open: %v", d.what, name, err)
		return
	}
	defer db.Close()
	got := rowsOf(t, db)
	same := slices.EqualFunc(got, want, func(a, b row) bool { return bytes.Equal(a.key, b.key) && bytes.Equal(a.value, b.value) })
	if same {
		return
	}
	if strings.HasSuffix(name, ".log") && len(r.Notes) > 0 && r.Size >= 150 {
		return
	}
	t.Errorf("%s of %s: sound with %d entries and notes %v, and %d rows are not the %d that were", d.what, name, r.Size, r.Notes, len(got), len(want))
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// A crash at any moment, with any part of the unsynced data, leaves a sound store.
func TestFsckAfterCrashes(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := open(t, disk)
	big := strings.Repeat("y", 250<<10)
	var before *ledger.Staged
	every := uint64(19)
	if testing.Short() {
		every = 83
	}
	for n := uint64(1); n <= 260; n++ {
		drafts := []ledger.Draft{draft(t, n, "hr", n, big[n:])}
		s, err := l.Stage(drafts, anchorOf(drafts))
		if err != nil {
			t.Fatal(err)
		}
		if n%every == 0 {
			for _, percent := range []int{0, 50, 100} {
				crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(n, 1))})
				r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, crashed))
				if err != nil || !r.Sound() {
					t.Fatalf("after message %d, %d percent: %v, %v", n, percent, err, r.Faults)
				}
				if r.Size+2 < n {
					t.Fatalf("after message %d, %d percent: only %d entries", n, percent, r.Size)
				}
			}
		}
		if before != nil {
			if err := before.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		before = s
	}
	if err := before.Wait(); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// Fsck changes no file, says who holds the store, and makes nothing where none is.
func TestFsckLooksOnly(t *testing.T) {
	disk := vfs.NewMem()
	l := smallLedger(t, disk)
	if _, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, disk)); err == nil {
		t.Error("a store that is held was checked")
	}
	l.Close()
	files := func() string {
		names, err := disk.List("ledger")
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		var all strings.Builder
		for _, name := range names {
			fmt.Fprintf(&all, "%s %x\n", name, sha256.Sum256(readFile(t, disk, name)))
		}
		return all.String()
	}
	before := files()
	for range 2 {
		r, err := ledger.Fsck(context.Background(), "ledger", fsckOptions(t, disk))
		if err != nil || !r.Sound() || r.Size != 12 || r.Origin != "greffe/main/00010203" || r.ByDisposition[chain.Conflict] != 2 {
			t.Fatalf("%v, %+v", err, r)
		}
	}
	if now := files(); now != before {
		t.Errorf("fsck changed files:\n%s\nwere\n%s", now, before)
	}
	if _, err := ledger.Fsck(context.Background(), "nowhere", fsckOptions(t, disk)); err == nil {
		t.Error("a folder that does not exist was checked")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ledger.Fsck(ctx, "ledger", fsckOptions(t, disk)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	o := fsckOptions(t, disk)
	o.VKey = vkeyOf(t, 8)
	if r, err := ledger.Fsck(context.Background(), "ledger", o); err != nil || r.Sound() || r.Faults[0].Code != "S046" {
		t.Errorf("another key: %v, %v", err, r.Faults)
	}
	empty := vfs.NewMem()
	open(t, empty).Close()
	if r := checkStore(t, empty); r.Size != 0 {
		t.Errorf("a new store has %d entries", r.Size)
	}
}

// The table: codes are there once, in order, each with what and hint; and every fault
// of entries that verify knows has its row.
func TestFsckTable(t *testing.T) {
	kinds := ledger.StoreKinds()
	of := map[verify.Code]bool{}
	for i, k := range kinds {
		if want := fmt.Sprintf("S%03d", i+1); string(k.Code) != want || k.What == "" || k.Hint == "" {
			t.Errorf("row %d is %+v, want %s with what and hint", i, k, want)
		}
		if k.Verify != "" && of[k.Verify] {
			t.Errorf("%s stands for %s a second time", k.Code, k.Verify)
		}
		of[k.Verify] = true
	}
	for c := 5; c <= 14; c++ {
		if code := verify.Code(fmt.Sprintf("V%03d", c)); !of[code] {
			t.Errorf("%s of an entry has no code among the store's", code)
		}
	}
}

// One damaged block among several: its entries are named with their file, those around
// it are still checked, and the block is read once however often it is asked for.
func TestFsckNamesADamagedBlock(t *testing.T) {
	disk := vfs.NewMem()
	l := open(t, disk)
	const n, size = 600, 1500 // a hundred blocks or so
	for seq := uint64(1); seq <= n; seq++ {
		appendAll(t, l, draft(t, seq, "hr", seq, strings.Repeat(string(rune('a'+seq%20)), size)))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, disk).Close() // now they are in a file
	name := ""
	files, err := disk.List("ledger")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sst") && len(readFile(t, disk, f)) > n*size {
			name = f
		}
	}
	whole := readFile(t, disk, name)
	at := 8 * (len(whole) / 2)
	rewrite(t, disk, name, flip(whole, at))
	o := fsckOptions(t, disk)
	r, err := ledger.Fsck(context.Background(), "ledger", o)
	if err != nil || r.Sound() || r.Size != n {
		t.Fatalf("%v, %+v", err, r)
	}
	f := r.Faults[0]
	var first, last int
	if _, err := fmt.Sscanf(f.Got, "entries %d to %d:", &first, &last); err != nil || f.Code != "S001" || f.Seq == nil || int(*f.Seq) != first || f.File != name {
		t.Fatalf("%v: %v", f, err)
	}
	// The file holds an index behind the entries, so its middle comes after theirs.
	if middle := n / 2; first < middle || last > middle+n/20 || last-first > 10 {
		t.Errorf("entries %d to %d for a bit in the middle of %d", first, last, n)
	}
	for _, f := range r.Faults {
		if f.Code != "S001" {
			t.Errorf("one block, and also %v", f)
		}
	}
}
