package timestamp

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	// ErrMalformed means that the bytes are no token in the form of FORMAT §4.3.
	ErrMalformed = errors.New("not a timestamp token")
	// ErrUntrusted means that nothing is wrong but that no path of certificates leads
	// to the roots brought: it may be a forgery, or a root may be missing.
	ErrUntrusted = errors.New("not issued under the roots brought")
)

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

const (
	context0 = cbasn1.Tag(0) | 0xa0
	context1 = cbasn1.Tag(1) | 0xa0

	maxCertificates = 16   // a path has 2 to 5
	maxRSABits      = 8192 // a check of more takes seconds
)

// A token is a SignedData with one signer (RFC 5652 §5), taken apart.
type token struct {
	content []byte // the TSTInfo, as it is digested
	info    info

	certs     []*x509.Certificate
	signer    *x509.Certificate // the one of certs that the signer's identifier names
	digest    crypto.Hash
	algorithm x509.SignatureAlgorithm
	signed    []byte // the signed attributes, as they are signed
	signature []byte

	contentType asn1.ObjectIdentifier // of the signed attributes
	contentSum  []byte
	bindings    [][]binding // of the signing certificate, one list for each attribute

	parts parts
	loose string // a part that no signature covers, "" if there is none
}

// parts are the encoded elements of a token that is written again.
type parts struct{ content, version, sid, digest, signed, algorithm, signature []byte }

// parse takes a token apart. It accepts the parts that no signature covers, and names
// one of them in loose.
func parse(der []byte) (*token, error) {
	if len(der) > MaxToken {
		return nil, malformed(fmt.Sprintf("it has more than %d bytes", MaxToken))
	}
	in := cryptobyte.String(der)
	var outer, explicit, body cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) {
		return nil, malformed("it is not one SignedData in DER")
	}
	if !outer.ReadASN1(&explicit, context0) || !outer.Empty() || !explicit.ReadASN1(&body, cbasn1.SEQUENCE) || !explicit.Empty() {
		return nil, malformed("its SignedData cannot be read")
	}
	t := new(token)
	return t, t.readSignedData(body)
}

// readSignedData reads version, digest algorithms, content, certificates, revocation
// lists and signers, in this order.
func (t *token) readSignedData(in cryptobyte.String) error {
	var version uint64
	var digests, signers cryptobyte.String
	if !in.ReadASN1Integer(&version) || version != 3 || !in.ReadASN1(&digests, cbasn1.SET) {
		return malformed("its SignedData is not of version 3")
	}
	if err := t.readContent(&in); err != nil {
		return err
	}
	if err := t.readCertificates(&in); err != nil {
		return err
	}
	if in.PeekASN1Tag(context1) {
		t.loose = "revocation lists"
		in.SkipASN1(context1)
	}
	if !in.ReadASN1(&signers, cbasn1.SET) || !in.Empty() {
		return malformed("its signers cannot be read")
	}
	var signer cryptobyte.String
	if !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return malformed("it has not exactly one signer")
	}
	if err := t.readSigner(signer); err != nil {
		return err
	}
	if !bytes.Equal(digests, t.parts.digest) {
		t.loose = "other digest algorithms than its signer's"
	}
	return nil
}

// readContent reads what is signed: an OCTET STRING in one piece that holds a TSTInfo.
func (t *token) readContent(in *cryptobyte.String) (err error) {
	var element, content, explicit, octets cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return malformed("it has no content")
	}
	t.parts.content = element
	if !element.ReadASN1(&content, cbasn1.SEQUENCE) || !content.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidTSTInfo) {
		return malformed("its content is not a TSTInfo")
	}
	if !content.ReadASN1(&explicit, context0) || !content.Empty() || !explicit.ReadASN1(&octets, cbasn1.OCTET_STRING) || !explicit.Empty() {
		return malformed("its content is not there, or not in one piece")
	}
	t.content = octets
	t.info, err = readInfo(octets)
	return err
}

