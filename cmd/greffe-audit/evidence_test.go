package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// evidence are excerpts, ledgers whose key changed, and proofs, with what an auditor brings,
// and with a bit of a record or a section flipped and the framing right.
func (s *specimens) evidence() {
	const period = `excerpt {"by":"period","from":"2026-01-01T00:00:01Z","to":"2026-01-01T00:00:03Z"}`
	for _, lines := range [][]string{
		{`excerpt {"by":"range","from":2,"to":5}`, "earlier 5 w1 w2", "policy", "since 6 proved"},
		{`excerpt {"by":"range","from":2,"to":5}`, "earlier 8 w1 w2", "policy otherlog", "demand 3 5"},
		{`excerpt {"by":"range","from":2,"to":5}`, "since 5 proved", "since 5 fork", "demand 3 6"},
		{period, "stamp 5 token", "since 3 proved"},
		{period, "earlier 4 w1 w3", "policy", "demand 2 6"},
		{`excerpt {"by":"publisher","names":["hr"]}`},
		{`excerpt {"by":"publisher","names":["hr"]}`, "demand 1 4", "earlier 6 w3 w2", "policy"},
		{`excerpt {"by":"register","names":["breach"],"register":"breaches"}`, "since 7 proved"},
		{"ledger rotated"}, {"ledger rotated", "key old"}, {"ledger rotated", "key old", `excerpt {"by":"range","from":4,"to":6}`},
		{"ledger revoked"}, {"ledger revoked", "key old"}, {"ledger revoked", `excerpt {"by":"publisher","names":["hr"]}`},
		{"ledger retired", "since 7"}, {"ledger retired", "key old"}, {"ledger retired", `excerpt {"by":"range","from":4,"to":6}`, "key old"},
		{"earlier 5 w1 w2", "earlier 3 w3", "policy", "since 7"},
		{"earlier 5 forked w1 w2", "policy log"},
		{"since 5 fork"}, {"since 6", "demand 4 8"}, {"demand 2 6"},
		{"proof 2"}, {"proof 2", "policy", "since 8", "demand 2 3"},
	} {
		for range flips / 3 {
			f := chaintest.Forge(s.t)
			for _, line := range lines {
				f.Do(line)
			}
			what := s.flipPart(f)
			s.forged(f, "%s, %s flipped", lines, what)
		}
	}
}

// flipPart flips a bit of something that a verifier reads.
func (s *specimens) flipPart(f *chaintest.Forgery) string {
	if len(f.Sections) > 0 && s.random.IntN(2) == 0 {
		i := s.random.IntN(len(f.Sections))
		bit := s.random.IntN(8 * len(f.Sections[i].Data))
		f.Sections[i].Data = flip(f.Sections[i].Data, bit)
		return fmt.Sprintf("bit %d of section %d", bit, i)
	}
	i := s.random.IntN(len(f.Raw))
	if proof := f.Raw[i].Proof; len(proof) > 0 && s.random.IntN(3) == 0 {
		f.Raw[i].Proof = flip(proof, s.random.IntN(8*len(proof)))
		return fmt.Sprintf("a bit of proof %d", i)
	}
	s.flip(f, i, s.random.IntN(2) == 0)
	return fmt.Sprintf("a bit of record %d", i)
}

// stamped are bundles with the token of testdata/vectors, and with what is like it.
func (s *specimens) stamped() {
	if _, err := exec.LookPath("openssl"); err != nil {
		s.t.Log("openssl is not installed, so the second verifier cannot check timestamps")
		return
	}
	const vectors = "../../testdata/vectors/"
	read := func(name string) []byte {
		data, err := os.ReadFile(vectors + name)
		if err != nil {
			s.t.Fatal(err)
		}
		return data
	}
	vkey, token := strings.TrimSpace(string(read("example.vkey"))), read("example.tst")
	scanner, block := chain.NewScanner(bytes.NewReader(read("example.greffe"))), chain.Block{}
	if err := scanner.Scan(&block); err != nil {
		s.t.Fatal(err)
	}
	if err := scanner.Scan(&chain.Block{}); !errors.Is(err, io.EOF) {
		s.t.Fatalf("more than one block: %v", err)
	}
	signed := scanner.Sections()[0]
	text, _, err := chain.SplitNote(signed.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	with := func(text string, token []byte, roots, what string, args ...any) *specimen {
		stamp := chain.Section{Kind: chain.SectionTimestamp, Data: chain.AppendTimestamp(nil, chain.Timestamp{Text: text, Token: token})}
		c := s.add(vkey, chaintest.Assemble(block.Records, []chain.Section{signed, stamp}), what, args...)
		if roots != "" {
			c.brought = []string{"tsa-roots=" + roots}
		}
		return c
	}
	with(text, token, vectors+"example-tsa.pem", "a timestamp")
	with(text, token, "", "a timestamp, without roots")
	with(text, token, s.file(foreignRoot(s.t)), "a timestamp of an authority that is not brought")
	with(strings.Replace(text, "\n3\n", "\n2\n", 1), token, vectors+"example-tsa.pem", "a timestamp of another text")
	for range flips / 10 {
		bit := s.random.IntN(8 * len(token))
		with(text, flip(token, bit), vectors+"example-tsa.pem", "a timestamp with bit %d flipped", bit).broken = true
	}
}

// foreignRoot is the certificate of another authority.
func foreignRoot(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
