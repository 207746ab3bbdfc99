package verify

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Proof verifies a tlog-proof: one entry with its payload, the path to the root, and the
// checkpoint that covers it. Since there is no chain of keys in it, the checkpoint must
// be signed by the key brought itself. The error is [ErrSince], as that of [Bundle].
func Proof(text []byte, key note.Verifier, o Options) (Report, error) {
	v := verifier{key: key, o: o, excerpt: &excerpt{}, demand: coverage{scope: o.Demand}}
	if o.Since != nil {
		var err error
		if v.since, err = chain.ReadCheckpoint(o.Since); err != nil {
			return Report{}, fmt.Errorf("%w: %w", ErrSince, err)
		}
	}
	p, err := chain.ParseTlogProof(text)
	var rec chain.Record
	var rest []byte
	if err == nil {
		rec, rest, err = chain.CutRecord(p.Extra)
	}
	if err != nil || len(rest) != 0 {
		f := v.faults.of(notAProof)
		if err != nil {
			f.Want = err.Error()
		}
		v.stopped = true
		v.conclude(nil)
		return v.report, nil
	}
	v.single = fmt.Sprintf("entry %d", p.Seq)
	v.one(&rec, &p)
	sections := []chain.Section{{Kind: chain.SectionCheckpoint, Data: p.Checkpoint}}
	err = v.covered(sections, &rec, &p)
	v.conclude(sections)
	return v.report, err
}

// one checks what the record says by itself.
func (v *verifier) one(rec *chain.Record, p *chain.TlogProof) {
	var r run
	r.payload(p.Seq, rec.Header, rec.Payload, &payloadRule{})
	if rec.Entry.Seq != p.Seq {
		r.faults.at(badSeq, p.Seq).set(number(p.Seq), number(rec.Entry.Seq))
	}
	v.faults.join(&r.faults)
	v.demand.add(rec.Entry.Seq, rec.Entry.LedgeredAt)
	v.report.Size, v.report.Absent, v.report.ByDisposition[rec.Entry.Disposition] = 1, r.absent, 1
}

// covered checks the path, the checkpoint at its end, and what others say of that.
func (v *verifier) covered(sections []chain.Section, rec *chain.Record, p *chain.TlogProof) error {
	unproved, err := chain.ReadCheckpoint(p.Checkpoint) // faults of the entry come before those of the whole
	if err == nil && chain.CheckInclusion(p.Hashes, unproved.Size, unproved.Root, p.Seq, chain.LeafHash(rec.Header)) != nil {
		v.faults.at(badProof, p.Seq).Want = hexOf(unproved.Root)
	}
	c, ok := v.checkpoint(sections)
	if !ok {
		return nil
	}
	v.report.Origin = c.Origin
	v.cosigned(sections[0], c, nil)
	return v.goesOn(c, nil)
}
