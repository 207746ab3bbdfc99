package query

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

// ServiceName is the name under which `nats micro` finds the service.
const ServiceName = "greffe"

// Version is the semantic version of what this package puts on the wire.
const Version = "1.0.0"

// Headers and sizes of answers, in bytes.
const (
	headerMore = "Greffe-More"
	headerNext = "Greffe-Next"
	// chunkBytes is the size of one message of a long answer.
	chunkBytes = 512 << 10
	// pageBytes bounds one answer, so that a slow reader is not cut off by the server;
	// the client asks again for what follows.
	pageBytes = 16 << 20
	// entriesBytes bounds one answer of bundle.entries.
	entriesBytes = 768 << 10
)

// The endpoints.
const (
	endpointStatus     = "status"
	endpointRegisters  = "registers"
	endpointList       = "register.list"
	endpointShow       = "register.show"
	endpointHistory    = "register.history"
	endpointEvent      = "event.show"
	endpointProve      = "event.prove"
	endpointGrowth     = "checkpoint.consistency"
	endpointCheckpoint = "bundle.checkpoint"
	endpointEntries    = "bundle.entries"
	endpointEvidence   = "bundle.evidence"
	endpointSelect     = "bundle.select"
	endpointRecords    = "bundle.records"
)

// When says which past is asked for. The zero value is now.
type When struct {
	// AsOf leaves out what happened later: an RFC 3339 instant, or a date, which
	// stands for its end in the ledger's zone.
	AsOf string `json:"as_of,omitzero"`
	// KnownAt leaves out what was entered later: a seq, an instant, or a date.
	KnownAt string `json:"known_at,omitzero"`
}

func (w When) now() bool { return w == When{} }

// A Question is the body of a request about registers.
type Question struct {
	Register string `json:"register,omitzero"`
	ID       string `json:"id,omitzero"`    // of a row
	After    string `json:"after,omitzero"` // list: rows after this id; history: entries after this seq
	When
}

// An EventQuestion asks for one event: by seq, or by id and publisher, who can be left
// out as long as one publisher alone used the id.
type EventQuestion struct {
	Publisher string    `json:"publisher,omitzero"`
	ID        events.ID `json:"id,omitzero"`
	Seq       *uint64   `json:"seq,omitzero"`
}

// A RangeQuestion asks for entries from (included) to (excluded).
type RangeQuestion struct {
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
	MaxBytes int    `json:"max_bytes,omitzero"` // 0: as much as one answer holds
}

// A Point is a place in the ledger.
type Point struct {
	Seq uint64         `json:"seq"`
	At  events.Instant `json:"at"` // when it was entered
}

// A CheckpointPoint is what a published checkpoint states.
type CheckpointPoint struct {
	Size uint64 `json:"size"`
	Root string `json:"root"` // lower-case hexadecimal
}

// A TimestampPoint is the newest timestamp of an authority outside. Size is 0 if there
// is none yet.
type TimestampPoint struct {
	Size      uint64         `json:"size"`               // of the checkpoint that was timestamped
	At        events.Instant `json:"at,omitzero"`        // by the authority's clock
	Authority string         `json:"authority,omitzero"` // its name
	Behind    uint64         `json:"behind"`             // entries since
	Trouble   string         `json:"trouble,omitzero"`   // why the last attempt failed
}

// A Head is the newest entry.
type Head struct {
	Seq      uint64         `json:"seq"`
	LeafHash string         `json:"leaf_hash"` // lower-case hexadecimal
	At       events.Instant `json:"at"`
}

