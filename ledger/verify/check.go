package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/bits"
	"strconv"

	"greffe/ledger/chain"
)

// epochOpened is the only type that may begin a new epoch (FORMAT §3.3).
const (
	daemonPublisher = "greffe"
	epochOpened     = "ledger.epoch_opened.v1"
)

// A subtree is the hash of 2^level consecutive leaves.
type subtree struct {
	level int
	hash  chain.Hash
}

// A run is what was found out about consecutive entries. Runs are checked
// apart from each other and merged in order. Its memory is used again.
type run struct {
	first    uint64
	head     neighbour // the first entry, to be compared with the run before
	tail     neighbour // the last entry, to be compared with the run after
	subtrees []subtree // the whole run, left to right
	faults   faultList
	absent   uint64
	counts   [chain.Quarantined + 1]uint64
	leaves   []byte            // scratch: the leaf hashes, concatenated
	keys     []chain.RawRecord // the events about keys, copied
}

// reset makes r a run of nothing, from position first on.
func (r *run) reset(first uint64) {
	r.first, r.absent, r.counts = first, 0, [chain.Quarantined + 1]uint64{}
	r.faults.reset()
	r.leaves, r.subtrees, r.keys = r.leaves[:0], r.subtrees[:0], r.keys[:0]
}

// A neighbour is what two consecutive entries are compared by.
type neighbour struct {
	leaf   chain.Hash
	header chain.Header // nil if it is not canonical
	proved bool         // by a proof of its own; in a whole ledger the tree proves all
}

// keep copies the header out of the block, whose memory is used again.
func (n *neighbour) keep(from neighbour) {
	n.leaf, n.proved = from.leaf, from.proved
	if from.header == nil {
		n.header = nil
		return
	}
	n.header = append(n.header[:0], from.header...)
}

// A payloadRule says which payloads are hashed: all that it does not excuse. The
// auditor may have checked the others before.
type payloadRule struct {
	since  uint64       // entries before it are excused
	demand *chain.Scope // by range or period; entries outside are excused; nil: none
}

func (p *payloadRule) excuses(h chain.Header) bool {
	if h.Seq() < p.since {
		return true
	}
	switch {
	case p.demand == nil:
		return false
	case p.demand.By == chain.ByRange:
		return h.Seq() < p.demand.FromSeq || h.Seq() >= p.demand.ToSeq
	}
	return h.LedgeredAt() < p.demand.From || h.LedgeredAt() >= p.demand.To
}

// check fills r with what can be said of the records of b alone.
func (r *run) check(b *chain.Block, rule *payloadRule) {
	r.reset(b.First)
	var prev, cur neighbour
	for i := range b.Records {
		seq := b.First + uint64(i)
		cur = r.entry(seq, &b.Records[i])
		if i == 0 {
			r.head.keep(cur)
		} else {
			compare(&r.faults, seq, prev, cur)
		}
		r.payload(seq, cur.header, b.Records[i].Payload, rule)
		r.leaves = append(r.leaves, cur.leaf[:]...)
		prev = cur
	}
	r.tail.keep(cur)
	r.hashUp()
}

// entry checks one header. A header that is not canonical still has a leaf
// hash, so that the tree goes on and the entry after it is judged by itself.
func (r *run) entry(seq uint64, rec *chain.RawRecord) neighbour {
	n := neighbour{leaf: chain.LeafHash(rec.Header)}
	h, rest, err := chain.CutHeader(rec.Header)
	if err == nil && len(rest) == 0 {
		n.header = h
		r.counts[h.Disposition()]++
		if chain.IsKeyEvent(h) {
			r.keys = append(r.keys, chain.RawRecord{Header: bytes.Clone(rec.Header), Payload: bytes.Clone(rec.Payload)})
		}
		return n
	}
	f := r.faults.at(badHeader, seq)
	if field := (*chain.FieldError)(nil); errors.As(err, &field) {
		f.Field, f.Want = field.Field, field.Why
	}
	return n
}

// payload checks the bytes of one payload, and whether they may be there.
func (r *run) payload(seq uint64, h chain.Header, payload []byte, rule *payloadRule) {
	switch {
	case h == nil:
	case payload == nil && h.Disposition().KeepsPayload():
		r.absent++
	case payload == nil:
	case !h.Disposition().KeepsPayload():
		r.faults.at(extraPayload, seq).Got = h.Disposition().String()
	case seq > 0 && rule.excuses(h) && !chain.IsKeyEvent(h):
	default:
		if got, want := chain.Hash(sha256.Sum256(payload)), h.PayloadHash(); got != want {
			r.faults.at(badPayload, seq).set(hexOf(want), hexOf(got))
		}
	}
}

