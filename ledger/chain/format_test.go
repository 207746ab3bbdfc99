package chain_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// A block is one fenced vector of FORMAT.md.
type block struct {
	kind string
	line int // of the fence
	text []string
}

// vectorKinds is every kind of vector and what runs it. Those that concern
// events are only read here: package events runs them.
func vectorKinds() map[string]func(*testing.T, block) {
	elsewhere := func(*testing.T, block) {}
	return map[string]func(*testing.T, block){
		"genesis-prev": runGenesisPrev, "entry": runEntry, "entry-reject": runEntryReject, "tree": runTree,
		"checkpoint": runCheckpoint, "cosignature": runCosignature, "bundle": runBundle, "key-rotation": runKeyRotation, "key-history": runKeyHistory,
		"canonical-json": elsewhere, "content-digest": elsewhere, "envelope": elsewhere,
	}
}

// TestFormat runs every vector of FORMAT.md: a specification that lies fails.
func TestFormat(t *testing.T) {
	kinds, seen := vectorKinds(), map[string]int{}
	for _, b := range vectors(t, "../FORMAT.md") {
		run, ok := kinds[b.kind]
		if !ok {
			t.Errorf("line %d: no test runs vectors of kind %q", b.line, b.kind)
			continue
		}
		seen[b.kind]++
		t.Run(fmt.Sprintf("%s line %d", b.kind, b.line), func(t *testing.T) { run(t, b) })
	}
	for kind := range kinds {
		if seen[kind] == 0 {
			t.Errorf("FORMAT.md has no vector of kind %q", kind)
		}
	}
}

func vectors(t *testing.T, file string) (blocks []block) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, open := bufio.NewScanner(f), false
	for n := 1; lines.Scan(); n++ {
		kind, starts := strings.CutPrefix(lines.Text(), "```vector ")
		switch {
		case starts:
			blocks, open = append(blocks, block{kind: kind, line: n}), true
		case lines.Text() == "```":
			open = false
		case open:
			b := &blocks[len(blocks)-1]
			b.text = append(b.text, lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return blocks
}

// fields reads "name value" lines.
func (b block) fields() map[string]string {
	m := map[string]string{}
	for _, l := range b.text {
		name, value, _ := strings.Cut(l, " ")
		m[name] = strings.TrimSpace(value)
	}
	return m
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func integer(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s: got %x, want %s", what, got, want)
	}
}

func runGenesisPrev(t *testing.T, b block) {
	f := b.fields()
	prev := chain.GenesisPrev([16]byte(unhex(t, f["ledger_id"])))
	equal(t, "prev", prev[:], f["prev"])
}

func runEntry(t *testing.T, b block) {
	f := b.fields()
	d, err := chain.ParseDisposition(f["disposition"])
	if err != nil {
		t.Fatal(err)
	}
	e := chain.Entry{
		Disposition: d, Seq: integer(t, f["seq"]), Prev: chain.Hash(unhex(t, f["prev"])), Epoch: uint32(integer(t, f["epoch"])),
		StreamSeq: integer(t, f["stream_seq"]), LedgeredAt: int64(integer(t, f["ledgered_at"])),
		PayloadHash: chain.Hash(unhex(t, f["payload_hash"])), PayloadLen: uint32(integer(t, f["payload_len"])),
		EventID: [16]byte(unhex(t, f["event_id"])), Publisher: f["publisher"], Type: f["type"], Aggregate: f["aggregate"],
	}
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	leaf := chain.LeafHash(header)
	equal(t, "header", header, f["header"])
	equal(t, "leaf", leaf[:], f["leaf"])
	if got, rest, err := chain.CutEntry(unhex(t, f["header"])); err != nil || len(rest) != 0 || got != e {
		t.Errorf("decoded to %+v, %d bytes left, %v", got, len(rest), err)
	}
}

func runEntryReject(t *testing.T, b block) {
	for _, l := range b.text {
		header, why, _ := strings.Cut(l, " ")
		if _, rest, err := chain.CutEntry(unhex(t, header)); err == nil && len(rest) == 0 {
			t.Errorf("accepted: %s", why)
		}
	}
}

func runTree(t *testing.T, b block) {
	want := map[uint64]string{}
	for _, l := range b.text {
		f := strings.Fields(l) // size N root HEX
		want[integer(t, f[1])] = f[3]
	}
	var tree chain.Tree
	for n := uint64(0); len(want) > 0 && n < 1<<20; n++ {
		if w, ok := want[n]; ok {
			root := tree.Root()
			equal(t, fmt.Sprintf("root of %d leaves", n), root[:], w)
			delete(want, n)
		}
		tree.Append(chain.LeafHash(binary.BigEndian.AppendUint64(nil, n)), nil)
	}
	if len(want) > 0 {
		t.Errorf("sizes never reached: %v", want)
	}
}

func runCheckpoint(t *testing.T, b block) {
	f := b.fields()
	signer, err := note.NewSigner(f["skey"])
	if err != nil {
		t.Fatal(err)
	}
	text, err := chain.SignCheckpoint(f["origin"], integer(t, f["size"]), chain.Hash(unhex(t, f["root"])), signer)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "note", text, f["note"])
	verifier, err := note.NewVerifier(f["vkey"])
	if err != nil {
		t.Fatal(err)
	}
	if c, err := chain.OpenCheckpoint(unhex(t, f["note"]), verifier); err != nil || hex.EncodeToString(c.Root[:]) != f["root"] {
		t.Errorf("got %+v, %v", c, err)
	}
}

func runCosignature(t *testing.T, b block) {
	f := b.fields()
	c, err := chain.ParseCosigner(f["skey"])
	if err != nil {
		t.Fatal(err)
	}
	text, at := string(unhex(t, f["text"])), int64(integer(t, f["time"]))
	s, err := c.Cosign(text, at)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "line", chain.AppendSignature(nil, s), f["line"])
	equal(t, "message", fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text), f["message"])
	key, err := chain.ParseWitnessKey(f["vkey"])
	if err != nil || c.Key().String() != f["vkey"] {
		t.Fatalf("the key is %s (%v), want %s", c.Key(), err, f["vkey"])
	}
	line, rest, err := chain.CutSignature(unhex(t, f["line"]))
	if err != nil || len(rest) != 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	if got, ok := key.Cosigned(text, line); !ok || got != at {
		t.Errorf("verified %v at %d, want %d", ok, got, at)
	}
}

// runBundle compares the bytes with the file in testdata, reads them, and
// writes them again. Package verify judges the file.
func runBundle(t *testing.T, b block) {
	bundle := unhex(t, strings.Join(b.text, ""))
	file, err := os.ReadFile("../../testdata/vectors/example.greffe")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bundle, file) {
		t.Error("testdata/vectors/example.greffe holds other bytes")
	}
	records, sections, err := readAll(bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	w, err := chain.NewBundleWriter(&again)
	for _, r := range records {
		if err == nil {
			err = w.WriteRecord(r.Header, r.Payload)
		}
	}
	for _, s := range sections {
		if err == nil {
			err = w.WriteSection(s.Kind, s.Data)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !bytes.Equal(again.Bytes(), bundle) {
		t.Errorf("written again it is another bundle (%v)", err)
	}
}
