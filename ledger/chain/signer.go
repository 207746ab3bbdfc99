package chain

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// NewSigner returns a signer of notes over any private key, which may be in a security
// module that never gives it away. s must be an Ed25519 key; origin is the ledger's.
func NewSigner(origin string, s crypto.Signer) (note.Signer, error) {
	public, ok := s.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the signing key is of type %T, and checkpoints are signed with Ed25519 only: make an Ed25519 key", s.Public())
	}
	vkey, err := VKeyOf(origin, public)
	if err != nil {
		return nil, err
	}
	v, err := OpenVKey(vkey)
	if err != nil {
		return nil, err
	}
	return &cryptoSigner{name: origin, hash: v.KeyHash(), key: s}, nil
}

// VKeyOf returns the verification key, in text form, of a public key that signs for a
// ledger.
func VKeyOf(origin string, public ed25519.PublicKey) (string, error) {
	if !validOrigin(origin) {
		return "", fmt.Errorf("verification key: an origin without space or plus sign: %w", ErrMalformed)
	}
	return note.NewEd25519VerifierKey(origin, public)
}

type cryptoSigner struct {
	name string
	hash uint32
	key  crypto.Signer
}

func (s *cryptoSigner) Name() string    { return s.name }
func (s *cryptoSigner) KeyHash() uint32 { return s.hash }

// Sign signs the message itself: Ed25519 hashes on its own, so no digest is given.
func (s *cryptoSigner) Sign(msg []byte) ([]byte, error) {
	sig, err := s.key.Sign(rand.Reader, msg, crypto.Hash(0))
	if err != nil {
		return nil, err
	}
	if len(sig) != ed25519.SignatureSize {
		return nil, errors.New("the signing key gave a signature of another length")
	}
	return sig, nil
}
