package timestamp_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
	"greffe/ledger/chain"
)

var text = chain.FormatCheckpoint("greffe/main/93c08259", 3, chain.Hash{1, 2, 3})

// kinds are authorities that differ in what a token of theirs looks like.
var kinds = []struct {
	name string
	o    timestamptest.Options
}{
	{"ecdsa", timestamptest.Options{}},
	{"rsa", timestamptest.Options{RSA: true}},
	{"intermediate", timestamptest.Options{Intermediate: true}},
	{"sha-1 binding", timestamptest.Options{Settings: map[string]string{"ess_cert_id_alg": "sha1"}}},
	{"bound path", timestamptest.Options{Intermediate: true, Settings: map[string]string{"ess_cert_id_chain": "yes"}}},
	{"sha-512", timestamptest.Options{RSA: true, Settings: map[string]string{"signer_digest": "sha512", "ess_cert_id_alg": "sha512"}}},
	{"terse", timestamptest.Options{Settings: map[string]string{"tsa_name": "no", "ordering": "no", "clock_precision_digits": "0", "accuracy": "secs:0"}}},
}

// What openssl issues is accepted, and what is kept of it verifies with openssl.
func TestAuthorities(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			a := timestamptest.Start(t, k.o)
			req := timestamp.Request{Text: text, Nonce: 1 << 63}
			before := time.Now()
			response, err := a.Reply(req.Marshal())
			if err != nil {
				t.Fatal(err)
			}
			token, s, err := timestamp.Accept(response, req, a.Pool(t))
			if err != nil {
				t.Fatal(err)
			}
			if d := s.At.Sub(before); d < -2*time.Second || d > time.Minute || s.At.Location() != time.UTC {
				t.Errorf("stamped at %v, asked at %v", s.At, before)
			}
			if s.Authority != "Test TSA" || s.Policy != "1.2.3.4.1" || s.Serial != "2" && s.Serial != "1" {
				t.Errorf("got %+v", s)
			}
			if want := 1500100 * time.Microsecond; k.name != "terse" && s.Accuracy != want {
				t.Errorf("accuracy %v, want %v", s.Accuracy, want)
			}
			if ok, out := timestamptest.OpenSSLVerifies(t, token, text, a.Roots); !ok {
				t.Errorf("openssl does not accept the token that is kept:\n%s", out)
			}
			whole, err := timestamp.CutToken(response)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := timestamp.Check(whole, text, a.Pool(t)); err == nil && !bytes.Equal(whole, token) {
				t.Error("a token that Check accepts is changed by Accept")
			}
			at, authority, err := timestamp.Checker(a.Pool(t))(text, token)
			if err != nil || !at.Equal(s.At) || authority != s.Authority {
				t.Errorf("the checker says %v %q %v, Check says %+v", at, authority, err, s)
			}
		})
	}
}

// Each bit of a token counts. So do its end and what follows it.
func TestEveryBit(t *testing.T) {
	for _, k := range kinds[:6] {
		t.Run(k.name, func(t *testing.T) {
			a := timestamptest.Start(t, k.o)
			token, roots := a.Token(t, text), a.Pool(t)
			if _, err := timestamp.Check(token, text, roots); err != nil {
				t.Fatal(err)
			}
			for i := range token {
				for bit := range 8 {
					token[i] ^= 1 << bit
					if s, err := timestamp.Check(token, text, roots); err == nil {
						t.Errorf("bit %d of byte %d of %d can be flipped, and the token says %+v", bit, i, len(token), s)
					}
					token[i] ^= 1 << bit
				}
			}
			for i := range token {
				if _, err := timestamp.Check(token[:i], text, roots); !errors.Is(err, timestamp.ErrMalformed) {
					t.Errorf("cut to %d bytes: %v", i, err)
				}
			}
			if _, err := timestamp.Check(append(token, 0), text, roots); !errors.Is(err, timestamp.ErrMalformed) {
				t.Errorf("with a trailing byte: %v", err)
			}
			t.Logf("%d bits flipped", 8*len(token))
		})
	}
}

func TestOtherThings(t *testing.T) {
	a, b := timestamptest.Start(t, timestamptest.Options{}), timestamptest.Start(t, timestamptest.Options{})
	token := a.Token(t, text)
	other := chain.FormatCheckpoint("greffe/main/93c08259", 4, chain.Hash{1, 2, 3})
	if _, err := timestamp.Check(token, other, a.Pool(t)); err == nil || !strings.Contains(err.Error(), "another text") {
		t.Errorf("over another checkpoint: %v", err)
	}
	if ok, out := timestamptest.OpenSSLVerifies(t, token, other, a.Roots); ok {
		t.Errorf("openssl accepts it over another checkpoint:\n%s", out)
	}
	if _, err := timestamp.Check(token, text, b.Pool(t)); !errors.Is(err, timestamp.ErrUntrusted) {
		t.Errorf("under other roots of the same name: %v", err)
	}
	if _, err := timestamp.Check(token, text, nil); err == nil {
		t.Error("without roots it is accepted")
	}
	if _, err := timestamp.Check(make([]byte, timestamp.MaxToken+1), text, a.Pool(t)); !errors.Is(err, timestamp.ErrMalformed) {
		t.Errorf("too large: %v", err)
	}
	reply, err := a.Reply(timestamp.Request{Text: text, Nonce: 7}.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := timestamp.Accept(reply, timestamp.Request{Text: text, Nonce: 8}, a.Pool(t)); err == nil || !strings.Contains(err.Error(), "nonce") {
		t.Errorf("an answer to another request: %v", err)
	}
}

// A refusal says why, in one line.
func TestRefused(t *testing.T) {
	a := timestamptest.Start(t, timestamptest.Options{Settings: map[string]string{"digests": "sha512"}})
	reply, err := a.Reply(timestamp.Request{Text: text, Nonce: 7}.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	_, err = timestamp.CutToken(reply)
	if !errors.Is(err, timestamp.ErrRefused) || !strings.Contains(err.Error(), "does not know the algorithm") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestParseRoots(t *testing.T) {
	good := string(timestamptest.NewRoot(t, "R").PEM())
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"one", good, true},
		{"two, with words between", good + "second\n" + good, true},
		{"none", "no certificate", false},
		{"empty", "", false},
		{"second cut short", good + good[:len(good)/2], false},
		{"a key", strings.ReplaceAll(good, "CERTIFICATE", "PRIVATE KEY"), false},
		{"not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := timestamp.ParseRoots([]byte(tt.text)); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func ExampleRequest_Marshal() {
	fmt.Printf("%x\n", timestamp.Request{Text: "greffe/main/93c08259\n3\nIK/kZlWoSISpfNVOTvopFg7GG+Gy0gTAVjOan5yNM0M=\n", Nonce: 255}.Marshal())
	// Output: 303d0201013031300d060960864801650304020105000420baecb41d1fc8f981b68b2c421915e7438cf0ecf76eeb34aa57b8123d81d216b2020200ff0101ff
}
