package projections

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"

	"greffe/events"
)

// A View is the registers at one position of the ledger. It does not change while it
// is open, and any number of goroutines may read it.
type View interface {
	// Size returns the number of entries that are folded in.
	Size() uint64
	// Rows yields the rows of a register whose ids come after, by id, as canonical
	// JSON. The bytes are valid until the next one is asked for.
	Rows(register, after string) iter.Seq2[[]byte, error]
	// Row returns one row as canonical JSON; it reports false if there is none.
	Row(register, id string) ([]byte, bool, error)
	// Counts returns what a register holds.
	Counts(register string) (Counts, error)
	// Digest returns the register's digest, as [RegisterDigest] defines it.
	Digest(register string) (string, error)
	// Anomalies returns those of the entries from (included) to (excluded), in order.
	Anomalies(from, to uint64) iter.Seq2[Anomaly, error]
	// History returns the seqs of the entries about an aggregate ("breach/BR-2026-001"),
	// in order.
	History(aggregate string) ([]uint64, error)
	// Entries returns the seqs of the entries about aggregates of a kind, in order.
	Entries(kind string) ([]uint64, error)
	// Close lets the view go.
	Close() error
}

// Counts says what a register holds.
type Counts struct {
	Rows      int            `json:"rows"`
	Anomalies int            `json:"anomalies"`
	Statuses  map[string]int `json:"statuses,omitzero"` // rows by status
	Changed   uint64         `json:"changed_seq"`       // entry that changed a row last
}

// Count notes that the entry at seq put a row, which had the status before if it
// existed.
func (c *Counts) Count(row Row, before string, existed bool, seq uint64) {
	c.Changed = seq
	c.move(before, row.base().Status, existed)
}

func (c *Counts) move(from, to string, existed bool) {
	if !existed {
		c.Rows++
	}
	if c.Statuses == nil {
		c.Statuses = map[string]int{}
	}
	if existed && from != "" {
		if c.Statuses[from]--; c.Statuses[from] == 0 {
			delete(c.Statuses, from)
		}
	}
	if to != "" {
		c.Statuses[to]++
	}
}

// RowID returns the id of a row.
func RowID(row Row) string { return row.base().ID }

// RowStatus returns the status of a row, "" if it has none.
func RowStatus(row Row) string { return row.base().Status }

// RegisterDigest returns SHA-256, in lower-case hexadecimal, of the canonical JSON
// of {register, rows, rule_set}. rows must come by id and be canonical.
func RegisterDigest(register string, rows iter.Seq2[[]byte, error]) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, `{"register":"%s","rows":[`, register) // names are words joined by hyphens
	first := true
	for row, err := range rows {
		if err != nil {
			return "", err
		}
		if !first {
			h.Write([]byte{','})
		}
		first = false
		h.Write(row)
	}
	fmt.Fprintf(h, `],"rule_set":"%s"}`, RuleSet)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// An Encoder writes rows as canonical JSON with scratch memory that is used again.
// The zero value is ready; it belongs to one goroutine.
type Encoder struct {
	canonical events.Canonicalizer
	text      bytes.Buffer
}

// Append appends the canonical JSON of a row to dst.
func (e *Encoder) Append(dst []byte, row Row) ([]byte, error) {
	e.text.Reset()
	if err := json.MarshalWrite(&e.text, row); err != nil {
		return dst, fmt.Errorf("row of a register: %w", err)
	}
	return e.canonical.Append(dst, e.text.Bytes())
}

// DecodeRow reads a row of the register from what [Encoder.Append] wrote.
func (r *Register) DecodeRow(text []byte) (Row, error) {
	row := r.fresh()
	if err := json.Unmarshal(text, row); err != nil {
		return nil, fmt.Errorf("row of register %s: not as this build writes it", r.Name)
	}
	return row, nil
}
