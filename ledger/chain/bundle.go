package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
)

// The fixed bytes of a bundle (FORMAT §5).
const (
	// BundleMagic opens every bundle: not ASCII, not UTF-8, broken by newline translation.
	BundleMagic = "\x89GREFFE\n"
	// BundleVersion follows the magic, as a u16.
	BundleVersion = 1
	// MaxSection bounds the body of a section, in bytes.
	MaxSection = 512 << 10
	// MaxSections bounds the number of sections of one bundle.
	MaxSections = 64

	tagTrailer = 0x00
	tagRecord  = 0x01
	tagSection = 0x02

	prefixSize  = len(BundleMagic) + 2
	trailerSize = 1 + sha256.Size
)

// A SectionKind says what a section holds. Numbers never change; a reader of
// version 1 rejects any other.
type SectionKind uint8

// The section kinds of bundle version 1. Only a checkpoint has a meaning that
// version 1 can check; the others are reserved with their place and framing.
const (
	// SectionCheckpoint is a signed checkpoint (§4).
	SectionCheckpoint SectionKind = 1
	// SectionCosignature is a witness's cosignature.
	SectionCosignature SectionKind = 2
	// SectionTimestamp is an RFC 3161 token over a checkpoint.
	SectionTimestamp SectionKind = 3
	// SectionKeyHistory tells which key signed from which size.
	SectionKeyHistory SectionKind = 4
	// SectionRedactions lists the payloads that are absent, and why.
	SectionRedactions SectionKind = 5
)

// A Section is what follows the entries of a bundle.
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

// A BundleWriter writes a bundle to a stream, in constant memory. After an
// error the bundle is worthless: write to a temporary file and rename it once
// Close has returned nil.
type BundleWriter struct {
	w        io.Writer
	sum      hash.Hash // over every byte but the payloads'
	buf      []byte
	size     uint64
	sections int
}

// NewBundleWriter writes the magic and the version to w. Many small writes
// follow; give it a buffered writer.
func NewBundleWriter(w io.Writer) (*BundleWriter, error) {
	b := &BundleWriter{w: w, sum: sha256.New()}
	b.buf = binary.BigEndian.AppendUint16([]byte(BundleMagic), BundleVersion)
	return b, b.flush()
}

// WriteRecord appends the next entry: its canonical header, and its payload
// or nil if that is absent. It checks the form and the position, not the
// hashes: those are for the reader to judge.
func (b *BundleWriter) WriteRecord(header, payload []byte) error {
	h, rest, err := CutHeader(header)
	switch {
	case err != nil:
		return fmt.Errorf("write bundle: entry %d: %w", b.size, err)
	case len(rest) != 0:
		return fmt.Errorf("write bundle: entry %d: bytes after its header: %w", b.size, ErrMalformed)
	case b.sections > 0:
		return fmt.Errorf("write bundle: entry %d: comes after a section: %w", b.size, ErrMalformed)
	case h.Seq() != b.size:
		return fmt.Errorf("write bundle: entry %d: its seq is %d; write every entry in order from 0: %w", b.size, h.Seq(), ErrMalformed)
	case payload != nil && (!h.Disposition().KeepsPayload() || len(payload) != int(h.PayloadLen())):
		return fmt.Errorf("write bundle: entry %d: its payload is not the one of its header: %w", b.size, ErrMalformed)
	}
	b.size++
	b.buf = binary.BigEndian.AppendUint16(append(b.buf[:0], tagRecord), uint16(len(header)))
	b.buf = append(append(b.buf, header...), presence(payload))
	if err := b.flush(); err != nil || payload == nil {
		return err
	}
	if _, err := b.w.Write(payload); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

func presence(payload []byte) byte {
	if payload == nil {
		return 0
	}
	return 1
}

// WriteSection appends a section; sections come after the last entry.
func (b *BundleWriter) WriteSection(kind SectionKind, data []byte) error {
	if kind < SectionCheckpoint || kind > SectionRedactions || len(data) > MaxSection || b.sections == MaxSections {
		return fmt.Errorf("write bundle: section of kind %d with %d bytes: %w", kind, len(data), ErrMalformed)
	}
	b.sections++
	b.buf = append(b.buf[:0], tagSection, byte(kind))
	b.buf = append(binary.BigEndian.AppendUint32(b.buf, uint32(len(data))), data...)
	return b.flush()
}

// Close writes the trailer. It does not close the underlying writer.
func (b *BundleWriter) Close() error {
	b.buf = append(b.buf[:0], tagTrailer)
	b.sum.Write(b.buf)
	b.buf = b.sum.Sum(b.buf)
	if _, err := b.w.Write(b.buf); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// flush writes buf and adds it to the trailer's digest.
func (b *BundleWriter) flush() error {
	b.sum.Write(b.buf)
	if _, err := b.w.Write(b.buf); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
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
