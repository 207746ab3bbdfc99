package chain_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

func TestOpenGenesis(t *testing.T) {
	l := chaintest.New(t, "main", 2, 300)
	first := l.Records[0]
	got, err := chain.OpenGenesis(first.Header, first.Payload)
	want := chain.Genesis{Ledger: "main", LedgerID: l.ID, Origin: l.Origin, VKey: l.VKey}
	if err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	if first.Entry.Prev != chain.GenesisPrev(got.LedgerID) {
		t.Error("the genesis does not start from its ledger's id")
	}
}

func TestOpenGenesisRefuses(t *testing.T) {
	l := chaintest.New(t, "main", 2, 300)
	first := l.Records[0]
	id := string(first.Payload[bytes.Index(first.Payload, []byte(`"ledger_id":"`))+13:][:32])
	header := func(edit func(*chain.Entry)) []byte {
		e := first.Entry
		edit(&e)
		h, err := chain.AppendEntry(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	replace := func(old, to string) []byte {
		if !bytes.Contains(first.Payload, []byte(old)) {
			t.Fatalf("the genesis does not hold %s", old)
		}
		return bytes.Replace(first.Payload, []byte(old), []byte(to), 1)
	}
	cases := []struct {
		name            string
		header, payload []byte
	}{
		{"another publisher", header(func(e *chain.Entry) { e.Publisher = "hr" }), first.Payload},
		{"another type", header(func(e *chain.Entry) { e.Type = "ledger.opened.v2" }), first.Payload},
		{"a conflict", header(func(e *chain.Entry) { e.Disposition = chain.Conflict }), first.Payload},
		{"epoch 2", header(func(e *chain.Entry) { e.Epoch = 2 }), first.Payload},
		{"stream seq 2", header(func(e *chain.Entry) { e.StreamSeq = 2 }), first.Payload},
		{"payload absent", first.Header, nil},
		{"not JSON", first.Header, []byte("genesis")},
		{"white space", first.Header, append(bytes.Clone(first.Payload), ' ')},
		{"two objects", first.Header, append(bytes.Clone(first.Payload), "{}"...)},
		{"not ASCII", first.Header, replace("Europe/Paris", "Europe/Orléans")},
		{"ledger_id twice", first.Header, replace(`"origin"`, `"ledger_id":"`+strings.Repeat("0", 32)+`","origin"`)},
		{"ledger_id under a name in upper case", first.Header, replace(`"ledger_id"`, `"ledger_iD"`)},
		{"payload of another type", first.Header, replace("ledger.opened.v1", "ledger.closed.v1")},
		{"no data", first.Header, replace(`"data":{`, `"data":1,"date":{`)},
		{"ledger_id too short", first.Header, replace(id, id[2:])},
		{"ledger_id in upper case", first.Header, replace(id, strings.ToUpper(id))},
		{"origin with a space", first.Header, replace(`"origin":"greffe`, `"origin":"gr effe`)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := chain.OpenGenesis(c.header, c.payload); !errors.Is(err, chain.ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}
