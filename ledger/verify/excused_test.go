package verify_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

// TestGenesisIsNeverExcused: whatever the auditor has seen before or does not ask for, the
// genesis says which key the ledger began with. Another one in its payload, put there by
// anybody, would make a revocation void.
func TestGenesisIsNeverExcused(t *testing.T) {
	l := chaintest.Uniform(t, "main", 3, 300)
	l.Revoke(t, l.VKey, 2)
	raw := l.Raw()
	other := chaintest.New(t, "other", 1, 300).VKey
	swapped := strings.Replace(string(raw[0].Payload), l.VKey, l.Origin+other[strings.Index(other, "+"):], 1)
	raw[0].Payload = []byte(swapped)[:len(raw[0].Payload)]
	bundle := chaintest.Assemble(raw, l.Sections(t))
	for name, o := range map[string]verify.Options{
		"all":   {},
		"since": {Since: l.CheckpointAt(t, 2)},
		"seqs":  {Demand: chain.Scope{By: chain.ByRange, FromSeq: 1, ToSeq: 3}},
	} {
		r, err := verify.Bundle(context.Background(), bytes.NewReader(bundle), l.Verifier, o)
		if err != nil || r.Outcome() != verify.Failed || r.Content.Verdict != verify.Failed {
			t.Errorf("%s: %v, content %v, signature %v, %v", name, r.Outcome(), r.Content, r.Signature, err)
		}
	}
}
