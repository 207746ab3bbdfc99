package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// examples are sound bundles, and sound ones with another's key.
func (s *specimens) examples() {
	bundle, err := os.ReadFile("../../testdata/vectors/example.greffe")
	if err != nil {
		s.t.Fatal(err)
	}
	vkey, err := os.ReadFile("../../testdata/vectors/example.vkey")
	if err != nil {
		s.t.Fatal(err)
	}
	other := chaintest.New(s.t, "other", 1, 300)
	s.add(strings.TrimSpace(string(vkey)), bundle, "the example of FORMAT.md")
	s.add(other.VKey, bundle, "the example of FORMAT.md, another key")
	for _, n := range []int{1, 2, 3, 4, 20, 257, 1000} {
		l := chaintest.New(s.t, "main", n, 300)
		s.add(l.VKey, l.Bundle(s.t), "%d entries", n)
		s.add(other.VKey, l.Bundle(s.t), "%d entries, another key", n)
	}
}

// damaged are bundles whose file was changed: bits flipped, the end missing.
func (s *specimens) damaged() {
	l := chaintest.New(s.t, "main", 8, 300)
	bundle := l.Bundle(s.t)
	for range flips {
		bit := s.random.IntN(8 * len(bundle))
		s.add(l.VKey, flip(bundle, bit), "file with bit %d flipped", bit)
	}
	for _, n := range append(s.random.Perm(len(bundle))[:flips/3], 0, 1, 7, 8, 9, 10, 11, len(bundle)-32, len(bundle)-1) {
		s.add(l.VKey, bundle[:n], "file cut after %d bytes", n)
	}
	s.add(l.VKey, append(bytes.Clone(bundle), 0), "file with a byte more")
}

// repaired are bundles with one bit of a header or payload flipped and the
// trailer right again: what someone without the key can do.
func (s *specimens) repaired() {
	for range flips {
		f := chaintest.Forge(s.t)
		i := s.random.IntN(len(f.Raw))
		s.flip(f, i, s.random.IntN(2) == 0)
		s.add(f.VKey, f.Bytes(), "bit of entry %d flipped, trailer right", i)
	}
}

// resigned are the same, with payload digest, links and signature made right
// as well: what the keeper can do. Only the rules of headers and entries are left to object.
func (s *specimens) resigned() {
	for range 2 * flips {
		f := chaintest.Forge(s.t)
		i := s.random.IntN(len(f.Raw))
		s.flip(f, i, false)
		f.Rechain()
		s.add(f.VKey, f.Bytes(), "bit of header %d flipped, signed again: %x", i, f.Raw[i].Header)
	}
	for range flips {
		f := chaintest.Forge(s.t)
		s.flip(f, 0, true)
		digest(f, 0)
		f.Rechain()
		s.add(f.VKey, f.Bytes(), "bit of the genesis flipped, signed again: %s", f.Raw[0].Payload)
	}
}

// epochs are changes of epoch and position by the keeper, allowed and not.
func (s *specimens) epochs() {
	const opened = "ledger.epoch_opened.v1"
	at := func(epoch uint32, position uint64, publisher, kind string, d chain.Disposition) func(*chain.Entry) {
		return func(e *chain.Entry) {
			e.Epoch, e.StreamSeq, e.Publisher, e.Type, e.Disposition = epoch, position, publisher, kind, d
		}
	}
	for i, edit := range []func(*chain.Entry){
		at(2, 1, "greffe", opened, chain.Recorded),
		at(2, 2, "greffe", opened, chain.Recorded),
		at(3, 1, "greffe", opened, chain.Recorded),
		at(2, 1, "hr", opened, chain.Recorded),
		at(2, 1, "greffe", "ledger.epoch_opened.v2", chain.Recorded),
		at(2, 1, "greffe", opened, chain.Conflict),
		at(1, 8, "greffe", opened, chain.Recorded),
		at(1, 1, "greffe", opened, chain.Recorded),
		at(1, 9, "hr", "a.b.v1", chain.Recorded),
		at(1, 7, "hr", "a.b.v1", chain.Recorded),
	} {
		l := chaintest.Uniform(s.t, "main", 8, 300)
		f := chaintest.ForgeOf(s.t, l)
		f.Set(7, edit)
		f.Rechain()
		s.add(f.VKey, f.Bytes(), "epoch %d", i)
	}
}

