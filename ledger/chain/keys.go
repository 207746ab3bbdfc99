package chain

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrKeyUnknown means that the key brought is none of this ledger's, so far. It
	// wraps [ErrSignature]: the checkpoint is not signed by the key brought.
	ErrKeyUnknown = fmt.Errorf("the ledger names the key brought nowhere: %w", ErrSignature)
	// ErrKeyRevoked means that trust in the key brought does not reach the checkpoint:
	// a key on the way was revoked before. It wraps [ErrSignature].
	ErrKeyRevoked = fmt.Errorf("a key was revoked, trust in the key brought does not reach this far: %w", ErrSignature)
)

// A KeyHistory is the ledger's signing keys over time: a fold over its entries
// (FORMAT §4.1).
//
//	keys := chain.NewKeyHistory(genesis)
//	if chain.IsKeyEvent(header) {          // for every entry, in order
//		change, err := keys.Apply(header, payload)
//	}
//	v, err := keys.Judge(brought, size)    // which key must have signed a checkpoint
//
// What it answers about a size holds if every key event among the entries below that
// size was applied. Of two histories of one ledger, the longer one knows better: it
// may know of a revocation.
type KeyHistory struct {
	origin string
	keys   []LedgerKey
}

// A LedgerKey is one key of a ledger.
type LedgerKey struct {
	// VKey is the verification key.
	VKey string
	// From is the size of the first checkpoint that it signs; it signs until the next
	// key does.
	From uint64
	// Revoked reports whether the ledger says that the key is no longer to be trusted.
	Revoked bool
	// TrustedTo is the largest size that its word counts for, if Revoked.
	TrustedTo uint64

	verifier       note.Verifier // nil if the genesis claims what is no key
	text           string        // of the rotation that brought it
	oldSig, newSig string
}

// trusts reports whether the key's word counts for a ledger of that size.
func (k *LedgerKey) trusts(size uint64) bool { return !k.Revoked || size <= k.TrustedTo }

// A KeyChange is what one key event did.
type KeyChange struct {
	// Seq is the entry's.
	Seq uint64
	// Rotated is the key that signs from the next size on, or "".
	Rotated string
	// Revoked is the key whose word counts less than before, or "".
	Revoked string
	// Void says why the event changed nothing, or "". It is no fault of the chain: the
	// entry stands, it only has no effect.
	Void string
}

// NewKeyHistory returns the history of a ledger that has its genesis and nothing else.
func NewKeyHistory(g Genesis) *KeyHistory {
	first := LedgerKey{VKey: g.VKey}
	if v, err := OpenVKey(g.VKey); err == nil && v.Name() == g.Origin {
		first.verifier = v
	}
	return &KeyHistory{origin: g.Origin, keys: []LedgerKey{first}}
}

// Clone returns a copy that can be applied to while others read k.
func (k *KeyHistory) Clone() *KeyHistory {
	return &KeyHistory{origin: k.origin, keys: slices.Clone(k.keys)}
}

// Apply folds the next key event in. Other entries change nothing. The payload must be
// the one whose digest is in the header. The error is [ErrKeyEventAbsent]; a reader
// must then reject this copy of the ledger, and nothing has changed.
func (k *KeyHistory) Apply(h Header, payload []byte) (KeyChange, error) {
	if !IsKeyEvent(h) {
		return KeyChange{}, nil
	}
	change := KeyChange{Seq: h.Seq()}
	if payload == nil {
		return change, fmt.Errorf("entry %d: %w", change.Seq, ErrKeyEventAbsent)
	}
	e, err := readKeyEvent(h.Entry().Type == keyRotatedType, payload)
	switch {
	case err != nil:
		change.Void = err.Error()
	case e.rotation:
		k.rotate(&change, &e)
	default:
		k.revoke(&change, &e)
	}
	return change, nil
}

// rotate makes a new key the valid one, if the event obeys FORMAT §4.1.
func (k *KeyHistory) rotate(change *KeyChange, e *keyEvent) {
	old := &k.keys[len(k.keys)-1]
	next, err := OpenVKey(e.newVKey)
	switch text := RotationText(e.oldVKey, e.newVKey); {
	case e.oldVKey != old.VKey || old.verifier == nil:
		change.Void = "old_vkey is not the key that was valid"
	case err != nil || next.Name() != k.origin:
		change.Void = "new_vkey is not a key of this ledger's origin"
	case k.find(next) >= 0:
		change.Void = "new_vkey was a key of this ledger before, or looks like one"
	case !signedRotation(old.verifier, text, e.oldSig):
		change.Void = "not signed by the old key"
	case !signedRotation(next, text, e.newSig):
		change.Void = "not signed by the new key"
	default:
		change.Rotated = e.newVKey
		k.keys = append(k.keys, LedgerKey{VKey: e.newVKey, From: change.Seq + 1, verifier: next, text: text, oldSig: e.oldSig, newSig: e.newSig})
	}
}

