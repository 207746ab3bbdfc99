package verify

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Proof verifies a tlog-proof: one entry with its payload, the path to the root, and the
// checkpoint that covers it. Since there is no chain of keys in it, the checkpoint must
// be signed by the key brought itself. Of the options, Policy counts.
func Proof(text []byte, key note.Verifier, o Options) Report {
	v := verifier{key: key, o: o, excerpt: &excerpt{}}
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
		return v.proved(nil)
	}
	v.report.Size = 1
	v.one(&rec, &p)
	sections := []chain.Section{{Kind: chain.SectionCheckpoint, Data: p.Checkpoint}}
	if c, ok := v.checkpoint(sections); ok {
		v.report.Origin = c.Origin
		if chain.CheckInclusion(p.Hashes, c.Size, c.Root, p.Seq, chain.LeafHash(rec.Header)) != nil {
			v.faults.at(badProof, p.Seq).Want = hexOf(c.Root)
		}
		v.cosigned(sections[0], c, nil)
	}
	v.report.Claim = fmt.Sprintf("entry %d", p.Seq)
	return v.proved(sections)
}

// one checks what the record says by itself.
func (v *verifier) one(rec *chain.Record, p *chain.TlogProof) {
	var r run
	r.payload(p.Seq, rec.Header, rec.Payload, &payloadRule{})
	if rec.Entry.Seq != p.Seq {
		r.faults.at(badSeq, p.Seq).set(number(p.Seq), number(rec.Entry.Seq))
	}
	v.faults.join(&r.faults)
	v.report.Absent, v.report.ByDisposition[rec.Entry.Disposition] = r.absent, 1
}

// proved gives the verdicts on a proof. It claims to cover the one entry that is there.
func (v *verifier) proved(sections []chain.Section) Report {
	r := &v.report
	r.Faults, r.FaultCount = v.faults.kept, v.faults.count
	claim := r.Claim
	v.verdicts(sections)
	r.Claim = claim
	if r.Scope.Verdict != Failed && r.Signature.Verdict == Sound {
		r.Scope = Result{Sound, claim + ", and no other"}
	}
	return *r
}
