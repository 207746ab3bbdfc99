package verify

import (
	"greffe/ledger/chain"
)

// An excerpt is what the sections of a version 2 bundle say, read before its records.
// Nothing writes to it after that.
type excerpt struct {
	checkpoint chain.Checkpoint // unproved
	readable   bool             // there is one to check proofs against
	scope      chain.Scope
	claimed    bool // the scope could be read
}

// newExcerpt reads what the records are checked against. What is wrong with the
// sections is reported at the end.
func newExcerpt(sections []chain.Section) *excerpt {
	var ex excerpt
	for _, s := range sections {
		switch s.Kind {
		case chain.SectionCheckpoint:
			c, err := chain.ReadCheckpoint(s.Data)
			ex.checkpoint, ex.readable = c, err == nil
		case chain.SectionScope:
			scope, err := chain.ParseScope(s.Data)
			ex.scope, ex.claimed = scope, err == nil
		}
	}
	return &ex
}

// checkExcerpt fills r with what can be said of the records of b alone, each of which
// stands for itself.
func (r *run) checkExcerpt(b *chain.Block, ex *excerpt) {
	r.reset(b.First)
	var prev, cur neighbour
	for i := range b.Records {
		rec := &b.Records[i]
		seq := r.place(rec, prev)
		cur = r.entry(seq, rec)
		cur.proved = rec.Proof != nil
		if i == 0 {
			r.head.keep(cur)
		} else {
			compareExcerpt(&r.faults, prev, cur)
		}
		if h := cur.header; h != nil && cur.proved && ex.readable {
			if chain.CheckInclusion(chain.CutHashes(rec.Proof), ex.checkpoint.Size, ex.checkpoint.Root, seq, cur.leaf) != nil {
				r.faults.at(badProof, seq).Want = hexOf(ex.checkpoint.Root)
			}
		}
		r.payload(seq, cur.header, rec.Payload, &payloadRule{})
		prev = cur
	}
	r.tail.keep(cur)
}

// place returns the seq under which the faults of a record are reported: its own. If
// its header cannot be read, it is the one after the record before, at least.
func (r *run) place(rec *chain.RawRecord, prev neighbour) uint64 {
	if h, rest, err := chain.CutHeader(rec.Header); err == nil && len(rest) == 0 {
		return h.Seq()
	}
	if prev.header == nil {
		return 0
	}
	return prev.header.Seq() + 1
}

// compareExcerpt checks what ties two records of an excerpt together. Where entries lie
// between them it is little: order, times and positions that fit.
func compareExcerpt(faults *faultList, prev, cur neighbour) {
	a, b := prev.header, cur.header
	if a == nil || b == nil {
		return
	}
	seq := b.Seq()
	switch {
	case seq == a.Seq()+1:
		compare(faults, seq, prev, cur)
		return
	case seq <= a.Seq():
		faults.at(badSeq, seq).set("above "+number(a.Seq()), number(seq))
		return
	case !prev.proved:
		faults.at(unproved, a.Seq())
	}
	if b.LedgeredAt() < a.LedgeredAt() {
		faults.at(timeWentBack, seq).set("at least "+number(uint64(a.LedgeredAt())), number(uint64(b.LedgeredAt())))
	}
	switch {
	case b.Epoch() < a.Epoch():
		faults.at(badEpoch, seq).set("at least "+number(a.Epoch()), number(b.Epoch()))
	case b.Epoch() == a.Epoch() && b.StreamSeq()-a.StreamSeq() != seq-a.Seq():
		faults.at(badStreamSeq, seq).set(number(a.StreamSeq()+seq-a.Seq()), number(b.StreamSeq()))
	}
}

// mergeExcerpt appends one run of an excerpt.
func (v *verifier) mergeExcerpt(b *chain.Block, r *run, ex *excerpt) {
	if r.first == 0 {
		v.excerpt, v.claim.scope = ex, ex.scope
		v.genesis(r.head.header, b.Records[0].Payload)
	} else {
		compareExcerpt(&v.faults, v.last, r.head)
	}
	v.join(r) // its faults first: a seq that was changed may be one of much later entries
	for i := range b.Records {
		h, rest, err := chain.CutHeader(b.Records[i].Header)
		if err != nil || len(rest) != 0 {
			continue // reported
		}
		v.claim.add(h.Seq(), h.LedgeredAt())
		v.demand.add(h.Seq(), h.LedgeredAt())
		v.stray(h)
	}
	v.report.Size += uint64(len(b.Records))
}

// stray reports an entry that an excerpt of this scope has no reason to hold.
func (v *verifier) stray(h chain.Header) {
	s, seq := &v.excerpt.scope, h.Seq()
	anyhow := seq == 0 || chain.IsKeyEvent(h)
	if !v.excerpt.claimed {
		return
	}
	if s.By == chain.ByPeriod {
		if seq, found := v.beside.stray(s, seq, h.LedgeredAt(), anyhow); found {
			v.faults.at(strayEntry, seq).Want = s.String()
		}
		return
	}
	if e := h.Entry(); !anyhow && !s.Chooses(&e) {
		v.faults.at(strayEntry, seq).Want = s.String()
	}
}

// A beside tells the two entries beside a period, which belong to it, from those farther
// away, as they pass.
type beside struct {
	before uint64 // the last one before the period, 0 if that is there anyhow
	after  bool   // one after it has passed
}

// stray takes the next record, and returns the seq of one that does not belong: of two
// before the period it is the first, of two after it the second. anyhow says that this
// one would be there in any excerpt.
func (b *beside) stray(s *chain.Scope, seq uint64, at int64, anyhow bool) (stray uint64, found bool) {
	switch {
	case at < s.From:
		stray, b.before = b.before, seq
		if anyhow {
			b.before = 0
		}
		return stray, stray > 0
	case at >= s.To:
		found, b.after = b.after && !anyhow, true
	}
	return seq, found
}

// A coverage finds out whether the records that pass are all that a scope by range or by
// period chooses. For a period it rests on ledgered_at, which never goes back: the
// entries beside the period show that none is missing at its edges.
type coverage struct {
	scope  chain.Scope // the zero value: nothing to find out
	next   uint64      // the seq that must come next
	inside bool        // its first entry, or one after it, has passed
	ended  bool        // so has its last
	gap    bool        // next has not, and a later one has
}

// checkable reports whether an excerpt can show that the scope is complete.
func checkable(s *chain.Scope) bool { return s.By == chain.ByRange || s.By == chain.ByPeriod }

// add takes the next record.
func (c *coverage) add(seq uint64, at int64) {
	if c.gap || c.ended {
		return
	}
	switch c.scope.By {
	case chain.ByRange:
		if seq < c.scope.FromSeq {
			return
		}
		if !c.inside {
			c.inside, c.next = true, c.scope.FromSeq
		}
		if c.ended = c.next == c.scope.ToSeq; c.ended {
			return
		}
	case chain.ByPeriod:
		c.inside = c.inside || at >= c.scope.From
		c.ended = at >= c.scope.To
	}
	if c.inside && seq != c.next {
		c.gap, c.ended = true, false
		return
	}
	c.next = seq + 1
}

// missing returns the first entry that is chosen, or may be, and did not pass, in a
// ledger of size entries.
func (c *coverage) missing(size uint64) (seq uint64, found bool) {
	switch {
	case !checkable(&c.scope):
		return 0, false
	case c.gap:
		return c.next, true
	case c.scope.By == chain.ByRange && !c.inside:
		return c.scope.FromSeq, true
	case c.scope.By == chain.ByRange:
		return c.next, c.next < c.scope.ToSeq
	}
	return c.next, !c.ended && c.next != size
}
