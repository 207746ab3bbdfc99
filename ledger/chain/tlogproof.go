package chain

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	tlogProofHeader = "c2sp.org/tlog-proof@v1\n"
	// MaxTlogProof bounds a proof file, in bytes: a record of the largest payload, 63
	// hashes and the largest checkpoint.
	MaxTlogProof = 512 << 10
)

// A TlogProof is an inclusion proof in one text file (C2SP tlog-proof): offline, one
// event and the checkpoint that covers it.
type TlogProof struct {
	// Extra is the record itself in greffe's proofs ([AppendRecord]): header and payload.
	// It is not authenticated by the form, only by being hashed.
	Extra []byte
	// Seq is the entry's position, the index of its leaf.
	Seq uint64
	// Hashes lead from the leaf's sibling to the root.
	Hashes []Hash
	// Checkpoint is the signed note, with cosignatures if there are any.
	Checkpoint []byte
}

// AppendTlogProof appends the text form of p to dst (FORMAT §5.3).
func AppendTlogProof(dst []byte, p *TlogProof) []byte {
	dst = append(dst, tlogProofHeader...)
	if len(p.Extra) > 0 {
		dst = base64.StdEncoding.AppendEncode(append(dst, "extra "...), p.Extra)
		dst = append(dst, '\n')
	}
	dst = strconv.AppendUint(append(dst, "index "...), p.Seq, 10)
	dst = append(dst, '\n')
	for i := range p.Hashes {
		dst = append(base64.StdEncoding.AppendEncode(dst, p.Hashes[i][:]), '\n')
	}
	return append(append(dst, '\n'), p.Checkpoint...)
}

// IsTlogProof reports whether b starts as a proof file does, as far as b goes.
func IsTlogProof(b []byte) bool {
	n := min(len(b), len(tlogProofHeader))
	return n > 0 && bytes.Equal(b[:n], []byte(tlogProofHeader)[:n])
}

// ParseTlogProof reads a proof file. What it accepts, [AppendTlogProof] writes again
// byte for byte. It checks no hash and no signature. The error wraps [ErrMalformed].
func ParseTlogProof(text []byte) (TlogProof, error) {
	bad := func(why string) (TlogProof, error) {
		return TlogProof{}, fmt.Errorf("tlog-proof: %s: %w", why, ErrMalformed)
	}
	rest, ok := strings.CutPrefix(string(text), tlogProofHeader)
	if !ok || len(text) > MaxTlogProof {
		return bad("does not start with " + strings.TrimSpace(tlogProofHeader) + ", or is too long")
	}
	var p TlogProof
	lines, checkpoint, ok := strings.Cut(rest, "\n\n")
	if !ok {
		return bad("no empty line before the checkpoint")
	}
	p.Checkpoint = []byte(checkpoint)
	first, lines, more := strings.Cut(lines, "\n")
	if extra, ok := strings.CutPrefix(first, "extra "); ok {
		if p.Extra, ok = strictBase64(extra); !ok || len(p.Extra) == 0 || !more {
			return bad("the extra data is not in strict base64, or nothing follows it")
		}
		first, lines, more = strings.Cut(lines, "\n")
	}
	index, ok := strings.CutPrefix(first, "index ")
	seq, err := strconv.ParseUint(index, 10, 64)
	if !ok || err != nil || seq > math.MaxInt64 || strconv.FormatUint(seq, 10) != index {
		return bad("the index is not a decimal number below 2^63")
	}
	p.Seq = seq
	for more {
		var line string
		line, lines, more = strings.Cut(lines, "\n")
		hash, ok := strictBase64(line)
		if !ok || len(hash) != len(Hash{}) || len(p.Hashes) == MaxProof {
			return bad("a line of the path is not 32 bytes in strict base64, or there are too many")
		}
		p.Hashes = append(p.Hashes, Hash(hash))
	}
	return p, nil
}

// strictBase64 decodes padded base64 with zero trailing bits and no white space.
func strictBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

// AppendRecord appends u16 header length, header, u8 present, payload: a record as it
// stands in a bundle, without its tag.
func AppendRecord(dst, header, payload []byte) []byte {
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(header))), header...)
	return append(append(dst, presence(payload)), payload...)
}

// CutRecord reads the record at the start of b and returns what follows it. The header
// is canonical; nothing is compared with its digests. The record shares b's memory. The
// error wraps [ErrMalformed].
func CutRecord(b []byte) (r Record, rest []byte, err error) {
	raw, rest, broken := cutRecord(b)
	if broken != nil {
		return Record{}, b, fmt.Errorf("record: %w: %w", broken.Err, ErrMalformed)
	}
	if rest == nil {
		return Record{}, b, fmt.Errorf("record: it ends before its payload does: %w", ErrMalformed)
	}
	e, after, err := CutEntry(raw.Header)
	if err != nil {
		return Record{}, b, err
	}
	if len(after) != 0 {
		return Record{}, b, errHeaderLength
	}
	return Record{Entry: e, Header: raw.Header, Payload: raw.Payload}, rest, nil
}
