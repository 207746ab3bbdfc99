package chain_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

func TestCheckpointRoundTrip(t *testing.T) {
	l := chaintest.New(t, "main", 5, 300)
	text := l.Checkpoint(t)
	c, err := chain.OpenCheckpoint(text, l.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin != l.Origin || c.Size != 5 || chain.FormatCheckpoint(c.Origin, c.Size, c.Root) != c.Text {
		t.Errorf("got %+v", c)
	}
	if _, err := note.Open(text, note.VerifierList(l.Verifier)); err != nil {
		t.Errorf("x/mod's note does not open it: %v", err)
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	l, other := chaintest.New(t, "main", 5, 300), chaintest.New(t, "other", 5, 300)
	good := string(l.Checkpoint(t))
	sameName := keyFor(t, l.Origin)
	signed := func(body string) string {
		text, err := note.Sign(&note.Note{Text: body}, l.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	root := strings.Split(good, "\n")[2]
	cases := []struct {
		name, text string
		key        note.Verifier
		want       error
	}{
		{"empty", "", l.Verifier, chain.ErrMalformed},
		{"no signature", chain.FormatCheckpoint(l.Origin, 5, chain.Hash{}), l.Verifier, chain.ErrMalformed},
		{"key of another ledger", good, other.Verifier, chain.ErrSignature},
		{"another key of the same name", good, sameName, chain.ErrSignature},
		{"size changed", strings.Replace(good, "\n5\n", "\n4\n", 1), l.Verifier, chain.ErrSignature},
		{"leading zero", signed(l.Origin + "\n05\n" + root + "\n"), l.Verifier, chain.ErrMalformed},
		{"negative size", signed(l.Origin + "\n-1\n" + root + "\n"), l.Verifier, chain.ErrMalformed},
		{"size 2^63", signed(l.Origin + "\n9223372036854775808\n" + root + "\n"), l.Verifier, chain.ErrMalformed},
		{"extension line", signed(l.Origin + "\n5\n" + root + "\nmore\n"), l.Verifier, chain.ErrMalformed},
		{"short root", signed(l.Origin + "\n5\n" + root[4:] + "\n"), l.Verifier, chain.ErrMalformed},
		{"root with loose bits", signed(l.Origin + "\n5\n" + root[:42] + "B=\n"), l.Verifier, chain.ErrMalformed},
		{"two lines", signed(l.Origin + "\n5\n"), l.Verifier, chain.ErrMalformed},
		{"origin of another", signed("greffe/x/1\n5\n" + root + "\n"), l.Verifier, chain.ErrSignature},
		{"far too long", good + strings.Repeat("x", chain.MaxCheckpoint), l.Verifier, chain.ErrMalformed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := chain.OpenCheckpoint([]byte(c.text), c.key); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// keyFor returns a verifier of the given name that has signed nothing.
func keyFor(t *testing.T, origin string) note.Verifier {
	t.Helper()
	seed := sha256.Sum256([]byte("nobody"))
	_, vkey, err := chain.GenerateKey(strings.NewReader(string(seed[:])), origin)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSignCheckpointRefuses(t *testing.T) {
	l := chaintest.New(t, "main", 1, 300)
	if _, err := chain.SignCheckpoint("greffe/other/1", 1, chain.Hash{}, l.Signer); err == nil {
		t.Error("signed for an origin that is not the key's")
	}
	if _, err := chain.SignCheckpoint(l.Origin, 1<<63, chain.Hash{}, l.Signer); !errors.Is(err, chain.ErrMalformed) {
		t.Errorf("size 2^63: %v", err)
	}
	for _, origin := range []string{"", "a b", "a+b", "a\nb", "a\xff", "a\x00"} {
		if _, _, err := chain.GenerateKey(strings.NewReader(strings.Repeat("k", 32)), origin); err == nil {
			t.Errorf("origin %q was accepted", origin)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(chain.FormatCheckpoint("greffe/main/00000000", 146, chain.Hash{1}))
	f.Add("a\n0\n" + strings.Repeat("A", 43) + "=\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := chain.ParseCheckpoint(text)
		if err == nil && chain.FormatCheckpoint(c.Origin, c.Size, c.Root) != text {
			t.Fatalf("accepted %q, writes %q", text, chain.FormatCheckpoint(c.Origin, c.Size, c.Root))
		}
	})
}
