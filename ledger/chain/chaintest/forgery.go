package chaintest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// A Forgery is a file for an auditor being edited, and what the auditor brings to judge
// it. It starts as the sound bundle of a whole toy ledger of eight entries. Its commands
// are described at the top of testdata/tamper/faults.
type Forgery struct {
	Ledger *Ledger
	VKey   string // the key that the auditor brings
	Raw    []chain.RawRecord
	// Sections of a bundle; of a proof the checkpoint stands there too.
	Sections []chain.Section
	// Since is the checkpoint that the auditor kept, nil without.
	Since []byte
	// Policy is the text of the auditor's policy, "" without.
	Policy string
	// Demand is what the auditor asks for.
	Demand chain.Scope

	t       testing.TB
	other   *Ledger
	first   string // the key that the ledger was opened with
	excerpt bool
	proof   *chain.TlogProof
	edits   []func([]byte) []byte // of the finished bytes
}

// Forge returns the bundle of a whole toy ledger, not edited yet.
func Forge(t testing.TB) *Forgery {
	f := &Forgery{t: t, other: New(t, "other", 8, 300)}
	f.start(New(t, "main", 8, 300))
	return f
}

// ForgeOf returns the bundle of a whole ledger, not edited yet.
func ForgeOf(t testing.TB, l *Ledger) *Forgery {
	f := &Forgery{t: t, other: New(t, "other", 8, 300)}
	f.start(l)
	return f
}

func (f *Forgery) start(l *Ledger) {
	f.Ledger, f.VKey, f.first = l, l.VKey, l.VKey
	f.Raw, f.Sections = l.Raw(), l.Sections(f.t)
}

// Bytes returns the file: whatever was edited, with framing and trailer right.
func (f *Forgery) Bytes() []byte {
	var b []byte
	switch {
	case f.proof != nil:
		f.proof.Extra = chain.AppendRecord(nil, f.Raw[0].Header, f.Raw[0].Payload)
		f.proof.Checkpoint = f.Sections[0].Data
		b = chain.AppendTlogProof(nil, f.proof)
	case f.excerpt:
		b = AssembleExcerpt(f.Raw, f.Sections)
	default:
		b = Assemble(f.Raw, f.Sections)
	}
	for _, edit := range f.edits {
		b = edit(b)
	}
	return b
}

// Do carries out one line of the language of testdata/tamper/faults.
func (f *Forgery) Do(line string) {
	f.t.Helper()
	words := strings.Fields(line)
	command, ok := commands[words[0]]
	if !ok {
		f.t.Fatalf("unknown command %q", words[0])
	}
	command(f, words[1:])
}

// commands is the language.
var commands = map[string]func(*Forgery, []string){
	"ledger":     (*Forgery).ledger,
	"excerpt":    (*Forgery).cutExcerpt,
	"proof":      (*Forgery).prove,
	"drop":       func(f *Forgery, a []string) { f.Raw = slices.Delete(f.Raw, f.n(a[0]), f.n(a[0])+1) },
	"repeat":     func(f *Forgery, a []string) { f.Raw = slices.Insert(f.Raw, f.n(a[0]), f.Raw[f.n(a[0])]) },
	"splice":     func(f *Forgery, a []string) { f.Raw[f.n(a[0])] = f.other.Raw()[f.n(a[0])] },
	"swap":       (*Forgery).swap,
	"payload":    func(f *Forgery, a []string) { f.Raw[f.n(a[0])].Payload[100] ^= 1 },
	"redact":     func(f *Forgery, a []string) { f.Raw[f.n(a[0])].Payload = nil },
	"give":       (*Forgery).give,
	"header":     func(f *Forgery, a []string) { f.Raw[f.n(a[0])].Header[f.n(a[1])] = byte(f.n(a[2])) },
	"set":        func(f *Forgery, a []string) { f.Set(f.n(a[0]), func(e *chain.Entry) { f.setField(e, a[1:]) }) },
	"rechain":    func(f *Forgery, _ []string) { f.Rechain() },
	"checkpoint": (*Forgery).checkpoint,
	"forget":     func(f *Forgery, a []string) { f.forget(a) },
	"section": func(f *Forgery, a []string) {
		f.section(chain.SectionKind(f.n(a[0])), []byte(strings.Join(a[1:], " ")))
	},
	"path":    (*Forgery).path,
	"unprove": func(f *Forgery, a []string) { f.Raw[f.n(a[0])].Proof = nil },
	"index":   func(f *Forgery, a []string) { f.proof.Seq = uint64(f.n(a[0])) },
	"earlier": (*Forgery).earlier,
	"stamp":   (*Forgery).stamp,
	"since":   (*Forgery).since,
	"policy":  (*Forgery).policy,
	"demand": func(f *Forgery, a []string) {
		f.Demand = chain.Scope{By: chain.ByRange, FromSeq: uint64(f.n(a[0])), ToSeq: uint64(f.n(a[1]))}
	},
	"key":  (*Forgery).key,
	"cut":  func(f *Forgery, a []string) { f.Edit(func(b []byte) []byte { return b[:len(b)-f.n(a[0])] }) },
	"more": func(f *Forgery, _ []string) { f.Edit(func(b []byte) []byte { return append(b, 'x') }) },
	"byte": func(f *Forgery, a []string) {
		f.Edit(func(b []byte) []byte { b[(f.n(a[0])+len(b))%len(b)] ^= byte(f.n(a[1])); return b })
	},
}

