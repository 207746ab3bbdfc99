package events

// The facts of greffe itself. Only the daemon publishes them.

// LedgerID is the random identity of a ledger, 128 bits in lower-case hexadecimal.
type LedgerID string

func (LedgerID) format() format {
	return format{want: "32 lower-case hexadecimal digits", pattern: `^[0-9a-f]{32}$`}
}

// LedgerName is the name of a ledger or publisher, as in the topics.
type LedgerName string

func (LedgerName) format() format {
	return format{want: "a name of lower-case letters, digits and hyphens", pattern: `^[a-z][a-z0-9-]{0,31}$`}
}

// LedgerOpened is the genesis, entry 0 of every ledger. What it says never changes.
type LedgerOpened struct {
	Ledger   LedgerName `json:"ledger"`
	LedgerID LedgerID   `json:"ledger_id"`
	Origin   string     `json:"origin" max:"120"` // of checkpoints
	VKey     string     `json:"vkey" max:"300"`   // of the first checkpoints
	Zone     string     `json:"zone" max:"60"`    // IANA name; all civil days are days there
	Calendar Word       `json:"calendar"`         // of public holidays
	Format   int64      `json:"format" min:"1"`   // version of FORMAT.md
}

// LedgerEpochOpened says that the ledger goes on in a new stream, and what was lost
// with the old one. It is the first message of the new stream.
type LedgerEpochOpened struct {
	Epoch    int64  `json:"epoch" min:"2"`
	OldHead  *Head  `json:"old_head,omitzero"`
	LostFrom *int64 `json:"lost_from,omitzero"` // stream sequences of the old epoch
	LostTo   *int64 `json:"lost_to,omitzero"`
	By       string `json:"by" max:"100"` // program and build, or role; never a name
}

// A Head is the last entry of a chain.
type Head struct {
	Seq      int64  `json:"seq"`
	LeafHash SHA256 `json:"leaf_hash"`
}

// LedgerKeyRotated says that checkpoints are signed with another key from here on. What
// both keys sign, and when it takes effect, is in FORMAT §4.1.
type LedgerKeyRotated struct {
	OldVKey      string `json:"old_vkey" max:"300"`
	NewVKey      string `json:"new_vkey" max:"300"`
	OldSignature string `json:"old_signature" max:"200"` // base64
	NewSignature string `json:"new_signature" max:"200"` // base64
}

// LedgerKeyRevoked says that signatures of a key are no longer to be trusted (FORMAT §4.1).
// Verifiers read it in ASCII only, so its cause is written in ASCII.
type LedgerKeyRevoked struct {
	VKey        string  `json:"vkey" max:"300"`
	Cause       string  `json:"cause"`
	TrustedTo   *int64  `json:"trusted_to,omitzero"`     // last size to trust; absent: none
	Compromised Instant `json:"compromised_at,omitzero"` // since when the key may be known
}

// LedgerQuarantined says that something was submitted that is not an acceptable event.
// Of the bytes only the length and a keyed digest are kept.
type LedgerQuarantined struct {
	Publisher  LedgerName         `json:"publisher"`
	Reasons    []QuarantineReason `json:"reasons" min:"1"`
	ByteLength int64              `json:"byte_length"`
	Digest     SHA256             `json:"digest"` // HMAC-SHA-256 under a key of this item alone
	At         Instant            `json:"at"`
}

// A QuarantineReason is one problem of a quarantined event.
type QuarantineReason struct {
	Code    Word   `json:"code"`
	Pointer string `json:"pointer,omitzero"`
	Detail  string `json:"detail,omitzero" max:"1000"`
}

// QuarantineReleased says that a corrected event took the place of a quarantined item.
// The item is the event's causation.
type QuarantineReleased struct {
	ReleasedAs ID        `json:"released_as"` // id of the new event
	ReleasedBy PersonRef `json:"released_by,omitzero" pii:"P1"`
}

// QuarantineDiscarded says that a quarantined item is not wanted, and why.
type QuarantineDiscarded struct {
	Cause       string    `json:"cause"`
	DiscardedBy PersonRef `json:"discarded_by,omitzero" pii:"P1"`
}

// Example shows a payload.
func (LedgerOpened) Example() string {
	return `{"calendar":"FR-2026","format":1,"ledger":"main","ledger_id":"0123456789abcdef0123456789abcdef","origin":"greffe/main/01234567","vkey":"greffe/main/01234567+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW","zone":"Europe/Paris"}`
}

// Example shows a payload.
func (LedgerEpochOpened) Example() string {
	return `{"by":"greffed 1.0","epoch":2,"lost_from":1200,"lost_to":1204,"old_head":{"leaf_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","seq":1199}}`
}

// Example shows a payload.
func (LedgerKeyRotated) Example() string {
	return `{"new_signature":"bmV3","new_vkey":"greffe/main/01234567+d1a0f7b2+AXJ4","old_signature":"b2xk","old_vkey":"greffe/main/01234567+c74f20a3+ARpc"}`
}

// Example shows a payload.
func (LedgerKeyRevoked) Example() string {
	return `{"cause":"key file copied","compromised_at":"2026-11-20T10:00:00+01:00","trusted_to":4100,"vkey":"greffe/main/01234567+c74f20a3+ARpc"}`
}

// Example shows a payload.
func (LedgerQuarantined) Example() string {
	return `{"at":"2026-11-23T10:00:00+01:00","byte_length":812,"digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","publisher":"hr-portal","reasons":[{"code":"clear_personal_data","detail":"only a staff pseudonym may stand here","pointer":"/data/reviewer"}]}`
}

// Example shows a payload.
func (QuarantineReleased) Example() string {
	return `{"released_as":"01JD0000000000000000000009","released_by":"per_01JD0000000000000000000000"}`
}

// Example shows a payload.
func (QuarantineDiscarded) Example() string {
	return `{"cause":"test event of a new publisher","discarded_by":"per_01JD0000000000000000000000"}`
}
