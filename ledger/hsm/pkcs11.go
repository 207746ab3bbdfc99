//go:build pkcs11

package hsm

import (
	"crypto"
	"crypto/ed25519"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
)

// Numbers of PKCS#11 3.0 that package pkcs11 does not have yet.
const (
	keyTypeEdwards = 0x40   // CKK_EC_EDWARDS
	mechanismEdDSA = 0x1057 // CKM_EDDSA
)

// Open finds the private key that a URI names, and its public key. It logs in with the
// PIN, and stays logged in until Close.
func Open(uri string) (Key, error) {
	l, err := parse(uri)
	if err != nil {
		return nil, err
	}
	pin, err := l.pin()
	if err != nil {
		return nil, err
	}
	ctx := pkcs11.New(l.module)
	if ctx == nil {
		return nil, fmt.Errorf("load the PKCS#11 module %s: no such library, or it is none", l.module)
	}
	k := &key{ctx: ctx, where: l.name()}
	if err := k.open(&l, pin); err != nil {
		return nil, errors.Join(fmt.Errorf("open the key in token %s: %w", k.where, err), k.Close())
	}
	return k, nil
}

type key struct {
	ctx     *pkcs11.Ctx
	where   string // the token, for messages
	session pkcs11.SessionHandle
	opened  bool
	private pkcs11.ObjectHandle
	public  ed25519.PublicKey
	mu      sync.Mutex // a session carries out one operation at a time
}

func (k *key) open(l *location, pin string) error {
	if err := k.ctx.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) { // by another key of this process
		return err
	}
	slot, err := k.slot(l)
	if err != nil {
		return err
	}
	if k.session, err = k.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return err
	}
	k.opened = true
	if pin != "" {
		if err := k.ctx.Login(k.session, pkcs11.CKU_USER, pin); err != nil && !is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
			return err
		}
	}
	if k.private, err = k.find(l, pkcs11.CKO_PRIVATE_KEY); err != nil {
		return err
	}
	public, err := k.find(l, pkcs11.CKO_PUBLIC_KEY)
	if err != nil {
		return err
	}
	k.public, err = k.point(public)
	return err
}

// slot finds the one token that the URI names.
func (k *key) slot(l *location) (uint, error) {
	slots, err := k.ctx.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	var found []uint
	for _, slot := range slots {
		info, err := k.ctx.GetTokenInfo(slot)
		if err != nil {
			continue // taken out meanwhile
		}
		label, serial := strings.TrimRight(info.Label, " \x00"), strings.TrimRight(info.SerialNumber, " \x00")
		if (l.token == "" || l.token == label) && (l.serial == "" || l.serial == serial) {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d tokens have that name, want one", len(found))
	}
	return found[0], nil
}

// find finds the one Edwards key object of a class that the URI names.
func (k *key) find(l *location, class uint) (pkcs11.ObjectHandle, error) {
	want := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyTypeEdwards),
	}
	if l.object != "" {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_LABEL, l.object))
	}
	if l.id != "" {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_ID, l.id))
	}
	if err := k.ctx.FindObjectsInit(k.session, want); err != nil {
		return 0, err
	}
	found, _, err := k.ctx.FindObjects(k.session, 2)
	if err = errors.Join(err, k.ctx.FindObjectsFinal(k.session)); err != nil {
		return 0, err
	}
	if len(found) != 1 {
		kind := "private"
		if class == pkcs11.CKO_PUBLIC_KEY {
			kind = "public"
		}
		return 0, fmt.Errorf("%d %s Ed25519 keys have that name, want one", len(found), kind)
	}
	return found[0], nil
}

// point reads the public key. PKCS#11 3.0 has it raw or, as SoftHSM does, in a DER
// OCTET STRING.
func (k *key) point(public pkcs11.ObjectHandle) (ed25519.PublicKey, error) {
	attributes, err := k.ctx.GetAttributeValue(k.session, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, err
	}
	if len(attributes) != 1 {
		return nil, errors.New("the public key has no point")
	}
	raw := attributes[0].Value
	var inner []byte
	if len(raw) != ed25519.PublicKeySize { // else it is raw, whatever its first bytes look like
		if rest, err := asn1.Unmarshal(raw, &inner); err == nil && len(rest) == 0 {
			raw = inner
		}
	}
	if len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the public key has %d bytes, an Ed25519 key has %d", len(raw), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(raw), nil
}

// Public returns the Ed25519 public key.
func (k *key) Public() crypto.PublicKey { return k.public }

// Sign signs a message, which must not be hashed before.
func (k *key) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, errors.New("ed25519 signs the message itself")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ctx.SignInit(k.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanismEdDSA, nil)}, k.private); err != nil {
		return nil, fmt.Errorf("sign with token %s: %w", k.where, err)
	}
	sig, err := k.ctx.Sign(k.session, message)
	if err != nil {
		return nil, fmt.Errorf("sign with token %s: %w", k.where, err)
	}
	return sig, nil
}

// Close ends the session. The library stays loaded: another key of this process may be
// in it, and a module is finalised for all of them at once.
func (k *key) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.opened {
		return nil
	}
	k.opened = false
	return k.ctx.CloseSession(k.session)
}

func is(err error, code pkcs11.Error) bool {
	var e pkcs11.Error
	return errors.As(err, &e) && e == code
}
