package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// What the header of every genesis holds (FORMAT §3.2).
const (
	genesisPublisher = "greffe"
	genesisType      = "ledger.opened.v1"
)

// A Genesis is what the first entry of a ledger fixes for ever.
type Genesis struct {
	// Ledger is its name.
	Ledger string
	// LedgerID is 128 random bits, which make its chain different from every other.
	LedgerID [16]byte
	// Origin is the first line of its checkpoints.
	Origin string
	// VKey is the key it was opened with. It is a claim: an auditor brings
	// the key by another way.
	VKey string
}

// OpenGenesis reads the payload of the entry whose header is h, which must be
// the first of its ledger. It does not compare the payload with its digest,
// nor h's previous hash with [GenesisPrev]. The error wraps [ErrMalformed].
func OpenGenesis(h Header, payload []byte) (Genesis, error) {
	e := h.Entry()
	switch {
	case e.Disposition != Recorded || e.Publisher != genesisPublisher || e.Type != genesisType:
		return Genesis{}, errGenesis("a recorded " + genesisType + " by " + genesisPublisher)
	case e.Epoch != 1 || e.StreamSeq != 1:
		return Genesis{}, errGenesis("the first message of epoch 1")
	case payload == nil:
		return Genesis{}, errGenesis("its payload, which may never be absent")
	}
	event, ok := canonicalASCII(payload)
	if !ok || event["type"] != genesisType {
		return Genesis{}, errGenesis("an event of that type in canonical JSON, all ASCII")
	}
	data, _ := event["data"].(map[string]any)
	text := func(name string) string { s, _ := data[name].(string); return s }
	g := Genesis{Ledger: text("ledger"), Origin: text("origin"), VKey: text("vkey")}
	id, err := hex.DecodeString(text("ledger_id"))
	if err != nil || len(id) != len(g.LedgerID) || hex.EncodeToString(id) != text("ledger_id") {
		return Genesis{}, errGenesis("a ledger_id of 32 lower-case hexadecimal digits")
	}
	if !validOrigin(g.Origin) {
		return Genesis{}, errGenesis("an origin without space or plus sign")
	}
	g.LedgerID = [16]byte(id)
	return g, nil
}

func errGenesis(want string) error {
	return fmt.Errorf("genesis: must have %s: %w", want, ErrMalformed)
}

// canonicalASCII decodes a JSON object, and reports whether encoding it again
// gives b. In ASCII, where encoding/json sorts and escapes as RFC 8785 does,
// that is the canonical form; so no name stands twice.
func canonicalASCII(b []byte) (object map[string]any, ok bool) {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return nil, false
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&object) != nil {
		return nil, false
	}
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	err := enc.Encode(object)
	return object, err == nil && bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte("\n")), b)
}
