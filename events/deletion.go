package events

// DeletionRunCompleted says what one run of a retention rule did in one store. It is
// the evidence behind the rule (GDPR 5(2)): a rule without runs is only a promise.
type DeletionRunCompleted struct {
	DeletionID        DeletionID     `json:"deletion_id"`
	RuleID            RuleID         `json:"rule_id"`
	Store             Store          `json:"store"`
	RunID             Word           `json:"run_id"`
	StartedAt         Instant        `json:"started_at"`
	EndedAt           Instant        `json:"ended_at"`
	Cutoff            Instant        `json:"cutoff,omitzero"`
	Counts            DeletionCounts `json:"counts"`
	OldestRemainingAt Instant        `json:"oldest_remaining_at,omitzero"`
	MaxPerKey         *int64         `json:"max_per_key,omitzero"`
	Manifest          *Manifest      `json:"manifest,omitzero"`
	Tool              string         `json:"tool,omitzero" max:"100"`
}

// DeletionCounts is how many objects a run met and what became of them.
type DeletionCounts struct {
	Examined   int64 `json:"examined"`
	Expired    int64 `json:"expired"`
	Erased     int64 `json:"erased"`
	Anonymised int64 `json:"anonymised"`
	Archived   int64 `json:"archived"`
	Held       int64 `json:"held"`
	Failed     int64 `json:"failed"`
}

// A Manifest commits to the list of erased objects, which stays outside: its leaves
// are salted digests.
type Manifest struct {
	MerkleRoot SHA256 `json:"merkle_root"`
	Leaves     int64  `json:"leaves"`
	SaltRef    Word   `json:"salt_ref,omitzero"`
}

// Example shows a payload.
func (DeletionRunCompleted) Example() string {
	return `{"counts":{"anonymised":0,"archived":0,"erased":118,"examined":5210,"expired":120,"failed":0,"held":2},"cutoff":"2026-10-29T00:00:00+01:00","deletion_id":"DEL-2026-11-22-RET-05","ended_at":"2026-11-22T03:04:10+01:00","manifest":{"leaves":118,"merkle_root":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","salt_ref":"vault-2026"},"oldest_remaining_at":"2026-10-29T00:00:04+01:00","rule_id":"RET-05","run_id":"2026-11-22","started_at":"2026-11-22T03:00:00+01:00","store":"object_storage","tool":"purge 2.3"}`
}
