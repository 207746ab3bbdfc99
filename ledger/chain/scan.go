package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// BlockSize is how much of a bundle a [Scanner] reads at once, in bytes. A
// whole record or section always fits.
const BlockSize = 1 << 20

// A BundleErrorKind says how the framing of a bundle is broken.
type BundleErrorKind uint8

// The ways in which a file is not a bundle of version 1.
const (
	// NotABundle: the first bytes are not the magic.
	NotABundle BundleErrorKind = iota + 1
	// UnknownVersion: a bundle, but of another version.
	UnknownVersion
	// Truncated: the file ends inside a bundle.
	Truncated
	// BadFrame: a byte that starts or shapes a frame has no meaning.
	BadFrame
	// BadHeader: a record's header is not canonical.
	BadHeader
	// BadSection: a section of unknown kind, too large, or too many.
	BadSection
	// BadTrailer: the digest at the end is not that of the bytes before.
	BadTrailer
	// AfterTrailer: the file goes on after the trailer.
	AfterTrailer
)

// A BundleError says where the framing of a bundle is broken. It wraps
// [ErrMalformed]. Reading stops there: what follows has no place.
type BundleError struct {
	Kind BundleErrorKind
	// Seq is the entry concerned, if HasSeq: the one that is incomplete, or
	// else the last one before the place where reading stopped.
	Seq    uint64
	HasSeq bool
	// Err says what was expected.
	Err error
}

// Error returns one line with the place and what was expected there.
func (e *BundleError) Error() string {
	if e.HasSeq {
		return fmt.Sprintf("bundle: entry %d: %v", e.Seq, e.Err)
	}
	return fmt.Sprintf("bundle: %v", e.Err)
}

// Unwrap returns [ErrMalformed].
func (e *BundleError) Unwrap() error { return ErrMalformed }

// A RawRecord is an entry whose header has not been checked yet.
type RawRecord struct {
	Header  []byte
	Payload []byte // nil if absent
	// Proof is the audit path in an excerpt (§5.2), 32 bytes a hash; nil if the entry is
	// proved by the one after it, and in a whole ledger.
	Proof []byte
}

// A Block is a run of consecutive records, sharing one buffer. It is reused
// from one Scan to the next so that reading allocates nothing.
type Block struct {
	// First is the position of Records[0] in the bundle, from 0.
	First   uint64
	Records []RawRecord
	// End is the position in the file after this block, in bytes.
	End int64
	buf []byte
}

// A Scanner cuts a bundle into blocks. It looks at lengths only and hashes
// only what the trailer covers, so that it keeps several verifying
// goroutines busy. Blocks may be scanned into in turn and used in parallel.
type Scanner struct {
	r        io.Reader
	block    int       // size of a block's buffer: BlockSize, or less for a bundle in memory
	sum      hash.Hash // over every byte but the payloads'
	carry    []byte    // read but not scanned: the start of a frame
	offset   int64     // bytes scanned
	count    uint64    // records scanned
	sections []Section
	version  uint16 // 0 before the prefix is read
	eof      bool
	err      error // what every further Scan returns
}

// NewScanner returns a scanner of the bundle in r. If r can tell its length,
// as bytes.Reader does, a small bundle is read into a small block.
func NewScanner(r io.Reader) *Scanner {
	s := &Scanner{r: r, block: BlockSize, sum: sha256.New()}
	if sized, ok := r.(interface{ Len() int }); ok {
		s.block = min(BlockSize, sized.Len()+1) // one more, to see the end of it
	}
	return s
}

// Count returns the number of records scanned so far.
func (s *Scanner) Count() uint64 { return s.count }

// Version returns the bundle's version, 0 before the first Scan.
func (s *Scanner) Version() uint16 { return s.version }

// Sections returns the sections scanned so far: of an excerpt all of them, once the first
// record was scanned; of a whole ledger none before the end.
func (s *Scanner) Sections() []Section { return s.sections }

// Scan fills b with the next records. It returns io.EOF, and no record, after
// a complete bundle with a right trailer. On a broken bundle the records
// before the fault come first, and the next call returns the [*BundleError];
// an error of the underlying reader is returned wrapped.
func (s *Scanner) Scan(b *Block) error {
	b.First, b.Records, b.End = s.count, b.Records[:0], s.offset
	for s.err == nil && len(b.Records) == 0 {
		data, err := s.fill(b)
		if err != nil {
			s.err = fmt.Errorf("read bundle: %w", err)
			break
		}
		s.err = s.frames(b, data)
		b.End = s.offset
	}
	if len(b.Records) > 0 {
		return nil
	}
	return s.err
}