// revoke lowers the size that a key's word counts for. It is never raised again: else
// whoever can write an event could bring a stolen key back.
func (k *KeyHistory) revoke(change *KeyChange, e *keyEvent) {
	i := slices.IndexFunc(k.keys, func(key LedgerKey) bool { return key.VKey == e.revoked })
	if i < 0 {
		change.Void = "vkey is no key of this ledger so far"
		return
	}
	key := &k.keys[i]
	if key.Revoked && key.TrustedTo <= e.trustedTo {
		change.Void = "vkey was revoked at that size or earlier"
		return
	}
	change.Revoked = key.VKey
	key.Revoked, key.TrustedTo = true, e.trustedTo
}

// find returns the index of the key with v's name and key hash, or -1. Key hashes of a
// history differ, see rotate.
func (k *KeyHistory) find(v note.Verifier) int {
	return slices.IndexFunc(k.keys, func(key LedgerKey) bool {
		return key.verifier != nil && key.verifier.Name() == v.Name() && key.verifier.KeyHash() == v.KeyHash()
	})
}

// at returns the index of the key that signs checkpoints of that size.
func (k *KeyHistory) at(size uint64) int {
	i := len(k.keys) - 1
	for k.keys[i].From > size {
		i--
	}
	return i
}

// Keys returns all keys, in the order in which they were valid.
func (k *KeyHistory) Keys() []LedgerKey { return slices.Clone(k.keys) }

// Valid returns the verification key of whoever signs the checkpoint of that size. It
// says nothing about trust; see [KeyHistory.Judge].
func (k *KeyHistory) Valid(size uint64) string { return k.keys[k.at(size)].VKey }

// Verifier returns the verifier of [KeyHistory.Valid], for the ledger's keeper, who has
// no need to be convinced. It is nil if the genesis claims what is no key.
func (k *KeyHistory) Verifier(size uint64) note.Verifier { return k.keys[k.at(size)].verifier }

// Judge returns the verifier that the checkpoint of that size must be signed with, for
// somebody who trusts the key brought and nothing else. Trust goes from key to key, over
// valid rotations, to later and to earlier ones; it goes no farther than the word of each
// key on the way counts. The error is [ErrKeyUnknown] or [ErrKeyRevoked].
//
// The verifier returned is the one brought if that is the key. Another one was signed
// for by the one brought, or by one that was: a ledger whose keys merely look like the
// one brought, which have the same 32 bits of key hash, gets nowhere.
func (k *KeyHistory) Judge(brought note.Verifier, size uint64) (note.Verifier, error) {
	from, to := k.find(brought), k.at(size)
	if from < 0 || !k.same(from, brought) {
		return nil, ErrKeyUnknown
	}
	for i := from; i != to; {
		next, rotation := i+1, i+1
		if to < i {
			next, rotation = i-1, i
		}
		if !k.keys[i].trusts(k.keys[rotation].From) {
			return nil, ErrKeyRevoked
		}
		i = next
	}
	if !k.keys[to].trusts(size) {
		return nil, ErrKeyRevoked
	}
	if from == to {
		return brought, nil
	}
	return k.keys[to].verifier, nil
}

// same reports whether v, found by its key hash, is key i: it must have signed the
// rotations that key i took part in. A key that took part in none needs no proof, since
// no trust goes from it to another.
func (k *KeyHistory) same(i int, v note.Verifier) bool {
	if i > 0 && !signedRotation(v, k.keys[i].text, k.keys[i].newSig) {
		return false
	}
	return i+1 == len(k.keys) || signedRotation(v, k.keys[i+1].text, k.keys[i+1].oldSig)
}

// OpenCheckpoint is [OpenCheckpoint] by the key that [KeyHistory.Judge] names. Its
// errors wrap [ErrMalformed], or [ErrSignature]; the checkpoint is returned, unproved,
// with the latter.
func (k *KeyHistory) OpenCheckpoint(text []byte, brought note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(text, brought)
	if c.Text == "" {
		return c, err
	}
	v, keyErr := k.Judge(brought, c.Size)
	if keyErr != nil {
		return c, fmt.Errorf("open checkpoint: %w", keyErr)
	}
	return OpenCheckpoint(text, v)
}
