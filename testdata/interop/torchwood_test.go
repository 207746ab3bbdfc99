package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// followWithTorchwood reads and verifies every entry, and makes and verifies a spread of
// .tlog-proof files.
func followWithTorchwood(ctx context.Context, log remote, since []byte) ([]byte, error) {
	policy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nquorum none\n", log.vkey))
	if err != nil {
		return nil, err
	}
	tiles, err := torchwood.NewTileFetcher(log.url, torchwood.WithHTTPClient(http.DefaultClient), torchwood.WithConcurrencyLimit(4))
	if err != nil {
		return nil, err
	}
	text, err := tiles.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return nil, err
	}
	cp, _, err := torchwood.VerifyCheckpoint(text, policy)
	if err != nil {
		return nil, err
	}
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		return nil, err
	}
	if err := readAll(ctx, client, cp.Tree); err != nil {
		return nil, err
	}
	for _, seq := range spread(uint64(cp.N)) {
		if err := proveWithTorchwood(ctx, client, cp.Tree, policy, text, int64(seq)); err != nil {
			return nil, fmt.Errorf("entry %d: %w", seq, err)
		}
	}
	if since != nil {
		old, _, err := torchwood.VerifyCheckpoint(since, policy)
		if err == nil {
			err = continues(cp.Tree, old.Tree, torchwood.TileHashReaderWithContext(ctx, cp.Tree, tiles))
		}
		if err != nil {
			return nil, fmt.Errorf("from the checkpoint of size %d: %w", old.N, err)
		}
	}
	return text, nil
}

// readAll reads every entry. The client verifies each against the tree; the chain
// through them is held against FORMAT.md: seq at byte 2, prev at byte 10.
func readAll(ctx context.Context, client *torchwood.Client, tree tlog.Tree) error {
	var next int64
	var prev tlog.Hash
	for seq, entry := range client.AllEntries(ctx, tree, 0) {
		if len(entry) < 42 || seq != next || binary.BigEndian.Uint64(entry[2:]) != uint64(seq) {
			return fmt.Errorf("entry %d is at place %d", next, seq)
		}
		if seq > 0 && !bytes.Equal(entry[10:42], prev[:]) {
			return fmt.Errorf("entry %d is not linked to the one before", seq)
		}
		prev = tlog.RecordHash(entry)
		next++
	}
	if err := client.Err(); err != nil {
		return err
	}
	if next != tree.N {
		return fmt.Errorf("%d of %d entries were read", next, tree.N)
	}
	return nil
}

// proveWithTorchwood writes the proof of an entry and reads it again. It must prove
// that entry, and no other.
func proveWithTorchwood(ctx context.Context, client *torchwood.Client, tree tlog.Tree, policy torchwood.Policy, checkpoint []byte, seq int64) error {
	entry, proof, err := client.Entry(ctx, tree, seq)
	if err != nil {
		return err
	}
	text := torchwood.FormatProof(seq, proof, checkpoint)
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), text); err != nil {
		return err
	}
	other := bytes.Clone(entry)
	other[len(other)-1] ^= 1
	var refused *torchwood.VerifyRecordError
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(other), text); !errors.As(err, &refused) {
		return fmt.Errorf("the proof of another entry: %v", err)
	}
	return nil
}
