package chain_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// cosigner makes a witness's key from its name.
func cosigner(t testing.TB, name string) *chain.Cosigner {
	t.Helper()
	c, _, err := chain.GenerateCosigner(strings.NewReader(strings.Repeat(name, 32)), func([]byte) string { return name })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cosign(t testing.TB, c *chain.Cosigner, text string, at int64) chain.Signature {
	t.Helper()
	s, err := c.Cosign(text, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCosignatureInANote(t *testing.T) {
	l, w := chaintest.New(t, "main", 5, 300), cosigner(t, "witness.example/w1")
	text, sigs, err := chain.SplitNote(l.Checkpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	signed := chain.JoinNote(text, append(sigs, cosign(t, w, text, 1767604860)))
	if _, err := chain.OpenCheckpoint(signed, l.Verifier); err != nil {
		t.Errorf("a reader that knows only the ledger: %v", err)
	}
	n, err := note.Open(signed, note.VerifierList(l.Verifier, w.Key()))
	if err != nil || len(n.Sigs) != 2 {
		t.Errorf("x/mod's note: %v, %v", n, err)
	}
	kept, err := chain.KeepSignatures(signed, w.Key())
	if err != nil || bytes.Contains(kept, []byte("— "+l.Origin)) || !bytes.Contains(kept, []byte("— witness")) {
		t.Errorf("kept %q, %v", kept, err)
	}
	if _, err := chain.KeepSignatures(signed, cosigner(t, "stranger").Key()); !errors.Is(err, chain.ErrSignature) {
		t.Errorf("nobody's lines were kept: %v", err)
	}
}

// Every bit of a cosignature and of what it covers counts.
func TestCosignatureCoversEverything(t *testing.T) {
	l, w := chaintest.New(t, "main", 5, 300), cosigner(t, "witness.example/w1")
	text, _, _ := chain.SplitNote(l.Checkpoint(t))
	good := cosign(t, w, text, 1767604860)
	for i := range len(good.Value) * 8 {
		value := bytes.Clone(good.Value)
		value[i/8] ^= 1 << (i % 8)
		if w.Key().Verify([]byte(text), value) {
			t.Fatalf("bit %d of the signature does not count", i)
		}
	}
	for i := range len(text) * 8 {
		other := []byte(text)
		other[i/8] ^= 1 << (i % 8)
		if w.Key().Verify(other, good.Value) {
			t.Fatalf("bit %d of the text does not count", i)
		}
	}
	for name, value := range map[string][]byte{"short": good.Value[:71], "long": append(bytes.Clone(good.Value), 0), "a ledger's": good.Value[8:], "none": nil} {
		if w.Key().Verify([]byte(text), value) {
			t.Errorf("%s signature was accepted", name)
		}
	}
	if _, ok := cosigner(t, "witness.example/w2").Key().Cosigned(text, good); ok {
		t.Error("another witness' key verifies it")
	}
}

func TestCosignRefuses(t *testing.T) {
	w := cosigner(t, "w")
	text := chain.FormatCheckpoint("greffe/main/1", 3, chain.Hash{1})
	for name, c := range map[string]struct {
		text string
		at   int64
	}{"before 1970": {text, -1}, "no checkpoint": {"hello\n", 1}, "extension line": {text + "more\n", 1}} {
		if _, err := w.Cosign(c.text, c.at); err == nil {
			t.Errorf("%s was cosigned", name)
		}
	}
	for _, at := range []int64{0, math.MaxInt64} {
		if got, ok := w.Key().Cosigned(text, cosign(t, w, text, at)); !ok || got != at {
			t.Errorf("time %d: %v, %d", at, ok, got)
		}
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.NewCosigner("w", foreign); err == nil {
		t.Error("a P-256 key makes Ed25519 cosignatures")
	}
}

func TestKeysOfWitnessesHaveOneSpelling(t *testing.T) {
	c, skey, err := chain.GenerateCosigner(rand.Reader, func(pub []byte) string { return "w" })
	if err != nil {
		t.Fatal(err)
	}
	again, err := chain.ParseCosigner(skey)
	if err != nil || again.Key().String() != c.Key().String() {
		t.Fatalf("read again: %v", err)
	}
	vkey := c.Key().String()
	parts := strings.SplitN(vkey, "+", 3)
	_, ledgerKey, _ := chain.GenerateKey(strings.NewReader(strings.Repeat("k", 32)), "w")
	mldsa := parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{6}, make([]byte, 1312)...))
	for name, text := range map[string]string{
		"empty": "", "two parts": parts[0] + "+" + parts[1], "upper-case id": parts[0] + "+" + strings.ToUpper("abcdef00") + "+" + parts[2],
		"another id": parts[0] + "+00000000+" + parts[2], "another name": "x" + vkey, "name with a space": "a " + vkey, "no name": strings.TrimPrefix(vkey, "w"),
		"newline": vkey + "\n", "newline in base64": parts[0] + "+" + parts[1] + "+" + parts[2][:9] + "\n" + parts[2][9:],
		"a ledger's key": ledgerKey, "ML-DSA-44": mldsa, "short": parts[0] + "+" + parts[1] + "+" + parts[2][:40], "secret": skey,
	} {
		if _, err := chain.ParseWitnessKey(text); !errors.Is(err, chain.ErrMalformed) {
			t.Errorf("%s: %v, want it to be malformed", name, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "vkey": vkey, "private vkey": "PRIVATE+KEY+" + vkey, "newline": skey + "\n", "another name": strings.Replace(skey, "+w+", "+v+", 1)} {
		if _, err := chain.ParseCosigner(text); !errors.Is(err, chain.ErrMalformed) || strings.Contains(err.Error(), skey[20:]) {
			t.Errorf("%s: %v, want it to be malformed and not told", name, err)
		}
	}
}

func TestSplitNoteAgreesWithNote(t *testing.T) {
	l := chaintest.New(t, "main", 5, 300)
	good := string(l.Checkpoint(t))
	line := good[strings.Index(good, "—"):]
	for name, text := range map[string]string{
		"no lines": strings.TrimSuffix(good, line), "no blank line": strings.Replace(good, "\n\n", "\n", 1), "carriage return": strings.Replace(good, "=\n", "=\r\n", 1),
		"line cut short": good[:len(good)-1], "hyphen": strings.Replace(good, "—", "-", 1), "101 lines": good + strings.Repeat(line, 100), "blank line last": good + "\n",
		"bad base64": strings.Replace(good, "=\n", "\n", 2), "not UTF-8": good[:5] + "\xff" + good[5:], "two spaces": strings.Replace(good, "— ", "—  ", 1),
	} {
		if _, _, err := chain.SplitNote([]byte(text)); !errors.Is(err, chain.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, sigs, err := chain.SplitNote([]byte(good + strings.Repeat(line, 99))); err != nil || len(sigs) != 100 {
		t.Errorf("100 lines: %d, %v", len(sigs), err)
	}
}

func FuzzSplitNote(f *testing.F) {
	l := chaintest.New(f, "main", 3, 300)
	f.Add(l.Checkpoint(f))
	f.Add([]byte("a\n\n\n— b AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, sigs, err := chain.SplitNote(b)
		if err == nil && !bytes.Equal(chain.JoinNote(text, sigs), b) {
			t.Fatalf("accepted %q, writes %q", b, chain.JoinNote(text, sigs))
		}
		// whatever it accepts, package note parses to the same text
		if err == nil {
			_, err := note.Open(b, note.VerifierList())
			if unverified := (*note.UnverifiedNoteError)(nil); !errors.As(err, &unverified) || unverified.Note.Text != text {
				t.Fatalf("package note reads %q otherwise: %v", b, err)
			}
		}
	})
}

func FuzzWitnessKey(f *testing.F) {
	c, skey, _ := chain.GenerateCosigner(strings.NewReader(strings.Repeat("w", 32)), func([]byte) string { return "w" })
	f.Add(c.Key().String())
	f.Add(skey)
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := chain.ParseWitnessKey(text); err == nil && k.String() != text {
			t.Fatalf("accepted %q, writes %q", text, k)
		}
	})
}
