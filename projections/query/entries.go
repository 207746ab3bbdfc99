package query

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

func answerHistory(ctx context.Context, s *service, question []byte, w *writer) error {
	var q Question
	if err := ask(question, &q); err != nil {
		return err
	}
	after, err := afterSeq(q.After)
	if err != nil {
		return err
	}
	reg, at, row, err := s.row(ctx, q)
	if err != nil {
		return err
	}
	defer at.close()
	history := History{Register: reg.Name, ID: q.ID, Aggregate: row.Aggregate, Proof: at.proof, Entries: []EntryShown{}}
	seqs, err := row.seqs(at.view)
	if err != nil {
		return err
	}
	start, _ := slices.BinarySearch(seqs, after)
	size := 0
	err = s.each(ctx, seqs[start:], func(rec chain.Record) error {
		fact := projections.Read(rec)
		if history.Next != "" || !at.moment.covers(&fact) {
			return nil
		}
		shown, err := show(at.view, rec)
		if err != nil {
			return err
		}
		history.Entries = append(history.Entries, shown)
		if size += len(rec.Payload); size > pageBytes {
			history.Next = strconv.FormatUint(rec.Entry.Seq, 10)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.answer(history)
}

// afterSeq returns the first seq that is asked for.
func afterSeq(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, &Error{codeBadQuestion, "after is not a seq"}
	}
	return seq + 1, nil
}

// show makes an entry readable.
func show(view projections.View, rec chain.Record) (EntryShown, error) {
	leaf := chain.LeafHash(rec.Header)
	e := EntryShown{
		Seq: rec.Entry.Seq, LedgeredAt: ledgeredAt(rec.Entry), Disposition: rec.Entry.Disposition.String(),
		LeafHash:  hex.EncodeToString(leaf[:]),
		Publisher: rec.Entry.Publisher, Type: rec.Entry.Type, Aggregate: rec.Entry.Aggregate,
		Anomalies: []projections.Anomaly{},
	}
	if rec.Entry.EventID != [16]byte{} {
		e.EventID = events.IDFromBytes(rec.Entry.EventID)
	}
	if rec.Payload != nil {
		e.Event = slices.Clone(rec.Payload)
	}
	for a, err := range view.Anomalies(rec.Entry.Seq, rec.Entry.Seq+1) {
		if err != nil {
			return e, err
		}
		e.Anomalies = append(e.Anomalies, a)
	}
	return e, nil
}

func answerEvent(ctx context.Context, s *service, question []byte, w *writer) error {
	var q EventQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	seq, err := s.seqOf(q)
	if err != nil {
		return err
	}
	at, err := s.look(ctx, nil, When{})
	if err != nil {
		return err
	}
	defer at.close()
	rec, err := s.src.Ledger.Record(seq)
	if err != nil {
		return err
	}
	shown := EventShown{Proof: at.proof}
	if shown.EntryShown, err = show(at.view, rec); err != nil {
		return err
	}
	return w.answer(shown)
}

func answerCheckpoint(ctx context.Context, s *service, question []byte, w *writer) error {
	if err := ask(question, &struct{}{}); err != nil {
		return err
	}
	note, size, err := s.src.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return w.answer(SignedCheckpoint{Size: size, Note: string(note)})
}

// errFull stops a read at the end of an answer.
var errFull = errors.New("the answer is full")

func answerEntries(ctx context.Context, s *service, question []byte, w *writer) error {
	var q RangeQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	if size := s.src.Ledger.Size(); q.From >= q.To || q.To > size {
		return &Error{codeBadQuestion, fmt.Sprintf("entries are asked for from (included) to (excluded), at most %d", size)}
	}
	limit := entriesBytes
	if q.MaxBytes > 0 {
		limit = min(limit, q.MaxBytes)
	}
	var body []byte
	next := q.From
	err := s.src.Ledger.Read(q.From, q.To, func(rec chain.Record) error {
		// One entry always fits: an answer without any would never end.
		if next > q.From && len(body)+len(rec.Header)+len(rec.Payload)+3 > limit {
			return errFull
		}
		body = chain.AppendRecord(body, rec.Header, rec.Payload)
		next++
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errFull) {
		return err
	}
	w.next = strconv.FormatUint(next, 10)
	w.buf = body // at most entriesBytes, sent as one message
	return nil
}
