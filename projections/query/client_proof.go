package query

import (
	"context"

	"greffe/events"
)

// Prove asks for the proof of a publisher's event, under a checkpoint that the daemon
// chooses; publisher "" is whoever made it.
func (c *Client) Prove(ctx context.Context, publisher string, id events.ID) (EventProof, error) {
	return get[EventProof](ctx, c, endpointProve, ProofQuestion{EventQuestion: EventQuestion{Publisher: publisher, ID: id}})
}

// ProveEntry asks for the proof of the entry at a seq.
func (c *Client) ProveEntry(ctx context.Context, seq uint64) (EventProof, error) {
	return get[EventProof](ctx, c, endpointProve, ProofQuestion{EventQuestion: EventQuestion{Seq: &seq}})
}

// Growth asks for the proof that the first old entries are a prefix of the first size
// ones; size 0 is that of the newest published checkpoint.
func (c *Client) Growth(ctx context.Context, old, size uint64) (Growth, error) {
	return get[Growth](ctx, c, endpointGrowth, GrowthQuestion{old, size})
}

// Evidence asks for what others said of the ledger at sizes up to size.
func (c *Client) Evidence(ctx context.Context, size uint64) (Evidence, error) {
	return get[Evidence](ctx, c, endpointEvidence, SizeQuestion{size})
}
