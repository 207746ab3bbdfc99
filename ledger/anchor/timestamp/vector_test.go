package timestamp_test

import (
	"bytes"
	"crypto/x509"
	"flag"
	"os"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
)

var update = flag.Bool("update", false, "have the example timestamped anew")

const (
	example      = "greffe/main/93c08259\n3\nIK/kZlWoSISpfNVOTvopFg7GG+Gy0gTAVjOan5yNM0M=\n" // FORMAT §0
	exampleToken = "../../../testdata/vectors/example.tst"
	exampleRoots = "../../../testdata/vectors/example-tsa.pem"
)

// The token over the example of FORMAT.md stays valid: it is judged at its own time.
func TestExample(t *testing.T) {
	if *update {
		a := timestamptest.Start(t, timestamptest.Options{Intermediate: true})
		if err := os.WriteFile(exampleToken, a.Token(t, example), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(exampleRoots, a.Roots, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	token, roots := loadExample(t)
	s, err := timestamp.Check(token, example, roots)
	if err != nil {
		t.Fatal(err)
	}
	want := timestamp.Stamp{At: s.At, Accuracy: 1500100 * time.Microsecond, Authority: "Test TSA", Policy: "1.2.3.4.1", Serial: "2"}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func loadExample(t testing.TB) ([]byte, *x509.CertPool) {
	t.Helper()
	token, err := os.ReadFile(exampleToken)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(exampleRoots)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := timestamp.ParseRoots(pem)
	if err != nil {
		t.Fatal(err)
	}
	return token, roots
}

// What is accepted is written again byte for byte, and nothing panics.
func FuzzCheck(f *testing.F) {
	token, roots := loadExample(f)
	f.Add(token)
	f.Add([]byte{0x30, 0x82})
	f.Fuzz(func(t *testing.T, token []byte) {
		if _, err := timestamp.Check(token, example, roots); err != nil {
			return
		}
		kept, _, err := timestamp.Accept(seq(seq(number(0)), token), timestamp.Request{Text: example, Nonce: 1}, roots)
		if err != nil || !bytes.Equal(kept, token) {
			t.Errorf("accepted, and kept as %x (%v)", kept, err)
		}
	})
}

// A response is read without panic; the token is what it ends with.
func FuzzCutToken(f *testing.F) {
	token, _ := loadExample(f)
	f.Add(seq(seq(number(0)), token))
	f.Add(seq(seq(number(2), seq(node(0x0c, []byte("no"))), node(3, []byte{5, 0x20}))))
	f.Fuzz(func(t *testing.T, response []byte) {
		token, err := timestamp.CutToken(response)
		if err == nil && !bytes.HasSuffix(response, token) {
			t.Errorf("the token of %x is %x", response, token)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	token, roots := loadExample(b)
	b.SetBytes(int64(len(token)))
	for b.Loop() {
		if _, err := timestamp.Check(token, example, roots); err != nil {
			b.Fatal(err)
		}
	}
}
