package chain

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// maxSignatures bounds the signature lines of a note, as package note does.
const maxSignatures = 100

// sigPrefix begins every signature line: an em dash and a space.
const sigPrefix = "— "

// A Signature is one signature line of a note, not verified.
type Signature struct {
	// Name and KeyHash identify the key together.
	Name    string
	KeyHash uint32
	// Value is what the key's algorithm makes of the text: 64 bytes by a ledger's
	// key, 72 by a witness ([WitnessKey.Cosigned]).
	Value []byte
}

// is reports whether the line claims to be by v.
func (s *Signature) is(v note.Verifier) bool {
	return s.Name == v.Name() && s.KeyHash == v.KeyHash()
}

// AppendSignature appends the line, with its newline.
func AppendSignature(dst []byte, s Signature) []byte {
	value := append(binary.BigEndian.AppendUint32(nil, s.KeyHash), s.Value...)
	dst = append(append(append(dst, sigPrefix...), s.Name...), ' ')
	return append(base64.StdEncoding.AppendEncode(dst, value), '\n')
}

// CutSignature decodes the signature line at the start of b and returns what
// follows. It accepts exactly what [AppendSignature] writes.
func CutSignature(b []byte) (s Signature, rest []byte, err error) {
	whole, rest, ended := bytes.Cut(b, []byte("\n"))
	line := string(whole)
	name, encoded, ok := strings.Cut(strings.TrimPrefix(line, sigPrefix), " ")
	if !ended || !ok || !strings.HasPrefix(line, sigPrefix) || !validKeyName(name) {
		return s, b, fmt.Errorf("signature line: em dash, key name, base64: %w", ErrMalformed)
	}
	value, err := base64.StdEncoding.Strict().DecodeString(encoded)
	// the decoder passes over carriage returns, and they are not written again
	if err != nil || len(value) < 5 || base64.StdEncoding.EncodedLen(len(value)) != len(encoded) {
		return s, b, fmt.Errorf("signature line: a key id and a signature in padded base64: %w", ErrMalformed)
	}
	s = Signature{Name: name, KeyHash: binary.BigEndian.Uint32(value), Value: value[4:]}
	return s, rest, nil
}

// validKeyName reports whether s can be the name of a key (C2SP signed-note).
func validKeyName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.Contains(s, "+") && strings.IndexFunc(s, unicode.IsSpace) < 0
}

// SplitNote parts a signed note into its text and its signature lines, and
// verifies none. What it accepts, [JoinNote] writes again byte for byte.
func SplitNote(signed []byte) (text string, sigs []Signature, err error) {
	malformed := fmt.Errorf("not a signed note: %w", ErrMalformed)
	s := string(signed)
	if len(s) > MaxCheckpoint || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' }) {
		return "", nil, malformed
	}
	end := strings.LastIndex(s, "\n\n")
	if end < 0 {
		return "", nil, malformed
	}
	text = s[:end+1]
	for rest := signed[end+2:]; len(rest) > 0; {
		var sig Signature
		if sig, rest, err = CutSignature(rest); err != nil {
			return "", nil, err
		}
		sigs = append(sigs, sig)
	}
	if len(sigs) == 0 || len(sigs) > maxSignatures {
		return "", nil, malformed
	}
	return text, sigs, nil
}

// JoinNote returns the signed note of a text that ends in a newline.
func JoinNote(text string, sigs []Signature) []byte {
	signed := append([]byte(text), '\n')
	for _, s := range sigs {
		signed = AppendSignature(signed, s)
	}
	return signed
}

// KeepSignatures returns the note with only those lines that keys have signed, one of
// each key. It fails with [ErrSignature] if none has: what strangers have added to a
// note is not carried on.
func KeepSignatures(signed []byte, keys ...note.Verifier) ([]byte, error) {
	text, sigs, err := SplitNote(signed)
	if err != nil {
		return nil, err
	}
	var kept []Signature
	for _, key := range keys {
		for _, s := range sigs {
			if s.is(key) && key.Verify([]byte(text), s.Value) {
				kept = append(kept, s)
				break
			}
		}
	}
	if len(kept) == 0 {
		return nil, ErrSignature
	}
	return JoinNote(text, kept), nil
}