// A StreamPoint is a place in the stream that feeds the ledger.
type StreamPoint struct {
	Epoch uint32 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Status is the state of a daemon and its ledger. The daemon fills it in, but for
// Projected, Quarantined, RuleSet, Calendar and Zone.
type Status struct {
	Ledger      string            `json:"ledger"`
	LedgerID    string            `json:"ledger_id,omitzero"`
	Origin      string            `json:"origin,omitzero"`
	Version     string            `json:"version,omitzero"` // of the daemon
	Size        uint64            `json:"size"`
	Head        Head              `json:"head"`
	Checkpoint  CheckpointPoint   `json:"checkpoint"`         // newest published one
	Witnessed   *Witnessed        `json:"witnessed,omitzero"` // absent without a policy
	Timestamp   *TimestampPoint   `json:"timestamp,omitzero"` // newest one; absent if nobody is asked
	Stream      StreamPoint       `json:"stream"`
	Submissions map[string]uint64 `json:"submissions,omitzero"` // since the daemon started, by what became of them
	Trouble     string            `json:"trouble,omitzero"`     // what an operator has to look at: nothing is read from the stream, a witness contradicts
	Projected   uint64            `json:"projected"`            // entries that the registers show
	Quarantined int               `json:"quarantined"`          // items that nobody has decided on
	Anomalies   int               `json:"anomalies"`
	RuleSet     string            `json:"rule_set"`
	Calendar    string            `json:"calendar"`
	Zone        string            `json:"zone"`
	Started     events.Instant    `json:"started,omitzero"`
	DiskBytes   map[string]uint64 `json:"disk_bytes,omitzero"` // by folder
}

// Witnessed says how far witnesses have cosigned.
type Witnessed struct {
	Size      uint64         `json:"size"`             // newest checkpoint that satisfies the policy; 0: none
	At        events.Instant `json:"at,omitzero"`      // by then the quorum had seen it
	Missing   []string       `json:"missing,omitzero"` // witnesses that have not cosigned that one
	Witnesses []WitnessState `json:"witnesses"`
}

// A WitnessState is what one witness did last.
type WitnessState struct {
	Name    string         `json:"name"`
	Size    uint64         `json:"size"` // that it cosigned since the daemon started
	At      events.Instant `json:"at,omitzero"`
	Trouble string         `json:"trouble,omitzero"` // why nothing newer is cosigned
}

// A Proof says what an answer rests on.
type Proof struct {
	AsOf       *string         `json:"as_of"`    // null: whatever was entered, also what lies ahead
	KnownAt    Point           `json:"known_at"` // newest entry that was used
	Checkpoint CheckpointPoint `json:"checkpoint"`
	RuleSet    string          `json:"rule_set"`
	Calendar   string          `json:"calendar"`
}

// A Summary is one line of the list of registers.
type Summary struct {
	Register string       `json:"register"`
	Label    events.Label `json:"label"`
	Law      string       `json:"law"`
	projections.Counts
	Digest string `json:"digest"`
}

// Registers is the answer of the endpoint registers.
type Registers struct {
	Proof
	Registers []Summary `json:"registers"`
}

// A Register is the answer of register.list. Digest is SHA-256 over the canonical
// JSON of {register, rows, rule_set} with all rows, by id.
type Register struct {
	Register string `json:"register"`
	Proof
	Anomalies int              `json:"anomalies"`
	Digest    string           `json:"digest"`
	Rows      []jsontext.Value `json:"rows"`
	Next      string           `json:"next,omitzero"` // ask again after this id; the client does
}

// A Shown is the answer of register.show.
type Shown struct {
	Register string `json:"register"`
	Proof
	Row       jsontext.Value        `json:"row"`
	Anomalies []projections.Anomaly `json:"anomalies"`
}

// An EntryShown is one entry of the ledger with its event. Event is the stored one,
// unchanged; it is left out where the ledger keeps none.
type EntryShown struct {
	Seq         uint64                `json:"seq"`
	LedgeredAt  events.Instant        `json:"ledgered_at"`
	Disposition string                `json:"disposition"`
	LeafHash    string                `json:"leaf_hash"`
	Publisher   string                `json:"publisher,omitzero"`
	Type        string                `json:"type,omitzero"`
	Aggregate   string                `json:"aggregate,omitzero"`
	EventID     events.ID             `json:"event_id,omitzero"`
	Event       jsontext.Value        `json:"event,omitzero"`
	Anomalies   []projections.Anomaly `json:"anomalies"`
}

// A History is the answer of register.history.
type History struct {
	Register  string `json:"register"`
	ID        string `json:"id"`
	Aggregate string `json:"aggregate"`
	Proof
	Entries []EntryShown `json:"entries"`
	Next    string       `json:"next,omitzero"` // ask again after this seq; the client does
}

// An EventShown is the answer of event.show.
type EventShown struct {
	Proof
	EntryShown
}

// A SignedCheckpoint is the answer of bundle.checkpoint.
type SignedCheckpoint struct {
	Size uint64 `json:"size"`
	Note string `json:"note"` // the signed note (FORMAT §4)
}

// An Error is a question that was not answered. Its text is one line.
type Error struct {
	Code string // as in HTTP: 400, 404, 503 …
	Text string
}

// The codes.
const (
	codeBadQuestion = "400"
	codeNotFound    = "404"
	codeAmbiguous   = "409"
	codeInternal    = "500"
	codeBusy        = "503"
)

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// NotFound reports whether what was asked for does not exist.
func (e *Error) NotFound() bool { return e.Code == codeNotFound }

// Ambiguous reports whether several publishers used the id that was asked for.
func (e *Error) Ambiguous() bool { return e.Code == codeAmbiguous }

// Busy reports whether the same question may be answered a moment later.
func (e *Error) Busy() bool { return e.Code == codeBusy }

var errFrame = errors.New("the daemon's answer is cut short; ask again, or update greffe")

// cutRecord takes one entry off, as a bundle has it (FORMAT §5), without its tag.
func cutRecord(b []byte) (chain.Record, []byte, error) {
	r, rest, err := chain.CutRecord(b)
	if err != nil {
		return r, b, errFrame
	}
	return r, rest, nil
}

// A rowHead is what the service itself reads of a row.
type rowHead struct {
	ID        string `json:"id"`
	Aggregate string `json:"aggregate"`
	FirstSeq  uint64 `json:"first_seq"`
}

func headOf(row jsontext.Value) (h rowHead, err error) {
	err = json.Unmarshal(row, &h)
	return h, err
}
