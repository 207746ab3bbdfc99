package chain

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Signature types of C2SP signed-note: the first byte of a key in its text form.
const (
	typeEd25519     = 0x01 // of ledgers
	typeCosignature = 0x04 // of witnesses, C2SP tlog-cosignature with Ed25519
	typeMLDSA44     = 0x06 // of witnesses, not known here
)

// cosignatureSize is a time and an Ed25519 signature.
const cosignatureSize = 8 + ed25519.SignatureSize

// A WitnessKey verifies the cosignatures of one witness. It is a note.Verifier.
type WitnessKey struct {
	name   string
	hash   uint32
	public [ed25519.PublicKeySize]byte
}

// ParseWitnessKey reads a witness's verification key, name+id+base64 with type
// 0x04 (FORMAT §4.2). What it accepts, [WitnessKey.String] writes again.
func ParseWitnessKey(vkey string) (*WitnessKey, error) {
	name, hash, kind, key, err := cutKey(vkey)
	switch {
	case err != nil:
		return nil, fmt.Errorf("witness key: %w", err)
	case kind == typeMLDSA44:
		return nil, fmt.Errorf("witness key: it is of type ML-DSA-44, only Ed25519 is known here: %w", ErrMalformed)
	case kind != typeCosignature || len(key) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("witness key: not an Ed25519 key of type 4, the key of a ledger is of type 1: %w", ErrMalformed)
	}
	k := newWitnessKey(name, ed25519.PublicKey(key))
	if k.hash != hash {
		return nil, fmt.Errorf("witness key: its id is not that of its name and key: %w", ErrMalformed)
	}
	return k, nil
}

func newWitnessKey(name string, public ed25519.PublicKey) *WitnessKey {
	return &WitnessKey{name: name, hash: keyHash(name, typeCosignature, public), public: [ed25519.PublicKeySize]byte(public)}
}

// keyHash returns SHA-256(name || 0x0a || type || key)[:4] as a number.
func keyHash(name string, kind byte, key []byte) uint32 {
	sum := sha256.Sum256(append(append([]byte(name), '\n', kind), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// cutKey takes a key in text form apart, name+hash+base64(type || key), and accepts one
// spelling only.
func cutKey(text string) (name string, hash uint32, kind byte, key []byte, err error) {
	parts := strings.Split(text, "+")
	if len(parts) < 3 {
		return "", 0, 0, nil, fmt.Errorf("a name, an id and a key, with plus signs between them: %w", ErrMalformed)
	}
	encoded := strings.Join(parts[2:], "+") // base64 has plus signs of its own
	id, err := strconv.ParseUint(parts[1], 16, 32)
	value, err2 := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || err2 != nil || len(value) < 2 || formatKey(parts[0], uint32(id), value[0], value[1:]) != text || !validOrigin(parts[0]) {
		return "", 0, 0, nil, fmt.Errorf("a name, an id of 8 lower-case digits and a key in base64: %w", ErrMalformed)
	}
	return parts[0], uint32(id), value[0], value[1:], nil
}

func formatKey(name string, hash uint32, kind byte, key []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{kind}, key...)))
}

// Name returns the key's name.
func (k *WitnessKey) Name() string { return k.name }

// KeyHash returns the key's id.
func (k *WitnessKey) KeyHash() uint32 { return k.hash }

// String returns the text form.
func (k *WitnessKey) String() string {
	return formatKey(k.name, k.hash, typeCosignature, k.public[:])
}

// Verify reports whether value is a cosignature by this key over the text of a checkpoint.
func (k *WitnessKey) Verify(text, value []byte) bool {
	if len(value) != cosignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(value)
	if at > math.MaxInt64 {
		return false
	}
	if _, err := ParseCheckpoint(string(text)); err != nil {
		return false
	}
	return ed25519.Verify(k.public[:], cosignedMessage(string(text), int64(at)), value[8:])
}

// Cosigned reports whether s is this key's over the text, and when the witness says it
// signed, in seconds since the Unix epoch.
func (k *WitnessKey) Cosigned(text string, s Signature) (at int64, ok bool) {
	if !s.is(k) || !k.Verify([]byte(text), s.Value) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(s.Value)), true
}

// cosignedMessage is what a witness signs (C2SP tlog-cosignature, v1).
func cosignedMessage(text string, at int64) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(at, 10) + "\n" + text)
}

// A Cosigner is a witness's signing key.
type Cosigner struct {
	key    *WitnessKey
	signer crypto.Signer
}

// NewCosigner returns the cosigner of a name and an Ed25519 key, wherever that is kept.
func NewCosigner(name string, signer crypto.Signer) (*Cosigner, error) {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, errors.New("a witness needs an Ed25519 key")
	}
	if !validOrigin(name) {
		return nil, fmt.Errorf("the name of a witness has no space, plus sign or control character: %w", ErrMalformed)
	}
	return &Cosigner{key: newWitnessKey(name, public), signer: signer}, nil
}

// GenerateCosigner makes the key of a witness. name gets its public key, so that it can
// tell keys apart. skey is the secret in text form, to be kept at 0600.
func GenerateCosigner(rand io.Reader, name func(public []byte) string) (c *Cosigner, skey string, err error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, "", fmt.Errorf("generate witness key: %w", err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	if c, err = NewCosigner(name(private.Public().(ed25519.PublicKey)), private); err != nil {
		return nil, "", fmt.Errorf("generate witness key: %w", err)
	}
	return c, privatePrefix + formatKey(c.key.name, c.key.hash, typeCosignature, seed), nil
}

// privatePrefix begins the text form of a secret key.
const privatePrefix = "PRIVATE+KEY+"

// ParseCosigner reads the text form that [GenerateCosigner] returns. Its errors never
// hold a part of it.
func ParseCosigner(skey string) (*Cosigner, error) {
	text, ok := strings.CutPrefix(skey, privatePrefix)
	if !ok {
		return nil, fmt.Errorf("witness's secret key: it begins with %s: %w", privatePrefix, ErrMalformed)
	}
	name, hash, kind, seed, err := cutKey(text)
	if err != nil || kind != typeCosignature || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("witness's secret key: not an Ed25519 key of type 4: %w", ErrMalformed)
	}
	c, err := NewCosigner(name, ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, err
	}
	if c.key.hash != hash {
		return nil, fmt.Errorf("witness's secret key: its id is not that of its name and key: %w", ErrMalformed)
	}
	return c, nil
}

// Key returns the verification key.
func (c *Cosigner) Key() *WitnessKey { return c.key }

// Cosign signs the text of a checkpoint at an instant, in seconds since the Unix epoch.
// The caller has made sure that what the signature states is true (FORMAT §4.2).
func (c *Cosigner) Cosign(text string, at int64) (Signature, error) {
	if at < 0 {
		return Signature{}, errors.New("cosign: an instant before 1970; set the clock")
	}
	if _, err := ParseCheckpoint(text); err != nil {
		return Signature{}, fmt.Errorf("cosign: %w", err)
	}
	sig, err := c.signer.Sign(nil, cosignedMessage(text, at), crypto.Hash(0))
	if err != nil {
		return Signature{}, fmt.Errorf("cosign: %w", err)
	}
	value := append(binary.BigEndian.AppendUint64(nil, uint64(at)), sig...)
	s := Signature{Name: c.key.name, KeyHash: c.key.hash, Value: value}
	if _, ok := c.key.Cosigned(text, s); !ok {
		return Signature{}, errors.New("cosign: the key has made a signature that does not verify")
	}
	return s, nil
}
