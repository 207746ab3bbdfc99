package verify_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

const casesFile = "../../testdata/tamper/faults"

// TestTamperCases runs testdata/tamper/faults: each case edits a sound bundle
// of eight entries, line by line, and shows the report. To rewrite the
// expected reports: go test ./ledger/verify -run TamperCases -rewrite; only
// commit the difference if you understand it.
func TestTamperCases(t *testing.T) {
	commands := tamperCommands()
	datadriven.RunTest(t, casesFile, func(t *testing.T, d *datadriven.TestData) string {
		c := newTamper(t)
		for line := range strings.Lines(d.Input) {
			words := strings.Fields(line)
			run, ok := commands[words[0]]
			if !ok {
				d.Fatalf(t, "unknown command %q", words[0])
			}
			run(c, words[1:])
		}
		return show(check(t, c.bytes(), c.key))
	})
}

// TestEveryFaultHasACase keeps the table of faults and the cases in step.
func TestEveryFaultHasACase(t *testing.T) {
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range verify.Kinds() {
		if !strings.Contains(string(text), "\n"+string(k.Code)+" ") {
			t.Errorf("%s (%s) has no case in %s", k.Code, k.What, casesFile)
		}
	}
}

// show prints the five verdicts and the faults, without hashes.
func show(r verify.Report) string {
	var out strings.Builder
	for _, n := range r.Results() {
		fmt.Fprintf(&out, "%s %s, ", n.Name, n.Verdict)
	}
	fmt.Fprintf(&out, "outcome %s\n", r.Outcome())
	for _, f := range r.Faults {
		fmt.Fprintf(&out, "%s ", f.Code)
		if f.Seq != nil {
			fmt.Fprintf(&out, "seq %d ", *f.Seq)
		}
		fmt.Fprintf(&out, "%s: %s\n", f.Field, f.What)
	}
	return out.String()
}

// A tamper is a bundle being edited.
type tamper struct {
	t        *testing.T
	ledger   *chaintest.Ledger
	other    *chaintest.Ledger
	key      note.Verifier
	raw      []chain.RawRecord
	sections []chain.Section
	edits    []func([]byte) []byte // of the finished bytes
}

func newTamper(t *testing.T) *tamper {
	l, other := chaintest.New(t, "main", 8, 300), chaintest.New(t, "other", 8, 300)
	return &tamper{t: t, ledger: l, other: other, key: l.Verifier, raw: l.Raw(), sections: l.Sections(t)}
}

// tamperCommands is described at the top of the file of cases.
func tamperCommands() map[string]func(c *tamper, args []string) {
	return map[string]func(c *tamper, args []string){
		"drop":   func(c *tamper, a []string) { c.raw = slices.Delete(c.raw, c.n(a[0]), c.n(a[0])+1) },
		"repeat": func(c *tamper, a []string) { c.raw = slices.Insert(c.raw, c.n(a[0]), c.raw[c.n(a[0])]) },
		"splice": func(c *tamper, a []string) { c.raw[c.n(a[0])] = c.other.Raw()[c.n(a[0])] },
		"swap": func(c *tamper, a []string) {
			i, j := c.n(a[0]), c.n(a[1])
			c.raw[i], c.raw[j] = c.raw[j], c.raw[i]
		},
		"payload": func(c *tamper, a []string) { c.raw[c.n(a[0])].Payload[100] ^= 1 },
		"redact":  func(c *tamper, a []string) { c.raw[c.n(a[0])].Payload = nil },
		"give": func(c *tamper, a []string) {
			r := &c.raw[c.n(a[0])]
			r.Payload = []byte(strings.Repeat("x", int(chain.Header(r.Header).PayloadLen())))
		},
		"header":     func(c *tamper, a []string) { c.raw[c.n(a[0])].Header[c.n(a[1])] = byte(c.n(a[2])) },
		"set":        (*tamper).set,
		"rechain":    func(c *tamper, _ []string) { c.rechain() },
		"checkpoint": (*tamper).checkpoint,
		"forget":     func(c *tamper, _ []string) { c.sections = nil },
		"section": func(c *tamper, a []string) {
			c.sections = append(c.sections, chain.Section{Kind: chain.SectionKind(c.n(a[0]))})
		},
		"key":  func(c *tamper, _ []string) { c.key = c.other.Verifier },
		"cut":  func(c *tamper, a []string) { c.edit(func(b []byte) []byte { return b[:len(b)-c.n(a[0])] }) },
		"more": func(c *tamper, _ []string) { c.edit(func(b []byte) []byte { return append(b, 'x') }) },
		"byte": func(c *tamper, a []string) {
			c.edit(func(b []byte) []byte { b[(c.n(a[0])+len(b))%len(b)] ^= byte(c.n(a[1])); return b })
		},
	}
}

func (c *tamper) edit(f func([]byte) []byte) { c.edits = append(c.edits, f) }

func (c *tamper) n(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func (c *tamper) bytes() []byte {
	b := chaintest.Assemble(c.raw, c.sections)
	for _, f := range c.edits {
		b = f(b)
	}
	return b
}

// set SEQ FIELD VALUE changes one field of a header, within its canonical form.
func (c *tamper) set(a []string) {
	seq := c.n(a[0])
	e := chain.Header(c.raw[seq].Header).Entry()
	switch a[1] {
	case "prev":
		e.Prev = chain.Hash{}
	case "seq":
		e.Seq = uint64(c.n(a[2]))
	case "epoch":
		e.Epoch = uint32(c.n(a[2]))
	case "stream_seq":
		e.StreamSeq = uint64(c.n(a[2]))
	case "ledgered_at":
		e.LedgeredAt += int64(c.n(a[2]))
	case "type":
		e.Type = a[2]
	case "aggregate":
		e.Aggregate = a[2]
	default:
		c.t.Fatalf("no field %q", a[1])
	}
	c.put(seq, e)
}

func (c *tamper) put(seq int, e chain.Entry) {
	var err error
	if c.raw[seq].Header, err = chain.AppendEntry(nil, &e); err != nil {
		c.t.Fatal(err)
	}
}

// rechain links every entry to the one before and signs again, as the holder
// of the key could.
func (c *tamper) rechain() {
	var tree chain.Frontier
	for i := range c.raw {
		if i > 0 {
			e := chain.Header(c.raw[i].Header).Entry()
			e.Prev = chain.LeafHash(c.raw[i-1].Header)
			c.put(i, e)
		}
		tree.Append(chain.LeafHash(c.raw[i].Header))
	}
	c.sign(c.ledger, tree.Size(), tree.Root())
}

func (c *tamper) sign(l *chaintest.Ledger, size uint64, root chain.Hash) {
	text, err := chain.SignCheckpoint(l.Origin, size, root, l.Signer)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sections = []chain.Section{{Kind: chain.SectionCheckpoint, Data: text}}
}

// checkpoint size|root|origin|text replaces the checkpoint by a signed one
// that is wrong in that line, or by something that is none.
func (c *tamper) checkpoint(a []string) {
	good, err := chain.OpenCheckpoint(c.sections[0].Data, c.ledger.Verifier)
	if err != nil {
		c.t.Fatal(err)
	}
	switch a[0] {
	case "size":
		c.sign(c.ledger, good.Size+1, good.Root)
	case "root":
		c.sign(c.ledger, good.Size, chain.Hash{})
	case "origin":
		c.sign(c.other, good.Size, good.Root)
		c.key = c.other.Verifier
	case "text":
		c.sections[0].Data = []byte("not a checkpoint\n")
	default:
		c.t.Fatalf("no checkpoint %q", a[0])
	}
}
