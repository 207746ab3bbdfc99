package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
)

// A BundleWriter writes a bundle to a stream, in constant memory: a whole ledger
// ([NewBundleWriter]) or an excerpt ([NewExcerptWriter]). After an error the bundle is
// worthless: write to a temporary file and rename it once Close has returned nil.
type BundleWriter struct {
	w        io.Writer
	sum      hash.Hash // over every byte but the payloads'
	buf      []byte
	next     uint64 // the smallest seq that may come next
	sections int
	prove    ProveFunc // nil: a whole ledger
	last     uint64    // seq of the record whose proof is not written yet
	open     bool      // there is such a record
}

// A ProveFunc returns the audit path of an entry in the tree that its checkpoint
// covers.
type ProveFunc func(seq uint64) ([]Hash, error)

// NewBundleWriter begins the bundle of a whole ledger: records from seq 0 on, then
// sections. Many small writes follow; give it a buffered writer.
func NewBundleWriter(w io.Writer) (*BundleWriter, error) {
	return newWriter(w, BundleVersion, nil)
}

// NewExcerptWriter begins the bundle of an excerpt: sections, the scope and the
// checkpoint among them, then records in the order of their seqs, the genesis first.
// prove is asked for the proof of each record that the next one does not prove.
func NewExcerptWriter(w io.Writer, prove ProveFunc) (*BundleWriter, error) {
	return newWriter(w, ExcerptVersion, prove)
}

func newWriter(w io.Writer, version uint16, prove ProveFunc) (*BundleWriter, error) {
	b := &BundleWriter{w: w, sum: sha256.New(), prove: prove}
	b.buf = binary.BigEndian.AppendUint16([]byte(BundleMagic), version)
	return b, b.flush()
}

// WriteRecord appends the next entry: its canonical header, and its payload or nil if
// that is absent. It checks the form and the position, not the hashes: those are for
// the reader to judge.
func (b *BundleWriter) WriteRecord(header, payload []byte) error {
	h, rest, err := CutHeader(header)
	malformed := func(why string) error {
		return fmt.Errorf("write bundle: entry %d: %s: %w", b.next, why, ErrMalformed)
	}
	switch {
	case err != nil:
		return fmt.Errorf("write bundle: entry %d: %w", b.next, err)
	case len(rest) != 0:
		return malformed("bytes after its header")
	case b.prove == nil && b.sections > 0:
		return malformed("comes after a section")
	case b.prove != nil && b.sections == 0:
		return malformed("comes before the sections")
	case h.Seq() < b.next, b.prove == nil && h.Seq() != b.next:
		return malformed(fmt.Sprintf("its seq is %d; write entries in order", h.Seq()))
	case payload != nil && (!h.Disposition().KeepsPayload() || len(payload) != int(h.PayloadLen())):
		return malformed("its payload is not the one of its header")
	}
	if err := b.writeProof(h.Seq()); err != nil {
		return err
	}
	b.next, b.last, b.open = h.Seq()+1, h.Seq(), b.prove != nil
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

// writeProof ends the record before, now that it is known whether the next entry,
// whose header holds its leaf hash, follows directly.
func (b *BundleWriter) writeProof(next uint64) error {
	if !b.open {
		return nil
	}
	b.open = false
	if next == b.last+1 {
		b.buf = append(b.buf[:0], proofLinked)
		return b.flush()
	}
	proof, err := b.prove(b.last)
	if err != nil {
		return fmt.Errorf("write bundle: prove entry %d: %w", b.last, err)
	}
	b.buf = append(b.buf[:0], byte(len(proof)))
	for i := range proof {
		b.buf = append(b.buf, proof[i][:]...)
	}
	return b.flush()
}

func presence(payload []byte) byte {
	if payload == nil {
		return 0
	}
	return 1
}

// WriteSection appends a section: after the last entry of a whole ledger, before the
// first one of an excerpt.
func (b *BundleWriter) WriteSection(kind SectionKind, data []byte) error {
	if kind < SectionCheckpoint || kind > lastSection || len(data) > MaxSection || b.sections == MaxSections || b.prove != nil && b.next > 0 {
		return fmt.Errorf("write bundle: section of kind %d with %d bytes: %w", kind, len(data), ErrMalformed)
	}
	b.sections++
	b.buf = append(b.buf[:0], tagSection, byte(kind))
	b.buf = append(binary.BigEndian.AppendUint32(b.buf, uint32(len(data))), data...)
	return b.flush()
}

// Close writes the trailer. It does not close the underlying writer.
func (b *BundleWriter) Close() error {
	if err := b.writeProof(0); err != nil {
		return err
	}
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
