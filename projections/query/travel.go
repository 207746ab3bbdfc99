package query

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

// A moment is a [When] that was understood.
type moment struct {
	size  uint64     // entries that are used
	asOf  *time.Time // nil: no limit
	frame projections.Frame
}

// moment finds out which entries a question is about.
func (s *service) moment(view projections.View, w When) (m moment, err error) {
	genesis, err := s.src.Ledger.Record(0)
	if err != nil {
		return m, &Error{codeNotFound, "the ledger is empty: nothing was entered yet"}
	}
	if m.frame, err = projections.FrameOf(genesis); err != nil {
		return m, err
	}
	m.size = view.Size()
	if m.size == 0 {
		return m, &Error{codeBusy, "the registers are being built: ask again in a moment"}
	}
	if w.AsOf != "" {
		t, ok := instant(w.AsOf, m.frame.Zone)
		if !ok {
			return m, &Error{codeBadQuestion, "as-of is neither a date nor an RFC 3339 instant with offset, such as 2026-01-31 or 2026-01-31T10:00:00+01:00"}
		}
		m.asOf = &t
	}
	if w.KnownAt == "" {
		return m, nil
	}
	m.size, err = s.knownAt(w.KnownAt, m.size, m.frame.Zone)
	return m, err
}

// knownAt returns how many of the first size entries were known then.
func (s *service) knownAt(text string, size uint64, zone *time.Location) (uint64, error) {
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		if seq >= size {
			return 0, &Error{codeNotFound, fmt.Sprintf("known-at names a seq that is not in the ledger: the newest is %d", size-1)}
		}
		return seq + 1, nil
	}
	t, ok := instant(text, zone)
	if !ok {
		return 0, &Error{codeBadQuestion, "known-at is neither a seq, a date nor an RFC 3339 instant with offset, such as 145, 2026-01-31 or 2026-01-31T10:00:00+01:00"}
	}
	var err error
	n := sort.Search(int(size), func(i int) bool { // instants of entries never go back
		rec, e := s.src.Ledger.Record(uint64(i))
		if e != nil {
			err = e
		}
		return rec.Entry.LedgeredAt > t.UnixNano()
	})
	if err == nil && n == 0 {
		err = &Error{codeNotFound, "known-at lies before the first entry of the ledger"}
	}
	return uint64(n), err
}

// instant reads an instant, or a date as the last nanosecond of that day in the zone.
func instant(text string, zone *time.Location) (time.Time, bool) {
	if t, err := events.Instant(text).Time(); err == nil {
		return t, true
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return time.Time{}, false
	}
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone).Add(-1), true
}

// travel folds what a register showed at a moment. It reads the entries about the
// register's own aggregates alone, through the index of the view.
func (s *service) travel(ctx context.Context, view projections.View, reg *projections.Register, m moment) (*projections.Memory, error) {
	seqs, err := entriesOf(view, reg, m.size)
	if err != nil {
		return nil, err
	}
	state := projections.NewMemory(m.frame)
	err = s.each(ctx, seqs, func(rec chain.Record) error {
		fact := projections.Read(rec)
		if m.covers(&fact) {
			state.Fold(&fact)
		}
		return nil
	})
	return state, err
}

// entriesOf returns the seqs below size of the entries that a register folds.
func entriesOf(view projections.View, reg *projections.Register, size uint64) ([]uint64, error) {
	var seqs []uint64
	for _, kind := range reg.Kinds {
		of, err := view.Entries(kind)
		if err != nil {
			return nil, err
		}
		seqs = append(seqs, of...)
	}
	slices.Sort(seqs)
	end, _ := slices.BinarySearch(seqs, size)
	return seqs[:end], nil
}

// covers reports whether the fact had happened at the moment.
func (m moment) covers(f *projections.Fact) bool {
	if f.Entry.Seq >= m.size {
		return false
	}
	if m.asOf == nil {
		return true
	}
	t, ok := f.OccurredAt()
	return !ok || !t.After(*m.asOf)
}

// each calls fn for the entries with these seqs. Neighbours are read in one go.
func (s *service) each(ctx context.Context, seqs []uint64, fn func(chain.Record) error) error {
	for len(seqs) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 1
		for n < len(seqs) && seqs[n] == seqs[n-1]+1 && n < 4096 {
			n++
		}
		if err := s.src.Ledger.Read(seqs[0], seqs[n-1]+1, fn); err != nil {
			return err
		}
		seqs = seqs[n:]
	}
	return nil
}
