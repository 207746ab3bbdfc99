package chain

import (
	"bytes"
	"crypto/sha256"
	"io"
)

// The fixed bytes of a bundle (FORMAT §5).
const (
	// BundleMagic opens every bundle: not ASCII, not UTF-8, broken by newline translation.
	BundleMagic = "\x89GREFFE\n"
	// BundleVersion follows the magic, as a u16, if the bundle holds a whole ledger.
	BundleVersion = 1
	// ExcerptVersion stands there if it holds an excerpt, each entry with its proof.
	ExcerptVersion = 2
	// MaxSection bounds the body of a section, in bytes.
	MaxSection = 512 << 10
	// MaxSections bounds the number of sections of one bundle.
	MaxSections = 64

	tagTrailer = 0x00
	tagRecord  = 0x01
	tagSection = 0x02

	proofLinked = 0xff // instead of a number of hashes: the next record proves this one

	prefixSize  = len(BundleMagic) + 2
	trailerSize = 1 + sha256.Size
)

// A SectionKind says what a section holds. Numbers never change; a reader rejects
// those that it does not know.
type SectionKind uint8

// The section kinds (FORMAT §5.1). Key history and redactions are reserved with their
// place and framing.
const (
	// SectionCheckpoint is the signed checkpoint that covers the bundle (§4).
	SectionCheckpoint SectionKind = 1
	// SectionCosigned is an earlier or equal checkpoint with witnesses' cosignatures.
	SectionCosigned SectionKind = 2
	// SectionTimestamp is an RFC 3161 token over a checkpoint, see [Timestamp].
	SectionTimestamp SectionKind = 3
	// SectionKeyHistory is reserved: keys change by entries (§4.1).
	SectionKeyHistory SectionKind = 4
	// SectionRedactions is reserved: it lists the payloads that are absent, and why.
	SectionRedactions SectionKind = 5
	// SectionConsistency proves that the tree only grew, see [Consistency].
	SectionConsistency SectionKind = 6
	// SectionScope says what an excerpt claims to cover, see [Scope].
	SectionScope SectionKind = 7

	lastSection = SectionScope
)

// A Section is a statement about the entries of a bundle.
type Section struct {
	Kind SectionKind
	Data []byte
}

// A Record is one entry with its payload.
type Record struct {
	// Entry is the decoded Header.
	Entry Entry
	// Header is the canonical bytes, those that LeafHash takes.
	Header []byte
	// Payload is nil if absent: by disposition, or because it was redacted.
	Payload []byte
}

// A BundleReader reads a bundle entry by entry, in constant memory. It checks
// the framing, the headers and the trailer; package verify checks the rest.
type BundleReader struct {
	s     *Scanner
	block Block
	next  int
}

// NewBundleReader returns a reader of the bundle in r. It reads ahead.
func NewBundleReader(r io.Reader) *BundleReader { return &BundleReader{s: NewScanner(r)} }

// Next returns the next entry, and io.EOF after the last one if the bundle is
// complete and its trailer is right. Header and Payload share the reader's
// memory and are valid until the next call. Other errors are a [*BundleError]
// or those of the underlying reader.
func (b *BundleReader) Next() (Record, error) {
	for b.next == len(b.block.Records) {
		if err := b.s.Scan(&b.block); err != nil {
			return Record{}, err
		}
		b.next = 0
	}
	raw, seq := b.block.Records[b.next], b.block.First+uint64(b.next)
	e, rest, err := CutEntry(raw.Header)
	if err != nil {
		return Record{}, &BundleError{Kind: BadHeader, Seq: seq, HasSeq: true, Err: err}
	}
	if len(rest) != 0 {
		return Record{}, &BundleError{Kind: BadHeader, Seq: seq, HasSeq: true, Err: errHeaderLength}
	}
	b.next++
	return Record{Entry: e, Header: raw.Header, Payload: raw.Payload}, nil
}

// Sections returns the sections, once Next has returned io.EOF.
func (b *BundleReader) Sections() []Section { return b.s.Sections() }

var errHeaderLength = &FieldError{"header", "as long as the length before it says"}

// isMagic reports whether b starts with the magic, as far as b goes.
func isMagic(b []byte) bool {
	n := min(len(b), len(BundleMagic))
	return bytes.Equal(b[:n], []byte(BundleMagic)[:n])
}
