package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"greffe/events"
	"greffe/events/stream"
	"greffe/events/stream/streamtest"
	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
	"greffe/projections"
	"greffe/projections/query"
	"greffe/projections/store"
)

// A toy is a small signed ledger as the service reads it.
type toy struct{ *chaintest.Ledger }

func (l toy) Size() uint64 { return uint64(len(l.Records)) }

func (l toy) Record(seq uint64) (chain.Record, error) { return l.Records[seq], nil }

func (l toy) Read(from, to uint64, fn func(chain.Record) error) error {
	for _, r := range l.Records[from:min(to, l.Size())] {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (l toy) Headers(from, to uint64, fn func(chain.Header) error) error {
	return l.Read(from, to, func(r chain.Record) error { return fn(r.Header) })
}

func (l toy) Inclusion(size, seq uint64) ([]chain.Hash, error) {
	return chain.ProveInclusion(size, seq, l.Node)
}

func (l toy) Consistency(old, size uint64) ([]chain.Hash, error) {
	return chain.ProveConsistency(old, size, l.Node)
}

func (l toy) RootAt(size uint64) (chain.Hash, error) { return l.Ledger.RootAt(size), nil }

func (l toy) TlogProof(seq, size uint64, checkpoint []byte) ([]byte, error) {
	p := chain.TlogProof{Extra: chain.AppendRecord(nil, l.Records[seq].Header, l.Records[seq].Payload), Seq: seq, Checkpoint: checkpoint}
	var err error
	p.Hashes, err = l.Inclusion(size, seq)
	return chain.AppendTlogProof(nil, &p), err
}

// A proved is a toy that is served, up to shown entries, with statements about it.
type proved struct {
	*query.Client
	toy
	shown      uint64
	statements []query.Statement
}

func prove(t *testing.T, l *chaintest.Ledger) *proved {
	t.Helper()
	srv := streamtest.Start(t, "main")
	st, err := store.Open("registers", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	p := &proved{toy: toy{l}, shown: uint64(len(l.Records))}
	service, err := query.Serve(srv.Daemon(t), "main", p.sources(t, st))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	p.Client = query.NewClient(srv.Connect(t, stream.RoleAuditor, string(stream.RoleAuditor)), "main", 10*time.Second)
	return p
}

func (p *proved) sources(t *testing.T, st *store.Store) query.Sources {
	checkpoint := func(context.Context) ([]byte, uint64, error) { return p.CheckpointAt(t, p.shown), p.shown, nil }
	return query.Sources{
		Ledger: p.toy,
		FindAll: func(id events.ID) (found []query.Origination, err error) {
			for _, r := range p.Records {
				if r.Entry.EventID == id.Bytes() && r.Entry.Disposition == chain.Recorded {
					found = append(found, query.Origination{Publisher: r.Entry.Publisher, Seq: r.Entry.Seq})
				}
			}
			return found, nil
		},
		View: func(ctx context.Context) (projections.View, error) {
			if err := st.Catchup(ctx, p.toy); err != nil {
				return nil, err
			}
			return st.View()
		},
		Checkpoint: checkpoint,
		Covering:   func(ctx context.Context, _ uint64) ([]byte, uint64, error) { return checkpoint(ctx) },
		Signed: func(_ context.Context, size uint64) ([]byte, error) {
			if size != p.shown {
				return nil, nil
			}
			return p.CheckpointAt(t, size), nil
		},
		Evidence: func(uint64) ([]query.Statement, error) { return p.statements, nil },
		KeyEvents: func(size uint64) (seqs []uint64, err error) {
			for _, r := range p.Records[:size] {
				if chain.IsKeyEvent(r.Header) {
					seqs = append(seqs, r.Entry.Seq)
				}
			}
			return seqs, nil
		},
	}
}

// rotated is a ledger with events about keys before, inside and after what is chosen.
func rotated(t *testing.T) *chaintest.Ledger {
	t.Helper()
	l := chaintest.Uniform(t, "main", 10, 300)
	l.Rotate(t)
	l.Grow(t, 24)
	l.Revoke(t, "greffe/other+00000000+AAAA", 7) // void, and an event about keys all the same
	l.Grow(t, 20)
	l.Rotate(t)
	l.Rotate(t)
	l.Grow(t, 20)
	return l
}

// Every kind of scope gives the bytes of the reference, and a sound excerpt.
func TestExcerpts(t *testing.T) {
	l := chaintest.New(t, "main", 75, 300)
	second := func(seq int) int64 { return l.Records[seq].Entry.LedgeredAt }
	last := second(74)
	tests := []struct {
		name   string
		scope  chain.Scope
		chosen uint64
		want   int // exit code
	}{
		{"one entry", chain.Scope{By: chain.ByRange, FromSeq: 30, ToSeq: 31}, 1, 0},
		{"the first", chain.Scope{By: chain.ByRange, FromSeq: 0, ToSeq: 1}, 1, 0},
		{"some", chain.Scope{By: chain.ByRange, FromSeq: 1, ToSeq: 40}, 39, 0},
		{"the end", chain.Scope{By: chain.ByRange, FromSeq: 70, ToSeq: 75}, 5, 0},
		{"all", chain.Scope{By: chain.ByRange, FromSeq: 0, ToSeq: 75}, 75, 0},
		{"a period", chain.Scope{By: chain.ByPeriod, From: second(20), To: second(40)}, 20, 0},
		{"from the beginning", chain.Scope{By: chain.ByPeriod, From: 0, To: second(2)}, 2, 0},
		{"to the end", chain.Scope{By: chain.ByPeriod, From: second(60), To: last + 1e9}, 15, 0},
		{"before everything", chain.Scope{By: chain.ByPeriod, From: 0, To: 1e9}, 0, 0},
		{"after everything", chain.Scope{By: chain.ByPeriod, From: last + 1e9, To: last + 2e9}, 0, 0},
		{"an aggregate", chain.Scope{By: chain.ByAggregate, Names: []string{"breach/BR-10"}}, 1, 4},
		{"aggregates", chain.Scope{By: chain.ByAggregate, Names: []string{"breach/BR-10", "breach/BR-11", "breach/BR-39", "breach/none", "ledger/main"}}, 5, 4},
		{"a register", chain.Scope{By: chain.ByRegister, Register: "breaches", Names: []string{"breach"}}, 63, 4},
		{"the ledger's own", chain.Scope{By: chain.ByPublisher, Names: []string{"greffe"}}, 2, 4},
		{"a publisher", chain.Scope{By: chain.ByPublisher, Names: []string{"hr"}}, 73, 4},
		{"nobody", chain.Scope{By: chain.ByPublisher, Names: []string{"nobody"}}, 0, 4},
	}
	for _, keys := range []bool{false, true} {
		if keys {
			l = rotated(t)
		}
		p := prove(t, l)
		for _, tt := range tests {
			t.Run(fmt.Sprint(tt.name, " with key events ", keys), func(t *testing.T) {
				var got bytes.Buffer
				w, err := p.Excerpt(t.Context(), &got, tt.scope, nil)
				if err != nil {
					t.Fatal(err)
				}
				if want := l.Excerpt(t, tt.scope); !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%d bytes, want %d others", got.Len(), len(want))
				}
				if !keys && w.Chosen != tt.chosen {
					t.Errorf("%d entries are chosen, want %d", w.Chosen, tt.chosen)
				}
				r, err := verify.Bundle(t.Context(), &got, l.Verifier, verify.Options{})
				if err != nil || len(r.Faults) > 0 || r.Size != w.Entries || exit(&r) != tt.want {
					t.Errorf("%v, %+v, %d entries of %d, outcome %v", err, r.Faults, r.Size, w.Entries, r.Outcome())
				}
			})
		}
	}
}

func exit(r *verify.Report) int {
	return map[verify.Verdict]int{verify.Sound: 0, verify.Failed: 3, verify.Unconfirmed: 4}[r.Outcome()]
}

// The entries of a bundle of n are a prefix of those of m ≥ n, in excerpts too (law M4).
func TestBundlesGrow(t *testing.T) {
	l := chaintest.Uniform(t, "main", 40, 300)
	p := prove(t, l)
	records := func(scope *chain.Scope) (all []string) {
		t.Helper()
		var b bytes.Buffer
		var err error
		if scope == nil {
			_, err = p.Bundle(t.Context(), &b, nil)
		} else {
			_, err = p.Excerpt(t.Context(), &b, *scope, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		in := chain.NewBundleReader(&b)
		for {
			r, err := in.Next()
			if errors.Is(err, io.EOF) {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(chain.AppendRecord(nil, r.Header, r.Payload)))
		}
	}
	register := &chain.Scope{By: chain.ByRegister, Register: "breaches", Names: []string{"breach"}}
	publisher := &chain.Scope{By: chain.ByPublisher, Names: []string{"hr"}}
	for name, scope := range map[string]*chain.Scope{"whole": nil, "a register": register, "a publisher": publisher} {
		var before []string
		for p.shown = 1; p.shown <= 40; p.shown += 3 {
			now := records(scope)
			if len(now) <= len(before) || !slices.Equal(now[:len(before)], before) {
				t.Fatalf("%s: the %d entries of size %d do not go on from the %d before", name, len(now), p.shown, len(before))
			}
			before = now
		}
		p.shown = 40
	}
}

// Evidence travels with every bundle, tied to it once for each size.
func TestEvidence(t *testing.T) {
	l := chaintest.Uniform(t, "main", 40, 300)
	p := prove(t, l)
	cosigned := func(size uint64) query.Statement {
		return query.Statement{Size: size, Section: query.Section{Kind: chain.SectionCosigned, Body: l.CheckpointAt(t, size)}}
	}
	p.statements = []query.Statement{cosigned(40), cosigned(17), cosigned(17), cosigned(3)}
	var whole, since bytes.Buffer
	if _, err := p.Bundle(t.Context(), &whole, nil); err != nil {
		t.Fatal(err)
	}
	root := l.RootAt(17)
	w, err := p.ExcerptSince(t.Context(), &since, query.Since{Size: 17, Root: &root}, nil)
	if err != nil || w.Chosen != 23 || w.Entries != 24 {
		t.Fatalf("%+v, %v", w, err)
	}
	for name, b := range map[string][]byte{"whole": whole.Bytes(), "since": since.Bytes()} {
		in := chain.NewBundleReader(bytes.NewReader(b))
		var err error
		for err == nil {
			_, err = in.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(name, err)
		}
		tied := map[uint64]int{}
		notes := 0
		for _, s := range in.Sections() {
			switch s.Kind {
			case chain.SectionConsistency:
				c, err := chain.ParseConsistency(s.Data)
				if err != nil || chain.CheckConsistency(c.Hashes, c.Old, l.RootAt(c.Old), 40, l.RootAt(40)) != nil {
					t.Errorf("%s: the proof from %d does not hold, %v", name, c.Old, err)
				}
				tied[c.Old]++
			case chain.SectionCosigned:
				notes++
			}
		}
		if notes != 4 || tied[17] != 1 || tied[3] != 1 || len(tied) != 2 {
			t.Errorf("%s: %d notes, tied %v", name, notes, tied)
		}
		r, err := verify.Bundle(t.Context(), bytes.NewReader(b), l.Verifier, verify.Options{})
		if err != nil || len(r.Faults) > 0 {
			t.Errorf("%s: %v, %+v", name, err, r.Faults)
		}
	}
}

// An excerpt since a checkpoint is refused before anything is written.
func TestSinceRefused(t *testing.T) {
	p := prove(t, chaintest.Uniform(t, "main", 40, 300))
	other := chain.Hash{1}
	for name, tt := range map[string]struct {
		since query.Since
		want  error
	}{
		"another history": {query.Since{Size: 17, Root: &other}, query.ErrContradiction},
		"at equal size":   {query.Since{Size: 40, Root: &other}, query.ErrContradiction},
		"the future":      {query.Since{Size: 41, Root: &other}, query.ErrAhead},
		"nothing new":     {query.Since{Size: 40}, query.ErrNothingNew},
	} {
		var b bytes.Buffer
		if _, err := p.ExcerptSince(t.Context(), &b, tt.since, nil); !errors.Is(err, tt.want) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
}

// Proofs of events and of growth hold under the checkpoint that comes with them.
func TestProofs(t *testing.T) {
	l := chaintest.New(t, "main", 40, 300)
	p := prove(t, l)
	for p.shown = 1; p.shown <= 40; p.shown += 13 {
		for seq := range p.shown {
			got, err := p.ProveEntry(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := verify.Proof([]byte(got.Proof), l.Verifier, verify.Options{}); err != nil || r.Outcome() != verify.Sound {
				t.Errorf("entry %d of %d: %+v", seq, p.shown, r.Faults)
			}
			if got.Seq != seq || got.Size != p.shown || got.Disposition != l.Records[seq].Entry.Disposition.String() {
				t.Errorf("got %+v", got)
			}
		}
	}
	p.shown = 40
	for old := range uint64(41) {
		g, err := p.Growth(t.Context(), old, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.CheckConsistency(g.Hashes, g.Old, g.OldRoot, g.Size, g.Root); err != nil || g.Size != 40 || g.Root != l.RootAt(40) || g.Checkpoint == "" {
			t.Errorf("from %d: %v, %+v", old, err, g)
		}
		if (g.OldCheckpoint != "") != (old == 40) {
			t.Errorf("from %d: the checkpoint %q", old, g.OldCheckpoint)
		}
	}
	byID, err := p.Prove(t.Context(), "", events.IDFromBytes(l.Records[1].Entry.EventID))
	if err != nil || byID.Seq != 1 {
		t.Errorf("by id: %+v, %v", byID, err)
	}
}

func TestProofsThatCannotBeMade(t *testing.T) {
	l := chaintest.New(t, "main", 10, 300)
	p := prove(t, l)
	ctx := t.Context()
	range12 := chain.Scope{By: chain.ByRange, FromSeq: 3, ToSeq: 12}
	for name, tt := range map[string]struct {
		ask  func() error
		want string
	}{
		"an entry that is not there yet":  {func() error { _, err := p.ProveEntry(ctx, 10); return err }, "it holds 10 entries"},
		"an event that is not there yet":  {func() error { _, err := p.Prove(ctx, "", events.IDFromBytes([16]byte{9})); return err }, "no event with this id"},
		"no event":                        {func() error { _, err := p.Prove(ctx, "", ""); return err }, "named by its seq"},
		"growth from the future":          {func() error { _, err := p.Growth(ctx, 11, 0); return err }, "10 entries"},
		"growth to the future":            {func() error { _, err := p.Growth(ctx, 1, 11); return err }, "10 entries"},
		"growth backwards":                {func() error { _, err := p.Growth(ctx, 5, 4); return err }, "10 entries"},
		"evidence of nothing":             {func() error { _, err := p.Evidence(ctx, 0); return err }, "from 1 to 10"},
		"evidence of the future":          {func() error { _, err := p.Evidence(ctx, 11); return err }, "from 1 to 10"},
		"a range that ends in the future": {func() error { _, err := p.Excerpt(ctx, io.Discard, range12, nil); return err }, "which has 10 entries"},
		"a scope that is none":            {func() error { _, err := p.Excerpt(ctx, io.Discard, chain.Scope{}, nil); return err }, "scope"},
	} {
		if err := tt.ask(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