// fill reads the next block after what was carried over.
func (s *Scanner) fill(b *Block) ([]byte, error) {
	if b.buf == nil {
		b.buf = make([]byte, s.block)
	}
	n := copy(b.buf, s.carry)
	m, err := io.ReadFull(s.r, b.buf[n:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.eof, err = true, nil
	}
	return b.buf[:n+m], err
}

// frames scans whole frames off data and carries the rest over to the next
// block. At the end of the file nothing may be left.
func (s *Scanner) frames(b *Block, data []byte) error {
	rest := data
	for {
		next, done, err := s.frame(b, rest)
		if err != nil {
			return err
		}
		s.offset += int64(len(rest) - len(next))
		if done {
			return s.end(next)
		}
		if len(next) == len(rest) {
			break // the frame goes on after the block
		}
		rest = next
	}
	if s.eof {
		return s.truncated(rest)
	}
	s.carry = append(s.carry[:0], rest...)
	return nil
}

// frame scans one frame. It returns rest == data if data ends inside it, and
// done after the trailer.
func (s *Scanner) frame(b *Block, data []byte) (rest []byte, done bool, err error) {
	if s.version == 0 {
		return s.prefix(data)
	}
	if len(data) == 0 {
		return data, false, nil
	}
	switch tag := data[0]; {
	case tag == tagRecord && s.mayRecord():
		return s.record(b, data)
	case tag == tagSection && s.maySection():
		return s.section(data)
	case tag == tagTrailer:
		return s.trailer(data)
	case tag == tagRecord:
		return nil, false, &BundleError{Kind: BadFrame, Err: errors.New("a record where sections stand")}
	}
	return nil, false, s.broken("what follows it is neither a record, nor a section, nor the trailer")
}

// In a whole ledger records come before sections; in an excerpt after them, since a proof
// can only be checked against the checkpoint.
func (s *Scanner) mayRecord() bool {
	if s.version == ExcerptVersion {
		return len(s.sections) > 0
	}
	return len(s.sections) == 0
}

func (s *Scanner) maySection() bool { return s.version == BundleVersion || s.count == 0 }

// broken reports a frame that has no meaning, at the last entry before it.
func (s *Scanner) broken(why string) error {
	return &BundleError{Kind: BadFrame, Seq: max(s.count, 1) - 1, HasSeq: s.mayRecord(), Err: errors.New(why)}
}

func (s *Scanner) prefix(data []byte) (rest []byte, done bool, err error) {
	if !isMagic(data) || len(data) == 0 && s.eof {
		return nil, false, &BundleError{Kind: NotABundle, Err: errors.New("does not start with the magic of a greffe bundle")}
	}
	if len(data) < prefixSize {
		return data, false, nil
	}
	v := binary.BigEndian.Uint16(data[len(BundleMagic):])
	if v != BundleVersion && v != ExcerptVersion {
		return nil, false, &BundleError{Kind: UnknownVersion, Err: fmt.Errorf("version %d, and this program reads %d and %d", v, BundleVersion, ExcerptVersion)}
	}
	s.version = v
	s.sum.Write(data[:prefixSize])
	return data[prefixSize:], false, nil
}

// record scans 0x01, the record, and in an excerpt its proof.
func (s *Scanner) record(b *Block, data []byte) (rest []byte, done bool, err error) {
	rec, rest, broken := cutRecord(data[1:])
	if broken != nil {
		broken.Seq, broken.HasSeq = s.count, true
		return nil, false, broken
	}
	if rest == nil {
		return data, false, nil
	}
	before := len(data) - len(rest) - len(rec.Payload)
	var proof []byte
	if s.version == ExcerptVersion {
		if proof, rec.Proof, rest, err = s.proof(rest); err != nil || rest == nil {
			return data, false, err
		}
	}
	s.sum.Write(data[:before])
	s.sum.Write(proof)
	s.count++
	b.Records = append(b.Records, rec)
	return rest, false, nil
}

// proof scans u8 number of hashes, hashes; 0xff says that the next record proves this
// one. It returns every byte of it, and the hashes; rest is nil if data ends inside.
func (s *Scanner) proof(data []byte) (all, hashes, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, nil, nil
	}
	n := int(data[0])
	if n == proofLinked {
		return data[:1], nil, data[1:], nil
	}
	if n > MaxProof {
		return nil, nil, nil, &BundleError{Kind: BadFrame, Seq: s.count, HasSeq: true, Err: fmt.Errorf("a proof of more than %d hashes", MaxProof)}
	}
	end := 1 + n*len(Hash{})
	if len(data) < end {
		return nil, nil, nil, nil
	}
	return data[:end], data[1:end:end], data[end:], nil
}

