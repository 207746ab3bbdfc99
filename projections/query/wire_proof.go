package query

import (
	"encoding/binary"

	"greffe/events"
	"greffe/ledger/chain"
)

// A ProofQuestion asks for the proof of one event in the tree of a size of which a
// signed checkpoint is kept; 0 leaves the choice to the daemon.
type ProofQuestion struct {
	EventQuestion
	Size uint64 `json:"size,omitzero"`
}

// An EventProof is the answer of event.prove: the proof file of one event (C2SP
// tlog-proof, FORMAT §5.3), and what it is about.
type EventProof struct {
	Seq         uint64    `json:"seq"`
	Size        uint64    `json:"size"` // of the checkpoint
	Publisher   string    `json:"publisher,omitzero"`
	EventID     events.ID `json:"event_id,omitzero"`
	Disposition string    `json:"disposition"`
	Proof       string    `json:"proof"`
}

// A GrowthQuestion asks for the proof that the first Old entries are a prefix of the
// first Size ones; 0 is the newest published checkpoint.
type GrowthQuestion struct {
	Old  uint64 `json:"old"`
	Size uint64 `json:"size,omitzero"`
}

// A Growth is the answer of checkpoint.consistency (RFC 6962 §2.1.2). Hashes and roots
// are in base64. A checkpoint is there if a signed one of exactly that size is kept.
type Growth struct {
	Old           uint64       `json:"old"`
	OldRoot       chain.Hash   `json:"old_root"`
	OldCheckpoint string       `json:"old_checkpoint,omitzero"`
	Size          uint64       `json:"size"`
	Root          chain.Hash   `json:"root"`
	Checkpoint    string       `json:"checkpoint,omitzero"`
	Hashes        []chain.Hash `json:"hashes"`
}

// A SizeQuestion asks about the first Size entries.
type SizeQuestion struct {
	Size uint64 `json:"size"`
}

// Evidence is the answer of bundle.evidence: the sections of a bundle of the first Size
// entries that others have a part in (FORMAT §5.1), and the consistency sections that
// tie those of a smaller size to it.
type Evidence struct {
	Size     uint64    `json:"size"`
	Sections []Section `json:"sections"`
}

// A Section is one of a bundle.
type Section struct {
	Kind chain.SectionKind `json:"kind"`
	Body []byte            `json:"body"` // base64
}

// A Statement is what somebody else has said about the ledger at a size.
type Statement struct {
	Size uint64 // of the checkpoint that it is over
	Section
}

// An Origination is the first event that a publisher made under an id.
type Origination struct {
	Publisher string
	Seq       uint64
}

// A SelectQuestion asks which of the first Size entries an excerpt holds, from seq From
// on. Scope is canonical JSON (FORMAT §5.2).
//
// The answer of bundle.select is ranges, each as two varints: how many entries lie
// between it and the one before, from From on, and how many it has. Its header
// Greffe-Next says up to which seq the answer goes.
type SelectQuestion struct {
	Size  uint64 `json:"size"`
	Scope string `json:"scope"`
	From  uint64 `json:"from,omitzero"`
}

// A RecordsQuestion asks for entries with what proves them in the tree of the first Size
// entries, by at most 4096 ranges in order.
//
// The answer of bundle.records is records as an excerpt has them (FORMAT §5), without
// their tags: the last of a range with its audit path, the others linked to the next. Its
// header Greffe-Next is the seq after the last one; the rest is to be asked for again.
type RecordsQuestion struct {
	Size   uint64  `json:"size"`
	Ranges []Range `json:"ranges"`
}

// A Range is the entries From (included) to To (excluded).
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// maxRanges bounds a [RecordsQuestion].
const maxRanges = 4096

// proofLinked stands for an audit path where the next record proves this one.
const proofLinked = 0xff

// appendRanges appends sorted ranges, the first not before from.
func appendRanges(dst []byte, from uint64, ranges []Range) []byte {
	for _, r := range ranges {
		dst = binary.AppendUvarint(dst, r.From-from)
		dst = binary.AppendUvarint(dst, r.To-r.From)
		from = r.To
	}
	return dst
}

// cutRanges reads what appendRanges wrote; all of it lies before end.
func cutRanges(b []byte, from, end uint64) (ranges []Range, err error) {
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap >= end-from {
			return nil, errFrame
		}
		b = b[n:]
		count, n := binary.Uvarint(b)
		if n <= 0 || count == 0 || count > end-from-gap {
			return nil, errFrame
		}
		b = b[n:]
		ranges = append(ranges, Range{from + gap, from + gap + count})
		from += gap + count
	}
	return ranges, nil
}

// rangesOf joins sorted seqs, each there once, to ranges.
func rangesOf(seqs []uint64) (ranges []Range) {
	for _, seq := range seqs {
		if n := len(ranges); n > 0 && ranges[n-1].To == seq {
			ranges[n-1].To++
		} else {
			ranges = append(ranges, Range{seq, seq + 1})
		}
	}
	return ranges
}

// cutProof takes an audit path off, or reports that the record before is linked.
func cutProof(b []byte) (path []chain.Hash, linked bool, rest []byte, err error) {
	if len(b) == 0 || b[0] != proofLinked && (b[0] > chain.MaxProof || len(b) < 1+int(b[0])*len(chain.Hash{})) {
		return nil, false, b, errFrame
	}
	if b[0] == proofLinked {
		return nil, true, b[1:], nil
	}
	n := 1 + int(b[0])*len(chain.Hash{})
	return chain.CutHashes(b[1:n]), false, b[n:], nil
}
