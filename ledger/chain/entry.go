package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// HeaderVersion is the first byte of every header of this format.
const HeaderVersion = 0x01

// Sizes in bytes (FORMAT §6).
const (
	// MinHeader is the length of a header whose three names are empty.
	MinHeader = offNames + 3
	// MaxHeader is the length of a header whose three names are as long as they may be.
	MaxHeader = MinHeader + MaxPublisher + MaxType + MaxAggregate
	// MaxPayload bounds the payload of an entry.
	MaxPayload = 256 << 10
)

// Offsets of the fixed fields of a header (FORMAT §2.1).
const (
	offDisposition = 1
	offSeq         = 2
	offPrev        = 10
	offEpoch       = 42
	offStreamSeq   = 46
	offLedgeredAt  = 54
	offPayloadHash = 62
	offPayloadLen  = 94
	offEventID     = 98
	offNames       = 114
)

// ErrMalformed is wrapped by every error about bytes or values that this
// format does not allow.
var ErrMalformed = errors.New("not in the ledger format, version 1")

// A FieldError says which field of an entry breaks the format, and how.
// It wraps [ErrMalformed] and never holds the value itself.
type FieldError struct {
	// Field is the name of the field as FORMAT §2.1 writes it.
	Field string
	// Why is what the format asks for.
	Why string
}

// Error returns "entry: <field>: <why>".
func (e *FieldError) Error() string { return "entry: " + e.Field + ": " + e.Why }

// Unwrap returns [ErrMalformed].
func (e *FieldError) Unwrap() error { return ErrMalformed }

// A Hash is a SHA-256 leaf or node of the tree (RFC 6962 §2.1).
type Hash = tlog.Hash

// A Disposition says what became of a message when it was entered.
// Numbers never change and are never used twice.
type Disposition uint8

// The dispositions of format version 1 (FORMAT §2.3).
const (
	// Recorded is a first and well-formed event; its payload is kept.
	Recorded Disposition = 1
	// Duplicate repeats an event already entered; no payload of its own.
	Duplicate Disposition = 2
	// Conflict reuses an event id with other content; its payload is kept.
	Conflict Disposition = 3
	// Quarantined is a message that breaks the frozen rules; no payload.
	Quarantined Disposition = 4
)

// String returns the name used in receipts and listings.
func (d Disposition) String() string {
	switch d {
	case Recorded:
		return "recorded"
	case Duplicate:
		return "duplicate"
	case Conflict:
		return "conflict"
	case Quarantined:
		return "quarantined"
	}
	return fmt.Sprintf("disposition(%d)", uint8(d))
}

// ParseDisposition is the inverse of [Disposition.String] for the four names.
func ParseDisposition(s string) (Disposition, error) {
	for d := Recorded; d <= Quarantined; d++ {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, &FieldError{"disposition", "one of recorded, duplicate, conflict, quarantined"}
}

// KeepsPayload reports whether an entry of this disposition has a payload.
func (d Disposition) KeepsPayload() bool { return d == Recorded || d == Conflict }

// An Entry is an event's place in the ledger: the decoded form of a header.
// Fields never change their meaning; a new field needs a new header version.
type Entry struct {
	// Seq is the position in the ledger; the genesis is 0.
	Seq uint64
	// Prev is the leaf hash of entry Seq-1, or [GenesisPrev] at Seq 0.
	Prev Hash
	// Epoch counts the streams this ledger was fed from, from 1.
	Epoch uint32
	// StreamSeq is the message's position in its epoch's stream, from 1.
	StreamSeq uint64
	// LedgeredAt is in nanoseconds since the Unix epoch, never before the
	// previous entry's.
	LedgeredAt int64
	// Disposition is what became of the message.
	Disposition Disposition
	// PayloadHash is the SHA-256 of the payload, or zero if quarantined.
	PayloadHash Hash
	// PayloadLen is the payload's length in bytes; if quarantined, the
	// length of the refused message.
	PayloadLen uint32
	// EventID is the event's ULID in binary; zero only if quarantined.
	EventID [16]byte
	// Publisher, Type and Aggregate are copied from the topic and the
	// envelope; each may be empty only if quarantined.
	Publisher, Type, Aggregate string
}

// EventIDText returns an event id in the text form of a ULID: 26 digits of
// Crockford's base 32, as the event's own "id" member has it.
func EventIDText(id [16]byte) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var text [26]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = digits[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(text[:])
}

// AppendEntry appends the canonical header of e to dst and returns the longer
// slice. The error is a [*FieldError] if e breaks FORMAT §2.2; dst is then
// returned unchanged.
func AppendEntry(dst []byte, e *Entry) ([]byte, error) {
	if err := e.valid(); err != nil {
		return dst, err
	}
	dst = append(dst, HeaderVersion, byte(e.Disposition))
	dst = binary.BigEndian.AppendUint64(dst, e.Seq)
	dst = append(dst, e.Prev[:]...)
	dst = binary.BigEndian.AppendUint32(dst, e.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, e.StreamSeq)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.LedgeredAt))
	dst = append(dst, e.PayloadHash[:]...)
	dst = binary.BigEndian.AppendUint32(dst, e.PayloadLen)
	dst = append(dst, e.EventID[:]...)
	dst = append(append(dst, byte(len(e.Publisher))), e.Publisher...)
	dst = append(append(dst, byte(len(e.Type))), e.Type...)
	return append(append(dst, byte(len(e.Aggregate))), e.Aggregate...), nil
}

