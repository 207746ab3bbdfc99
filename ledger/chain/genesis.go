package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
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
	case e.Seq != 0 || e.Epoch != 1 || e.StreamSeq != 1:
		return Genesis{}, errGenesis("seq 0, and the first message of epoch 1")
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
	switch {
	case !validPublisher(g.Ledger):
		return Genesis{}, errGenesis("the name of a ledger")
	case !validOrigin(g.Origin):
		return Genesis{}, errGenesis("an origin without space or plus sign")
	case g.VKey == "" || text("zone") == "" || text("calendar") == "":
		return Genesis{}, errGenesis("a vkey, a zone and a calendar")
	case data["format"] != json.Number("1"):
		return Genesis{}, errGenesis("the format 1")
	}
	g.LedgerID = [16]byte(id)
	return g, nil
}

func errGenesis(want string) error {
	return fmt.Errorf("genesis: must have %s: %w", want, ErrMalformed)
}

// canonicalASCII decodes a JSON object, and reports whether b is its canonical
// form (FORMAT §1.1). In ASCII, encoding/json sorts and escapes as that form
// does, so that encoding again gives b; what JSON has besides is refused.
func canonicalASCII(b []byte) (object map[string]any, ok bool) {
	for _, c := range b {
		if c < 0x20 || c > 0x7f {
			return nil, false
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&object) != nil || !canonicalValue(object, maxDepth) {
		return nil, false
	}
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	err := enc.Encode(object)
	return object, err == nil && bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte("\n")), b)
}

// Limits of canonical JSON (FORMAT §1.1).
const (
	maxDepth   = 32
	maxInteger = 1<<53 - 1
)

// canonicalValue reports whether v, decoded with numbers as text, has neither
// null, nor a number but integers, nor more than depth objects and arrays open.
func canonicalValue(v any, depth int) bool {
	switch v := v.(type) {
	case nil:
		return false
	case json.Number:
		n, err := v.Int64()
		return err == nil && -maxInteger <= n && n <= maxInteger && strconv.FormatInt(n, 10) == v.String()
	case map[string]any:
		for _, child := range v {
			if !canonicalValue(child, depth-1) {
				return false
			}
		}
		return depth > 0
	case []any:
		return depth > 0 && !slices.ContainsFunc(v, func(child any) bool { return !canonicalValue(child, depth-1) })
	}
	return true
}
