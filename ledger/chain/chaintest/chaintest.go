// Package chaintest builds toy ledgers for tests: whole, deterministic and
// signed by a key that everybody knows.
package chaintest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// A Ledger is a whole ledger in memory. Its records, key and bundle depend on
// the arguments of [New] alone.
type Ledger struct {
	Name     string
	ID       [16]byte
	Origin   string
	VKey     string // verification key in text form
	Signer   note.Signer
	Verifier note.Verifier
	Records  []chain.Record
	tree     chain.Tree
	prev     chain.Hash
	keys     int // rotations so far
}

// New returns a ledger of n entries whose payloads are about size bytes. It
// holds every disposition, and a second epoch from the middle on if n > 3.
func New(t testing.TB, name string, n, size int) *Ledger {
	t.Helper()
	l := open(t, name)
	for seq := uint64(0); seq < uint64(n); seq++ {
		e, payload := l.next(seq, n, size)
		l.add(t, e, payload)
	}
	return l
}

// Uniform returns a ledger of n entries, all recorded, all but the genesis
// with a payload of exactly size bytes (at least 250), for measurements.
func Uniform(t testing.TB, name string, n, size int) *Ledger {
	t.Helper()
	l := open(t, name)
	for seq := uint64(0); seq < uint64(n); seq++ {
		e := l.recorded(seq)
		payload := l.genesis(e)
		if seq > 0 {
			empty := len(event(e, `{"note":""}`))
			payload = event(e, fmt.Sprintf(`{"note":"%s"}`, strings.Repeat("x", size-empty)))
		}
		l.add(t, e, payload)
	}
	return l
}

// Genesis returns the first entry of a toy ledger and its key, for ledgers that are made
// while they are read.
func Genesis(t testing.TB, name string) (chain.Record, note.Signer, note.Verifier) {
	l := Uniform(t, name, 1, 300)
	return l.Records[0], l.Signer, l.Verifier
}

func open(t testing.TB, name string) *Ledger {
	t.Helper()
	digest := sha256.Sum256([]byte("chaintest " + name))
	l := &Ledger{Name: name, ID: [16]byte(digest[:16])}
	l.Origin = fmt.Sprintf("greffe/%s/%x", name, l.ID[:4])
	l.prev = chain.GenesisPrev(l.ID)
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(digest[:]), l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	l.VKey = vkey
	if l.Signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	if l.Verifier, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	return l
}

// Rotate appends the event by which another key signs from here on. Signer and VKey
// are then those of the new key.
func (l *Ledger) Rotate(t testing.TB) {
	t.Helper()
	l.keys++
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{byte(l.keys)}, 64)), l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	next, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	byOld, err := chain.SignRotation(l.VKey, vkey, l.Signer)
	if err != nil {
		t.Fatal(err)
	}
	byNew, err := chain.SignRotation(l.VKey, vkey, next)
	if err != nil {
		t.Fatal(err)
	}
	l.keyEvent(t, "ledger.key_rotated.v1", fmt.Sprintf(`{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"}`, byNew, vkey, byOld, l.VKey))
	l.Signer, l.VKey = next, vkey
	if l.Verifier, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
}

// Revoke appends the event that a key's word counts up to a size only.
func (l *Ledger) Revoke(t testing.TB, vkey string, trustedTo uint64) {
	t.Helper()
	l.keyEvent(t, "ledger.key_revoked.v1", fmt.Sprintf(`{"cause":"test","trusted_to":%d,"vkey":"%s"}`, trustedTo, vkey))
}

func (l *Ledger) keyEvent(t testing.TB, kind, data string) {
	t.Helper()
	e := l.recorded(uint64(len(l.Records)))
	e.Publisher, e.Type, e.Aggregate = "greffe", kind, "ledger/"+l.Name
	l.add(t, e, event(e, data))
}

// Grow appends n uneventful entries to a ledger of one epoch.
func (l *Ledger) Grow(t testing.TB, n int) {
	t.Helper()
	for range n {
		e := l.recorded(uint64(len(l.Records)))
		l.add(t, e, event(e, `{"note":"grown"}`))
	}
}

// Enter appends a recorded event of a publisher, as it is.
func (l *Ledger) Enter(t testing.TB, publisher, kind, aggregate string, payload []byte) {
	t.Helper()
	e := l.recorded(uint64(len(l.Records)))
	e.Publisher, e.Type, e.Aggregate = publisher, kind, aggregate
	l.add(t, e, payload)
}