// valid reports, as a *FieldError, the first field that breaks FORMAT §2.2.
func (e *Entry) valid() error {
	if err := checkFixed(e.Disposition, e.Seq, e.Epoch, e.StreamSeq, uint64(e.LedgeredAt)); err != nil {
		return err
	}
	if err := checkPayload(e.Disposition, &e.PayloadHash, e.PayloadLen); err != nil {
		return err
	}
	return checkNames(e.Disposition, &e.EventID, e.Publisher, e.Type, e.Aggregate)
}

// CutEntry decodes the header at the start of b and returns what follows it.
// It accepts exactly the bytes [AppendEntry] writes (FORMAT §2.2), so that
// AppendEntry(nil, &e) equals the bytes consumed. The error is a [*FieldError].
//
// CutEntry does not check e.Prev: that takes the entry before.
func CutEntry(b []byte) (e Entry, rest []byte, err error) {
	h, rest, err := CutHeader(b)
	if err != nil {
		return Entry{}, b, err
	}
	return h.Entry(), rest, nil
}

// A Header is the canonical bytes of one entry, already checked by
// [CutHeader]. Its methods read a field without decoding the others and
// without allocating; they panic on bytes that CutHeader did not return.
type Header []byte

// CutHeader checks the header at the start of b, as [CutEntry] does, without
// decoding it. The header returned shares b's memory.
func CutHeader(b []byte) (h Header, rest []byte, err error) {
	if len(b) < MinHeader {
		return nil, b, &FieldError{"header", fmt.Sprintf("at least %d bytes, but it ends before", MinHeader)}
	}
	if b[0] != HeaderVersion {
		return nil, b, &FieldError{"version", "1; a newer greffe-audit may know this one"}
	}
	publisher, rest, ok1 := cutName(b[offNames:])
	typ, rest, ok2 := cutName(rest)
	aggregate, rest, ok3 := cutName(rest)
	if !ok1 || !ok2 || !ok3 {
		return nil, b, &FieldError{"names", "three, each with its length before it, inside the header"}
	}
	h = Header(b[:len(b)-len(rest)])
	d := h.Disposition()
	if err := checkFixed(d, h.Seq(), h.Epoch(), h.StreamSeq(), uint64(h.LedgeredAt())); err != nil {
		return nil, b, err
	}
	if err := checkPayload(d, (*Hash)(h[offPayloadHash:]), h.PayloadLen()); err != nil {
		return nil, b, err
	}
	if err := checkNames(d, (*[16]byte)(h[offEventID:]), publisher, typ, aggregate); err != nil {
		return nil, b, err
	}
	return h, rest, nil
}

// cutName splits a length-prefixed name off b; ok is false if b ends inside it.
func cutName(b []byte) (name, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}

// Disposition returns what became of the message.
func (h Header) Disposition() Disposition { return Disposition(h[offDisposition]) }

