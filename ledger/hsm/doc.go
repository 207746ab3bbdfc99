// Package hsm signs with Ed25519 keys that never leave a PKCS#11 module: a hardware
// security module, a smart card, or SoftHSM.
//
//	s, err := hsm.Open("pkcs11:token=greffe;object=main?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/greffe/pin")
//	signer, err := chain.NewSigner(origin, s)
//
// A key is named by an RFC 7512 URI. The PIN is read from a file, since a URI ends up in
// logs and in the output of ps.
//
// # Builds
//
// A module is a C library, so this needs cgo and the build tag pkcs11. Without the tag
// [Open] says so, and nothing here needs a C compiler.
//
// # Concurrency
//
// A [Key] may be used from anywhere; it signs one message at a time.
package hsm

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// A Key is a private key in a module.
type Key interface {
	crypto.Signer
	io.Closer
}

var (
	// ErrNoModule means that this build cannot talk to modules.
	ErrNoModule = errors.New("this build knows no PKCS#11: build greffed with cgo and -tags pkcs11")
	// ErrURI means that the text is no PKCS#11 URI that names one key.
	ErrURI = errors.New("not a PKCS#11 URI of a key")
)

// Scheme is how a PKCS#11 URI begins.
const Scheme = "pkcs11:"

// IsURI reports whether text, the content of a key file, names a key in a module.
func IsURI(text string) bool { return strings.HasPrefix(text, Scheme) }

// A location is what a URI says (RFC 7512 §2.3).
type location struct {
	module        string // path of the library
	token, serial string // which token; either may be empty, not both
	object        string // CKA_LABEL
	id            string // CKA_ID, raw bytes
	pinFile       string
}

// parse reads a URI. Attributes that it does not know are refused: one that is not
// looked at could name another key.
func parse(uri string) (location, error) {
	var l location
	rest, ok := strings.CutPrefix(uri, Scheme)
	if !ok {
		return l, fmt.Errorf("%w: it does not begin with %s", ErrURI, Scheme)
	}
	path, query, _ := strings.Cut(rest, "?")
	fields := map[string]*string{"token": &l.token, "serial": &l.serial, "object": &l.object, "id": &l.id}
	if err := readAttributes(path, ";", fields, "type", "private"); err != nil {
		return l, err
	}
	var source string
	if err := readAttributes(query, "&", map[string]*string{"module-path": &l.module, "pin-source": &source}, "", ""); err != nil {
		return l, err
	}
	l.pinFile = strings.TrimPrefix(source, "file:")
	switch {
	case !filepath.IsAbs(l.module):
		return l, fmt.Errorf("%w: module-path must be the absolute path of the module's library", ErrURI)
	case l.token == "" && l.serial == "":
		return l, fmt.Errorf("%w: token or serial must name the token", ErrURI)
	case l.object == "" && l.id == "":
		return l, fmt.Errorf("%w: object or id must name the key", ErrURI)
	case source != "" && !filepath.IsAbs(l.pinFile):
		return l, fmt.Errorf("%w: pin-source must be file: and the absolute path of a file that holds the PIN", ErrURI)
	}
	return l, nil
}

// readAttributes reads name=value pairs, percent-encoded, none twice. The attribute
// fixed may stand there with the one value that it can have.
func readAttributes(text, separator string, fields map[string]*string, fixed, value string) error {
	if text == "" {
		return nil
	}
	seen := map[string]bool{}
	for _, pair := range strings.Split(text, separator) {
		name, encoded, _ := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(encoded)
		if err != nil || decoded == "" || seen[name] {
			return fmt.Errorf("%w: attribute %q", ErrURI, name)
		}
		seen[name] = true
		if field, ok := fields[name]; ok {
			*field = decoded
		} else if name != fixed || decoded != value {
			return fmt.Errorf("%w: attribute %q is not one of those that greffe knows", ErrURI, name)
		}
	}
	return nil
}

// pin reads the PIN; a token without login has none.
func (l *location) pin() (string, error) {
	if l.pinFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(l.pinFile)
	if err != nil {
		return "", fmt.Errorf("read the PIN of token %s: %w", l.name(), err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

func (l *location) name() string {
	if l.token == "" {
		return l.serial
	}
	return l.token
}
