package timestamp_test

import (
	"crypto"
	"crypto/rand"
	_ "crypto/sha1"
	_ "crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
)

// DER, written by hand: openssl makes no bad tokens.
func node(tag byte, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.Tag(tag), func(b *cryptobyte.Builder) {
		for _, p := range parts {
			b.AddBytes(p)
		}
	})
	return b.BytesOrPanic()
}

func seq(parts ...[]byte) []byte { return node(0x30, parts...) }
func set(parts ...[]byte) []byte { return node(0x31, parts...) }
func octets(b []byte) []byte     { return node(0x04, b) }
func number(n int64) []byte      { return marshal(big.NewInt(n)) }

func oid(arcs ...int) []byte { return marshal(asn1.ObjectIdentifier(arcs)) }

func marshal(v any) []byte {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return der
}

var (
	idSignedData  = oid(1, 2, 840, 113549, 1, 7, 2)
	idTSTInfo     = oid(1, 2, 840, 113549, 1, 9, 16, 1, 4)
	idData        = oid(1, 2, 840, 113549, 1, 7, 1)
	idContentType = oid(1, 2, 840, 113549, 1, 9, 3)
	idDigest      = oid(1, 2, 840, 113549, 1, 9, 4)
	idCert        = oid(1, 2, 840, 113549, 1, 9, 16, 2, 12)
	idCertV2      = oid(1, 2, 840, 113549, 1, 9, 16, 2, 47)
	sha256Alg     = seq(oid(2, 16, 840, 1, 101, 3, 4, 2, 1))
	sha1Alg       = seq(oid(1, 3, 14, 3, 2, 26))
	ecdsaSHA256   = seq(oid(1, 2, 840, 10045, 4, 3, 2))
	ecdsaSHA1     = seq(oid(1, 2, 840, 10045, 4, 1))
	null          = []byte{5, 0}
)

// A forgery is a token in parts. [forge] fills it in as an honest authority would.
type forgery struct {
	signer *timestamptest.Key
	hash   crypto.Hash // of the signature

	// TSTInfo
	infoVersion, policy, imprint, serial []byte
	time                                 string
	rest                                 [][]byte
	info                                 []byte // in place of all these

	// signed attributes
	attributes map[string][][]byte // values by type
	twice      []byte              // an attribute that is there a second time

	// SignedData
	version, digests, contentType []byte
	certs                         [][]byte
	lists                         []byte // after the certificates
	signerVersion, sid            []byte
	digestAlg, signatureAlg       []byte
	unsigned                      []byte
	signers                       func(signer []byte) [][]byte
	noAttributes                  bool
	breakSignature                bool
}

func bindingOf(k *timestamptest.Key, h crypto.Hash) []byte {
	d := h.New()
	d.Write(k.Certificate.Raw)
	return seq(seq(seq(octets(d.Sum(nil)))))
}

func sidOf(k *timestamptest.Key) []byte {
	return seq(k.Certificate.RawIssuer, marshal(k.Certificate.SerialNumber))
}

func forge(signer *timestamptest.Key, others ...*timestamptest.Key) *forgery {
	imprint := timestamp.Imprint(text)
	f := &forgery{
		signer: signer, hash: crypto.SHA256,
		infoVersion: number(1), policy: oid(1, 2, 3), imprint: seq(sha256Alg, octets(imprint[:])), serial: number(7),
		time:    time.Now().UTC().Format("20060102150405Z"),
		version: number(3), digests: set(sha256Alg), contentType: idTSTInfo,
		signerVersion: number(1), sid: sidOf(signer), digestAlg: sha256Alg, signatureAlg: ecdsaSHA256,
		attributes: map[string][][]byte{
			string(idContentType): {idTSTInfo},
			string(idCertV2):      {bindingOf(signer, crypto.SHA256)},
		},
		signers: func(s []byte) [][]byte { return [][]byte{s} },
	}
	for _, k := range append([]*timestamptest.Key{signer}, others...) {
		f.certs = append(f.certs, k.Certificate.Raw)
	}
	return f
}

func (f *forgery) attribute(id string, values [][]byte) []byte {
	return seq([]byte(id), set(values...))
}

// token signs the parts.
func (f *forgery) token(t *testing.T) []byte {
	t.Helper()
	info := f.info
	if info == nil {
		info = seq(append([][]byte{f.infoVersion, f.policy, f.imprint, f.serial, node(0x18, []byte(f.time))}, f.rest...)...)
	}
	if _, ok := f.attributes[string(idDigest)]; !ok {
		d := f.hash.New()
		d.Write(info)
		f.attributes[string(idDigest)] = [][]byte{octets(d.Sum(nil))}
	}
	var attributes [][]byte
	for _, id := range []string{string(idContentType), string(idDigest), string(idCert), string(idCertV2)} {
		if values := f.attributes[id]; values != nil {
			attributes = append(attributes, f.attribute(id, values))
		}
	}
	if f.twice != nil {
		attributes = append(attributes, f.attribute(string(f.twice), f.attributes[string(f.twice)]))
	}
	signed := set(attributes...)
	if f.noAttributes {
		signed = info
	}
	d := f.hash.New()
	d.Write(signed)
	signature, err := f.signer.Private.Sign(rand.Reader, d.Sum(nil), f.hash)
	if err != nil {
		t.Fatal(err)
	}
	if f.breakSignature {
		signature[len(signature)-1] ^= 1
	}
	var implicit []byte
	if !f.noAttributes {
		implicit = node(0xa0, attributes...)
	}
	signer := seq(f.signerVersion, f.sid, f.digestAlg, implicit, f.signatureAlg, octets(signature), f.unsigned)
	return seq(idSignedData, node(0xa0, seq(f.version, f.digests, seq(f.contentType, node(0xa0, octets(info))),
		node(0xa0, f.certs...), f.lists, set(f.signers(signer)...))))
}
