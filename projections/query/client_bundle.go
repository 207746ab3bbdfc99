package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"greffe/ledger/chain"
)

// A Progress is told how far a bundle has come: seqs below done are written, of total.
type Progress func(done, total uint64)

// A Written is what a bundle holds.
type Written struct {
	Size    uint64       // of its checkpoint
	Entries uint64       // that are in it
	Chosen  uint64       // those that its scope chooses: all, of a whole ledger
	Scope   *chain.Scope // of an excerpt
}

// Bundle writes the evidence file of the whole ledger: every entry under a signed
// checkpoint, and what others said of it. Nothing of what it writes is checked here: that
// is the auditor's part.
func (c *Client) Bundle(ctx context.Context, w io.Writer, progress Progress) (Written, error) {
	cp, err := c.Checkpoint(ctx)
	if err != nil {
		return Written{}, err
	}
	evidence, err := c.Evidence(ctx, cp.Size)
	if err != nil {
		return Written{}, err
	}
	out, err := chain.NewBundleWriter(w)
	if err != nil {
		return Written{}, err
	}
	err = c.Entries(ctx, 0, cp.Size, func(rec chain.Record) error {
		if progress != nil {
			progress(rec.Entry.Seq+1, cp.Size)
		}
		return out.WriteRecord(rec.Header, rec.Payload)
	})
	if err != nil {
		return Written{}, err
	}
	sections := append([]Section{{chain.SectionCheckpoint, []byte(cp.Note)}}, evidence.Sections...)
	if err := writeSections(out, sections); err != nil {
		return Written{}, err
	}
	return Written{Size: cp.Size, Entries: cp.Size, Chosen: cp.Size}, out.Close()
}

func writeSections(out *chain.BundleWriter, sections []Section) error {
	for _, s := range sections {
		if err := out.WriteSection(s.Kind, s.Body); err != nil {
			return err
		}
	}
	return nil
}

// A Since is what an auditor kept from an earlier time.
type Since struct {
	Size uint64
	Root *chain.Hash // nil if only the size is known
}

// Errors of an excerpt since an earlier checkpoint.
var (
	// ErrContradiction means that the ledger had another root at that size: two histories
	// of one ledger were shown.
	ErrContradiction = errors.New("this ledger has another history")
	// ErrAhead means that the ledger has not reached that size.
	ErrAhead = errors.New("this ledger is behind")
	// ErrNothingNew means that nothing was entered since.
	ErrNothingNew = errors.New("nothing was entered since")
)

// Excerpt writes the evidence file of the entries that scope chooses, each proved to be
// under a signed checkpoint, with what others said of it. Its memory does not grow with
// their number.
func (c *Client) Excerpt(ctx context.Context, w io.Writer, scope chain.Scope, progress Progress) (Written, error) {
	cp, err := c.Checkpoint(ctx)
	if err != nil {
		return Written{}, err
	}
	return c.excerpt(ctx, w, scope, cp, nil, progress)
}

// ExcerptSince writes what was entered since an earlier checkpoint, with the proof that
// the ledger has only grown. It writes nothing if that is not so.
func (c *Client) ExcerptSince(ctx context.Context, w io.Writer, since Since, progress Progress) (Written, error) {
	cp, err := c.Checkpoint(ctx)
	if err != nil {
		return Written{}, err
	}
	if since.Size > cp.Size {
		return Written{}, fmt.Errorf("%w: it holds %d entries, the checkpoint is of %d", ErrAhead, cp.Size, since.Size)
	}
	g, err := c.Growth(ctx, since.Size, cp.Size)
	if err != nil {
		return Written{}, err
	}
	if since.Root != nil && *since.Root != g.OldRoot {
		return Written{}, fmt.Errorf("%w: at size %d its root is %x, that of the checkpoint is %x", ErrContradiction, since.Size, g.OldRoot[:], since.Root[:])
	}
	if since.Size == cp.Size {
		return Written{}, fmt.Errorf("%w: the ledger still has %d entries", ErrNothingNew, cp.Size)
	}
	scope := chain.Scope{By: chain.ByRange, FromSeq: since.Size, ToSeq: cp.Size}
	tie := &Section{chain.SectionConsistency, chain.AppendConsistency(nil, chain.Consistency{Old: since.Size, Hashes: g.Hashes})}
	return c.excerpt(ctx, w, scope, cp, tie, progress)
}

