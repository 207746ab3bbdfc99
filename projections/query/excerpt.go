package query

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"sync"

	"greffe/ledger/chain"
	"greffe/projections"
)

// How much one answer of bundle.select says: seqs that come from an index, and entries
// whose headers are read where there is none, which takes about a second.
const (
	selectSeqs = 1 << 17
	selectScan = 1 << 20
)

func answerSelect(ctx context.Context, s *service, question []byte, w *writer) error {
	var q SelectQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	scope, err := chain.ParseScope([]byte(q.Scope))
	if err != nil {
		return &Error{codeBadQuestion, "the scope is none: " + err.Error()}
	}
	if size := s.src.Ledger.Size(); q.Size == 0 || q.Size > size || q.From >= q.Size {
		return &Error{codeBadQuestion, fmt.Sprintf("an excerpt is of a size from 1 to %d, and begins before it", size)}
	}
	if scope.By == chain.ByRange && scope.ToSeq > q.Size {
		return &Error{codeNotFound, fmt.Sprintf("the range ends after the ledger, which has %d entries", q.Size)}
	}
	seqs, next, err := s.choose(ctx, &scope, q)
	if err != nil {
		return err
	}
	w.next = strconv.FormatUint(next, 10)
	w.buf = appendRanges(nil, q.From, seqs)
	return w.flush()
}

// choose returns the entries of an excerpt from q.From on, and up to where they are all
// that there are: those that the scope chooses, the genesis, events about keys, and the
// entries beside a period.
func (s *service) choose(ctx context.Context, scope *chain.Scope, q SelectQuestion) (ranges []Range, next uint64, err error) {
	if scope.By == chain.ByPublisher {
		return s.scan(ctx, scope, q.From, min(q.From+selectScan, q.Size))
	}
	always, err := s.src.KeyEvents(q.Size)
	if err != nil {
		return nil, 0, err
	}
	always = append([]uint64{0}, always...)
	switch scope.By {
	case chain.ByRange:
		ranges = []Range{{scope.FromSeq, scope.ToSeq}}
	case chain.ByPeriod:
		ranges, err = s.period(scope, q.Size)
	default:
		return s.indexed(ctx, scope, q, always)
	}
	return cutRangesAt(q.From, union(ranges[0], always)), q.Size, err
}

// union adds seqs, sorted, to a range.
func union(r Range, seqs []uint64) (all []Range) {
	before, _ := slices.BinarySearch(seqs, r.From)
	after, _ := slices.BinarySearch(seqs, r.To)
	all = append(rangesOf(seqs[:before]), r)
	if n := len(all); n > 1 && all[n-2].To == r.From {
		all[n-2].To = r.To
		all = all[:n-1]
	}
	for _, more := range rangesOf(seqs[after:]) {
		if n := len(all); all[n-1].To == more.From {
			all[n-1].To = more.To
		} else {
			all = append(all, more)
		}
	}
	return all
}

// cutRangesAt leaves out what lies before from.
func cutRangesAt(from uint64, ranges []Range) (rest []Range) {
	for _, r := range ranges {
		if r.To > from {
			rest = append(rest, Range{max(r.From, from), r.To})
		}
	}
	return rest
}

// period returns the entries of a period with the one before and the one after, which
// show that none is missing.
func (s *service) period(scope *chain.Scope, size uint64) ([]Range, error) {
	var err error
	first := func(at int64) uint64 {
		return uint64(sort.Search(int(size), func(i int) bool { // instants of entries never go back
			rec, e := s.src.Ledger.Record(uint64(i))
			err = errors.Join(err, e)
			return rec.Entry.LedgeredAt >= at
		}))
	}
	from, to := first(scope.From), first(scope.To)
	return []Range{{max(from, 1) - 1, min(to+1, size)}}, err
}

