package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Options tune a verification. The zero value works.
type Options struct {
	// Workers is the number of checking goroutines; 0 means one a core.
	Workers int
	// Progress, if set, is called after each block with the entries checked
	// and the bytes read so far, from one goroutine.
	Progress func(entries uint64, bytes int64)
}

// Bundle verifies the bundle in r against the key that the auditor brings.
// The error is not nil only if r could not be read to its end or ctx ended;
// everything that is wrong with the bundle is in the report.
func Bundle(ctx context.Context, r io.Reader, key note.Verifier, o Options) (Report, error) {
	v := verifier{key: key}
	scanner := chain.NewScanner(r)
	p := newBundlePipeline(scanner, o.Workers)
	broken, err := p.each(ctx, func(j *job) {
		v.merge(&j.block, &j.run)
		if o.Progress != nil {
			o.Progress(v.tree.Size(), j.block.End)
		}
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	v.finish(broken, scanner.Sections())
	return v.report, nil
}

// A verifier puts the runs together, in order.
type verifier struct {
	key    note.Verifier
	tree   chain.Frontier
	last   neighbour
	faults faultList
	report Report
}

// merge appends one run: its link to the run before, its faults, its subtrees.
func (v *verifier) merge(b *chain.Block, r *run) {
	if r.first == 0 {
		v.genesis(r.head.header, b.Records[0].Payload)
	} else {
		compare(&v.faults, r.first, v.last, r.head)
	}
	v.last.keep(r.tail)
	v.faults.join(&r.faults)
	for _, s := range r.subtrees {
		v.tree.AppendSubtree(s.level, s.hash)
	}
	v.report.Absent += r.absent
	for d, n := range r.counts {
		v.report.ByDisposition[d] += n
	}
}

// genesis checks what only the first entry has (FORMAT §3.2).
func (v *verifier) genesis(h chain.Header, payload []byte) {
	if h == nil {
		return // reported as a bad header
	}
	if h.Seq() != 0 {
		v.faults.at(badSeq, 0).set("0", number(h.Seq()))
	}
	g, err := chain.OpenGenesis(h, payload)
	if err != nil {
		v.faults.at(badGenesis, 0).Want = err.Error()
		return
	}
	v.report.Origin = g.Origin
	if got, want := h.Prev(), chain.GenesisPrev(g.LedgerID); got != want {
		v.faults.at(genesisLink, 0).set(hexOf(want), hexOf(got))
	}
}

// finish checks what takes the whole bundle, and gives the verdicts.
func (v *verifier) finish(broken *chain.BundleError, sections []chain.Section) {
	v.report.Size, v.report.Root = v.tree.Size(), v.tree.Root()
	if broken != nil {
		v.framing(broken)
	}
	if broken == nil && v.report.Size == 0 {
		v.faults.of(badGenesis).Want = "an entry"
	}
	if complete := broken == nil || broken.Kind == chain.BadTrailer || broken.Kind == chain.AfterTrailer; complete {
		v.checkpoint(sections)
	}
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
	}
	if field := (*chain.FieldError)(nil); errors.As(broken.Err, &field) {
		f.Field, f.Want = field.Field, field.Why
	}
}

// checkpoint checks the one statement that covers every entry.
func (v *verifier) checkpoint(sections []chain.Section) {
	var texts [][]byte
	for _, s := range sections {
		if s.Kind == chain.SectionCheckpoint {
			texts = append(texts, s.Data)
		}
	}
	if len(texts) != 1 {
		v.faults.of(noCheckpoint).set("1", number(uint64(len(texts))))
		return
	}
	c, err := chain.OpenCheckpoint(texts[0], v.key)
	if errors.Is(err, chain.ErrMalformed) {
		v.faults.of(badCheckpoint)
		return
	}
	v.report.Checkpoint = c
	if v.report.Origin != "" && c.Origin != v.report.Origin {
		v.faults.of(otherOrigin).set(v.report.Origin, c.Origin)
	}
	if c.Size != v.report.Size {
		v.faults.of(otherSize).set(number(c.Size), number(v.report.Size))
	} else if c.Root != v.report.Root {
		v.faults.of(otherRoot).set(hexOf(c.Root), hexOf(v.report.Root))
	}
	if err != nil {
		v.faults.of(notSigned).set(v.key.Name(), c.Origin)
		return
	}
	v.report.Signature = Result{Sound, "signed by the key brought, " + v.key.Name()}
}

// verdicts turns faults into the five results. A section that this version
// cannot check is a claim that cannot be shown, never one that is passed over.
func (v *verifier) verdicts(sections []chain.Section) {
	r, has := &v.report, [chain.SectionScope + 1]bool{}
	for _, s := range sections {
		has[s.Kind] = true
	}
	first := ""
	switch {
	case r.FaultCount == 1:
		first = "1 fault: " + r.Faults[0].What
	case r.FaultCount > 1:
		first = fmt.Sprintf("%d faults, the first: %s", r.FaultCount, r.Faults[0].What)
	}
	failed := func(aspect int) bool { return v.faults.aspects&aspect != 0 }

	r.Content = Result{Sound, fmt.Sprintf("%d entries, every link, digest and the root", r.Size)}
	if failed(content) {
		r.Content = Result{Failed, first}
	}
	switch {
	case failed(signature):
		r.Signature = Result{Failed, "no checkpoint signed by the key brought"}
	case r.Signature.Verdict != Sound:
		r.Signature = Result{Unconfirmed, "reading stopped before the checkpoint"}
	case has[chain.SectionKeyHistory]:
		r.Signature = Result{Unconfirmed, "the bundle carries a key history, which this version does not check"}
	}
	r.Time = Result{NotClaimed, "no timestamp and no cosignature in the bundle"}
	if has[chain.SectionCosigned] || has[chain.SectionTimestamp] {
		r.Time = Result{Unconfirmed, "the bundle carries timestamps or cosignatures, which this version does not check"}
	}
	switch {
	case failed(scope):
		r.Scope = Result{Failed, "the bundle is not a whole ledger"}
	case r.Signature.Verdict != Sound:
		r.Scope = Result{Unconfirmed, "the size is only as good as the signature"}
	default:
		r.Scope = Result{Sound, fmt.Sprintf("the whole ledger, seq 0 to %d", r.Size-1)}
	}
	switch {
	case failed(content):
		r.Erasure = Result{Unconfirmed, "the content must be sound first"}
	case r.Absent > 0:
		r.Erasure = Result{Unconfirmed, fmt.Sprintf("%d payloads are absent, and this version reads no proof of erasure", r.Absent)}
	case has[chain.SectionRedactions]:
		r.Erasure = Result{Unconfirmed, "the bundle carries a redaction list, which this version does not check"}
	default:
		r.Erasure = Result{Sound, "no payload is absent"}
	}
}
