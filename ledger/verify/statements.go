package verify

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// A Seen is an outside witness of the ledger at some size: what was there then cannot
// have been made or changed later.
type Seen struct {
	// Size is the number of entries that were there.
	Size uint64 `json:"size"`
	// At is when.
	At time.Time `json:"at"`
	// By names the authority, or the witnesses that make up the quorum.
	By []string `json:"by"`
}

// statements checks the checkpoint, and everything else that the sections say.
func (v *verifier) statements(sections []chain.Section) error {
	c, ok := v.checkpoint(sections)
	if !ok {
		return nil
	}
	proofs := v.consistencies(sections, c.Size)
	if err := v.goesOn(c, proofs); err != nil {
		return err
	}
	for _, s := range sections {
		switch s.Kind {
		case chain.SectionCheckpoint, chain.SectionCosigned:
			v.cosigned(s, c, proofs)
		case chain.SectionTimestamp:
			v.stamped(s.Data, c, proofs)
		}
	}
	return nil
}

// checkpoint checks the one statement that covers every entry. It returns it if there
// is one in its one form, signed or not.
func (v *verifier) checkpoint(sections []chain.Section) (c chain.Checkpoint, ok bool) {
	var signed []byte
	for _, s := range sections {
		if s.Kind == chain.SectionCheckpoint {
			signed = s.Data
		}
	}
	if n := count(sections, chain.SectionCheckpoint); n != 1 {
		v.faults.of(noCheckpoint).set("1", number(uint64(n)))
		return c, false
	}
	c, err := chain.ReadCheckpoint(signed)
	if err != nil {
		v.faults.of(badCheckpoint)
		return c, false
	}
	v.report.Checkpoint, v.report.Note = c, string(signed)
	if v.report.Origin != "" && c.Origin != v.report.Origin {
		v.faults.of(otherOrigin).set(v.report.Origin, c.Origin)
	}
	switch {
	case v.excerpt != nil: // each record's proof leads to the root
	case c.Size != v.report.Size:
		v.faults.of(otherSize).set(number(c.Size), number(v.report.Size))
	case c.Root != v.report.Root:
		v.faults.of(otherRoot).set(hexOf(c.Root), hexOf(v.report.Root))
	}
	v.signature(signed, c)
	return c, true
}

// signature judges the signature of the bundle's checkpoint.
func (v *verifier) signature(signed []byte, c chain.Checkpoint) {
	switch by, err := v.signer(signed, c.Size); {
	case errors.Is(err, chain.ErrKeyRevoked):
		v.faults.of(revokedKey).set(v.key.Name(), c.Origin)
	case err != nil:
		v.faults.of(notSigned).set(v.key.Name(), c.Origin)
	case by.KeyHash() == v.key.KeyHash():
		v.report.Signature = Result{Sound, "signed by the key brought, " + v.key.Name()}
	default:
		v.report.Signature = Result{Sound, fmt.Sprintf("signed by a key that the key brought vouches for, %s+%08x", by.Name(), by.KeyHash())}
	}
}

// signer returns the key that signed a checkpoint of that size, if trust in the key
// brought reaches it. A key that the ledger does not name must have signed by itself.
func (v *verifier) signer(signed []byte, size uint64) (note.Verifier, error) {
	by := v.key
	if v.keys != nil {
		switch judged, err := v.keys.Judge(v.key, size); {
		case err == nil:
			by = judged
		case !errors.Is(err, chain.ErrKeyUnknown):
			return nil, err
		}
	}
	_, err := chain.OpenCheckpoint(signed, by)
	return by, err
}

// consistencies reads the proofs that the ledger only grew, by the size they start from.
func (v *verifier) consistencies(sections []chain.Section, size uint64) map[uint64][]chain.Hash {
	proofs := map[uint64][]chain.Hash{}
	for _, s := range sections {
		if s.Kind != chain.SectionConsistency {
			continue
		}
		p, err := chain.ParseConsistency(s.Data)
		if _, twice := proofs[p.Old]; err != nil || twice || p.Old > size || (p.Old == 0 || p.Old == size) && len(p.Hashes) > 0 {
			v.faults.of(badConsistency).Want = "one in its one form for each size up to the checkpoint's"
			continue
		}
		proofs[p.Old] = p.Hashes
	}
	return proofs
}

// A relation says how an earlier checkpoint stands to the bundle's.
type relation uint8

const (
	unknown     relation = iota // nothing in the bundle shows it
	prefix                      // the ledger went on from there
	contradicts                 // both cannot be true of one ledger
	later                       // it covers more than the bundle does
	foreign                     // it is of another ledger
	void                        // the proof holds of no ledger, and shows nothing
)

// relate compares an earlier checkpoint with the one that covers the bundle.
func relate(earlier, c chain.Checkpoint, proofs map[uint64][]chain.Hash) relation {
	proof, given := proofs[earlier.Size]
	same := map[bool]relation{true: prefix, false: contradicts}
	switch {
	case earlier.Origin != c.Origin:
		return foreign
	case earlier.Size > c.Size:
		return later
	case earlier.Size == c.Size:
		return same[earlier.Root == c.Root]
	case earlier.Size == 0:
		return same[earlier.Root == chain.PayloadHash(nil)]
	case !given:
		return unknown
	case chain.CheckConsistency(proof, earlier.Size, earlier.Root, c.Size, c.Root) == nil:
		return prefix
	}
	// Anybody can put a false proof beside a true checkpoint: it accuses nobody.
	if _, ok := chain.ProvedRoot(proof, earlier.Size, c.Size, c.Root); ok {
		return contradicts
	}
	return void
}