// indexed finds what a scope by aggregates or kinds of them chooses.
func (s *service) indexed(ctx context.Context, scope *chain.Scope, q SelectQuestion, seqs []uint64) ([]Range, uint64, error) {
	view, err := s.src.View(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer view.Close()
	if view.Size() < q.Size {
		return nil, 0, &Error{codeBusy, "the registers are being built: ask again in a moment"}
	}
	for _, name := range scope.Names {
		of, err := indexOf(view, scope.By, name)
		if err != nil {
			return nil, 0, err
		}
		seqs = append(seqs, of...)
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	start, _ := slices.BinarySearch(seqs, q.From)
	end, _ := slices.BinarySearch(seqs, q.Size)
	if start+selectSeqs < end {
		return rangesOf(seqs[start : start+selectSeqs]), seqs[start+selectSeqs], nil
	}
	return rangesOf(seqs[start:end]), q.Size, nil
}

func indexOf(view projections.View, by chain.ScopeKind, name string) ([]uint64, error) {
	if by == chain.ByAggregate {
		return view.History(name)
	}
	return view.Entries(name)
}

// scan finds what the scope chooses among the entries from (included) to (excluded) by
// their headers, on all cores.
func (s *service) scan(ctx context.Context, scope *chain.Scope, from, to uint64) ([]Range, uint64, error) {
	workers := uint64(runtime.GOMAXPROCS(0))
	found := make([][]Range, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			first, last := from+(to-from)*i/workers, from+(to-from)*(i+1)/workers
			found[i], errs[i] = s.scanPart(ctx, scope, first, last)
		})
	}
	wg.Wait()
	var all []Range
	for _, part := range found {
		if n := len(all); n > 0 && len(part) > 0 && all[n-1].To == part[0].From {
			all[n-1].To = part[0].To
			part = part[1:]
		}
		all = append(all, part...)
	}
	return all, to, errors.Join(errs...)
}

func (s *service) scanPart(ctx context.Context, scope *chain.Scope, from, to uint64) (found []Range, err error) {
	err = s.src.Ledger.Headers(from, to, func(h chain.Header) error {
		seq := h.Seq()
		if seq%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if e := h.Entry(); seq != 0 && !scope.Chooses(&e) && !chain.IsKeyEvent(h) {
			return nil
		}
		if n := len(found); n > 0 && found[n-1].To == seq {
			found[n-1].To++
		} else {
			found = append(found, Range{seq, seq + 1})
		}
		return nil
	})
	return found, err
}

func answerRecords(ctx context.Context, s *service, question []byte, w *writer) error {
	var q RecordsQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	if size := s.src.Ledger.Size(); len(q.Ranges) == 0 || len(q.Ranges) > maxRanges || q.Size > size {
		return &Error{codeBadQuestion, fmt.Sprintf("records are asked for by 1 to %d ranges, of at most %d entries", maxRanges, size)}
	}
	body, next := []byte(nil), uint64(0)
	for i, r := range q.Ranges {
		if r.From >= r.To || r.To > q.Size || i > 0 && r.From < q.Ranges[i-1].To {
			return &Error{codeBadQuestion, "ranges follow one another, and lie before the size"}
		}
		var err error
		if body, next, err = s.appendProved(ctx, body, r, q.Size); errors.Is(err, errFull) {
			break
		} else if err != nil {
			return err
		}
	}
	w.next = strconv.FormatUint(next, 10)
	w.buf = body // sent as one message: at most entriesBytes, or one record
	return nil
}

// appendProved appends the records of a range with their proofs, or fails with errFull
// after those that fit.
func (s *service) appendProved(ctx context.Context, body []byte, r Range, size uint64) ([]byte, uint64, error) {
	next := r.From
	err := s.src.Ledger.Read(r.From, r.To, func(rec chain.Record) error {
		// One entry always fits: an answer without any would never end.
		if len(body) > 0 && len(body)+len(rec.Header)+len(rec.Payload)+4+chain.MaxProof*len(chain.Hash{}) > entriesBytes {
			return errFull
		}
		body = chain.AppendRecord(body, rec.Header, rec.Payload)
		next = rec.Entry.Seq + 1
		if next < r.To {
			body = append(body, proofLinked)
			return ctx.Err()
		}
		path, err := s.src.Ledger.Inclusion(size, rec.Entry.Seq)
		body = append(body, byte(len(path)))
		for i := range path {
			body = append(body, path[i][:]...)
		}
		return err
	})
	return body, next, err
}
