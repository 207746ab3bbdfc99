package timestamp

import (
	"crypto"
	_ "crypto/sha1" // of ESSCertID only
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of RFC 3161, RFC 5652 (CMS), RFC 5035 (ESS) and of algorithms.
var (
	oidSignedData   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCert2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage  = asn1.ObjectIdentifier{2, 5, 29, 37}

	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidRSA    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

// signatures are the algorithms a token may be signed with. RSA by its bare name
// takes the digest that the signer names beside it.
var signatures = []struct {
	oid    asn1.ObjectIdentifier
	digest crypto.Hash
	alg    x509.SignatureAlgorithm
}{
	{oidRSA, crypto.SHA256, x509.SHA256WithRSA},
	{oidRSA, crypto.SHA384, x509.SHA384WithRSA},
	{oidRSA, crypto.SHA512, x509.SHA512WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, crypto.SHA256, x509.SHA256WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, crypto.SHA384, x509.SHA384WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, crypto.SHA512, x509.SHA512WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, crypto.SHA256, x509.ECDSAWithSHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, crypto.SHA384, x509.ECDSAWithSHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, crypto.SHA512, x509.ECDSAWithSHA512},
}

// readAlgorithm reads an AlgorithmIdentifier whose parameters are absent or NULL.
func readAlgorithm(in *cryptobyte.String, oid *asn1.ObjectIdentifier) bool {
	var alg, null cryptobyte.String
	var present bool
	return in.ReadASN1(&alg, cbasn1.SEQUENCE) && alg.ReadASN1ObjectIdentifier(oid) &&
		alg.ReadOptionalASN1(&null, &present, cbasn1.NULL) && null.Empty() && alg.Empty()
}

// digestOf returns the digest that an identifier names, 0 for any that is too weak
// for a signature or unknown.
func digestOf(oid asn1.ObjectIdentifier) crypto.Hash {
	switch {
	case oid.Equal(oidSHA256):
		return crypto.SHA256
	case oid.Equal(oidSHA384):
		return crypto.SHA384
	case oid.Equal(oidSHA512):
		return crypto.SHA512
	}
	return 0
}

func signatureOf(oid asn1.ObjectIdentifier, digest crypto.Hash) x509.SignatureAlgorithm {
	for _, s := range signatures {
		if s.digest == digest && s.oid.Equal(oid) {
			return s.alg
		}
	}
	return x509.UnknownSignatureAlgorithm
}

func sum(h crypto.Hash, data []byte) []byte {
	d := h.New()
	d.Write(data)
	return d.Sum(nil)
}