// genesis are payloads of the genesis, signed.
func (s *specimens) genesis() {
	edit := func(old, instead string) {
		f := chaintest.Forge(s.t)
		before := f.Raw[0].Payload
		if f.Raw[0].Payload = bytes.Replace(before, []byte(old), []byte(instead), 1); bytes.Equal(before, f.Raw[0].Payload) {
			s.t.Fatalf("the genesis does not hold %s", old)
		}
		digest(f, 0)
		f.Rechain()
		s.add(f.VKey, f.Bytes(), "genesis with %.40q instead of %q", instead, old)
	}
	edit(`"zone":"Europe/Paris"`, `"zone":"Europe/Paris","zoo":[1,true,{}]`)
	edit(`"zone":"Europe/Paris"`, `"zone":"Europe/Paris","zoo":"\b\f\n\r\t\u0001\"\\<>&/"`)
	edit(`"zone":"Europe/Paris"`, `"zone":"Europe/Paris","zoo":"é"`)
	edit(`"zone":"Europe/Paris"`, `"zone":"Europe/Paris","zone":"Europe/Paris"`)
	edit(`"zone":"Europe/Paris"`, `"zona":1,"zone":"Europe/Paris"`)
	edit(`"zone":"Europe/Paris"`, `"zone": "Europe/Paris"`)
	edit(`{"data"`, ` {"data"`)
	edit(`.v1"}`, `.v1"} `)
	edit(`.v1"}`, `.v1"}{}`)
	for _, origin := range []string{"", "two words", "a+b", `\u0001`, `\n`, "another"} {
		edit(`"origin":"greffe/main/23492ca7"`, `"origin":"`+origin+`"`)
	}
	for _, id := range []string{"", "23492CA7a1cf65c3ade749b57cb136e8", "23492ca7", "zz492ca7a1cf65c3ade749b57cb136e8", "00000000000000000000000000000000"} {
		edit(`"23492ca7a1cf65c3ade749b57cb136e8"`, `"`+id+`"`)
	}
	for _, member := range strictGenesis() {
		edit(member[0], member[1])
	}
}

func strictGenesis() [][2]string {
	const last = `"zone":"Europe/Paris"`
	return [][2]string{
		{`"format":1`, `"format":2`},
		{`"format":1`, `"format":"1"`},
		{`"format":1`, `"format":true`},
		{`"format":1,`, ``},
		{`"ledger":"main"`, `"ledger":"Main"`},
		{`"ledger":"main",`, ``},
		{`"calendar":"FR",`, ``},
		{`"calendar":"FR"`, `"calendar":1`},
		{`,` + last, ``},
		{last, `"zone":""`},
		{last, last + `,"zoo":null`},
		{last, last + `,"zoo":1.0`},
		{last, last + `,"zoo":1e3`},
		{last, last + `,"zoo":-0`},
		{last, last + `,"zoo":9007199254740992`},
		{last, last + `,"zoo":` + strings.Repeat("[", 30) + strings.Repeat("]", 30)},
		{last, last + `,"zoo":` + strings.Repeat("[", 31) + strings.Repeat("]", 31)},
		{last, last + `,"zoo":"` + "\x7f" + `"`},
		{`"type":"ledger.opened.v1"`, `"type":"ledger.closed.v1"`},
		{`"id":"01000000000000000000000000"`, `"id":"02000000000000000000000000"`},
		{`"subject":"ledger/main"`, `"subject":"ledger/other"`},
		{`"source":"chaintest",`, ``},
		{`"specversion":"1.0"`, `"specversion":"1.1"`},
		{`"time":"2026-01-01T00:00:00Z"`, `"time":"yesterday"`},
		{`{"data"`, `{"actor":"","data"`},
		{`{"data"`, `{"Data":1,"data"`},
	}
}

// checkpoints are notes of other forms, and some of this form.
func (s *specimens) checkpoints() {
	l, other := chaintest.New(s.t, "main", 3, 300), chaintest.New(s.t, "other", 3, 300)
	try := func(note []byte, format string, args ...any) {
		s.add(l.VKey, chaintest.Assemble(l.Raw(), []chain.Section{{Kind: chain.SectionCheckpoint, Data: note}}), format, args...)
	}
	good := l.Checkpoint(s.t)
	for range flips {
		bit := s.random.IntN(8 * len(good))
		try(flip(good, bit), "checkpoint with bit %d flipped: %q", bit, flip(good, bit))
	}
	text, line, _ := strings.Cut(string(good), "\n\n")
	foreign := string(other.Checkpoint(s.t))
	_, foreign, _ = strings.Cut(foreign, "\n\n")
	wrong := strings.Replace(foreign, other.Origin, l.Origin, 1)
	broken := strings.Replace(line, line[len(line)-9:], "AAAAAAA=\n", 1)
	lines := strings.Split(text, "\n")
	for i, note := range []string{
		"", text, text + "\n", text + "\n\n", text + "\n" + line,
		text + "\n\n" + line + foreign,
		text + "\n\n" + foreign + line,
		text + "\n\n" + foreign,
		text + "\n\n" + line + line,
		text + "\n\n" + line + wrong,
		text + "\n\n" + line + "\n",
		text + "\n\n" + line + "a line\n",
		text + "\n\n" + strings.TrimSuffix(line, "\n"),
		text + "\n\n" + strings.ReplaceAll(line, "\n", "\r\n"),
		text + "\nan extension\n\n" + line,
		text + "\n\n\n" + line,
		lines[0] + "\n" + lines[1] + "\n\n" + line,
		lines[0] + "\n0" + lines[1] + "\n" + lines[2] + "\n\n" + line,
		lines[0] + "\n+" + lines[1] + "\n" + lines[2] + "\n\n" + line,
		lines[0] + "\n9223372036854775808\n" + lines[2] + "\n\n" + line,
		lines[0] + "\n" + lines[1] + "\n" + strings.TrimSuffix(lines[2], "=") + "\n\n" + line,
		"\ufeff" + string(good),
		text + "\n\n" + line + strings.Repeat(foreign, 99),
		text + "\n\n" + line + strings.Repeat(foreign, 100),
		text + "\n\n" + line + strings.Repeat(foreign, 500),
		text + "\n\n" + line + strings.Repeat(foreign, 600),
		text + "\n\n" + line + broken,
		text + "\n\n" + broken + line,
	} {
		try([]byte(note), "checkpoint %d", i)
	}
	for _, note := range []string{line + line, line + broken, broken + line} {
		try([]byte(text+"\n\n"+note), "policy of this log, lines %s", note)
		s.all[len(s.all)-1].brought = []string{"policy=" + s.file([]byte("log "+l.VKey+"\nquorum none\n"))}
	}
	// The base64 of 68 bytes leaves two bits that must be zero.
	loose := []byte(line)
	loose[len(loose)-3]++
	try([]byte(text+"\n\n"+string(loose)), "signature with trailing bits %s", loose)
	try([]byte(text+"\n\n"+line+strings.Replace(string(loose), l.Origin, "x", 1)), "another's signature with trailing bits %s", loose)
}