// CheckpointAt returns the checkpoint over the first size entries, signed by the newest key.
func (l *Ledger) CheckpointAt(t testing.TB, size uint64) []byte {
	t.Helper()
	text, err := chain.SignCheckpoint(l.Origin, size, l.RootAt(size), l.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// RootAt returns the root over the first size entries.
func (l *Ledger) RootAt(size uint64) chain.Hash {
	var f chain.Frontier
	for i := range size {
		f.Append(chain.LeafHash(l.Records[i].Header))
	}
	return f.Root()
}

// add chains an entry, keeping the payload if its disposition does.
func (l *Ledger) add(t testing.TB, e chain.Entry, payload []byte) {
	t.Helper()
	e.Prev, e.PayloadLen = l.prev, uint32(len(payload))
	if e.Disposition != chain.Quarantined {
		e.PayloadHash = chain.PayloadHash(payload)
	}
	header, err := chain.AppendEntry(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Disposition.KeepsPayload() {
		payload = nil
	}
	l.prev = chain.LeafHash(header)
	l.tree.Append(l.prev, nil)
	l.Records = append(l.Records, chain.Record{Entry: e, Header: header, Payload: payload})
}

// recorded makes the entry at seq of an uneventful ledger, unchained.
func (l *Ledger) recorded(seq uint64) chain.Entry {
	e := chain.Entry{
		Seq: seq, Epoch: 1, StreamSeq: seq + 1, Disposition: chain.Recorded,
		LedgeredAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano() + int64(seq/2)*int64(time.Second),
		EventID:    id(seq), Publisher: "hr", Type: "breach.established.v1", Aggregate: fmt.Sprintf("breach/BR-%d", seq),
	}
	if seq == 0 {
		e.Publisher, e.Type, e.Aggregate = "greffe", "ledger.opened.v1", "ledger/"+l.Name
	}
	return e
}

// next makes the entry at seq of an eventful ledger, unchained.
func (l *Ledger) next(seq uint64, n, size int) (chain.Entry, []byte) {
	e := l.recorded(seq)
	if seq == 0 {
		return e, l.genesis(e)
	}
	half := uint64(n / 2)
	if n > 3 && seq >= half {
		e.Epoch, e.StreamSeq = 2, seq-half+1
	}
	switch {
	case n > 3 && seq == half:
		e.Publisher, e.Type, e.Aggregate = "greffe", "ledger.epoch_opened.v1", "ledger/"+l.Name
	case seq%7 == 3:
		e.Disposition, e.EventID = chain.Duplicate, id(seq-1)
	case seq%7 == 5:
		e.Disposition, e.EventID = chain.Conflict, id(seq-1)
	case seq%7 == 6:
		e.Disposition, e.EventID, e.Aggregate = chain.Quarantined, [16]byte{}, ""
	}
	return e, event(e, fmt.Sprintf(`{"note":"%s"}`, strings.Repeat("x", max(size-190, 1))))
}

// id returns an event id that is not zero.
func id(seq uint64) (b [16]byte) {
	b[0] = 1
	binary.BigEndian.PutUint64(b[8:], seq)
	return b
}

// genesis is the payload of seq 0.
func (l *Ledger) genesis(e chain.Entry) []byte {
	return event(e, opening(l.Name, l.Origin, l.VKey, l.ID))
}

func opening(name, origin, vkey string, id [16]byte) string {
	return fmt.Sprintf(`{"calendar":"FR","format":1,"ledger":"%s","ledger_id":"%s","origin":"%s","vkey":"%s","zone":"Europe/Paris"}`,
		name, hex.EncodeToString(id[:]), origin, vkey)
}

// Opening returns the payload with which a ledger of any key begins.
func Opening(name, origin, vkey string, ledgerID [16]byte) []byte {
	return event(chain.Entry{EventID: id(0), Type: "ledger.opened.v1", Aggregate: "ledger/" + name}, opening(name, origin, vkey, ledgerID))
}

// event is the canonical JSON of an event with data.
func event(e chain.Entry, data string) []byte {
	return fmt.Appendf(nil, `{"data":%s,"id":"%s","source":"chaintest","specversion":"1.0","subject":"%s","time":"2026-01-01T00:00:00Z","type":"%s"}`,
		data, chain.EventIDText(e.EventID), e.Aggregate, e.Type)
}

// Checkpoint returns the signed checkpoint over all entries.
func (l *Ledger) Checkpoint(t testing.TB) []byte {
	t.Helper()
	text, err := chain.SignCheckpoint(l.Origin, l.tree.Size(), l.tree.Root(), l.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Sections returns what follows the entries in the ledger's bundle.
func (l *Ledger) Sections(t testing.TB) []chain.Section {
	t.Helper()
	return []chain.Section{{Kind: chain.SectionCheckpoint, Data: l.Checkpoint(t)}}
}

// Bundle returns the ledger's bundle, written by [chain.BundleWriter].
func (l *Ledger) Bundle(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := chain.NewBundleWriter(&buf)
	for i := range l.Records {
		if err == nil {
			err = w.WriteRecord(l.Records[i].Header, l.Records[i].Payload)
		}
	}
	if err == nil {
		err = w.WriteSection(chain.SectionCheckpoint, l.Checkpoint(t))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Raw returns the records as bytes, to be edited and given to [Assemble].
func (l *Ledger) Raw() []chain.RawRecord {
	var raw []chain.RawRecord
	for i := range l.Records {
		raw = append(raw, chain.RawRecord{Header: bytes.Clone(l.Records[i].Header), Payload: bytes.Clone(l.Records[i].Payload)})
	}
	return raw
}

// Node is the ledger's [chain.NodeFunc].
func (l *Ledger) Node(level int, n uint64) (chain.Hash, error) {
	var f chain.Frontier
	for i := n << level; i < (n+1)<<level; i++ {
		f.Append(chain.LeafHash(l.Records[i].Header))
	}
	return f.Root(), nil
}

// Excerpt returns the bundle of an excerpt, written by [chain.NewExcerptWriter]: what the scope
// chooses, the genesis, events about keys, and the entries beside a period.
func (l *Ledger) Excerpt(t testing.TB, s chain.Scope, more ...chain.Section) []byte {
	t.Helper()
	body, err := chain.AppendScope(nil, &s)
	if err != nil {
		t.Fatal(err)
	}
	size := uint64(len(l.Records))
	var buf bytes.Buffer
	w, err := chain.NewExcerptWriter(&buf, func(seq uint64) ([]chain.Hash, error) { return chain.ProveInclusion(size, seq, l.Node) })
	for _, section := range append([]chain.Section{{Kind: chain.SectionScope, Data: body}, {Kind: chain.SectionCheckpoint, Data: l.Checkpoint(t)}}, more...) {
		if err == nil {
			err = w.WriteSection(section.Kind, section.Data)
		}
	}
	for i := range l.Records {
		if err == nil && l.inExcerpt(&s, i) {
			err = w.WriteRecord(l.Records[i].Header, l.Records[i].Payload)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func (l *Ledger) inExcerpt(s *chain.Scope, i int) bool {
	e := &l.Records[i].Entry
	return i == 0 || s.Chooses(e) || chain.IsKeyEvent(l.Records[i].Header) || s.By == chain.ByPeriod && l.beside(s, i)
}

// beside reports whether entry i is the last before the period or the first after it.
func (l *Ledger) beside(s *chain.Scope, i int) bool {
	at := func(i int) int64 { return l.Records[i].Entry.LedgeredAt }
	last := at(i) < s.From && (i+1 == len(l.Records) || at(i+1) >= s.From)
	return last || at(i) >= s.To && (i == 0 || at(i-1) < s.To)
}

// Assemble writes the bundle of a whole ledger as an attacker would: whatever is given,
// with the framing and the trailer right. A record's Payload is absent if it is nil.
func Assemble(records []chain.RawRecord, sections []chain.Section) []byte {
	a := newAssembler(chain.BundleVersion)
	for _, r := range records {
		a.record(r)
	}
	a.sections(sections)
	return a.end()
}

// AssembleExcerpt does the same with an excerpt: a record whose Proof is nil is linked.
func AssembleExcerpt(records []chain.RawRecord, sections []chain.Section) []byte {
	a := newAssembler(chain.ExcerptVersion)
	a.sections(sections)
	for _, r := range records {
		a.record(r)
		if r.Proof == nil {
			a.add([]byte{0xff})
			continue
		}
		a.add(append([]byte{byte(len(r.Proof) / 32)}, r.Proof...))
	}
	return a.end()
}

// An assembler writes frames, and digests what the trailer covers.
type assembler struct {
	out []byte
	sum hash.Hash
}

func newAssembler(version uint16) *assembler {
	a := &assembler{sum: sha256.New()}
	a.add(binary.BigEndian.AppendUint16([]byte(chain.BundleMagic), version))
	return a
}

func (a *assembler) add(b []byte) { a.sum.Write(b); a.out = append(a.out, b...) }

func (a *assembler) record(r chain.RawRecord) {
	frame := append(binary.BigEndian.AppendUint16([]byte{1}, uint16(len(r.Header))), r.Header...)
	if r.Payload == nil {
		a.add(append(frame, 0))
		return
	}
	a.add(append(frame, 1))
	a.out = append(a.out, r.Payload...)
}

func (a *assembler) sections(sections []chain.Section) {
	for _, s := range sections {
		a.add(append(binary.BigEndian.AppendUint32([]byte{2, byte(s.Kind)}, uint32(len(s.Data))), s.Data...))
	}
}

func (a *assembler) end() []byte {
	a.add([]byte{0})
	return a.sum.Sum(a.out)
}