func (t *token) readCertificates(in *cryptobyte.String) error {
	var set, der cryptobyte.String
	if !in.ReadASN1(&set, context0) {
		return malformed("it brings no certificates")
	}
	for !set.Empty() {
		if len(t.certs) == maxCertificates || !set.ReadASN1Element(&der, cbasn1.SEQUENCE) {
			return malformed(fmt.Sprintf("it brings more than %d certificates, or what is none", maxCertificates))
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%w: certificate %d: %w", ErrMalformed, len(t.certs)+1, err)
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			return malformed(fmt.Sprintf("certificate %d has an RSA key of more than %d bits", len(t.certs)+1, maxRSABits))
		}
		t.certs = append(t.certs, cert)
	}
	return nil
}

// readSigner reads the SignerInfo.
func (t *token) readSigner(in cryptobyte.String) error {
	p := &t.parts
	var digest, algorithm asn1.ObjectIdentifier
	if err := t.readSID(&in); err != nil {
		return err
	}
	if !readElement(&in, &p.digest, cbasn1.SEQUENCE) || !readElement(&in, &p.signed, context0) ||
		!readElement(&in, &p.algorithm, cbasn1.SEQUENCE) || !readElement(&in, &p.signature, cbasn1.OCTET_STRING) {
		return malformed("its signer cannot be read; signed attributes are required")
	}
	if in.PeekASN1Tag(context1) {
		t.loose = "unsigned attributes"
		in.SkipASN1(context1)
	}
	d, a, signature := cryptobyte.String(p.digest), cryptobyte.String(p.algorithm), cryptobyte.String(p.signature)
	if !in.Empty() || !readAlgorithm(&d, &digest) || !readAlgorithm(&a, &algorithm) {
		return malformed("its signer's algorithms cannot be read")
	}
	signature.ReadASN1Bytes(&t.signature, cbasn1.OCTET_STRING)
	t.digest = digestOf(digest)
	if t.algorithm = signatureOf(algorithm, t.digest); t.algorithm == x509.UnknownSignatureAlgorithm {
		return fmt.Errorf("it is signed by algorithm %v over digest %v, which are unknown here or too weak", algorithm, digest)
	}
	// What is signed is the encoding as a SET OF, not as the implicit [0] (RFC 5652 §5.4).
	t.signed = bytes.Clone(p.signed)
	t.signed[0] = byte(cbasn1.SET)
	return t.readAttributes()
}

// readElement reads one element, with its tag and length.
func readElement(in *cryptobyte.String, out *[]byte, tag cbasn1.Tag) bool {
	return in.ReadASN1Element((*cryptobyte.String)(out), tag)
}

// readSID reads the version and the identifier of the signer, and finds its
// certificate: by issuer and serial number (version 1) or by key identifier (3).
func (t *token) readSID(in *cryptobyte.String) error {
	var version uint64
	var sid, issuer, keyID cryptobyte.String
	serial := new(big.Int)
	if !readElement(in, &t.parts.version, cbasn1.INTEGER) {
		return malformed("its signer has no version")
	}
	v := cryptobyte.String(t.parts.version)
	v.ReadASN1Integer(&version)
	var named func(*x509.Certificate) bool
	switch {
	case version == 1 && readElement(in, &t.parts.sid, cbasn1.SEQUENCE):
		element := cryptobyte.String(t.parts.sid)
		if !element.ReadASN1(&sid, cbasn1.SEQUENCE) || !sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !sid.ReadASN1Integer(serial) || !sid.Empty() {
			return malformed("the name of its signer cannot be read")
		}
		named = func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawIssuer, issuer) && c.SerialNumber.Cmp(serial) == 0
		}
	case version == 3 && readElement(in, &t.parts.sid, cbasn1.Tag(0).ContextSpecific()):
		element := cryptobyte.String(t.parts.sid)
		element.ReadASN1(&keyID, cbasn1.Tag(0).ContextSpecific())
		named = func(c *x509.Certificate) bool { return len(keyID) > 0 && bytes.Equal(c.SubjectKeyId, keyID) }
	default:
		return malformed("its signer is named in no known form")
	}
	for _, c := range t.certs {
		if !named(c) {
			continue
		}
		if t.signer != nil {
			return malformed("two of its certificates are named as the signer's")
		}
		t.signer = c
	}
	if t.signer == nil {
		return malformed("its signer's certificate is not in it")
	}
	return nil
}