// goesOn checks that the bundle goes on from the checkpoint that the auditor kept. If it
// does not, and both are signed, the two notes prove that somebody showed two ledgers. A
// bundle that is not signed proves nothing against anybody: that is its fault, and is
// reported.
func (v *verifier) goesOn(c chain.Checkpoint, proofs map[uint64][]chain.Hash) error {
	if v.o.Since == nil {
		return nil
	}
	if _, err := v.signer(v.o.Since, v.since.Size); err != nil {
		if v.faults.count == 0 {
			return fmt.Errorf("%w: %w", ErrSince, err)
		}
		return nil // whatever is wrong may be the reason
	}
	how := relate(v.since, c, proofs)
	// The entries of a whole ledger show it themselves, if they are those of the checkpoint.
	if v.excerpt == nil && v.since.Size < c.Size && v.since.Size > 0 && v.report.Size == c.Size && v.report.Root == c.Root {
		how = contradicts
		if v.sinceAt == v.since.Root {
			how = prefix
		}
	}
	v.goes, v.report.GoesOn = how, how == prefix
	signed := v.report.Signature.Verdict == Sound
	switch {
	case how == contradicts && signed:
		v.faults.of(forked).set(hexOf(v.since.Root)+" at "+number(v.since.Size), hexOf(c.Root)+" at "+number(c.Size))
		v.report.Evidence = []string{string(v.o.Since), v.report.Note}
	case how == later:
		v.faults.of(rolledBack).set("at least "+number(v.since.Size), number(c.Size))
		if signed {
			v.report.Evidence = []string{string(v.o.Since), v.report.Note}
		}
	case how == void:
		v.faults.of(badConsistency).set(hexOf(c.Root)+" at "+number(c.Size), "another root")
	}
	return nil
}

// cosigned counts the witnesses of a checkpoint against the policy.
func (v *verifier) cosigned(s chain.Section, c chain.Checkpoint, proofs map[uint64][]chain.Hash) {
	earlier, err := chain.ReadCheckpoint(s.Data)
	if err != nil {
		v.faults.of(badStatement).Want = "a cosigned checkpoint in its one form"
		return
	}
	if !v.earlier(earlier, s.Data, c, proofs) || v.o.Policy == nil {
		return
	}
	q, err := v.o.Policy.Judge(s.Data)
	if err != nil {
		v.faults.of(badTimestamp).Want = "cosignatures that hold, where they are of a known witness"
		return
	}
	satisfied := q.Signed && q.Met
	v.met = v.met || satisfied
	if !satisfied || q.At == 0 || v.report.Witnessed != nil && v.report.Witnessed.Size >= earlier.Size {
		return
	}
	seen := Seen{Size: earlier.Size, At: time.Unix(q.At, 0).UTC()}
	for _, w := range q.Seen {
		if w.At <= q.At { // the others came later
			seen.By = append(seen.By, w.Witness.Name)
		}
	}
	v.report.Witnessed = &seen
}

// stamped checks a timestamp.
func (v *verifier) stamped(body []byte, c chain.Checkpoint, proofs map[uint64][]chain.Hash) {
	t, earlier, err := chain.ParseTimestamp(body)
	if err != nil {
		v.faults.of(badStatement).Want = "a timestamp in its one form"
		return
	}
	if !v.earlier(earlier, nil, c, proofs) || v.o.Timestamps == nil {
		return
	}
	stamp, err := v.o.Timestamps(t.Text, t.Token)
	switch {
	case errors.Is(err, ErrUntrusted):
		v.report.Untrusted++
	case err != nil:
		v.faults.of(badTimestamp).Want = err.Error()
	default:
		v.report.Stamped = append(v.report.Stamped, Seen{Size: earlier.Size, At: stamp.At, By: []string{stamp.Authority}})
	}
}

// earlier reports whether a checkpoint in the bundle is one of this very ledger. Anybody
// can put one there that is not; if the ledger itself has signed it and the bundle's, it is
// the proof that two histories were signed.
func (v *verifier) earlier(earlier chain.Checkpoint, signed []byte, c chain.Checkpoint, proofs map[uint64][]chain.Hash) bool {
	switch how := relate(earlier, c, proofs); how {
	case prefix:
		return true
	case unknown:
		v.report.Unrelated++
	case void:
		v.faults.of(badConsistency).set(hexOf(c.Root)+" at "+number(c.Size), "another root")
	default:
		code := otherLedger
		if _, err := v.signer(signed, earlier.Size); how == contradicts && signed != nil && err == nil && v.report.Signature.Verdict == Sound {
			code, v.report.Evidence = forked, []string{string(signed), v.report.Note}
		}
		v.faults.of(code).set(hexOf(earlier.Root)+" at "+number(earlier.Size), hexOf(c.Root)+" at "+number(c.Size))
	}
	return false
}
