package chain

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

// MaxCheckpoint bounds a signed checkpoint, its cosignature lines included, in bytes.
const MaxCheckpoint = 64 << 10

// ErrSignature is wrapped by [OpenCheckpoint] when the checkpoint is well
// formed but does not carry a valid signature by the key that was brought.
var ErrSignature = errors.New("no valid signature by this key")

// A Checkpoint is a statement about a ledger: its first Size entries have
// this Root (C2SP tlog-checkpoint, without extension lines).
type Checkpoint struct {
	// Origin names the ledger; it never changes.
	Origin string
	// Size is the number of entries covered.
	Size uint64
	// Root is the RFC 6962 tree hash over their leaf hashes.
	Root Hash
	// Text is the three lines that are signed, each with its newline.
	Text string
}

// FormatCheckpoint returns the text that is signed (FORMAT §4).
func FormatCheckpoint(origin string, size uint64, root Hash) string {
	return origin + "\n" + strconv.FormatUint(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
}

// SignCheckpoint returns the signed note over (origin, size, root). The
// signer's name must be the origin, as C2SP tlog-checkpoint recommends.
func SignCheckpoint(origin string, size uint64, root Hash, s note.Signer) ([]byte, error) {
	if s.Name() != origin {
		return nil, fmt.Errorf("sign checkpoint: the key is for another origin; use the key made for this ledger")
	}
	text := FormatCheckpoint(origin, size, root)
	if _, err := ParseCheckpoint(text); err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return note.Sign(&note.Note{Text: text}, s)
}

// OpenCheckpoint parses a signed checkpoint and verifies its signature. The
// error wraps [ErrMalformed] if the text has another form and [ErrSignature]
// if v has not signed it or is for another origin; the checkpoint is then
// returned all the same, unproved, so that a report can name it.
func OpenCheckpoint(text []byte, v note.Verifier) (Checkpoint, error) {
	n, err := openNote(text, v)
	if n == nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: not a signed note: %w", ErrMalformed)
	}
	c, parseErr := ParseCheckpoint(n.Text)
	switch {
	case parseErr != nil:
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", parseErr)
	case c.Origin != v.Name():
		return c, fmt.Errorf("open checkpoint: the key is for another origin: %w", ErrSignature)
	case err != nil:
		return c, fmt.Errorf("open checkpoint: %w", ErrSignature)
	}
	return c, nil
}

// openNote returns the note even if no known key has signed it; it is nil
// only if text is not a signed note at all.
func openNote(text []byte, v note.Verifier) (*note.Note, error) {
	if len(text) > MaxCheckpoint || !canonicalSignatures(text) {
		return nil, ErrMalformed
	}
	n, err := note.Open(text, note.VerifierList(v))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return unverified.Note, err
	}
	if invalid := (*note.InvalidSignatureError)(nil); errors.As(err, &invalid) {
		return &note.Note{Text: string(text[:bytes.LastIndex(text, []byte("\n\n"))+1])}, err
	}
	return n, err
}

// canonicalSignatures reports whether the signature lines are in base64 with
// zero trailing bits. Package note takes any, so that one signature would have
// several forms.
func canonicalSignatures(text []byte) bool {
	lines := text[bytes.LastIndex(text, []byte("\n\n"))+1:]
	for line := range bytes.Lines(lines) {
		value := bytes.TrimSuffix(line[bytes.LastIndexByte(line, ' ')+1:], []byte("\n"))
		if _, err := base64.StdEncoding.Strict().Decode(make([]byte, len(value)), value); err != nil {
			return false
		}
	}
	return true
}

// ParseCheckpoint decodes the three signed lines without looking at any
// signature. What it accepts, [FormatCheckpoint] writes again byte for byte.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("checkpoint: three lines, each ended by a newline: %w", ErrMalformed)
	}
	if !validOrigin(lines[0]) {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 1: an origin without space or plus sign: %w", ErrMalformed)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || size > math.MaxInt64 || strconv.FormatUint(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 2: a decimal size below 2^63 without leading zeros: %w", ErrMalformed)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 3: 32 bytes in padded base64: %w", ErrMalformed)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: Hash(root), Text: text}, nil
}

// validOrigin reports whether s can be the name of a note's key.
func validOrigin(s string) bool {
	return s != "" && strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+'
	})
}

// GenerateKey makes an Ed25519 key pair for a ledger. skey is the secret in
// the note package's text form, to be kept at 0600; vkey is the verification
// key that auditors receive by another way than the bundle.
func GenerateKey(rand io.Reader, origin string) (skey, vkey string, err error) {
	if !validOrigin(origin) {
		return "", "", fmt.Errorf("generate key: an origin without space or plus sign: %w", ErrMalformed)
	}
	return note.GenerateKey(rand, origin)
}

// ReadCheckpoint reads the checkpoint that a signed note holds and verifies no
// signature: what it returns is a claim. The error wraps [ErrMalformed].
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	text, _, err := SplitNote(signed)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return c, nil
}