// sections are other sections, records and payloads than there should be.
func (s *specimens) sections() {
	l := chaintest.New(s.t, "main", 8, 300)
	good := l.Sections(s.t)
	try := func(what string, sections ...chain.Section) {
		s.add(l.VKey, chaintest.Assemble(l.Raw(), sections), "%s", what)
	}
	for _, kind := range []chain.SectionKind{0, 1, 2, 3, 4, 5, 8, 9} {
		for _, size := range []int{0, 1, chain.MaxSection, chain.MaxSection + 1} {
			extra := chain.Section{Kind: kind, Data: make([]byte, size)}
			try(fmt.Sprintf("a section of kind %d with %d bytes after", kind, size), good[0], extra)
			try(fmt.Sprintf("a section of kind %d with %d bytes before", kind, size), extra, good[0])
		}
	}
	for _, n := range []int{chain.MaxSections - 1, chain.MaxSections} {
		try(fmt.Sprintf("%d sections more", n), append(slices.Repeat([]chain.Section{{Kind: 2}}, n), good...)...)
	}
	try("no section")
	try("two checkpoints", good[0], good[0])
	s.add(l.VKey, chaintest.Assemble(nil, good), "no record")
	s.add(l.VKey, chaintest.Assemble(nil, nil), "no record and no section")
	for i := range l.Raw() {
		raw := l.Raw()
		raw[i].Payload = nil
		s.add(l.VKey, chaintest.Assemble(raw, good), "entry %d without payload", i)
		raw[i].Payload = []byte{}
		s.add(l.VKey, chaintest.Assemble(raw, good), "entry %d with a payload of no bytes", i)
	}
	for _, size := range []uint32{0, 1, chain.MaxPayload, chain.MaxPayload + 1, 1<<32 - 1} {
		for _, present := range []bool{false, true} {
			f := chaintest.Forge(s.t)
			f.Set(6, func(e *chain.Entry) { e.PayloadLen = size })
			if present {
				f.Raw[6].Payload = make([]byte, min(size, 1<<20))
			}
			f.Rechain()
			s.add(f.VKey, f.Bytes(), "quarantined message of %d bytes, present %t", size, present)
		}
	}
}

// tamperCases are those of testdata/tamper/faults, whose language is described
// at the top of that file.
func (s *specimens) tamperCases() {
	datadriven.RunTest(s.t, "../../testdata/tamper/faults", func(t *testing.T, d *datadriven.TestData) string {
		f := chaintest.Forge(t)
		for line := range strings.Lines(d.Input) {
			f.Do(line)
		}
		s.forged(f, "case at %s", d.Pos)
		return d.Expected // the reports themselves are checked by package verify
	})
}

// flip flips a bit of the header of record i, or of its payload if it has one.
func (s *specimens) flip(f *chaintest.Forgery, i int, payload bool) {
	part := &f.Raw[i].Header
	if payload && f.Raw[i].Payload != nil {
		part = &f.Raw[i].Payload
	}
	*part = flip(*part, s.random.IntN(8*len(*part)))
}

// digest makes payload_hash and payload_len of record i right.
func digest(f *chaintest.Forgery, i int) {
	sum := sha256.Sum256(f.Raw[i].Payload)
	copy(f.Raw[i].Header[62:], sum[:])
	binary.BigEndian.PutUint32(f.Raw[i].Header[94:], uint32(len(f.Raw[i].Payload)))
}

// flip returns a copy of b with one bit flipped.
func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