// Edit adds an edit of the finished bytes.
func (f *Forgery) Edit(edit func([]byte) []byte) { f.edits = append(f.edits, edit) }

func (f *Forgery) n(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// ledger starts from a ledger whose key was rotated at seq 3, and there or at seq 6
// something else is the matter.
func (f *Forgery) ledger(a []string) {
	l := Uniform(f.t, "main", 3, 300)
	first := l.VKey
	switch a[0] {
	case "rotated":
		l.Rotate(f.t)
		l.Grow(f.t, 4)
	case "revoked": // before the old key handed over
		l.Rotate(f.t)
		l.Grow(f.t, 2)
		l.Revoke(f.t, first, 2)
		l.Grow(f.t, 1)
	case "retired": // after it had
		l.Rotate(f.t)
		l.Grow(f.t, 2)
		l.Revoke(f.t, first, 4)
		l.Grow(f.t, 1)
	default:
		f.t.Fatalf("no ledger %q", a[0])
	}
	f.start(l)
	f.first = first
}

// cutExcerpt makes it an excerpt of the ledger by the scope given.
func (f *Forgery) cutExcerpt(a []string) {
	text := strings.Join(a, " ")
	scope, err := chain.ParseScope([]byte(text))
	if err != nil {
		f.t.Fatal(err)
	}
	f.excerpt = true
	f.Sections = append([]chain.Section{{Kind: chain.SectionScope, Data: []byte(text)}}, f.Sections...)
	scanner, block := chain.NewScanner(bytes.NewReader(f.Ledger.Excerpt(f.t, scope))), chain.Block{}
	if err := scanner.Scan(&block); err != nil {
		f.t.Fatal(err)
	}
	f.Raw = nil
	for _, r := range block.Records {
		f.Raw = append(f.Raw, chain.RawRecord{Header: r.Header, Payload: r.Payload, Proof: r.Proof})
	}
}

// prove makes it the proof of one entry.
func (f *Forgery) prove(a []string) {
	seq := f.n(a[0])
	hashes, err := chain.ProveInclusion(uint64(len(f.Ledger.Records)), uint64(seq), f.Ledger.Node)
	if err != nil {
		f.t.Fatal(err)
	}
	f.proof = &chain.TlogProof{Seq: uint64(seq), Hashes: hashes}
	f.Raw = f.Raw[seq : seq+1]
}

func (f *Forgery) swap(a []string) {
	i, j := f.n(a[0]), f.n(a[1])
	f.Raw[i], f.Raw[j] = f.Raw[j], f.Raw[i]
}

func (f *Forgery) give(a []string) {
	r := &f.Raw[f.n(a[0])]
	r.Payload = bytes.Repeat([]byte("x"), int(chain.Header(r.Header).PayloadLen()))
}

// path flips a bit of a hash of a record's proof, or of the proof that the file is.
func (f *Forgery) path(a []string) {
	if f.proof != nil {
		f.proof.Hashes[f.n(a[0])][0] ^= 1
		return
	}
	f.Raw[f.n(a[0])].Proof[32*f.n(a[1])] ^= 1
}

// forget leaves sections out: all, or those of one kind.
func (f *Forgery) forget(a []string) {
	f.Sections = slices.DeleteFunc(f.Sections, func(s chain.Section) bool { return len(a) == 0 || int(s.Kind) == f.n(a[0]) })
}

func (f *Forgery) section(kind chain.SectionKind, body []byte) {
	f.Sections = append(f.Sections, chain.Section{Kind: kind, Data: body})
}

// Set changes fields of the header of record i, within its canonical form.
func (f *Forgery) Set(i int, edit func(*chain.Entry)) {
	e := chain.Header(f.Raw[i].Header).Entry()
	edit(&e)
	var err error
	if f.Raw[i].Header, err = chain.AppendEntry(nil, &e); err != nil {
		f.t.Fatal(err)
	}
}

func (f *Forgery) setField(e *chain.Entry, a []string) {
	n := 0
	if len(a) > 1 {
		n, _ = strconv.Atoi(a[1]) // 0 for the fields that are text
	}
	switch a[0] {
	case "prev":
		e.Prev = chain.Hash{}
	case "seq":
		e.Seq = uint64(n)
	case "epoch":
		e.Epoch = uint32(n)
	case "stream_seq":
		e.StreamSeq = uint64(n)
	case "ledgered_at":
		e.LedgeredAt += int64(n)
	case "type":
		e.Type = a[1]
	case "aggregate":
		e.Aggregate = a[1]
	default:
		f.t.Fatalf("no field %q", a[0])
	}
}

// Rechain links every record to the one before and signs again, as the holder of the
// key could.
func (f *Forgery) Rechain() {
	var tree chain.Frontier
	for i := range f.Raw {
		if i > 0 {
			prev := chain.LeafHash(f.Raw[i-1].Header)
			copy(f.Raw[i].Header[10:], prev[:])
		}
		tree.Append(chain.LeafHash(f.Raw[i].Header))
	}
	f.sign(f.Ledger, tree.Size(), tree.Root())
}

// sign replaces the checkpoint.
func (f *Forgery) sign(l *Ledger, size uint64, root chain.Hash) {
	f.setCheckpoint(f.signed(l, l.Signer, size, root))
}

func (f *Forgery) signed(l *Ledger, by note.Signer, size uint64, root chain.Hash) []byte {
	text, err := chain.SignCheckpoint(l.Origin, size, root, by)
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

func (f *Forgery) setCheckpoint(text []byte) {
	for i := range f.Sections {
		if f.Sections[i].Kind == chain.SectionCheckpoint {
			f.Sections[i].Data = text
			return
		}
	}
	f.section(chain.SectionCheckpoint, text)
}

// checkpoint size|empty|largest|root|origin|text|old|unsigned replaces the checkpoint by a
// signed one that is wrong in that line, by something that is none, by one that another key
// signed, or by one of another root with a signature that does not hold.
func (f *Forgery) checkpoint(a []string) {
	size, root := uint64(len(f.Ledger.Records)), f.Ledger.RootAt(uint64(len(f.Ledger.Records)))
	switch a[0] {
	case "size":
		f.sign(f.Ledger, size+1, root)
	case "largest":
		f.sign(f.Ledger, math.MaxInt64, root)
	case "root":
		f.sign(f.Ledger, size, chain.Hash{})
	case "origin":
		f.sign(f.other, size, root)
		f.VKey = f.other.VKey
	case "empty":
		f.sign(f.Ledger, 0, chain.PayloadHash(nil))
	case "text":
		f.setCheckpoint([]byte("not a checkpoint\n"))
	case "unsigned":
		text := string(f.signed(f.Ledger, f.Ledger.Signer, size, root))
		root[0] ^= 1
		wrong := f.signed(f.Ledger, f.Ledger.Signer, size, root)
		f.setCheckpoint([]byte(strings.SplitAfter(string(wrong), "\n\n")[0] + strings.SplitAfter(text, "\n\n")[1]))
	case "old":
		f.setCheckpoint(f.signed(f.Ledger, Uniform(f.t, f.Ledger.Name, 1, 300).Signer, size, root))
	default:
		f.t.Fatalf("no checkpoint %q", a[0])
	}
}

// key other|old brings the key of another ledger, or the first key of this one.
func (f *Forgery) key(a []string) {
	f.VKey = f.other.VKey
	if len(a) > 0 && a[0] == "old" {
		f.VKey = f.first
	}
}

// earlier SIZE [alone|wrong|forked|origin|form] [WITNESS…] adds an earlier checkpoint that the
// witnesses have cosigned, and the proof that the ledger went on from there.
func (f *Forgery) earlier(a []string) {
	size := uint64(f.n(a[0]))
	text, how, names := f.claim(size, a[1:])
	var sigs []chain.Signature
	if how == "forked" {
		_, sigs, _ = chain.SplitNote(f.signed(f.Ledger, f.Ledger.Signer, size, chain.Hash{}))
	}
	for _, name := range names {
		s, err := Witness(f.t, name).Cosign(text, 1767604800+int64(size))
		if err != nil {
			f.t.Fatal(err)
		}
		if how == "form" {
			s.Value = append(s.Value, 0)
		}
		sigs = append(sigs, s)
	}
	f.section(chain.SectionCosigned, chain.JoinNote(text, sigs))
	f.consistency(size, how)
}

// stamp SIZE [alone|wrong|origin] TOKEN adds a timestamp section over such a checkpoint.
func (f *Forgery) stamp(a []string) {
	size := uint64(f.n(a[0]))
	text, how, token := f.claim(size, a[1:])
	f.section(chain.SectionTimestamp, chain.AppendTimestamp(nil, chain.Timestamp{Text: text, Token: []byte(token[0])}))
	f.consistency(size, how)
}

// claim returns the text of a checkpoint of this ledger, or of one that is wrong.
func (f *Forgery) claim(size uint64, a []string) (text, how string, rest []string) {
	if len(a) > 0 && slices.Contains([]string{"alone", "wrong", "forked", "origin", "form"}, a[0]) {
		how, a = a[0], a[1:]
	}
	root, origin := chain.Hash{}, f.Ledger.Origin
	if size <= uint64(len(f.Ledger.Records)) && how != "wrong" && how != "forked" {
		root = f.Ledger.RootAt(size)
	}
	if how == "origin" {
		origin = f.other.Origin
	}
	return chain.FormatCheckpoint(origin, size, root), how, a
}

func (f *Forgery) consistency(size uint64, how string) {
	n := uint64(len(f.Ledger.Records))
	known := slices.ContainsFunc(f.Sections, func(s chain.Section) bool {
		c, err := chain.ParseConsistency(s.Data)
		return s.Kind == chain.SectionConsistency && err == nil && c.Old == size
	})
	if how == "alone" || size >= n || known {
		return
	}
	hashes, err := chain.ProveConsistency(size, n, f.Ledger.Node)
	if err != nil {
		f.t.Fatal(err)
	}
	f.section(chain.SectionConsistency, chain.AppendConsistency(nil, chain.Consistency{Old: size, Hashes: hashes}))
}

// since SIZE [fork|proved|other] is the checkpoint that the auditor kept: this ledger's,
// one of another history, one from which an excerpt proves that it goes on, one of
// another ledger.
func (f *Forgery) since(a []string) {
	size, root := uint64(f.n(a[0])), chain.Hash{}
	if size <= uint64(len(f.Ledger.Records)) {
		root = f.Ledger.RootAt(size)
	}
	l := f.Ledger
	if len(a) > 1 {
		switch a[1] {
		case "fork":
			root[0] ^= 1
		case "proved":
			f.consistency(size, "")
		case "other":
			l = f.other
		}
	}
	f.Since = f.signed(l, l.Signer, size, root)
}

// Witness returns a toy witness by its name.
func Witness(t testing.TB, name string) *chain.Cosigner {
	t.Helper()
	c, _, err := chain.GenerateCosigner(strings.NewReader(strings.Repeat(name, 64)), func([]byte) string { return "witness.example/" + name })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// policy [log|otherlog] brings the policy of two out of three witnesses; log lists this
// ledger's key in it, otherlog the key of another ledger.
func (f *Forgery) policy(a []string) {
	f.Policy = policyText(f.t)
	switch {
	case len(a) == 0:
	case a[0] == "log":
		f.Policy = "log " + f.Ledger.VKey + "\n" + f.Policy
	case a[0] == "otherlog":
		f.Policy = "log " + f.other.VKey + "\n" + f.Policy
	default:
		f.t.Fatalf("no policy %q", a[0])
	}
}

// policyText asks for two of three toy witnesses.
func policyText(t testing.TB) string {
	var b strings.Builder
	for _, name := range []string{"w1", "w2", "w3"} {
		fmt.Fprintf(&b, "witness %s %s\n", name, Witness(t, name).Key())
	}
	return b.String() + "group two 2 w1 w2 w3\nquorum two\n"
}
