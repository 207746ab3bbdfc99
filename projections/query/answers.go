package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

// A sight is the registers at the moment that a question asks for, with what the
// answer rests on.
type sight struct {
	view   projections.View // current, whatever the moment
	past   projections.View // of the register asked for; view if the moment is now
	moment moment
	proof  Proof
}

// look opens the registers at a moment. reg is the one asked for, nil for none.
func (s *service) look(ctx context.Context, reg *projections.Register, w When) (*sight, error) {
	view, err := s.src.View(ctx)
	if err != nil {
		return nil, err
	}
	at, err := s.lookThrough(ctx, view, reg, w)
	if err != nil {
		view.Close()
		return nil, err
	}
	return at, nil
}

func (s *service) lookThrough(ctx context.Context, view projections.View, reg *projections.Register, w When) (*sight, error) {
	m, err := s.moment(view, w)
	if err != nil {
		return nil, err
	}
	at := &sight{view: view, past: view, moment: m}
	if at.proof, err = s.proof(ctx, m, w); err != nil {
		return nil, err
	}
	if !w.now() && reg != nil {
		at.past, err = s.travel(ctx, view, reg, m)
	}
	return at, err
}

func (at *sight) close() { at.view.Close() }

func (s *service) proof(ctx context.Context, m moment, w When) (Proof, error) {
	newest, err := s.src.Ledger.Record(m.size - 1)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{
		KnownAt:    Point{m.size - 1, ledgeredAt(newest.Entry)},
		Checkpoint: s.src.Shown(ctx),
		RuleSet:    projections.RuleSet, Calendar: m.frame.Calendar,
	}
	if w.AsOf != "" {
		p.AsOf = &w.AsOf
	}
	return p, nil
}

func ledgeredAt(e chain.Entry) events.Instant {
	return events.InstantOf(time.Unix(0, e.LedgeredAt).UTC())
}

// named returns the register with a name.
func named(name string) (*projections.Register, error) {
	if reg, ok := projections.Lookup(name); ok {
		return reg, nil
	}
	if name == "" {
		return nil, &Error{codeBadQuestion, "no register is named: " + names()}
	}
	return nil, &Error{codeNotFound, "there is no such register: " + names()}
}

func names() string {
	var all []string
	for _, reg := range projections.Registers() {
		all = append(all, reg.Name)
	}
	return "the registers are " + strings.Join(all, ", ")
}

func answerStatus(ctx context.Context, s *service, question []byte, w *writer) error {
	if err := ask(question, &struct{}{}); err != nil {
		return err
	}
	st := s.src.Status()
	st.RuleSet = projections.RuleSet
	if s.src.Ledger.Size() == 0 {
		return w.answer(st)
	}
	at, err := s.look(ctx, nil, When{})
	if err != nil {
		return err
	}
	defer at.close()
	st.Calendar, st.Zone, st.Projected = at.moment.frame.Calendar, at.moment.frame.Zone.String(), at.view.Size()
	if st.Quarantined, err = projections.Quarantined(at.view); err != nil {
		return err
	}
	if st.Anomalies, err = projections.CountAnomalies(at.view); err != nil {
		return err
	}
	return w.answer(st)
}

func answerRegisters(ctx context.Context, s *service, question []byte, w *writer) error {
	var q Question
	if err := ask(question, &q); err != nil {
		return err
	}
	at, err := s.look(ctx, nil, q.When)
	if err != nil {
		return err
	}
	defer at.close()
	all := Registers{Proof: at.proof}
	for _, reg := range projections.Registers() {
		view := at.view
		if !q.When.now() {
			if view, err = s.travel(ctx, at.view, reg, at.moment); err != nil {
				return err
			}
		}
		line := Summary{Register: reg.Name, Label: reg.Label, Law: reg.Law}
		if line.Counts, err = view.Counts(reg.Name); err != nil {
			return err
		}
		if line.Digest, err = view.Digest(reg.Name); err != nil {
			return err
		}
		all.Registers = append(all.Registers, line)
	}
	return w.answer(all)
}

func answerList(ctx context.Context, s *service, question []byte, w *writer) error {
	var q Question
	if err := ask(question, &q); err != nil {
		return err
	}
	reg, err := named(q.Register)
	if err != nil {
		return err
	}
	at, err := s.look(ctx, reg, q.When)
	if err != nil {
		return err
	}
	defer at.close()
	list := Register{Register: reg.Name, Proof: at.proof, Rows: []jsontext.Value{}}
	counts, err := at.past.Counts(reg.Name)
	if err != nil {
		return err
	}
	list.Anomalies = counts.Anomalies
	if list.Digest, err = at.past.Digest(reg.Name); err != nil {
		return err
	}
	size := 0
	for text, err := range at.past.Rows(reg.Name, q.After) {
		if err != nil {
			return err
		}
		if size > pageBytes {
			last, err := headOf(list.Rows[len(list.Rows)-1])
			if err != nil {
				return err
			}
			list.Next = last.ID
			break
		}
		size += len(text)
		list.Rows = append(list.Rows, slices.Clone(text))
	}
	return w.answer(list)
}

func answerShow(ctx context.Context, s *service, question []byte, w *writer) error {
	var q Question
	if err := ask(question, &q); err != nil {
		return err
	}
	reg, at, row, err := s.row(ctx, q)
	if err != nil {
		return err
	}
	defer at.close()
	shown := Shown{Register: reg.Name, Proof: at.proof, Row: row.text, Anomalies: []projections.Anomaly{}}
	seqs, err := row.seqs(at.view)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		for a, err := range at.past.Anomalies(seq, seq+1) {
			if err != nil {
				return err
			}
			if a.Register == reg.Name {
				shown.Anomalies = append(shown.Anomalies, a)
			}
		}
	}
	return w.answer(shown)
}

// A found row is its text and the aggregate whose history it has.
type found struct {
	text []byte
	rowHead
}

// seqs returns the entries behind a row: those about its aggregate, and the one that
// made the row if that is about another (an assessment makes the rows of its measures).
func (f *found) seqs(view projections.View) ([]uint64, error) {
	seqs, err := view.History(f.Aggregate)
	if i, has := slices.BinarySearch(seqs, f.FirstSeq); !has {
		seqs = slices.Insert(seqs, i, f.FirstSeq)
	}
	return seqs, err
}

// row finds the row that a question names. The caller closes the sight.
func (s *service) row(ctx context.Context, q Question) (*projections.Register, *sight, found, error) {
	reg, err := named(q.Register)
	if err != nil {
		return nil, nil, found{}, err
	}
	at, err := s.look(ctx, reg, q.When)
	if err != nil {
		return nil, nil, found{}, err
	}
	text, ok, err := at.past.Row(reg.Name, q.ID)
	if err == nil && !ok {
		err = &Error{codeNotFound, fmt.Sprintf("register %s has no row with this id at the time asked for: greffe register list %s shows the ids", reg.Name, reg.Name)}
	}
	row := found{text: text}
	if err == nil {
		row.rowHead, err = headOf(text)
	}
	if err != nil {
		at.close()
		return nil, nil, found{}, err
	}
	return reg, at, row, nil
}