// cutRecord scans u16 header length, header, u8 payload present, payload. rest is nil
// if b ends before the record does. The error is without a seq.
func cutRecord(b []byte) (rec RawRecord, rest []byte, err *BundleError) {
	if len(b) < 2 {
		return rec, nil, nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < MinHeader || n > MaxHeader {
		return rec, nil, &BundleError{Kind: BadHeader, Err: &FieldError{"header", fmt.Sprintf("from %d to %d bytes", MinHeader, MaxHeader)}}
	}
	end := 2 + n + 1
	if len(b) < end {
		return rec, nil, nil
	}
	rec.Header = b[2 : 2+n : 2+n]
	size := 0
	switch b[end-1] {
	case 0:
	case 1:
		size = int(Header(rec.Header).PayloadLen())
	default:
		return rec, nil, &BundleError{Kind: BadFrame, Err: errors.New("payload present is neither 0 nor 1")}
	}
	if size > MaxPayload {
		return rec, nil, &BundleError{Kind: BadHeader, Err: &FieldError{"payload_len", fmt.Sprintf("at most %d bytes for a payload that is present", MaxPayload)}}
	}
	if len(b) < end+size {
		return rec, nil, nil
	}
	if b[end-1] == 1 {
		rec.Payload = b[end : end+size : end+size]
	}
	return rec, b[end+size:], nil
}

// section scans 0x02, u8 kind, u32 length, body.
func (s *Scanner) section(data []byte) (rest []byte, done bool, err error) {
	if len(data) < 6 {
		return data, false, nil
	}
	kind, n := SectionKind(data[1]), binary.BigEndian.Uint32(data[2:])
	if kind < SectionCheckpoint || kind > lastSection || n > MaxSection || len(s.sections) == MaxSections {
		return nil, false, &BundleError{Kind: BadSection, Err: fmt.Errorf("section %d: kind %d with %d bytes is not of this version", len(s.sections), kind, n)}
	}
	end := 6 + int(n)
	if len(data) < end {
		return data, false, nil
	}
	s.sum.Write(data[:end])
	s.sections = append(s.sections, Section{Kind: kind, Data: append([]byte{}, data[6:end]...)})
	return data[end:], false, nil
}

func (s *Scanner) trailer(data []byte) (rest []byte, done bool, err error) {
	if len(data) < trailerSize {
		return data, false, nil
	}
	s.sum.Write(data[:1])
	if [sha256.Size]byte(data[1:trailerSize]) != [sha256.Size]byte(s.sum.Sum(nil)) {
		return nil, false, &BundleError{Kind: BadTrailer, Err: errors.New("the digest at the end is not that of the bytes before it")}
	}
	return data[trailerSize:], true, nil
}

// end checks that nothing follows the trailer.
func (s *Scanner) end(rest []byte) error {
	if len(rest) == 0 && !s.eof {
		var one [1]byte
		if _, err := io.ReadFull(s.r, one[:]); err == nil {
			rest = one[:]
		} else if !errors.Is(err, io.EOF) {
			return fmt.Errorf("read bundle: %w", err)
		}
	}
	if len(rest) > 0 {
		return &BundleError{Kind: AfterTrailer, Err: errors.New("bytes after the trailer")}
	}
	return io.EOF
}

// truncated reports a file that ends before the trailer does.
func (s *Scanner) truncated(rest []byte) error {
	e := &BundleError{Kind: Truncated, Err: errors.New("the file ends here, before the trailer")}
	if len(rest) > 0 && rest[0] == tagRecord && s.version != 0 {
		e.Seq, e.HasSeq = s.count, true
	}
	return e
}