// compare checks what ties entry seq to the one before it. A broken link is
// reported at the earlier entry, since that is where an edit would show.
func compare(faults *faultList, seq uint64, prev, cur neighbour) {
	a, b := prev.header, cur.header
	if b == nil || prev.isMissing() {
		return
	}
	if got := b.Prev(); got != prev.leaf {
		faults.at(brokenLink, seq-1).set(hexOf(prev.leaf), hexOf(got))
	}
	if a == nil {
		return
	}
	if b.Seq() != a.Seq()+1 {
		faults.at(badSeq, seq).set(number(a.Seq()+1), number(b.Seq()))
	}
	if b.LedgeredAt() < a.LedgeredAt() {
		faults.at(timeWentBack, seq).set("at least "+strconv.FormatInt(a.LedgeredAt(), 10), strconv.FormatInt(b.LedgeredAt(), 10))
	}
	position := a.StreamSeq() + 1
	if b.Epoch() != a.Epoch() {
		position = 1 // a new epoch is a new stream
		if !opensEpoch(a.Epoch(), b) {
			faults.at(badEpoch, seq).set(number(a.Epoch()), number(b.Epoch()))
		}
	}
	if b.StreamSeq() != position {
		faults.at(badStreamSeq, seq).set(number(position), number(b.StreamSeq()))
	}
}

// opensEpoch reports whether h may follow an entry of another epoch.
func opensEpoch(old uint32, h chain.Header) bool {
	e := h.Entry()
	return e.Epoch == old+1 && old+1 != 0 && e.Disposition == chain.Recorded &&
		e.Publisher == daemonPublisher && e.Type == epochOpened
}

// hashUp reduces the leaves to the largest subtrees that are aligned in the
// whole tree, so that merging runs takes a handful of hashes each.
func (r *run) hashUp() { r.subtrees = appendSubtrees(r.subtrees[:0], r.first, r.leaves) }

// appendSubtrees appends the largest aligned subtrees over the concatenated
// leaf hashes in data, the first of which is leaf number pos.
func appendSubtrees(dst []subtree, pos uint64, data []byte) []subtree {
	for len(data) > 0 {
		left := uint64(len(data) / len(chain.Hash{}))
		level := min(bits.TrailingZeros64(pos), bits.Len64(left)-1)
		n := len(chain.Hash{}) << level
		dst = append(dst, subtree{level, chain.SubtreeHash(data[:n])})
		pos, data = pos+1<<level, data[n:]
	}
	return dst
}

// A faultList keeps the first MaxFaults faults of entries and every fault of
// the whole, and counts all.
type faultList struct {
	kept    []Fault
	count   uint64
	aspects int   // of all faults, those that were not kept too
	lost    Fault // where a fault that is not kept is written
}

func (l *faultList) reset() { *l = faultList{kept: l.kept[:0]} }

// of adds a fault of the whole bundle.
func (l *faultList) of(c Code) *Fault {
	l.kept = append(l.kept, l.found(c))
	return &l.kept[len(l.kept)-1]
}

// at adds a fault of one entry.
func (l *faultList) at(c Code, seq uint64) *Fault {
	f := l.found(c)
	f.Seq = &seq
	if len(l.kept) >= MaxFaults {
		l.lost = f
		return &l.lost
	}
	l.kept = append(l.kept, f)
	return &l.kept[len(l.kept)-1]
}

// found counts a fault and makes it from its row of the table.
func (l *faultList) found(c Code) Fault {
	k := kindOf(c)
	l.count++
	l.aspects |= k.aspects
	return Fault{Code: c, Field: k.Field, What: k.What, Hint: k.Hint}
}

// join adds the faults of a later run.
func (l *faultList) join(later *faultList) {
	l.count += later.count
	l.aspects |= later.aspects
	l.kept = append(l.kept, later.kept[:min(len(later.kept), max(0, MaxFaults-len(l.kept)))]...)
}

func (f *Fault) set(want, got string) { f.Want, f.Got = want, got }

func hexOf(h chain.Hash) string { return hex.EncodeToString(h[:]) }

func number[N uint32 | uint64](n N) string { return strconv.FormatUint(uint64(n), 10) }
