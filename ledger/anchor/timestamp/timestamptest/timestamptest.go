// Package timestamptest runs a time-stamping authority on loopback, for tests: its
// answers are those of `openssl ts`, so that nothing of ours vouches for itself.
package timestamptest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
)

// Options say what the authority is like. The zero value is a good one.
type Options struct {
	// Name is the authority's common name; "" is "Test TSA".
	Name string
	// RSA makes its key RSA of 2048 bits, instead of ECDSA on P-256.
	RSA bool
	// Intermediate puts a certificate between the root and the authority's.
	Intermediate bool
	// Settings are added to its configuration, as `openssl ts` reads it, and win.
	Settings map[string]string
	// Handler, if set, answers HTTP in place of the authority, which it may ask.
	Handler func(reply http.Handler) http.Handler
}

// An Authority is one that runs until the test ends.
type Authority struct {
	URL       string // where it answers
	Roots     []byte // its root certificate, in PEM
	RootsFile string // the same as a file
	Root, CA  *Key   // CA issued Signer; it is Root without Options.Intermediate
	Signer    *Key

	dir string
	mu  sync.Mutex // openssl counts serial numbers in a file
}

// A Key is a certificate and its private key.
type Key struct {
	Certificate *x509.Certificate
	Private     crypto.Signer
}

// Start makes certificates and serves.
func Start(t testing.TB, o Options) *Authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatalf("%v: install openssl", err)
	}
	if o.Name == "" {
		o.Name = "Test TSA"
	}
	a := &Authority{dir: t.TempDir()}
	a.Root = NewRoot(t, o.Name+" root")
	a.CA = a.Root
	if o.Intermediate {
		a.CA = a.Root.Issue(t, Authorities(o.Name+" CA"), NewKey(t, false))
	}
	a.Signer = a.CA.Issue(t, Timestamps(o.Name), NewKey(t, o.RSA))
	a.Roots, a.RootsFile = a.Root.PEM(), filepath.Join(a.dir, "roots.pem")
	a.write(t, o)

	var h http.Handler = http.HandlerFunc(a.serve)
	if o.Handler != nil {
		h = o.Handler(h)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// write writes the files that openssl reads.
func (a *Authority) write(t testing.TB, o Options) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(a.Signer.Private)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"serial": "serial", "signer_cert": "tsa.pem", "certs": "chain.pem", "signer_key": "tsa.key", "signer_digest": "sha256",
		"default_policy": "1.2.3.4.1", "digests": "sha1, sha256, sha384", "accuracy": "secs:1, millisecs:500, microsecs:100",
		"clock_precision_digits": "3", "ordering": "yes", "tsa_name": "yes", "ess_cert_id_chain": "no", "ess_cert_id_alg": "sha256",
	}
	for name, value := range o.Settings {
		settings[name] = value
	}
	config := "[tsa]\ndefault_tsa = ours\n[ours]\n"
	for name, value := range settings {
		config += name + " = " + value + "\n"
	}
	for name, text := range map[string][]byte{
		"serial": []byte("01\n"), "tsa.cnf": []byte(config), "roots.pem": a.Roots,
		"tsa.pem": a.Signer.PEM(), "chain.pem": a.CA.PEM(),
		"tsa.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Reply answers a TimeStampReq with a TimeStampResp.
func (a *Authority) Reply(request []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := os.WriteFile(filepath.Join(a.dir, "request.tsq"), request, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request.tsq", "-out", "reply.tsr")
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("openssl ts -reply: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(a.dir, "reply.tsr"))
}

// Token returns a token over the three lines of a checkpoint.
func (a *Authority) Token(t testing.TB, text string) []byte {
	t.Helper()
	reply, err := a.Reply(timestamp.Request{Text: text, Nonce: 1}.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	token, err := timestamp.CutToken(reply)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Pool returns the roots as [timestamp.Check] takes them.
func (a *Authority) Pool(t testing.TB) *x509.CertPool {
	t.Helper()
	pool, err := timestamp.ParseRoots(a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	request, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "a timestamp query is wanted", http.StatusBadRequest)
		return
	}
	reply, err := a.Reply(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.Write(reply)
}

// OpenSSLVerifies reports whether `openssl ts -verify` accepts the token, and what it
// says. Files are written as a person would have them.
func OpenSSLVerifies(t testing.TB, token []byte, text string, roots []byte) (bool, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string][]byte{"checkpoint.txt": []byte(text), "token.tst": token, "roots.pem": roots} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", strings.Fields("ts -verify -data checkpoint.txt -in token.tst -token_in -CAfile roots.pem")...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("Verification: OK")), string(out)
}

// NewKey makes a private key.
func NewKey(t testing.TB, isRSA bool) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	if isRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// NewRoot makes a certificate that is signed by itself.
func NewRoot(t testing.TB, name string) *Key {
	t.Helper()
	k := &Key{Private: NewKey(t, false)}
	k.Certificate = Authorities(name)
	return k.Issue(t, k.Certificate, k.Private)
}

// Authorities is what a certificate of an issuer says.
func Authorities(name string) *x509.Certificate {
	c := template(name)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return c
}

// Timestamps is what a certificate of a time-stamping authority says.
func Timestamps(name string) *x509.Certificate {
	c := template(name)
	c.KeyUsage, c.SubjectKeyId = x509.KeyUsageDigitalSignature, []byte(rand.Text())
	c.ExtraExtensions = []pkix.Extension{KeyUsageExtension(true, 8)}
	return c
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	return &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour),
		Subject: pkix.Name{Country: []string{"FR"}, Organization: []string{"Test"}, CommonName: name},
	}
}

// KeyUsageExtension is an extended key usage of id-kp followed by each purpose; 8 is
// that of timestamps.
func KeyUsageExtension(critical bool, purposes ...int) pkix.Extension {
	var oids []asn1.ObjectIdentifier
	for _, p := range purposes {
		oids = append(oids, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, p})
	}
	value, _ := asn1.Marshal(oids)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}
}

// Issue signs a certificate for a key.
func (k *Key) Issue(t testing.TB, c *x509.Certificate, private crypto.Signer) *Key {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, k.Certificate, private.Public(), k.Private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{Certificate: cert, Private: private}
}

// PEM returns the certificate.
func (k *Key) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw})
}
