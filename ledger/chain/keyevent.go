package chain

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Types of the events that say which key signs (FORMAT §4.1).
const (
	keyRotatedType = "ledger.key_rotated.v1"
	keyRevokedType = "ledger.key_revoked.v1"
)

// keyEventNames is how the names of a header begin if it is a key event: the publisher
// greffe, and a type of the length that both types have.
const keyEventNames = "\x06" + genesisPublisher + "\x15" + "ledger.key_"

// IsKeyEvent reports whether an entry must be given to [KeyHistory.Apply]. It compares
// a few bytes, so that it can be asked of every entry.
func IsKeyEvent(h Header) bool {
	const names, typ = offNames + len(keyEventNames), offNames + len(genesisPublisher) + 2
	if len(h) < typ+len(keyRotatedType) || string(h[offNames:names]) != keyEventNames || h[offDisposition] != byte(Recorded) {
		return false
	}
	t := string(h[typ : typ+len(keyRotatedType)])
	return t == keyRotatedType || t == keyRevokedType
}

// ErrKeyEventAbsent is returned for a key event without its payload: what the keys are
// after it cannot be known. It wraps [ErrMalformed], since such a payload is never
// absent (FORMAT §4.1).
var ErrKeyEventAbsent = fmt.Errorf("the payload of an event about the ledger's keys is absent: %w", ErrMalformed)

// A keyEvent is what the payload of a key event says, for either type.
type keyEvent struct {
	rotation         bool
	oldVKey, newVKey string
	oldSig, newSig   string
	revoked          string // vkey
	trustedTo        uint64 // 0 unless it says a size: what cannot be read trusts nothing
}

// readKeyEvent reads the payload of an entry for which [IsKeyEvent] holds. It takes
// canonical JSON in ASCII only, like the genesis: one encoding, and no parser that two
// readers could disagree about.
func readKeyEvent(rotation bool, payload []byte) (keyEvent, error) {
	k := keyEvent{rotation: rotation}
	event, ok := canonicalASCII(payload)
	want := keyRevokedType
	if rotation {
		want = keyRotatedType
	}
	data, isObject := event["data"].(map[string]any)
	if !ok || event["type"] != want || !isObject {
		return k, errors.New("not an event of its type in canonical JSON, all ASCII")
	}
	text := func(name string) string { s, _ := data[name].(string); return s }
	if rotation {
		k.oldVKey, k.newVKey = text("old_vkey"), text("new_vkey")
		k.oldSig, k.newSig = text("old_signature"), text("new_signature")
		return k, nil
	}
	k.revoked = text("vkey")
	if n, ok := data["trusted_to"].(json.Number); ok {
		if i, err := n.Int64(); err == nil && i >= 0 {
			k.trustedTo = uint64(i)
		}
	}
	return k, nil
}

// RotationText returns what both keys sign when new takes the place of old: the text of
// a signed note (FORMAT §4.1). Its first line holds spaces, so no checkpoint has it,
// and no signature of a checkpoint can stand for one of a rotation or the other way round.
func RotationText(oldVKey, newVKey string) string {
	return "greffe key rotation v1\n" + oldVKey + "\n" + newVKey + "\n"
}

// SignRotation returns one key's signature of the rotation from oldVKey to newVKey, as
// the event has it: the base64 of a note's signature line.
func SignRotation(oldVKey, newVKey string, s note.Signer) (string, error) {
	sig, err := s.Sign([]byte(RotationText(oldVKey, newVKey)))
	if err != nil {
		return "", fmt.Errorf("sign the rotation of the key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, s.KeyHash()), sig...)), nil
}

// signedRotation reports whether signature is v's, of text, in the one form it may have.
func signedRotation(v note.Verifier, text, signature string) bool {
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && len(sig) == 4+ed25519.SignatureSize && base64.StdEncoding.EncodeToString(sig) == signature &&
		binary.BigEndian.Uint32(sig) == v.KeyHash() && v.Verify([]byte(text), sig[4:])
}

// OpenVKey returns the verifier of a verification key in the only form that this format
// allows (FORMAT §4.1): package note takes others of the same key, and two texts of one
// key would be two keys in a history. The error wraps [ErrMalformed].
func OpenVKey(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil || !validOrigin(v.Name()) {
		return nil, fmt.Errorf("not a verification key: %w", ErrMalformed)
	}
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2]) // base64 has a plus sign too
	if err != nil || len(key) != 1+ed25519.PublicKeySize || !canonicalPoint(key[1:]) {
		return nil, fmt.Errorf("not a verification key: %w", ErrMalformed)
	}
	if again, err := note.NewEd25519VerifierKey(v.Name(), key[1:]); err != nil || again != vkey {
		return nil, fmt.Errorf("not a verification key in its canonical form: %w", ErrMalformed)
	}
	return v, nil
}

// canonicalPoint reports whether an Ed25519 public key may be the encoding of a point in
// its only form (RFC 8032 §5.1.3): y is below p = 2^255 - 19, and x is not 0, for which
// the sign would be free. Package ed25519 does not insist, other implementations do.
func canonicalPoint(key []byte) bool {
	y := [ed25519.PublicKeySize]byte(key)
	y[31] &= 0x7f
	for i := 1; i < 31; i++ {
		if y[i] != y[1] {
			return true
		}
	}
	switch {
	case y[1] == 0xff && y[31] == 0x7f:
		return y[0] < 0xec // p - 1 has x = 0, and p and above are not below p
	case y[1] == 0 && y[31] == 0:
		return y[0] != 1
	}
	return true
}