// Seq returns the position in the ledger.
func (h Header) Seq() uint64 { return binary.BigEndian.Uint64(h[offSeq:]) }

// Prev returns the leaf hash of the entry before.
func (h Header) Prev() Hash { return Hash(h[offPrev : offPrev+tlog.HashSize]) }

// Epoch returns the number of the stream the message came from.
func (h Header) Epoch() uint32 { return binary.BigEndian.Uint32(h[offEpoch:]) }

// StreamSeq returns the message's position in its stream.
func (h Header) StreamSeq() uint64 { return binary.BigEndian.Uint64(h[offStreamSeq:]) }

// LedgeredAt returns nanoseconds since the Unix epoch.
func (h Header) LedgeredAt() int64 { return int64(binary.BigEndian.Uint64(h[offLedgeredAt:])) }

// PayloadHash returns the SHA-256 of the payload.
func (h Header) PayloadHash() Hash {
	return Hash(h[offPayloadHash : offPayloadHash+tlog.HashSize])
}

// PayloadLen returns the payload's length in bytes.
func (h Header) PayloadLen() uint32 { return binary.BigEndian.Uint32(h[offPayloadLen:]) }

// EventID returns the event's ULID in binary.
func (h Header) EventID() [16]byte { return [16]byte(h[offEventID:offNames]) }

// Publisher returns the publisher's name, which shares h's memory.
func (h Header) Publisher() []byte {
	name, _, _ := cutName(h[offNames:])
	return name
}

// Entry decodes every field; the strings are copies.
func (h Header) Entry() Entry {
	publisher, rest, _ := cutName(h[offNames:])
	typ, rest, _ := cutName(rest)
	aggregate, _, _ := cutName(rest)
	return Entry{
		Seq: h.Seq(), Prev: h.Prev(), Epoch: h.Epoch(), StreamSeq: h.StreamSeq(),
		LedgeredAt: h.LedgeredAt(), Disposition: h.Disposition(),
		PayloadHash: h.PayloadHash(), PayloadLen: h.PayloadLen(),
		EventID:   h.EventID(),
		Publisher: string(publisher), Type: string(typ), Aggregate: string(aggregate),
	}
}

func checkFixed(d Disposition, seq uint64, epoch uint32, streamSeq, ledgeredAt uint64) error {
	switch {
	case d < Recorded || d > Quarantined:
		return &FieldError{"disposition", "1 recorded, 2 duplicate, 3 conflict or 4 quarantined"}
	case seq > math.MaxInt64:
		return &FieldError{"seq", "below 2^63"}
	case epoch == 0:
		return &FieldError{"epoch", "counted from 1"}
	case streamSeq == 0:
		return &FieldError{"stream_seq", "counted from 1"}
	case ledgeredAt > math.MaxInt64:
		return &FieldError{"ledgered_at", "below 2^63 nanoseconds after 1970"}
	}
	return nil
}

func checkPayload(d Disposition, digest *Hash, length uint32) error {
	switch {
	case d == Quarantined && *digest != Hash{}:
		return &FieldError{"payload_hash", "zero for a quarantined message, so that it cannot be searched"}
	case d == Quarantined:
		return nil
	case length == 0 || length > MaxPayload:
		return &FieldError{"payload_len", fmt.Sprintf("from 1 to %d bytes", MaxPayload)}
	}
	return nil
}

func checkNames[S ~string | ~[]byte](d Disposition, id *[16]byte, publisher, typ, aggregate S) error {
	q := d == Quarantined
	switch {
	case *id == [16]byte{} && !q:
		return &FieldError{"event_id", "not zero, unless quarantined"}
	case !validPublisher(publisher) && !(q && len(publisher) == 0):
		return &FieldError{"publisher", "[a-z][a-z0-9-]{0,31}, or empty if quarantined"}
	case !validType(typ) && !(q && len(typ) == 0):
		return &FieldError{"type", "noun.verb.vN in lower case, at most 80 bytes, or empty if quarantined"}
	case !validAggregate(aggregate) && !(q && len(aggregate) == 0):
		return &FieldError{"aggregate", "kind/id in printable ASCII, at most 96 bytes, or empty if quarantined"}
	}
	return nil
}
