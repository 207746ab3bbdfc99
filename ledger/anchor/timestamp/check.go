package timestamp

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// A Stamp is what a token says, once it is proved.
type Stamp struct {
	// At is when the text existed, by the authority's clock, in UTC.
	At time.Time
	// Accuracy is how far from At the authority says it may be; 0 if it does not say.
	Accuracy time.Duration
	// Authority is the name in the certificate, cut to what a terminal can show.
	Authority string
	// Policy is the object identifier of the policy it was issued under.
	Policy string
	// Serial is the number of the token at this authority, in hexadecimal.
	Serial string
}

// Check proves a token over text, the three lines of a checkpoint, against roots, or
// says what is wrong (FORMAT §4.3). The error is [ErrMalformed] for what is no token
// and [ErrUntrusted] if no path leads to the roots. It does not check revocation.
//
// Flip any bit of a token that it accepts, and it does not accept it any more.
func Check(der []byte, text string, roots *x509.CertPool) (Stamp, error) {
	t, chain, err := judge(der, text, roots)
	if err != nil {
		return Stamp{}, err
	}
	if t.loose != "" {
		return Stamp{}, malformed("it has " + t.loose + ", which no signature covers")
	}
	for i, c := range t.certs {
		if !slices.ContainsFunc(chain, c.Equal) || slices.ContainsFunc(t.certs[:i], c.Equal) {
			return Stamp{}, fmt.Errorf("%w: its certificate %d is twice in it or not on the path to the roots brought: bring the root that it leads to", ErrUntrusted, i+1)
		}
	}
	return t.stamp(), nil
}

// Accept takes the token out of the answer to a request and proves it. The token
// that it returns is what [Check] accepts: certificates off the path to the roots, and
// other parts that no signature covers, were taken out.
func Accept(response []byte, req Request, roots *x509.CertPool) ([]byte, Stamp, error) {
	der, err := CutToken(response)
	if err != nil {
		return nil, Stamp{}, err
	}
	t, chain, err := judge(der, req.Text, roots)
	if err != nil {
		return nil, Stamp{}, err
	}
	if t.info.nonce == nil || t.info.nonce.Cmp(new(big.Int).SetUint64(req.Nonce)) != 0 {
		return nil, Stamp{}, errors.New("the token answers another request: its nonce is not the one sent")
	}
	kept, err := t.reduce(chain)
	if err != nil {
		return nil, Stamp{}, err
	}
	s, err := Check(kept, req.Text, roots)
	return kept, s, err
}

// Checker returns [Check] in the form in which a verifier asks, which knows nothing
// of certificates.
func Checker(roots *x509.CertPool) func(text string, token []byte) (at time.Time, authority string, err error) {
	return func(text string, token []byte) (time.Time, string, error) {
		s, err := Check(token, text, roots)
		return s.At, s.Authority, err
	}
}

// ParseRoots reads the certificates that tokens must lead to, in PEM. Whoever checks
// brings them: a certificate in a token proves nothing by itself.
func ParseRoots(text []byte) (*x509.CertPool, error) {
	roots, n := x509.NewCertPool(), 0
	for rest := text; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("roots: block %d is a %s, only certificates are wanted", n+1, printable(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("roots: certificate %d: %w", n+1, err)
		}
		roots.AddCert(c)
	}
	if begun := bytes.Count(text, []byte("-----BEGIN ")); n == 0 || begun != n {
		return nil, fmt.Errorf("roots: %d certificates in PEM can be read, %d begin", n, begun)
	}
	return roots, nil
}

// judge checks everything but that nothing else is in the token. The path comes last,
// so that ErrUntrusted means that all the rest holds.
func judge(der []byte, text string, roots *x509.CertPool) (*token, []*x509.Certificate, error) {
	if roots == nil {
		return nil, nil, errors.New("no roots were brought, and without them anybody can be the authority")
	}
	t, err := parse(der)
	if err != nil {
		return nil, nil, err
	}
	if imprint := Imprint(text); !bytes.Equal(t.info.imprint, imprint[:]) {
		return nil, nil, errors.New("the token is over another text than this checkpoint")
	}
	if err := t.checkSignature(); err != nil {
		return nil, nil, err
	}
	if err := t.checkCertificate(); err != nil {
		return nil, nil, err
	}
	chain, err := t.path(roots)
	return t, chain, err
}

