package timestamp_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
)

// What an honest authority would write in a form that openssl does not is accepted.
func TestAcceptedForms(t *testing.T) {
	root := timestamptest.NewRoot(t, "R")
	roots := pool(root)
	signer := root.Issue(t, timestamptest.Timestamps("T"), timestamptest.NewKey(t, false))
	issuer := seq(seq(node(0xa4, signer.Certificate.RawIssuer)), marshal(signer.Certificate.SerialNumber))
	tests := []struct {
		name string
		edit func(f *forgery)
	}{
		{"plain", func(*forgery) {}},
		{"with its root", func(f *forgery) { f.certs = append(f.certs, root.Certificate.Raw) }},
		{"a fraction of a second", func(f *forgery) { f.time = strings.TrimSuffix(f.time, "Z") + ".123Z" }},
		{"accuracy in part", func(f *forgery) { f.rest = [][]byte{seq(node(0x80, []byte{3, 0xe7}))} }},
		{"a qualified timestamp", func(f *forgery) {
			f.rest = [][]byte{node(0xa1, seq(oid(1, 3, 6, 1, 5, 5, 7, 1, 3), octets(seq(seq(oid(0, 4, 0, 19422, 1, 1))))))}
		}},
		{"a policy of large arcs", func(f *forgery) {
			f.policy = node(6, append([]byte{0x69}, append(bytes.Repeat([]byte{0xff}, 17), 1)...))
		}},
		{"named by its key", func(f *forgery) {
			f.signerVersion, f.sid = number(3), node(0x80, signer.Certificate.SubjectKeyId)
		}},
		{"bound with issuer and serial number", func(f *forgery) {
			sum := crypto.SHA256.New()
			sum.Write(signer.Certificate.Raw)
			f.attributes[string(idCertV2)] = [][]byte{seq(seq(seq(octets(sum.Sum(nil)), issuer)))}
		}},
		{"bound by SHA-1 alone", func(f *forgery) {
			delete(f.attributes, string(idCertV2))
			f.attributes[string(idCert)] = [][]byte{bindingOf(signer, crypto.SHA1)}
		}},
		{"bound twice", func(f *forgery) { f.attributes[string(idCert)] = [][]byte{bindingOf(signer, crypto.SHA1)} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := forge(signer)
			tt.edit(f)
			if _, err := timestamp.Check(f.token(t), text, roots); err != nil {
				t.Error(err)
			}
		})
	}
}

func pool(roots ...*timestamptest.Key) *x509.CertPool {
	p := x509.NewCertPool()
	for _, r := range roots {
		p.AddCert(r.Certificate)
	}
	return p
}

