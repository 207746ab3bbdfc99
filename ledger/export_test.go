package ledger

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// RememberIDs makes the ledger forget ids after n, so that tests reach what happens
// after many.
func (l *Ledger) RememberIDs(n int) { l.ids.size = n }

// KeepTiles makes the ledger keep at most n expanded tiles, so that tests reach what
// happens in a larger one.
func (l *Ledger) KeepTiles(n int) { l.tiles.max = n }

// KeptTiles returns how many it keeps.
func (l *Ledger) KeptTiles() int { return len(l.tiles.tiles) }

// FsckRows checks what a reader of a store holds, without its files.
func FsckRows(ctx context.Context, rows pebble.Reader, o FsckOptions) (FsckReport, error) {
	f, err := newFsck("", o)
	if err != nil {
		return FsckReport{}, err
	}
	f.rows = rows
	err = f.run(ctx)
	return f.finish(), err
}

// DB is the store itself, for tests that change what no append changes.
func (l *Ledger) DB() *pebble.DB { return l.db }

// KeyText writes a key as faults do.
func KeyText(key []byte) string { return keyText(key) }

// FsckDirect reports whether a store can be checked the direct way.
func FsckDirect(ctx context.Context, dir string, o FsckOptions) (bool, error) {
	f, err := newFsck(dir, o)
	if err == nil {
		err = f.open()
	}
	if err != nil || f.db == nil {
		return false, err
	}
	f.rows = f.db
	direct := f.runDirect(ctx)
	return direct, f.db.Close()
}