// checkSignature checks the signature over the attributes, and the attributes over
// content and certificate.
func (t *token) checkSignature() error {
	if !t.contentType.Equal(oidTSTInfo) {
		return errors.New("its signature is over another type of content")
	}
	if !bytes.Equal(t.contentSum, sum(t.digest, t.content)) {
		return errors.New("its signature is over other content")
	}
	for _, list := range t.bindings {
		if !list[0].binds(t.signer) {
			return errors.New("its signature is bound to another certificate")
		}
	}
	if err := t.signer.CheckSignature(t.algorithm, t.signed, t.signature); err != nil {
		return fmt.Errorf("its signature is not by the certificate's key: %w", err)
	}
	return nil
}

// checkCertificate checks what RFC 3161 §2.3 asks of the authority's certificate: it
// is for timestamps and for nothing else, and says so critically.
func (t *token) checkCertificate() error {
	c := t.signer
	critical := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidExtKeyUsage) && e.Critical })
	switch {
	case !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(c.UnknownExtKeyUsage) > 0:
		return errors.New("its certificate is not for timestamps, or not only for them (extended key usage)")
	case !critical:
		return errors.New("its certificate's extended key usage is not critical")
	case c.KeyUsage&^(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0:
		return errors.New("its certificate is for other uses than signatures (key usage)")
	case t.info.at.Before(c.NotBefore) || t.info.at.After(c.NotAfter):
		return fmt.Errorf("its certificate was valid from %s to %s, and it says %s",
			c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339), t.info.at.Format(time.RFC3339))
	case t.info.tsa != nil && !bytes.Equal(t.info.tsa, c.RawSubject):
		return errors.New("it names another authority than its certificate")
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		return fmt.Errorf("its key is RSA of %d bits, too weak", key.N.BitLen())
	}
	return nil
}

// path returns the certificates from the signer to one of the roots, at the instant
// in the token. Of several, it returns one with most of the token's own certificates.
func (t *token) path(roots *x509.CertPool) ([]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range t.certs {
		between.AddCert(c)
	}
	chains, err := t.signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: t.info.at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	var best []*x509.Certificate
	most := 0
	for _, chain := range chains {
		n := 0
		for _, c := range t.certs {
			if slices.ContainsFunc(chain, c.Equal) {
				n++
			}
		}
		if n > most && t.bound(chain) {
			best, most = chain, n
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: the path to them is not the one that it is bound to", ErrUntrusted)
	}
	return best, nil
}

// bound reports whether the certificates that the signature names beside the
// signer's are on the path (RFC 5035 §5).
func (t *token) bound(chain []*x509.Certificate) bool {
	for _, list := range t.bindings {
		for i := range list {
			if !slices.ContainsFunc(chain, list[i].binds) {
				return false
			}
		}
	}
	return true
}

func (t *token) stamp() Stamp {
	name := t.signer.Subject.CommonName
	if name == "" {
		name = t.signer.Subject.String()
	}
	return Stamp{At: t.info.at, Accuracy: t.info.accuracy, Authority: printable(name), Policy: t.info.policy, Serial: t.info.serial.Text(16)}
}

// reduce writes the token again without what no signature covers. Of a token that has
// no such parts, the same bytes come out.
func (t *token) reduce(chain []*x509.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	p := &t.parts
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(context0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(p.digest) })
				b.AddBytes(p.content)
				b.AddASN1(context0, func(b *cryptobyte.Builder) {
					for i, c := range t.certs {
						if slices.ContainsFunc(chain, c.Equal) && !slices.ContainsFunc(t.certs[:i], c.Equal) {
							b.AddBytes(c.Raw)
						}
					}
				})
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, part := range [][]byte{p.version, p.sid, p.digest, p.signed, p.algorithm, p.signature} {
							b.AddBytes(part)
						}
					})
				})
			})
		})
	})
	return b.Bytes()
}

// printable returns a text from outside as a log or a terminal can show it.
func printable(text string) string {
	out := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(out); len(runes) > 80 {
		out = string(runes[:80]) + "…"
	}
	return out
}
