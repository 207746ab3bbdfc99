package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// A forgery is a toy ledger of eight entries being edited.
type forgery struct {
	t        *testing.T
	ledger   *chaintest.Ledger
	vkey     string
	raw      []chain.RawRecord
	sections []chain.Section
	edits    []func([]byte) []byte // of the finished bytes
}

func newForgery(t *testing.T) *forgery {
	l := chaintest.New(t, "main", 8, 300)
	return &forgery{t: t, ledger: l, vkey: l.VKey, raw: l.Raw(), sections: l.Sections(t)}
}

func (f *forgery) bytes() []byte {
	b := chaintest.Assemble(f.raw, f.sections)
	for _, edit := range f.edits {
		b = edit(b)
	}
	return b
}

// flip flips a bit of the header of entry i, or of its payload if it has one.
func (f *forgery) flip(random *rand.Rand, i int, payload bool) *forgery {
	part := &f.raw[i].Header
	if payload && f.raw[i].Payload != nil {
		part = &f.raw[i].Payload
	}
	*part = flip(*part, random.IntN(8*len(*part)))
	return f
}

// digest makes payload_hash and payload_len of entry i right.
func (f *forgery) digest(i int) *forgery {
	sum := sha256.Sum256(f.raw[i].Payload)
	copy(f.raw[i].Header[62:], sum[:])
	binary.BigEndian.PutUint32(f.raw[i].Header[94:], uint32(len(f.raw[i].Payload)))
	return f
}

// rechain links every entry to the one before and signs the whole.
func (f *forgery) rechain() {
	var tree chain.Frontier
	for i := range f.raw {
		if i > 0 {
			prev := chain.LeafHash(f.raw[i-1].Header)
			copy(f.raw[i].Header[10:], prev[:])
		}
		tree.Append(chain.LeafHash(f.raw[i].Header))
	}
	f.sign(f.ledger, tree.Size(), tree.Root())
}

func (f *forgery) sign(l *chaintest.Ledger, size uint64, root chain.Hash) {
	text, err := chain.SignCheckpoint(l.Origin, size, root, l.Signer)
	if err != nil {
		f.t.Fatal(err)
	}
	f.sections = []chain.Section{{Kind: chain.SectionCheckpoint, Data: text}}
}

// set changes fields of the header of entry i, within its canonical form.
func (f *forgery) set(i int, edit func(*chain.Entry)) *forgery {
	e := chain.Header(f.raw[i].Header).Entry()
	edit(&e)
	var err error
	if f.raw[i].Header, err = chain.AppendEntry(nil, &e); err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f *forgery) tamper(words []string) {
	n := func(i int) int {
		v, err := strconv.Atoi(words[i])
		if err != nil {
			f.t.Fatal(err)
		}
		return v
	}
	other := chaintest.New(f.t, "other", 8, 300)
	switch words[0] {
	case "drop":
		f.raw = slices.Delete(f.raw, n(1), n(1)+1)
	case "repeat":
		f.raw = slices.Insert(f.raw, n(1), f.raw[n(1)])
	case "splice":
		f.raw[n(1)] = other.Raw()[n(1)]
	case "swap":
		f.raw[n(1)], f.raw[n(2)] = f.raw[n(2)], f.raw[n(1)]
	case "payload":
		f.raw[n(1)].Payload[100] ^= 1
	case "redact":
		f.raw[n(1)].Payload = nil
	case "give":
		f.raw[n(1)].Payload = bytes.Repeat([]byte("x"), int(chain.Header(f.raw[n(1)].Header).PayloadLen()))
	case "header":
		f.raw[n(1)].Header[n(2)] = byte(n(3))
	case "set":
		f.set(n(1), func(e *chain.Entry) { setField(f.t, e, words[2], words[3]) })
	case "rechain":
		f.rechain()
	case "checkpoint":
		f.checkpoint(words[1], other)
	case "forget":
		f.sections = nil
	case "section":
		f.sections = append(f.sections, chain.Section{Kind: chain.SectionKind(n(1))})
	case "key":
		f.vkey = other.VKey
	case "cut":
		f.edits = append(f.edits, func(b []byte) []byte { return b[:len(b)-n(1)] })
	case "more":
		f.edits = append(f.edits, func(b []byte) []byte { return append(b, 'x') })
	case "byte":
		f.edits = append(f.edits, func(b []byte) []byte { b[(n(1)+len(b))%len(b)] ^= byte(n(2)); return b })
	default:
		f.t.Fatalf("unknown command %q", words[0])
	}
}

func setField(t *testing.T, e *chain.Entry, field, value string) {
	n, _ := strconv.Atoi(value) // 0 for the fields that are text
	switch field {
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
		e.Type = value
	case "aggregate":
		e.Aggregate = value
	default:
		t.Fatalf("unknown field %q", field)
	}
}

func (f *forgery) checkpoint(wrong string, other *chaintest.Ledger) {
	good, err := chain.OpenCheckpoint(f.sections[0].Data, f.ledger.Verifier)
	if err != nil {
		f.t.Fatal(err)
	}
	switch wrong {
	case "size":
		f.sign(f.ledger, good.Size+1, good.Root)
	case "root":
		f.sign(f.ledger, good.Size, chain.Hash{})
	case "origin":
		f.sign(other, good.Size, good.Root)
		f.vkey = other.VKey
	case "text":
		f.sections[0].Data = []byte("not a checkpoint\n")
	default:
		f.t.Fatalf("unknown checkpoint %q", wrong)
	}
}

// flip returns a copy of b with one bit flipped.
func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
