package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// maxListed is how many entries that only one of two bundles holds are listed.
const maxListed = 100

// A difference is what two bundles of one ledger tell together; it is the JSON form.
type difference struct {
	A diffSide `json:"a"`
	B diffSide `json:"b"`
	// Relation is same, grew (all of A is in B), shrank (all of B is in A), overlap (each
	// has entries that the other has not) or forked (they contradict each other). Unless
	// Tied, nothing in them shows that they are of one history.
	Relation string `json:"relation"`
	// Common is the number of entries that both hold and that are equal.
	Tied   bool   `json:"tied"`
	Common uint64 `json:"common"`
	// Forked is the first entry at which they contradict each other.
	Forked *uint64 `json:"forked_at,omitempty"`
	// OnlyA and OnlyB are the first entries that only one holds.
	OnlyA []entry `json:"only_a"`
	OnlyB []entry `json:"only_b"`
	// Evidence is the two signed checkpoints, if they contradict each other.
	Evidence []string `json:"evidence"`
}

// A diffSide is one of the two bundles.
type diffSide struct {
	File    string         `json:"file"`
	Outcome verify.Verdict `json:"outcome"`
	Excerpt string         `json:"excerpt"`
	Size    uint64         `json:"size"`       // of its checkpoint
	Entries uint64         `json:"entries"`    // in the file
	Only    uint64         `json:"only_count"` // those that the other file has not
}

// diff verifies two bundles, and tells what the one has and the other has not.
func (c *command) diff(args []string) int {
	o, err := parse(spec{name: "diff", formats: []string{"text", "json"}, least: 2, most: 2, keyed: true}, args)
	if err != nil {
		return c.parseError(err)
	}
	if o.files[0] == "-" || o.files[1] == "-" {
		return c.usageError("diff reads the files twice, so neither can be standard input")
	}
	key, err := readKey(o.key)
	if err != nil {
		return c.cannotUse(err)
	}
	var reports [2]*verify.Report
	var digests [2][]byte
	for i, file := range o.files {
		judged := sha256.New()
		if reports[i], err = c.judge(file, key, verify.Options{}, true, judged); err != nil {
			return c.cannotRead(err)
		}
		digests[i] = judged.Sum(nil)
		if exitCode(reports[i]) == exitTampering {
			c.complain(fmt.Sprintf("%s is not sound: %s", file, reports[i].Faults[0]), "what is not sound is compared with nothing; greffe-audit verify says more")
			return exitTampering
		}
	}
	d, err := c.compare(o.files, reports, digests)
	if err == nil {
		err = c.tie(d, reports, digests, key)
	}
	if err != nil {
		return c.cannot(err, "one of the files changed while it was read, or is the proof of one event, which has nothing to compare")
	}
	if err := d.write(c.stdout, o.format); err != nil {
		return c.cannot(fmt.Errorf("write difference: %w", err), "check where standard output goes")
	}
	switch {
	case d.Relation == "forked":
		return exitTampering
	case !d.Tied:
		return exitUnconfirmed
	}
	return max(exitCode(reports[0]), exitCode(reports[1]))
}

// tie finds out whether the bundle with the larger checkpoint goes on from the other's:
// entries that two excerpts have in common do not show it, and those that they have not
// might differ.
func (c *command) tie(d *difference, r [2]*verify.Report, digests [2][]byte, key note.Verifier) error {
	if d.Relation == "forked" {
		return nil
	}
	older, newer := 0, 1
	if r[0].Checkpoint.Size > r[1].Checkpoint.Size {
		older, newer = 1, 0
	}
	if r[older].Claim == "" && [2]uint64{d.A.Only, d.B.Only}[older] == 0 {
		d.Tied = true // the newer one holds and proves every entry of the older ledger
		return nil
	}
	judged := sha256.New()
	again, err := c.judge([]string{d.A.File, d.B.File}[newer], key, verify.Options{Since: []byte(r[older].Note)}, true, judged)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(judged.Sum(nil), digests[newer]):
		return errChanged
	}
	switch d.Tied = again.Scope.Verdict != verify.Failed && again.GoesOn; {
	case len(again.Evidence) > 0:
		d.Relation, d.Evidence = "forked", again.Evidence
	case exitCode(again) == exitTampering:
		return errors.New("the proof of consistency in the newer bundle does not hold")
	}
	return nil
}

// compare reads both files side by side, in the order of seqs.
func (c *command) compare(files []string, reports [2]*verify.Report, digests [2][]byte) (*difference, error) {
	d := &difference{OnlyA: []entry{}, OnlyB: []entry{}, Evidence: []string{}}
	var in [2]*cursor
	var again [2]*secondReading
	for i, file := range files {
		r, err := c.reopen(file, digests[i])
		if err != nil {
			return nil, err
		}
		defer r.Close()
		again[i] = r
		in[i] = &cursor{r: chain.NewBundleReader(r)}
		if err := in[i].next(); err != nil {
			return nil, err
		}
	}
	sides := [2]*diffSide{&d.A, &d.B}
	for i, r := range reports {
		*sides[i] = diffSide{File: files[i], Outcome: r.Outcome(), Excerpt: r.Claim, Size: r.Checkpoint.Size, Entries: r.Size}
	}
	for !in[0].done || !in[1].done {
		if err := d.step(in[0], in[1]); err != nil {
			return nil, err
		}
	}
	d.relate(reports)
	return d, errors.Join(again[0].same(), again[1].same())
}