func (c *Client) excerpt(ctx context.Context, w io.Writer, scope chain.Scope, cp SignedCheckpoint, tie *Section, progress Progress) (Written, error) {
	body, err := chain.AppendScope(nil, &scope)
	if err != nil {
		return Written{}, err
	}
	sections, err := c.excerptSections(ctx, body, cp, tie)
	if err != nil {
		return Written{}, err
	}
	e := excerpt{c: c, ctx: ctx, scope: scope, text: string(body), size: cp.Size, progress: progress}
	if e.out, err = chain.NewExcerptWriter(w, e.prove); err != nil {
		return Written{}, err
	}
	if err := writeSections(e.out, sections); err != nil {
		return Written{}, err
	}
	if err := e.write(); err != nil {
		return Written{}, err
	}
	return Written{Size: cp.Size, Entries: e.entries, Chosen: e.chosen, Scope: &scope}, e.out.Close()
}

// excerptSections returns the sections, one of consistency for each size.
func (c *Client) excerptSections(ctx context.Context, scope []byte, cp SignedCheckpoint, tie *Section) ([]Section, error) {
	evidence, err := c.Evidence(ctx, cp.Size)
	if err != nil {
		return nil, err
	}
	sections := []Section{{chain.SectionScope, scope}, {chain.SectionCheckpoint, []byte(cp.Note)}}
	if tie != nil {
		sections = append(sections, *tie)
	}
	for _, s := range evidence.Sections {
		if tie == nil || s.Kind != chain.SectionConsistency || string(s.Body) != string(tie.Body) {
			sections = append(sections, s)
		}
	}
	return sections, nil
}

// An excerpt is one on its way from the daemon to a file.
type excerpt struct {
	c        *Client
	ctx      context.Context
	out      *chain.BundleWriter
	scope    chain.Scope
	text     string // of scope
	size     uint64
	progress Progress

	last            uint64       // seq of the record that was written last
	path            []chain.Hash // of last; nil if it was linked
	proved          bool         // path is there
	entries, chosen uint64
}

// prove returns what came with the last record.
func (e *excerpt) prove(seq uint64) ([]chain.Hash, error) {
	if !e.proved || seq != e.last {
		return nil, errFrame
	}
	return e.path, nil
}

// write asks which entries are wanted, as far as one answer goes, and then for them.
func (e *excerpt) write() error {
	for from := uint64(0); from < e.size; {
		body, header, err := e.c.ask(e.ctx, endpointSelect, SelectQuestion{Size: e.size, Scope: e.text, From: from})
		if err != nil {
			return err
		}
		next, err := strconv.ParseUint(header.Get(headerNext), 10, 64)
		if err != nil || next <= from || next > e.size {
			return errFrame
		}
		ranges, err := cutRanges(body, from, next)
		if err != nil {
			return err
		}
		for len(ranges) > 0 {
			if ranges, err = e.fetch(ranges); err != nil {
				return err
			}
		}
		from = next
		if e.progress != nil {
			e.progress(from, e.size)
		}
	}
	return nil
}

// fetch asks for the records of ranges, writes those that come, and returns the rest.
func (e *excerpt) fetch(ranges []Range) ([]Range, error) {
	q := RecordsQuestion{Size: e.size, Ranges: ranges[:min(len(ranges), maxRanges)]}
	body, header, err := e.c.ask(e.ctx, endpointRecords, q)
	if err != nil {
		return nil, err
	}
	next, err := strconv.ParseUint(header.Get(headerNext), 10, 64)
	if err != nil || next <= ranges[0].From {
		return nil, errFrame
	}
	for len(ranges) > 0 && ranges[0].From < next {
		if body, err = e.take(body, ranges[0].From); err != nil {
			return nil, err
		}
		if ranges[0].From++; ranges[0].From == ranges[0].To {
			ranges = ranges[1:]
		}
	}
	if len(body) > 0 {
		return nil, errFrame
	}
	return ranges, nil
}

// take writes the record at seq, which is the next one of an answer.
func (e *excerpt) take(body []byte, seq uint64) ([]byte, error) {
	rec, body, err := cutRecord(body)
	if err != nil || rec.Entry.Seq != seq {
		return nil, errFrame
	}
	if err := e.out.WriteRecord(rec.Header, rec.Payload); err != nil {
		return nil, err
	}
	path, linked, body, err := cutProof(body)
	if err != nil {
		return nil, err
	}
	e.last, e.path, e.proved = seq, path, !linked
	e.entries++
	if e.scope.Chooses(&rec.Entry) {
		e.chosen++
	}
	if e.progress != nil {
		e.progress(seq+1, e.size)
	}
	return body, nil
}
