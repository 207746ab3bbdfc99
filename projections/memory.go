package projections

import (
	"iter"
	"slices"
	"strings"

	"greffe/ledger/chain"
)

// Memory is a [State] and a [View] in memory, for questions about the past and for
// small ledgers. It belongs to one goroutine while facts are folded into it.
type Memory struct {
	frame     Frame
	size      uint64
	rows      map[string]map[string]Row // by register, by id
	counts    map[string]*Counts
	statuses  map[string]map[string]string // as counted, by register, by id
	anomalies []Anomaly
	history   map[string][]uint64
}

// NewMemory returns an empty state.
func NewMemory(frame Frame) *Memory {
	return &Memory{
		frame: frame, rows: map[string]map[string]Row{}, counts: map[string]*Counts{},
		statuses: map[string]map[string]string{}, history: map[string][]uint64{},
	}
}

// Apply folds one entry.
func (m *Memory) Apply(rec chain.Record) {
	f := Read(rec)
	m.Fold(&f)
}

// Fold folds a fact that was read elsewhere.
func (m *Memory) Fold(f *Fact) {
	m.size = f.Entry.Seq + 1
	if f.Entry.Aggregate != "" {
		m.history[f.Entry.Aggregate] = append(m.history[f.Entry.Aggregate], f.Entry.Seq)
	}
	Apply(m, m.frame, f)
}

// Get implements [State].
func (m *Memory) Get(r *Register, id string) (Row, bool) {
	row, ok := m.rows[r.Name][id]
	return row, ok
}

// Put implements [State].
func (m *Memory) Put(r *Register, row Row) {
	if m.rows[r.Name] == nil {
		m.rows[r.Name], m.statuses[r.Name] = map[string]Row{}, map[string]string{}
	}
	id := row.base().ID
	before, existed := m.statuses[r.Name][id]
	m.count(r.Name).Count(row, before, existed, m.size-1)
	m.rows[r.Name][id], m.statuses[r.Name][id] = row, row.base().Status
}

// Flag implements [State].
func (m *Memory) Flag(a Anomaly) {
	m.anomalies = append(m.anomalies, a)
	m.count(a.Register).Anomalies++
}

func (m *Memory) count(register string) *Counts {
	c, ok := m.counts[register]
	if !ok {
		c = &Counts{}
		m.counts[register] = c
	}
	return c
}

// Size implements [View].
func (m *Memory) Size() uint64 { return m.size }

// Rows implements [View].
func (m *Memory) Rows(register, after string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var ids []string
		for id := range m.rows[register] {
			if id > after {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		var enc Encoder
		var text []byte
		for _, id := range ids {
			var err error
			text, err = enc.Append(text[:0], m.rows[register][id])
			if !yield(text, err) || err != nil {
				return
			}
		}
	}
}

// Row implements [View].
func (m *Memory) Row(register, id string) ([]byte, bool, error) {
	row, ok := m.rows[register][id]
	if !ok {
		return nil, false, nil
	}
	var enc Encoder
	text, err := enc.Append(nil, row)
	return text, err == nil, err
}

// Counts implements [View].
func (m *Memory) Counts(register string) (Counts, error) { return *m.count(register), nil }

// Digest implements [View].
func (m *Memory) Digest(register string) (string, error) {
	return RegisterDigest(register, m.Rows(register, ""))
}

// Anomalies implements [View].
func (m *Memory) Anomalies(from, to uint64) iter.Seq2[Anomaly, error] {
	return func(yield func(Anomaly, error) bool) {
		for _, a := range m.anomalies {
			if from <= a.Seq && a.Seq < to && !yield(a, nil) {
				return
			}
		}
	}
}

// History implements [View].
func (m *Memory) History(aggregate string) ([]uint64, error) {
	return slices.Clone(m.history[aggregate]), nil
}

// Entries implements [View].
func (m *Memory) Entries(kind string) ([]uint64, error) {
	var seqs []uint64
	for aggregate, of := range m.history {
		if k, _, _ := strings.Cut(aggregate, "/"); k == kind {
			seqs = append(seqs, of...)
		}
	}
	slices.Sort(seqs)
	return seqs, nil
}

// Close implements [View]; it does nothing.
func (m *Memory) Close() error { return nil }
