package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/durable"
	"greffe/ledger/chain"
	"greffe/ledger/hsm"
)

// A keyFile is one private key of a folder: a file of two, NAME.key with the secret and
// NAME.vkey with the verification key. The secret is a key in clear, or the PKCS#11 URI
// of one.
type keyFile struct {
	path   string // without suffix
	vkey   string
	secret string
}

func (k *keyFile) inModule() bool { return hsm.IsURI(k.secret) }

// signer returns what signs with the key. A module is only asked here, since it may be
// slow, away, or want a PIN.
func (k *keyFile) signer() (note.Signer, error) {
	if !k.inModule() {
		return note.NewSigner(k.secret)
	}
	v, err := chain.OpenVKey(k.vkey)
	if err != nil {
		return nil, err
	}
	key, err := hsm.Open(k.secret)
	if err != nil {
		return nil, fmt.Errorf("%s.key: %w", k.path, err)
	}
	return chain.NewSigner(v.Name(), key)
}

// readKeyFile reads a key of a ledger. The error is fs.ErrNotExist if it is not there.
func readKeyFile(path, origin string) (keyFile, error) {
	k := keyFile{path: path}
	secret, err := os.ReadFile(path + ".key")
	if err != nil {
		return k, err
	}
	k.secret = trim(secret)
	if k.inModule() {
		text, err := os.ReadFile(path + ".vkey")
		if err != nil {
			return k, fmt.Errorf("%s.key is in a module and %s.vkey does not say which key it is: %w", path, path, unwrapPath(err))
		}
		k.vkey = trim(text)
	} else if k.vkey, err = publicOf(k.secret); err != nil {
		return k, fmt.Errorf("%s.key holds no key: %w", path, err)
	}
	v, err := chain.OpenVKey(k.vkey)
	if err != nil {
		return k, fmt.Errorf("%s.vkey: %w", path, err)
	}
	if v.Name() != origin {
		return k, fmt.Errorf("%s.key is not the key of this ledger (%s)", path, origin)
	}
	return k, nil
}

// publicOf returns the verification key of a private key in the text form of notes.
func publicOf(skey string) (string, error) {
	s, err := note.NewSigner(skey)
	if err != nil {
		return "", err
	}
	parts := strings.SplitN(skey, "+", 5) // PRIVATE, KEY, name, hash, algorithm and seed
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", errors.New("malformed key")
	}
	return chain.VKeyOf(s.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
}

// write makes both files, the secret last: a vkey alone is no key.
func (k *keyFile) write() error {
	if err := durable.WriteFile(k.path+".vkey", []byte(k.vkey+"\n"), 0o644); err != nil {
		return err
	}
	return durable.WriteFile(k.path+".key", []byte(k.secret+"\n"), 0o600)
}

// remove takes both files away, the secret first.
func (k *keyFile) remove() error {
	return errors.Join(durable.Remove(k.path+".key"), durable.Remove(k.path+".vkey"))
}

// keyHashOf is the key hash of a vkey, by which people and files call it.
func keyHashOf(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return vkey
	}
	return parts[1]
}

// Names in a daemon's folder.
const keysFolder = "keys"

// keyPathOf is where a key lies that is not the one in use.
func (f *folder) keyPathOf(vkey string) string {
	return f.path(filepath.Join(keysFolder, keyHashOf(vkey)))
}

// mainKey reads the key in use.
func (f *folder) mainKey(origin string) (keyFile, error) {
	k, err := readKeyFile(strings.TrimSuffix(f.keyPath(), ".key"), origin)
	if errors.Is(err, fs.ErrNotExist) {
		return k, fmt.Errorf("read signing key: %w, restore it from your backup: without it nothing can be signed", err)
	}
	return k, err
}

// heldKeys reads every private key of the folder, the one in use first. One that cannot
// be read is an error: it might be the one that signs next.
func (f *folder) heldKeys(origin string) ([]keyFile, error) {
	first, err := f.mainKey(origin)
	if err != nil {
		return nil, err
	}
	held := []keyFile{first}
	entries, err := os.ReadDir(f.path(keysFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".key")
		if !ok {
			continue
		}
		k, err := readKeyFile(f.path(filepath.Join(keysFolder, name)), origin)
		if err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		held = append(held, k)
	}
	return held, nil
}

// heldKey finds the private key of vkey. Those in the folder of keys go first: while one
// becomes the key in use, main.key and main.vkey do not fit together for a moment.
func (f *folder) heldKey(origin, vkey string) (k keyFile, ok bool, err error) {
	held, err := f.heldKeys(origin)
	if err != nil {
		return k, false, err
	}
	for i := len(held) - 1; i >= 0; i-- {
		if held[i].vkey == vkey {
			return held[i], true, nil
		}
	}
	return k, false, nil
}