// step takes the entry with the smaller seq, or both.
func (d *difference) step(a, b *cursor) error {
	switch {
	case b.done || !a.done && a.seq() < b.seq():
		d.A.Only++
		d.OnlyA = listFew(d.OnlyA, &a.rec)
		return a.next()
	case a.done || b.seq() < a.seq():
		d.B.Only++
		d.OnlyB = listFew(d.OnlyB, &b.rec)
		return b.next()
	case bytes.Equal(a.rec.Header, b.rec.Header):
		d.Common++
	case d.Forked == nil:
		seq := a.seq()
		d.Forked = &seq
	}
	return errors.Join(a.next(), b.next())
}

func listFew(to []entry, rec *chain.Record) []entry {
	if len(to) == maxListed {
		return to
	}
	return append(to, describe(rec))
}

// relate sums up. Two sound whole ledgers of one size with different roots differ in an
// entry; two excerpts may hold none in common, and then only their checkpoints tell.
func (d *difference) relate(r [2]*verify.Report) {
	a, b := r[0].Checkpoint, r[1].Checkpoint
	if d.Forked != nil || a.Origin != b.Origin || a.Size == b.Size && a.Root != b.Root {
		d.Relation, d.Evidence = "forked", []string{r[0].Note, r[1].Note}
		return
	}
	switch {
	case d.A.Only == 0 && d.B.Only == 0:
		d.Relation = "same"
	case d.A.Only == 0:
		d.Relation = "grew"
	case d.B.Only == 0:
		d.Relation = "shrank"
	default:
		d.Relation = "overlap"
	}
}

func (d *difference) write(w io.Writer, format string) error {
	if format == "json" {
		return writeJSON(w, d)
	}
	var b strings.Builder
	for _, s := range []struct {
		name string
		diffSide
	}{{"a", d.A}, {"b", d.B}} {
		fmt.Fprintf(&b, "%s  %s: %s of a ledger of %d, %s\n", s.name, s.File, plural(s.Entries), s.Size, s.Outcome)
	}
	fmt.Fprintf(&b, "%d in common, %d only in a, %d only in b: %s\n", d.Common, d.A.Only, d.B.Only, d.inWords())
	if !d.Tied && d.Relation != "forked" {
		fmt.Fprint(&b, "nothing in them shows that they are of one history: ask for a whole ledger, or for an excerpt --since the older checkpoint\n")
	}
	if d.Forked != nil {
		fmt.Fprintf(&b, "the first entry that differs is seq %d\n", *d.Forked)
	}
	for i, text := range d.Evidence {
		fmt.Fprintf(&b, "\nevidence %d of 2, the signed checkpoint:\n%s", i+1, text)
	}
	if d.Relation != "forked" {
		d.list(&b, "a", d.OnlyA, d.A.Only)
		d.list(&b, "b", d.OnlyB, d.B.Only)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inWords says how the two stand to each other. Where one is an excerpt, entries that are
// equal do not show that its ledger is the other's in what is not there.
func (d *difference) inWords() string {
	words := map[string]string{
		"same": "they are the same", "grew": "b goes on from a", "shrank": "a goes on from b", "overlap": "each has what the other has not",
	}
	if d.A.Excerpt != "" || d.B.Excerpt != "" {
		words = map[string]string{
			"same": "they hold the same entries", "grew": "b holds all of a", "shrank": "a holds all of b", "overlap": words["overlap"],
		}
	}
	words["forked"] = "THEY CONTRADICT EACH OTHER"
	return words[d.Relation]
}

func (d *difference) list(b *strings.Builder, name string, entries []entry, count uint64) {
	if count == 0 {
		return
	}
	fmt.Fprintf(b, "\nonly in %s:\n", name)
	for _, e := range entries {
		fmt.Fprint(b, textEntry(&e))
	}
	if more := count - uint64(len(entries)); more > 0 {
		fmt.Fprintf(b, "and %d more\n", more)
	}
}

// A cursor reads the entries of one bundle.
type cursor struct {
	r    *chain.BundleReader
	rec  chain.Record
	done bool
}

func (c *cursor) seq() uint64 { return c.rec.Entry.Seq }

func (c *cursor) next() (err error) {
	if c.done {
		return nil
	}
	if c.rec, err = c.r.Next(); errors.Is(err, io.EOF) {
		c.done, err = true, nil
	}
	return err
}
