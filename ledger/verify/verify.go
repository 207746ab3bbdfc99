package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Options tune a verification, and say what the auditor brings besides the key. The
// zero value works.
type Options struct {
	// Workers is the number of checking goroutines; 0 means one a core.
	Workers int
	// Progress, if set, is called after each block with the entries checked
	// and the bytes read so far, from one goroutine.
	Progress func(entries uint64, bytes int64)
	// Since is a checkpoint of this ledger that the auditor kept, with its signatures:
	// the bundle must go on from there. Payloads of earlier entries are not hashed
	// again.
	Since []byte
	// Demand, by range or by period, is what the auditor wants to see completely. In a
	// whole ledger, payloads of other entries are not hashed.
	Demand chain.Scope
	// Policy says which witnesses must have cosigned; nil: cosignatures are not looked at.
	Policy *chain.Policy
	// Timestamps checks an RFC 3161 token over the text of a checkpoint, against the
	// authorities that the auditor trusts; nil: tokens are not looked at. The error wraps
	// [ErrUntrusted] if the token is sound and its authority is not among them.
	Timestamps func(text string, token []byte) (Stamp, error)
}

// A Stamp is what a timestamp says.
type Stamp struct {
	At        time.Time
	Authority string
}

var (
	// ErrUntrusted is wrapped by [Options.Timestamps] where the token leads to no
	// authority that the auditor trusts.
	ErrUntrusted = errors.New("of no authority that was brought")
	// ErrSince means that the checkpoint brought as Since is none of this ledger's.
	ErrSince = errors.New("the earlier checkpoint that was brought is not signed by a key of this ledger")
)

