package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tessera "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
)

// followWithTessera tracks the checkpoints as a monitor does, and proves a spread of
// entries and of earlier sizes.
func followWithTessera(ctx context.Context, log remote, since []byte) ([]byte, error) {
	fetcher, err := newTesseraFetcher(log)
	if err != nil {
		return nil, err
	}
	key := log.verifier()
	tracker, err := tessera.NewLogStateTracker(ctx, fetcher.ReadTile, since, key, key.Name(), tessera.UnilateralConsensus(fetcher.ReadCheckpoint))
	if err != nil {
		return nil, err
	}
	_, _, seen, err := tracker.Update(ctx)
	if err != nil {
		return nil, err
	}
	cp := tracker.Latest()
	builder, err := tessera.NewProofBuilder(ctx, cp.Size, fetcher.ReadTile)
	if err != nil {
		return nil, err
	}
	for _, seq := range spread(cp.Size) {
		bundle, err := tessera.GetEntryBundle(ctx, fetcher.ReadEntryBundle, seq/256, cp.Size)
		if err != nil {
			return nil, err
		}
		path, err := builder.InclusionProof(ctx, seq)
		if err != nil {
			return nil, err
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(bundle.Entries[seq%256])
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, seq, cp.Size, leaf, path, cp.Hash); err != nil {
			return nil, fmt.Errorf("entry %d: %w", seq, err)
		}
	}
	for _, size := range earlier(cp.Size) {
		if err := fetcher.continues(ctx, builder, size, cp.Size, cp.Hash); err != nil {
			return nil, fmt.Errorf("from size %d: %w", size, err)
		}
	}
	return seen, nil
}

// followWithFsck checks every entry and every tile, as the operator of a tessera log does.
func followWithFsck(ctx context.Context, log remote, _ []byte) ([]byte, error) {
	fetcher, err := newTesseraFetcher(log)
	if err != nil {
		return nil, err
	}
	key := log.verifier()
	// More workers than a change can make fail: when all have, fsck waits for ever.
	if err := fsck.New(key.Name(), key, fetcher, hashBundle, fsck.Opts{N: 8}).Check(ctx); err != nil {
		return nil, err
	}
	return fetcher.checkpoint, nil
}

// hashBundle returns the leaf hashes of a bundle's entries.
func hashBundle(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// A tesseraFetcher is tessera's own, which remembers the checkpoint that it fetched.
type tesseraFetcher struct {
	*tessera.HTTPFetcher
	mu         sync.Mutex
	checkpoint []byte
}

func newTesseraFetcher(log remote) (*tesseraFetcher, error) {
	root, err := url.Parse(log.url)
	if err != nil {
		return nil, err
	}
	fetcher, err := tessera.NewHTTPFetcher(root, http.DefaultClient)
	return &tesseraFetcher{HTTPFetcher: fetcher}, err
}

func (f *tesseraFetcher) ReadCheckpoint(ctx context.Context) ([]byte, error) {
	text, err := f.HTTPFetcher.ReadCheckpoint(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkpoint = bytes.Clone(text)
	return text, err
}

// continues proves that the tree begins with the tree that it had at an earlier size.
func (f *tesseraFetcher) continues(ctx context.Context, builder *tessera.ProofBuilder, from, to uint64, root []byte) error {
	nodes, err := tessera.FetchRangeNodes(ctx, from, f.ReadTile)
	if err != nil {
		return err
	}
	old, err := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewRange(0, from, nodes)
	if err != nil {
		return err
	}
	oldRoot, err := old.GetRootHash(nil)
	if err != nil {
		return err
	}
	path, err := builder.ConsistencyProof(ctx, from, to)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, from, to, path, oldRoot, root)
}
