package timestamp

import (
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxToken bounds a token, in bytes. Those of known authorities have from 1 to 20 KiB.
	MaxToken = 64 << 10
	// MaxResponse bounds what a server answers: a token and its status.
	MaxResponse = MaxToken + 4<<10
)

// ErrRefused means that the authority answered, and gave no timestamp.
var ErrRefused = errors.New("the authority gave no timestamp")

// A Request asks for a timestamp over Text, the three lines of a checkpoint.
type Request struct {
	Text string
	// Nonce is random, and comes back in the token: an answer cannot be an old one.
	Nonce uint64
}

// Imprint returns what is timestamped: SHA-256 over the text.
func Imprint(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// Marshal returns the TimeStampReq in DER (RFC 3161 §2.4.1). It asks for the
// authority's certificate, without which a token cannot be checked offline.
func (r Request) Marshal() []byte {
	imprint := Imprint(r.Text)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSHA256)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(imprint[:])
		})
		b.AddASN1BigInt(new(big.Int).SetUint64(r.Nonce))
		b.AddASN1Boolean(true)
	})
	return b.BytesOrPanic() // nothing in it can be too long
}

// failures are the names of PKIFailureInfo (RFC 3161 §2.4.2).
var failures = map[int]string{
	0: "it does not know the algorithm", 2: "it does not permit this", 5: "it cannot read the request",
	14: "its clock is not available", 15: "it does not know the policy", 16: "it does not know an extension",
	17: "it cannot give what was asked for", 25: "it has failed",
}

// CutToken takes the token out of a TimeStampResp. It fails with [ErrRefused] if none
// was granted, and looks at nothing inside of the token.
func CutToken(response []byte) ([]byte, error) {
	if len(response) > MaxResponse {
		return nil, fmt.Errorf("%w: the response has more than %d bytes", ErrMalformed, MaxResponse)
	}
	in := cryptobyte.String(response)
	var body, status, rest cryptobyte.String
	var code uint64
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&status, cbasn1.SEQUENCE) || !status.ReadASN1Integer(&code) {
		return nil, fmt.Errorf("%w: the response is no TimeStampResp in DER", ErrMalformed)
	}
	if code != 0 {
		return nil, fmt.Errorf("%w: status %d%s", ErrRefused, code, reasons(status))
	}
	token := body
	if !body.ReadASN1(&rest, cbasn1.SEQUENCE) || !body.Empty() {
		return nil, fmt.Errorf("%w: the response holds no token", ErrMalformed)
	}
	return token, nil
}

// reasons returns what a refusal says, in words that a log can hold.
func reasons(status cryptobyte.String) string {
	var texts, text cryptobyte.String
	var present bool
	out := ""
	if status.ReadOptionalASN1(&texts, &present, cbasn1.SEQUENCE) && present && texts.ReadASN1(&text, cbasn1.UTF8String) {
		out = ", " + printable(string(text))
	}
	var bits asn1.BitString
	if status.ReadASN1BitString(&bits) {
		for bit := range bits.BitLength {
			if name := failures[bit]; name != "" && bits.At(bit) == 1 {
				out += ", " + name
			}
		}
	}
	return out
}