// Bundle verifies the bundle in r, of a whole ledger or an excerpt, against the key that
// the auditor brings. The error is not nil only if r could not be read to its end, if
// what was brought besides it makes no sense ([ErrSince]), or if ctx ended; everything
// that is wrong with the bundle is in the report.
func Bundle(ctx context.Context, r io.Reader, key note.Verifier, o Options) (Report, error) {
	v := verifier{key: key, o: o, demand: coverage{scope: o.Demand}}
	rule := payloadRule{}
	if checkable(&o.Demand) {
		rule.demand = &o.Demand
	}
	if o.Since != nil {
		var err error
		if v.since, err = chain.ReadCheckpoint(o.Since); err != nil {
			return Report{}, fmt.Errorf("%w: %w", ErrSince, err)
		}
		rule.since = v.since.Size
	}
	scanner := chain.NewScanner(r)
	p := newBundlePipeline(scanner, o.Workers, &rule)
	broken, err := p.each(ctx, func(j *job) {
		if j.excerpt != nil {
			v.mergeExcerpt(&j.block, &j.run, j.excerpt)
		} else {
			v.merge(&j.block, &j.run)
		}
		if o.Progress != nil {
			o.Progress(v.report.Size, j.block.End)
		}
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	if v.excerpt == nil && scanner.Version() == chain.ExcerptVersion {
		v.excerpt = newExcerpt(scanner.Sections()) // it has no record
		v.claim.scope = v.excerpt.scope
	}
	err = v.finish(broken, scanner.Sections())
	return v.report, err
}

// A verifier puts the runs together, in order.
type verifier struct {
	key     note.Verifier
	o       Options
	since   chain.Checkpoint // Size 0 without
	sinceAt chain.Hash       // of a whole ledger: its root at that size, once passed
	goes    relation         // how that checkpoint stands to the bundle's
	tree    chain.Frontier
	excerpt *excerpt          // nil: a whole ledger
	single  string            // of the proof of one event: which
	keys    *chain.KeyHistory // nil without a genesis
	claim   coverage          // of an excerpt: what it says it covers
	beside  beside            // of an excerpt by period
	demand  coverage          // what the auditor asks for
	met     bool              // a checkpoint satisfies the auditor's policy
	stopped bool              // reading ended before the sections did
	last    neighbour
	faults  faultList
	report  Report
}

// merge appends one run of a whole ledger: its link to the run before, its faults, its
// subtrees.
func (v *verifier) merge(b *chain.Block, r *run) {
	if r.first == 0 {
		v.genesis(r.head.header, b.Records[0].Payload)
	} else {
		compare(&v.faults, r.first, v.last, r.head)
	}
	v.passSince(r)
	for _, s := range r.subtrees {
		v.tree.AppendSubtree(s.level, s.hash)
	}
	v.report.Size = v.tree.Size()
	v.join(r)
}

// passSince takes the root at the size of the auditor's earlier checkpoint, when it lies
// in this run.
func (v *verifier) passSince(r *run) {
	n := uint64(len(r.leaves) / len(chain.Hash{}))
	if v.since.Size <= r.first || v.since.Size > r.first+n {
		return
	}
	tree := v.tree
	for _, leaf := range chain.CutHashes(r.leaves)[:v.since.Size-r.first] {
		tree.Append(leaf)
	}
	v.sinceAt = tree.Root()
}

// join adds what a run found, and its events about keys.
func (v *verifier) join(r *run) {
	v.last.keep(r.tail)
	v.faults.join(&r.faults)
	v.report.Absent += r.absent
	for d, n := range r.counts {
		v.report.ByDisposition[d] += n
	}
	for _, rec := range r.keys {
		h := chain.Header(rec.Header)
		if v.keys == nil || rec.Payload != nil && chain.PayloadHash(rec.Payload) != h.PayloadHash() {
			continue // reported
		}
		if _, err := v.keys.Apply(h, rec.Payload); err != nil {
			v.faults.at(keyPayload, h.Seq())
		}
	}
}

// genesis checks what only the first entry has (FORMAT §3.2).
func (v *verifier) genesis(h chain.Header, payload []byte) {
	if h == nil {
		v.faults.at(badGenesis, 0).Want = "a header in its canonical form"
		return
	}
	if h.Seq() != 0 {
		v.faults.at(badSeq, 0).set("0", number(h.Seq()))
	}
	g, err := chain.OpenGenesis(h, payload)
	if err != nil {
		v.faults.at(badGenesis, 0).Want = err.Error()
		return
	}
	if chain.PayloadHash(payload) == h.PayloadHash() { // else which key it began with is not known
		v.keys = chain.NewKeyHistory(g)
	}
	v.report.Origin = g.Origin
	if got, want := h.Prev(), chain.GenesisPrev(g.LedgerID); got != want {
		v.faults.at(genesisLink, 0).set(hexOf(want), hexOf(got))
	}
}

// finish checks what takes the whole bundle, and gives the verdicts.
func (v *verifier) finish(broken *chain.BundleError, sections []chain.Section) error {
	if v.excerpt == nil {
		v.report.Root = v.tree.Root()
	}
	if broken != nil {
		v.framing(broken)
	}
	if broken == nil && v.report.Size == 0 {
		v.faults.of(badGenesis).Want = "an entry"
	}
	complete := broken == nil || broken.Kind == chain.BadTrailer || broken.Kind == chain.AfterTrailer
	v.stopped = !complete
	switch n := count(sections, chain.SectionScope); {
	case complete && v.excerpt != nil:
		v.finishExcerpt(n)
	case v.excerpt == nil && n > 0:
		v.faults.of(badScope).set("0", number(uint64(n)))
	}
	var err error
	if complete {
		err = v.statements(sections)
	}
	v.conclude(sections)
	return err
}

// conclude gives the verdicts on what was found.
func (v *verifier) conclude(sections []chain.Section) {
	v.report.Faults, v.report.FaultCount = v.faults.kept, v.faults.count
	v.verdicts(sections)
}

// framing turns the place where reading stopped into a fault.
func (v *verifier) framing(broken *chain.BundleError) {
	codes := [...]Code{
		chain.NotABundle: notABundle, chain.UnknownVersion: unknownVersion, chain.Truncated: truncated,
		chain.BadFrame: badFrame, chain.BadHeader: badHeader, chain.BadSection: badSection,
		chain.BadTrailer: badTrailer, chain.AfterTrailer: afterTrailer,
	}
	f := v.faults.of(codes[broken.Kind])
	if broken.HasSeq {
		f.Seq = &broken.Seq
		if v.excerpt != nil { // it counts records, whose seqs are larger
			f.Seq = nil
		}
	}
	if field := (*chain.FieldError)(nil); errors.As(broken.Err, &field) {
		f.Field, f.Want = field.Field, field.Why
	}
}

// finishExcerpt checks that what an excerpt claims is there.
func (v *verifier) finishExcerpt(scopes int) {
	if scopes != 1 || !v.excerpt.claimed {
		v.faults.of(badScope).set("1", number(uint64(scopes)))
		return
	}
	if v.last.header != nil && !v.last.proved {
		v.faults.at(unproved, v.last.header.Seq())
	}
	if seq, missing := v.claim.missing(v.excerpt.checkpoint.Size); missing {
		v.faults.at(missingEntry, seq).Want = v.claim.scope.String()
	}
}

func count(sections []chain.Section, kind chain.SectionKind) (n int) {
	for _, s := range sections {
		if s.Kind == kind {
			n++
		}
	}
	return n
}
