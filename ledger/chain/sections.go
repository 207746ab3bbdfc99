package chain

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Timestamp is the body of a timestamp section: u16 length of the checkpoint's text,
// the three lines that were stamped, and the RFC 3161 token over them (FORMAT §4.3).
type Timestamp struct {
	// Text is the three lines of a checkpoint, without signatures.
	Text string
	// Token is the DER of the token, a CMS SignedData.
	Token []byte
}

// AppendTimestamp appends the body of a timestamp section.
func AppendTimestamp(dst []byte, t Timestamp) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(t.Text)))
	return append(append(dst, t.Text...), t.Token...)
}

// ParseTimestamp reads the body of a timestamp section and the checkpoint that was
// stamped. It does not look at the token. The error wraps [ErrMalformed].
func ParseTimestamp(body []byte) (Timestamp, Checkpoint, error) {
	if len(body) < 2 || len(body)-2 <= int(binary.BigEndian.Uint16(body)) {
		return Timestamp{}, Checkpoint{}, fmt.Errorf("timestamp: it ends before its token: %w", ErrMalformed)
	}
	end := 2 + int(binary.BigEndian.Uint16(body))
	c, err := ParseCheckpoint(string(body[2:end]))
	if err != nil {
		return Timestamp{}, Checkpoint{}, fmt.Errorf("timestamp: %w", err)
	}
	return Timestamp{Text: c.Text, Token: body[end:]}, c, nil
}

// A Consistency is the body of a consistency section: u64 old size, then the hashes
// that prove that the tree of the first Old entries is a prefix of the bundle's.
type Consistency struct {
	Old    uint64
	Hashes []Hash
}

// AppendConsistency appends the body of a consistency section.
func AppendConsistency(dst []byte, c Consistency) []byte {
	dst = binary.BigEndian.AppendUint64(dst, c.Old)
	for i := range c.Hashes {
		dst = append(dst, c.Hashes[i][:]...)
	}
	return dst
}

// ParseConsistency reads the body of a consistency section. The error wraps
// [ErrMalformed].
func ParseConsistency(body []byte) (Consistency, error) {
	const n = len(Hash{})
	if len(body) < 8 || (len(body)-8)%n != 0 || (len(body)-8)/n > MaxProof {
		return Consistency{}, fmt.Errorf("consistency: a size and at most %d hashes: %w", MaxProof, ErrMalformed)
	}
	c := Consistency{Old: binary.BigEndian.Uint64(body)}
	if c.Old > math.MaxInt64 {
		return Consistency{}, fmt.Errorf("consistency: a size below 2^63: %w", ErrMalformed)
	}
	c.Hashes = CutHashes(body[8:])
	return c, nil
}

// CutHashes takes concatenated hashes apart; a rest of less than 32 bytes is left out.
func CutHashes(b []byte) []Hash {
	var hashes []Hash
	for ; len(b) >= len(Hash{}); b = b[len(Hash{}):] {
		hashes = append(hashes, Hash(b[:len(Hash{})]))
	}
	return hashes
}