// Each forgery is a sound token but for one thing, and that thing is found.
func TestForgeries(t *testing.T) {
	root, foreign := timestamptest.NewRoot(t, "R"), timestamptest.NewRoot(t, "R")
	roots := pool(root)
	key := timestamptest.NewKey(t, false)
	issue := func(edit func(c *x509.Certificate)) *timestamptest.Key {
		c := timestamptest.Timestamps("T")
		edit(c)
		return root.Issue(t, c, key)
	}
	signer := issue(func(*x509.Certificate) {})
	other := issue(func(*x509.Certificate) {}) // another certificate of the same key
	usage := func(critical bool, purposes ...int) *timestamptest.Key {
		return issue(func(c *x509.Certificate) {
			c.ExtraExtensions[0] = timestamptest.KeyUsageExtension(critical, purposes...)
		})
	}
	was := func(from, to time.Duration) func(c *x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	website := timestamptest.Authorities("W")
	website.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	between := root.Issue(t, website, timestamptest.NewKey(t, false))
	expired := timestamptest.Authorities("X")
	was(-48*time.Hour, -24*time.Hour)(expired)
	late := root.Issue(t, expired, timestamptest.NewKey(t, false))
	noCA := root.Issue(t, timestamptest.Timestamps("N"), timestamptest.NewKey(t, false))
	under := func(ca *timestamptest.Key) *forgery {
		return forge(ca.Issue(t, timestamptest.Timestamps("T"), timestamptest.NewKey(t, false)), ca)
	}
	as := func(k *timestamptest.Key) *forgery { return forge(k) }
	edit := func(change func(f *forgery)) *forgery {
		f := forge(signer)
		change(f)
		return f
	}
	imprint := timestamp.Imprint(text)
	sha1Sum := crypto.SHA1.New()
	sha1Sum.Write([]byte(text))

	tests := []struct {
		name string
		f    *forgery
		want string
	}{
		// the certificate
		{"a certificate for web servers", as(usage(true, 1)), "not for timestamps"},
		{"for timestamps and code", as(usage(true, 8, 3)), "not only"},
		{"for timestamps and an unknown use", as(usage(true, 8, 99)), "not only"},
		{"for timestamps twice", as(usage(true, 8, 8)), "not only"},
		{"usage not critical", as(usage(false, 8)), "not critical"},
		{"no usage", as(issue(func(c *x509.Certificate) { c.ExtraExtensions = nil })), "not for timestamps"},
		{"for encryption", as(issue(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), "other uses"},
		{"for certificates", as(issue(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign })), "other uses"},
		{"expired", as(issue(was(-48*time.Hour, -24*time.Hour))), "valid from"},
		{"not yet valid", as(issue(was(time.Hour, 2*time.Hour))), "valid from"},
		{"a short RSA key", rsaForgery(root.Issue(t, timestamptest.Timestamps("T"), weak)), "too weak"},
		{"an unknown critical extension", as(issue(func(c *x509.Certificate) {
			e := timestamptest.KeyUsageExtension(true, 8)
			e.Id = []int{1, 2, 3, 4}
			c.ExtraExtensions = append(c.ExtraExtensions, e)
		})), "unhandled critical"},
		// the path
		{"another root of the same name", as(foreign.Issue(t, timestamptest.Timestamps("T"), key)), "not issued under"},
		{"another root that it brings", forge(foreign.Issue(t, timestamptest.Timestamps("T"), key), foreign), "not issued under"},
		{"signed by itself", as((&timestamptest.Key{Certificate: timestamptest.Timestamps("T"), Private: key}).Issue(t, timestamptest.Timestamps("T"), key)), "not issued under"},
		{"an issuer for web servers only", under(between), "not issued under"},
		{"an issuer that had expired", under(late), "not issued under"},
		{"an issuer that may not issue", under(noCA), "not issued under"},
		{"an issuer that is not in it", edit(func(f *forgery) {
			*f = *under(root.Issue(t, timestamptest.Authorities("B"), key))
			f.certs = f.certs[:1]
		}), "not issued under"},
		// what is timestamped
		{"another text", edit(func(f *forgery) { f.imprint = seq(sha256Alg, octets(make([]byte, 32))) }), "another text"},
		{"an imprint of SHA-1", edit(func(f *forgery) { f.imprint = seq(sha1Alg, octets(sha1Sum.Sum(nil))) }), "not of SHA-256"},
		{"an imprint said to be of SHA-1", edit(func(f *forgery) { f.imprint = seq(sha1Alg, octets(imprint[:])) }), "not of SHA-256"},
		{"an imprint said to be of MD5", edit(func(f *forgery) { f.imprint = seq(seq(oid(1, 2, 840, 113549, 2, 5), null), octets(imprint[:16])) }), "not of SHA-256"},
		{"an imprint cut short", edit(func(f *forgery) { f.imprint = seq(sha256Alg, octets(imprint[:31])) }), "not of SHA-256"},
		{"an imprint with more behind", edit(func(f *forgery) { f.imprint = seq(sha256Alg, octets(imprint[:]), null) }), "imprint cannot be read"},
		{"TSTInfo of version 2", edit(func(f *forgery) { f.infoVersion = number(2) }), "version 1"},
		{"a negative serial number", edit(func(f *forgery) { f.serial = number(-1) }), "serial"},
		{"an extension that is critical", edit(func(f *forgery) {
			f.rest = [][]byte{node(0xa1, seq(oid(1, 2, 3), []byte{1, 1, 0xff}, octets(nil)))}
		}), "critical extension"},
		{"another name", edit(func(f *forgery) { f.rest = [][]byte{node(0xa0, node(0xa4, root.Certificate.RawSubject))} }), "another authority"},
		{"more behind", edit(func(f *forgery) { f.rest = [][]byte{node(0xa2)} }), "holds what none may hold"},
		{"trailing bytes in the content", edit(func(f *forgery) {
			f.info = append(seq(f.infoVersion, f.policy, f.imprint, f.serial, node(0x18, []byte(f.time))), 0)
		}), "no TSTInfo"},
		{"accuracy of 1000 ms", edit(func(f *forgery) { f.rest = [][]byte{seq(node(0x80, []byte{3, 0xe8}))} }), "accuracy"},
		// the time
		{"the year 1", edit(func(f *forgery) { f.time = "00010101000000Z" }), "its time"},
		{"before the certificate", edit(func(f *forgery) { f.time = "20010101000000Z" }), "valid from"},
		{"after the certificate", edit(func(f *forgery) { f.time = "22010101000000Z" }), "valid from"},
		{"local time", edit(func(f *forgery) { f.time = strings.TrimSuffix(f.time, "Z") + "+0100" }), "its time"},
		{"no zone", edit(func(f *forgery) { f.time = strings.TrimSuffix(f.time, "Z") }), "its time"},
		{"a trailing zero", edit(func(f *forgery) { f.time = strings.TrimSuffix(f.time, "Z") + ".10Z" }), "its time"},
		{"a comma", edit(func(f *forgery) { f.time = strings.TrimSuffix(f.time, "Z") + ",1Z" }), "its time"},
		{"a leap second", edit(func(f *forgery) { f.time = f.time[:12] + "60Z" }), "its time"},
		{"February 30", edit(func(f *forgery) { f.time = "20260230000000Z" }), "its time"},
		// the signature
		{"a broken signature", edit(func(f *forgery) { f.breakSignature = true }), "not by the certificate's key"},
		{"another key", edit(func(f *forgery) {
			f.signer = &timestamptest.Key{Certificate: signer.Certificate, Private: timestamptest.NewKey(t, false)}
		}), "not by the certificate's key"},
		{"no signed attributes", edit(func(f *forgery) { f.noAttributes = true }), "signed attributes are required"},
		{"signed over SHA-1", edit(func(f *forgery) {
			f.hash, f.digests, f.digestAlg, f.signatureAlg = crypto.SHA1, set(sha1Alg), sha1Alg, ecdsaSHA1
		}), "too weak"},
		{"SHA-256 said, SHA-1 done", edit(func(f *forgery) { f.signatureAlg = ecdsaSHA1 }), "too weak"},
		{"no content type", edit(func(f *forgery) { delete(f.attributes, string(idContentType)) }), "no content type"},
		{"another content type signed", edit(func(f *forgery) { f.attributes[string(idContentType)] = [][]byte{idData} }), "another type of content"},
		{"another content type in it", edit(func(f *forgery) { f.contentType = idData }), "not a TSTInfo"},
		{"the digest of other content", edit(func(f *forgery) { f.attributes[string(idDigest)] = [][]byte{octets(imprint[:])} }), "other content"},
		{"two digests", edit(func(f *forgery) {
			f.attributes[string(idDigest)] = [][]byte{octets(imprint[:]), octets(imprint[:])}
		}), "several values"},
		{"the content type twice", edit(func(f *forgery) { f.twice = idContentType }), "twice"},
		{"an attribute without value", edit(func(f *forgery) { f.attributes[string(idContentType)] = [][]byte{} }), "no value"},
		// what it is bound to
		{"bound to nothing", edit(func(f *forgery) { delete(f.attributes, string(idCertV2)) }), "which certificate"},
		{"bound to an empty list", edit(func(f *forgery) { f.attributes[string(idCertV2)] = [][]byte{seq(seq())} }), "cannot be read"},
		{"another certificate of the same key", edit(func(f *forgery) {
			f.certs, f.sid = [][]byte{other.Certificate.Raw}, sidOf(other)
		}), "bound to another certificate"},
		{"bound by SHA-1 to another, by SHA-256 to this", edit(func(f *forgery) { f.attributes[string(idCert)] = [][]byte{bindingOf(other, crypto.SHA1)} }), "bound to another certificate"},
		{"bound by SHA-1 under the name of the newer", edit(func(f *forgery) {
			sum := crypto.SHA1.New()
			sum.Write(signer.Certificate.Raw)
			f.attributes[string(idCertV2)] = [][]byte{seq(seq(seq(sha1Alg, octets(sum.Sum(nil)))))}
		}), "cannot be read"},
		{"bound to another issuer", edit(func(f *forgery) {
			sum := crypto.SHA256.New()
			sum.Write(signer.Certificate.Raw)
			f.attributes[string(idCertV2)] = [][]byte{seq(seq(seq(octets(sum.Sum(nil)), seq(seq(node(0xa4, signer.Certificate.RawSubject)), number(1)))))}
		}), "bound to another certificate"},
		{"bound to a path that is not taken", edit(func(f *forgery) {
			one, two := bindingOf(signer, crypto.SHA256), bindingOf(foreign, crypto.SHA256)
			f.attributes[string(idCertV2)] = [][]byte{seq(seq(one[4:], two[4:]))}
		}), "not the one that it is bound to"},
		// what is around it
		{"no certificate", edit(func(f *forgery) { f.certs = nil }), "certificate is not in it"},
		{"the certificate twice", edit(func(f *forgery) { f.certs = append(f.certs, f.certs[0]) }), "two of its certificates"},
		{"a certificate too many", edit(func(f *forgery) { f.certs = append(f.certs, other.Certificate.Raw) }), "not on the path"},
		{"17 certificates", edit(func(f *forgery) {
			for len(f.certs) < 17 {
				f.certs = append(f.certs, other.Certificate.Raw)
			}
		}), "more than 16"},
		{"garbage for a certificate", edit(func(f *forgery) { f.certs = append(f.certs, seq(number(1))) }), "certificate 2"},
		{"two signers", edit(func(f *forgery) { f.signers = func(s []byte) [][]byte { return [][]byte{s, s} } }), "exactly one signer"},
		{"no signer", edit(func(f *forgery) { f.signers = func([]byte) [][]byte { return nil } }), "exactly one signer"},
		{"the name of another signer", edit(func(f *forgery) { f.sid = sidOf(root) }), "certificate is not in it"},
		{"SignedData of version 1", edit(func(f *forgery) { f.version = number(1) }), "version 3"},
		{"a signer of version 3 with a name", edit(func(f *forgery) { f.signerVersion = number(3) }), "no known form"},
		{"an empty key identifier", edit(func(f *forgery) { f.signerVersion, f.sid = number(3), node(0x80) }), "certificate is not in it"},
		{"another digest algorithm", edit(func(f *forgery) { f.digests = set(sha1Alg) }), "no signature covers"},
		{"two digest algorithms", edit(func(f *forgery) { f.digests = set(sha1Alg, sha256Alg) }), "no signature covers"},
		{"revocation lists", edit(func(f *forgery) { f.lists = node(0xa1, seq()) }), "no signature covers"},
		{"unsigned attributes", edit(func(f *forgery) { f.unsigned = node(0xa1, seq(idData, set(null))) }), "no signature covers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := tt.f.token(t)
			s, err := timestamp.Check(token, text, roots)
			if err == nil {
				t.Fatalf("accepted: %+v", s)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
			if untrusted := strings.Contains(err.Error(), "not issued under"); untrusted != errors.Is(err, timestamp.ErrUntrusted) {
				t.Errorf("untrusted %v: %v", !untrusted, err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// rsaForgery is signed with RSA.
func rsaForgery(k *timestamptest.Key) *forgery {
	f := forge(k)
	f.signatureAlg = seq(oid(1, 2, 840, 113549, 1, 1, 1), null)
	return f
}

// Parts that no signature covers are taken out of what is kept.
func TestAcceptReduces(t *testing.T) {
	root := timestamptest.NewRoot(t, "R")
	signer := root.Issue(t, timestamptest.Timestamps("T"), timestamptest.NewKey(t, false))
	req := timestamp.Request{Text: text, Nonce: 5}
	clean := forge(signer, root)
	clean.rest = [][]byte{number(5)}
	dirty := *clean
	dirty.certs = append([][]byte{timestamptest.NewRoot(t, "other").Certificate.Raw}, clean.certs...)
	dirty.digests, dirty.lists, dirty.unsigned = set(sha1Alg, sha256Alg), node(0xa1, seq()), node(0xa1, seq(idData, set(null)))
	for name, f := range map[string]*forgery{"clean": clean, "dirty": &dirty} {
		token := f.token(t)
		kept, s, err := timestamp.Accept(seq(seq(number(0)), token), req, pool(root))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := timestamp.Check(kept, text, pool(root)); err != nil || got != s {
			t.Errorf("%s: what is kept says %+v %v, Accept says %+v", name, got, err, s)
		}
		if changed := !bytes.Equal(kept, token); changed != (name == "dirty") {
			t.Errorf("%s: changed %v", name, changed)
		}
		if ok, out := timestamptest.OpenSSLVerifies(t, kept, text, root.PEM()); !ok {
			t.Errorf("%s: openssl does not accept what is kept:\n%s", name, out)
		}
	}
}

// Only a response that grants, and holds nothing else, has a token.
func TestCutToken(t *testing.T) {
	token := seq(idSignedData)
	tests := []struct {
		name     string
		response []byte
		want     error
	}{
		{"granted", seq(seq(number(0)), token), nil},
		{"with changes", seq(seq(number(1)), token), timestamp.ErrRefused},
		{"rejected", seq(seq(number(2), seq(node(0x0c, []byte("no\nluck"))), node(3, []byte{5, 0x20}))), timestamp.ErrRefused},
		{"negative", seq(seq(number(-1)), token), timestamp.ErrMalformed},
		{"no token", seq(seq(number(0))), timestamp.ErrMalformed},
		{"trailing", append(seq(seq(number(0)), token), 0), timestamp.ErrMalformed},
		{"trailing within", seq(seq(number(0)), token, null), timestamp.ErrMalformed},
		{"empty", nil, timestamp.ErrMalformed},
		{"too large", seq(seq(number(0)), octets(make([]byte, timestamp.MaxResponse))), timestamp.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := timestamp.CutToken(tt.response)
			if !errors.Is(err, tt.want) || err == nil && !bytes.Equal(got, token) {
				t.Errorf("got %x %v, want %v", got, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}
