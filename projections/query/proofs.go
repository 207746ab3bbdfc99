package query

import (
	"context"
	"fmt"
	"strings"

	"greffe/events"
	"greffe/ledger/chain"
)

func answerProve(ctx context.Context, s *service, question []byte, w *writer) error {
	var q ProofQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	seq, err := s.seqOf(q.EventQuestion)
	if err != nil {
		return err
	}
	note, size, err := s.covering(ctx, seq, q.Size)
	if err != nil {
		return err
	}
	rec, err := s.src.Ledger.Record(seq)
	if err != nil {
		return err
	}
	text, err := s.src.Ledger.TlogProof(seq, size, note)
	if err != nil {
		return err
	}
	answer := EventProof{
		Seq: seq, Size: size, Publisher: rec.Entry.Publisher, Disposition: rec.Entry.Disposition.String(), Proof: string(text),
	}
	if rec.Entry.EventID != [16]byte{} {
		answer.EventID = events.IDFromBytes(rec.Entry.EventID)
	}
	return w.answer(answer)
}

// covering returns the checkpoint to prove an entry by: the one of a size, or the one
// that says most.
func (s *service) covering(ctx context.Context, seq, size uint64) ([]byte, uint64, error) {
	if size == 0 {
		return s.src.Covering(ctx, seq)
	}
	if size <= seq {
		return nil, 0, &Error{codeBadQuestion, fmt.Sprintf("a checkpoint of size %d does not cover the event, which has seq %d", size, seq)}
	}
	note, err := s.src.Signed(ctx, size)
	if err == nil && note == nil {
		err = &Error{codeNotFound, "no signed checkpoint of this size is kept: leave the size out to get the newest"}
	}
	return note, size, err
}

// seqOf finds the entry that a question names.
func (s *service) seqOf(q EventQuestion) (uint64, error) {
	switch {
	case q.Seq != nil && q.ID == "" && q.Publisher == "":
		if size := s.src.Ledger.Size(); *q.Seq >= size {
			return 0, &Error{codeNotFound, fmt.Sprintf("this seq is not in the ledger: it holds %d entries, the first is 0", size)}
		}
		return *q.Seq, nil
	case q.Seq == nil && q.ID.Valid() && q.Publisher == "":
		return s.seqOfID(q.ID)
	case q.Seq == nil && q.ID.Valid() && events.ValidName(q.Publisher):
		seq, ok, err := s.src.Find(q.Publisher, q.ID)
		if err == nil && !ok {
			err = &Error{codeNotFound, "this publisher has no event with this id in the ledger"}
		}
		return seq, err
	default:
		return 0, &Error{codeBadQuestion, "an event is named by its seq, or by its publisher and its id, a ULID"}
	}
}

// seqOfID finds an event whose publisher nobody has named. Ids are unique for each
// publisher alone.
func (s *service) seqOfID(id events.ID) (uint64, error) {
	found, err := s.src.FindAll(id)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, &Error{codeNotFound, "there is no event with this id in the ledger"}
	case len(found) > 1:
		var names []string
		for _, f := range found {
			names = append(names, f.Publisher)
		}
		return 0, &Error{codeAmbiguous, "several publishers used this id, say which one is meant: " + strings.Join(names, ", ")}
	}
	return found[0].Seq, nil
}

func answerGrowth(ctx context.Context, s *service, question []byte, w *writer) error {
	var q GrowthQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	answer := Growth{Old: q.Old, Size: q.Size}
	if q.Size == 0 {
		note, size, err := s.src.Checkpoint(ctx)
		if err != nil {
			return err
		}
		answer.Size, answer.Checkpoint = size, string(note)
	}
	if answer.Old > answer.Size || answer.Size > s.src.Ledger.Size() {
		return &Error{codeNotFound, fmt.Sprintf("the ledger holds %d entries: it goes on from no larger size", s.src.Ledger.Size())}
	}
	if err := s.grown(ctx, &answer); err != nil {
		return err
	}
	return w.answer(answer)
}

// grown fills in roots, proof and the checkpoints that are kept.
func (s *service) grown(ctx context.Context, g *Growth) (err error) {
	if g.OldRoot, err = s.src.Ledger.RootAt(g.Old); err != nil {
		return err
	}
	if g.Root, err = s.src.Ledger.RootAt(g.Size); err != nil {
		return err
	}
	if g.Hashes, err = s.src.Ledger.Consistency(g.Old, g.Size); err != nil {
		return err
	}
	if g.Checkpoint == "" {
		note, err := s.src.Signed(ctx, g.Size)
		if err != nil {
			return err
		}
		g.Checkpoint = string(note)
	}
	note, err := s.src.Signed(ctx, g.Old)
	g.OldCheckpoint = string(note)
	return err
}

func answerEvidence(_ context.Context, s *service, question []byte, w *writer) error {
	var q SizeQuestion
	if err := ask(question, &q); err != nil {
		return err
	}
	if size := s.src.Ledger.Size(); q.Size == 0 || q.Size > size {
		return &Error{codeBadQuestion, fmt.Sprintf("evidence is asked for of a size from 1 to %d", size)}
	}
	statements, err := s.src.Evidence(q.Size)
	if err != nil {
		return err
	}
	answer := Evidence{Size: q.Size, Sections: []Section{}}
	tied := map[uint64]bool{q.Size: true}
	for _, st := range statements {
		answer.Sections = append(answer.Sections, st.Section)
		if tied[st.Size] {
			continue
		}
		tied[st.Size] = true
		hashes, err := s.src.Ledger.Consistency(st.Size, q.Size)
		if err != nil {
			return err
		}
		body := chain.AppendConsistency(nil, chain.Consistency{Old: st.Size, Hashes: hashes})
		answer.Sections = append(answer.Sections, Section{chain.SectionConsistency, body})
	}
	return w.answer(answer)
}
