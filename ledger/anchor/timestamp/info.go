package timestamp

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// An info is the TSTInfo: what the authority signs (RFC 3161 §2.4.2).
type info struct {
	policy   string
	imprint  []byte // of SHA-256
	serial   *big.Int
	at       time.Time
	accuracy time.Duration
	nonce    *big.Int // nil if there is none
	tsa      []byte   // the Name that the authority gives itself, nil if in another form
}

// The instants that are read: the chain is judged at them, and an instant of zero
// would mean today to package x509.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) // nanoseconds fit in 63 bits
)

func readInfo(der []byte) (info, error) {
	var f info
	in := cryptobyte.String(der)
	var body, imprint, digest cryptobyte.String
	var version uint64
	var alg asn1.ObjectIdentifier
	f.serial = new(big.Int)
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 {
		return f, malformed("its content is no TSTInfo of version 1")
	}
	if !f.readPolicy(&body) || !body.ReadASN1(&imprint, cbasn1.SEQUENCE) {
		return f, malformed("it has no policy or no imprint")
	}
	if !readAlgorithm(&imprint, &alg) || !imprint.ReadASN1(&digest, cbasn1.OCTET_STRING) || !imprint.Empty() {
		return f, malformed("its imprint cannot be read")
	}
	if !alg.Equal(oidSHA256) || len(digest) != 32 {
		return f, fmt.Errorf("its imprint is not of SHA-256 (%v, %d bytes)", alg, len(digest))
	}
	f.imprint = digest
	if !body.ReadASN1Integer(f.serial) || f.serial.Sign() < 0 || f.serial.BitLen() > 256 {
		return f, malformed("its serial number is not a number of at most 256 bits")
	}
	if !f.readTime(&body) {
		return f, malformed("its time is not a GeneralizedTime in UTC from 2000 to 2261")
	}
	return f, f.readRest(body)
}

func (f *info) readPolicy(in *cryptobyte.String) bool {
	var der cryptobyte.String
	var oid x509.OID
	if !in.ReadASN1(&der, cbasn1.OBJECT_IDENTIFIER) || len(der) > 64 || oid.UnmarshalBinary(der) != nil {
		return false
	}
	f.policy = oid.String()
	return true
}

// readTime accepts one form for each instant: seconds, a fraction without trailing
// zeros, Z.
func (f *info) readTime(in *cryptobyte.String) bool {
	const layout = "20060102150405.999999999Z"
	var text cryptobyte.String
	if !in.ReadASN1(&text, cbasn1.GeneralizedTime) {
		return false
	}
	at, err := time.Parse(layout, string(text))
	f.at = at
	return err == nil && at.Format(layout) == string(text) && !at.Before(earliest) && at.Before(latest)
}

// readRest reads what may be absent.
func (f *info) readRest(in cryptobyte.String) error {
	var acc, tsa, extensions cryptobyte.String
	var isAccuracy, isTSA, isExtensions, ordering bool
	if !in.ReadOptionalASN1(&acc, &isAccuracy, cbasn1.SEQUENCE) || !f.readAccuracy(acc) {
		return malformed("its accuracy cannot be read")
	}
	if in.PeekASN1Tag(cbasn1.BOOLEAN) && (!in.ReadASN1Boolean(&ordering) || !ordering) {
		return malformed("it gives a default value")
	}
	if in.PeekASN1Tag(cbasn1.INTEGER) {
		f.nonce = new(big.Int)
		if !in.ReadASN1Integer(f.nonce) {
			return malformed("its nonce cannot be read")
		}
	}
	if !in.ReadOptionalASN1(&tsa, &isTSA, context0) || !in.ReadOptionalASN1(&extensions, &isExtensions, context1) || !in.Empty() {
		return malformed("its TSTInfo holds what none may hold")
	}
	f.tsa = directoryName(tsa)
	return checkExtensions(extensions)
}

// readAccuracy reads seconds, milliseconds and microseconds, each of which may be absent.
func (f *info) readAccuracy(in cryptobyte.String) bool {
	var seconds uint32
	if in.PeekASN1Tag(cbasn1.INTEGER) && (!in.ReadASN1Integer(&seconds) || seconds > 1<<30) {
		return false
	}
	millis, ok1 := readSmall(&in, cbasn1.Tag(0).ContextSpecific())
	micros, ok2 := readSmall(&in, cbasn1.Tag(1).ContextSpecific())
	f.accuracy = time.Duration(seconds)*time.Second + time.Duration(millis)*time.Millisecond + time.Duration(micros)*time.Microsecond
	return ok1 && ok2 && in.Empty()
}

// readSmall reads an INTEGER below 1000 under another tag.
func readSmall(in *cryptobyte.String, tag cbasn1.Tag) (n int, ok bool) {
	var v cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&v, &present, tag) || !present {
		return 0, !present
	}
	switch {
	case len(v) == 1 && v[0] < 0x80:
		n = int(v[0])
	case len(v) == 2 && v[0] < 0x80 && (v[0] != 0 || v[1] >= 0x80):
		n = int(v[0])<<8 | int(v[1])
	default:
		return 0, false
	}
	return n, n < 1000
}

// checkExtensions rejects a critical one, since none is known here. The statement of
// a qualified timestamp (ETSI EN 319 422) is not critical.
func checkExtensions(in cryptobyte.String) error {
	for !in.Empty() {
		var ext, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !in.ReadASN1(&ext, cbasn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&oid) ||
			ext.PeekASN1Tag(cbasn1.BOOLEAN) && !ext.ReadASN1Boolean(&critical) ||
			!ext.ReadASN1(&value, cbasn1.OCTET_STRING) || !ext.Empty() {
			return malformed("an extension cannot be read")
		}
		if critical {
			return fmt.Errorf("it has the critical extension %v, which is not known here", oid)
		}
	}
	return nil
}

// directoryName returns the Name in a GeneralName, nil if it is in another form.
func directoryName(general cryptobyte.String) []byte {
	var name cryptobyte.String
	if !general.ReadASN1(&name, cbasn1.Tag(4).ContextSpecific().Constructed()) || !general.Empty() {
		return nil
	}
	return bytes.Clone(name)
}
