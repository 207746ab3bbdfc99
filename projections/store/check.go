package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// A CheckReport is what [Check] found.
type CheckReport struct {
	// Size is the number of entries that the store has folded.
	Size uint64
	// Stale says why the next start throws the store away, "" if it does not. Then
	// nothing was compared.
	Stale string
	// Ahead reports that the store has folded entries that the ledger does not have.
	Ahead bool
	// Differences are the first of them, in the order of the keys; Count is all.
	Differences []Difference
	Count       int
}

// A Difference is one thing that folding the ledger gives otherwise.
type Difference struct {
	Where string // "row BR-2026-001 of breaches", …
	What  string // missing, too much, another
}

// maxDifferences is how many are listed.
const maxDifferences = 20

// ErrUnreadable means that the store of registers is damaged.
var ErrUnreadable = errors.New("the store of registers cannot be read")

// Check folds the ledger anew, up to where the store in dir stands, in a temporary
// folder, and compares every row, count, anomaly and index key. It changes nothing in
// dir, which no daemon may have open. A store that is damaged gives [ErrUnreadable]; one
// that is not there is empty.
func Check(ctx context.Context, dir string, l Ledger, o Options) (CheckReport, error) {
	opts := pebbleOptions(&o)
	defer opts.Cache.Unref()
	if _, err := opts.FS.Stat(dir); err != nil {
		return CheckReport{Stale: "it is not there"}, nil
	}
	var report CheckReport
	db, err := openForCheck(dir, opts)
	if err != nil {
		return report, err
	}
	defer db.Close()
	m, err := readMeta(db)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	report.Size = m.size
	if l.Size() == 0 || m.size == 0 {
		report.Stale = "it holds nothing"
		return report, nil
	}
	frame, err := frameOf(l)
	if err != nil {
		return report, err
	}
	switch {
	case m.ledgerID != frame.LedgerID:
		report.Stale = "it is of another ledger"
	case m.size > l.Size():
		report.Ahead = true
	case m.schema != schema:
		report.Stale = "another build filled it"
	}
	if report.Stale != "" || report.Ahead {
		return report, nil
	}
	return report, compareFolded(ctx, db, &report, l, o)
}

func openForCheck(dir string, opts *pebble.Options) (db *pebble.DB, err error) {
	opts.ReadOnly = true
	opts.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}} // the default stops the process
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrUnreadable, r)
		}
	}()
	if db, err = pebble.Open(dir, opts); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return db, nil
}

// compareFolded folds the ledger and compares the two databases.
func compareFolded(ctx context.Context, db *pebble.DB, report *CheckReport, l Ledger, o Options) (err error) {
	temp, err := os.MkdirTemp("", "greffe-registers-")
	if err != nil {
		return fmt.Errorf("fold the registers anew: %w, set TMPDIR to a folder that can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	o.FS = nil
	fresh, err := Open(temp, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	if err := fresh.Catchup(ctx, upTo{l, report.Size}); err != nil {
		return fmt.Errorf("fold the registers anew: %w", err)
	}
	return compareStores(ctx, report, db, fresh.db)
}

// upTo is the beginning of a ledger.
type upTo struct {
	Ledger
	size uint64
}

// Size returns the number of entries.
func (u upTo) Size() uint64 { return u.size }

// Read reads no farther than that.
func (u upTo) Read(from, to uint64, fn func(chain.Record) error) error {
	return u.Ledger.Read(from, min(to, u.size), fn)
}

// compareStores goes through both in the order of their keys.
func compareStores(ctx context.Context, report *CheckReport, stored, fresh *pebble.DB) error {
	a, err := stored.NewIter(nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	defer a.Close()
	b, err := fresh.NewIter(nil)
	if err != nil {
		return err
	}
	defer b.Close()
	hasA, hasB := a.First(), b.First()
	for n := 1; hasA || hasB; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		order := 0
		switch {
		case !hasB:
			order = -1
		case !hasA:
			if a.Error() != nil {
				return fmt.Errorf("%w: %w", ErrUnreadable, a.Error())
			}
			order = 1
		default:
			order = bytes.Compare(a.Key(), b.Key())
		}
		switch {
		case order < 0:
			report.add(a.Key(), "too much")
		case order > 0:
			report.add(b.Key(), "missing")
		default:
			value, err := a.ValueAndErr()
			if err != nil {
				return fmt.Errorf("%w: %w", ErrUnreadable, err)
			}
			if !bytes.Equal(value, b.Value()) {
				report.add(a.Key(), "another")
			}
		}
		if order <= 0 {
			hasA = a.Next()
		}
		if order >= 0 {
			hasB = b.Next()
		}
	}
	if err := a.Error(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return b.Error()
}

func (r *CheckReport) add(key []byte, what string) {
	if r.Count++; r.Count <= maxDifferences {
		r.Differences = append(r.Differences, Difference{where(key), what})
	}
}

// where says what a key is about.
func where(key []byte) string {
	rest := key[min(1, len(key)):]
	name, id, cut := bytes.Cut(rest, []byte{0})
	switch {
	case len(key) == 0:
	case key[0] == spaceMeta && len(rest) == 0:
		return "the position"
	case key[0] == spaceRow && cut:
		return fmt.Sprintf("row %s of %s", id, name)
	case key[0] == spaceCounts:
		return fmt.Sprintf("the counts of %s", rest)
	case key[0] == spaceAnomaly && len(rest) == 10:
		return fmt.Sprintf("anomaly %d of entry %d", binary.BigEndian.Uint16(rest[8:]), binary.BigEndian.Uint64(rest))
	case key[0] == spaceIndex && cut && len(id) == 8:
		return fmt.Sprintf("entry %d in the history of %s", binary.BigEndian.Uint64(id), name)
	}
	return fmt.Sprintf("key %x", key)
}
