package timestamp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// readAttributes reads the signed attributes that matter. Each of them may be there
// once, with one value; others are signed, and passed over.
func (t *token) readAttributes() error {
	in := cryptobyte.String(t.signed)
	var set cryptobyte.String
	if !in.ReadASN1(&set, cbasn1.SET) || !in.Empty() {
		return malformed("its signed attributes cannot be read")
	}
	seen := map[string]bool{}
	for !set.Empty() {
		var attr, values, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !set.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) || !attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
			return malformed("a signed attribute cannot be read")
		}
		if seen[oid.String()] || !values.ReadAnyASN1Element(&value, &tag) {
			return malformed("a signed attribute is there twice, or has no value")
		}
		seen[oid.String()] = true
		if ok := t.readAttribute(oid, value); !ok || t.known(oid) && !values.Empty() {
			return malformed("signed attribute " + oid.String() + " cannot be read, or has several values")
		}
	}
	if !seen[oidContentType.String()] || !seen[oidDigest.String()] {
		return malformed("it signs no content type or no digest of the content")
	}
	if len(t.bindings) == 0 {
		return malformed("it does not sign which certificate it is signed with (ESSCertID)")
	}
	return nil
}

func (t *token) known(oid asn1.ObjectIdentifier) bool {
	return oid.Equal(oidContentType) || oid.Equal(oidDigest) || oid.Equal(oidSigningCert) || oid.Equal(oidSigningCert2)
}

// readAttribute takes one value; of an attribute that is not known it takes anything.
func (t *token) readAttribute(oid asn1.ObjectIdentifier, value cryptobyte.String) bool {
	switch {
	case oid.Equal(oidContentType):
		return value.ReadASN1ObjectIdentifier(&t.contentType) && value.Empty()
	case oid.Equal(oidDigest):
		return value.ReadASN1Bytes(&t.contentSum, cbasn1.OCTET_STRING) && value.Empty()
	case oid.Equal(oidSigningCert), oid.Equal(oidSigningCert2):
		list, ok := readBindings(value, oid.Equal(oidSigningCert2))
		t.bindings = append(t.bindings, list)
		return ok && len(list) > 0
	}
	return true
}

// A binding is an ESSCertID (RFC 2634 §5.4.1, always SHA-1) or an ESSCertIDv2 (RFC
// 5035 §4): the digest of a certificate, and perhaps its issuer and serial number.
//
// SHA-1 is taken here, and nowhere else: to abuse it, another certificate with the
// same digest, issuer, serial number and path to the roots would have to be found.
type binding struct {
	hash   crypto.Hash
	digest []byte
	issuer []byte // nil if it is not given
	serial *big.Int
}

// binds reports whether the identifier is that of the certificate.
func (b *binding) binds(c *x509.Certificate) bool {
	if !bytes.Equal(b.digest, sum(b.hash, c.Raw)) {
		return false
	}
	return b.serial == nil || bytes.Equal(b.issuer, c.RawIssuer) && b.serial.Cmp(c.SerialNumber) == 0
}

// readBindings reads a SigningCertificate or SigningCertificateV2. The policies that
// may follow are signed, and passed over.
func readBindings(in cryptobyte.String, second bool) (list []binding, ok bool) {
	var body, ids, id, policies cryptobyte.String
	var present bool
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&ids, cbasn1.SEQUENCE) ||
		!body.ReadOptionalASN1(&policies, &present, cbasn1.SEQUENCE) || !body.Empty() {
		return nil, false
	}
	for !ids.Empty() {
		b := binding{hash: crypto.SHA1}
		if len(list) == maxCertificates || !ids.ReadASN1(&id, cbasn1.SEQUENCE) || second && !b.readHash(&id) || !b.read(id) {
			return nil, false
		}
		list = append(list, b)
	}
	return list, true
}

// readHash reads the algorithm of an ESSCertIDv2, which is SHA-256 if it is absent.
func (b *binding) readHash(in *cryptobyte.String) bool {
	b.hash = crypto.SHA256
	if !in.PeekASN1Tag(cbasn1.SEQUENCE) {
		return true
	}
	var oid asn1.ObjectIdentifier
	if !readAlgorithm(in, &oid) {
		return false
	}
	b.hash = digestOf(oid)
	return b.hash != 0
}

func (b *binding) read(in cryptobyte.String) bool {
	var both, names, name cryptobyte.String
	if !in.ReadASN1Bytes(&b.digest, cbasn1.OCTET_STRING) {
		return false
	}
	if in.Empty() {
		return true
	}
	b.serial = new(big.Int)
	if !in.ReadASN1(&both, cbasn1.SEQUENCE) || !in.Empty() || !both.ReadASN1(&names, cbasn1.SEQUENCE) ||
		!both.ReadASN1Integer(b.serial) || !both.Empty() {
		return false
	}
	b.issuer = directoryName(names)
	return names.ReadASN1(&name, cbasn1.Tag(4).ContextSpecific().Constructed()) && names.Empty()
}
