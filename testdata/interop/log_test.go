package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"
)

// logSize is the size of the log that everybody follows: 390 full tiles and 160 hashes
// at level 0, a full one and 134 hashes at level 1, one hash at level 2.
const logSize = 100_000

// The log is followed while it grows from one of these sizes to the other: from a tree
// without level 2 to one with it.
const growsFrom, growsTo = 50_000, 70_000

// TestMain keeps tessera's log lines away: what a client has to say, it returns.
func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// TestLog puts every condition to every client, on one log.
func TestLog(t *testing.T) {
	bin := build(t)
	d := serve(t, bin, filepath.Join(t.TempDir(), "D"))
	d.allow(t)
	// The ledger's first entry is its genesis.
	fill(t, d, 1, growsFrom-1)
	t.Run("growing", func(t *testing.T) { growing(t, d) })
	fill(t, d, growsTo, logSize-growsTo)
	t.Run("grown", func(t *testing.T) { grown(t, d) })
	t.Run("tampered", func(t *testing.T) { tampered(t, d) })
	t.Run("endpoints", func(t *testing.T) { endpoints(t, d.remote) })
	t.Run("proved", func(t *testing.T) { proved(t, d) })
	t.Run("witnessed", func(t *testing.T) { witnessed(t, d) })
	t.Run("forked", func(t *testing.T) { forked(t, bin) })
}

// fill publishes n events and says how fast.
func fill(t *testing.T, d *daemon, first, n int) {
	t.Helper()
	begun := time.Now()
	if err := d.publish(first, n); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events published, %.0f/s", n, float64(n)/time.Since(begun).Seconds())
}

// growing: while a publisher fills the log, every client follows it from checkpoint to
// checkpoint. What a checkpoint promises is there at once.
func growing(t *testing.T, d *daemon) {
	published := make(chan struct{})
	var followers sync.WaitGroup
	for _, c := range clients {
		followers.Go(func() {
			sizes, err := follow(t.Context(), c, d.remote, published)
			if err != nil {
				t.Errorf("%s, after %d checkpoints: %v", c.name, len(sizes), err)
				return
			}
			t.Logf("%s followed through %d checkpoints", c.name, len(sizes))
			if len(sizes) < 3 || !sizes[growsTo] {
				t.Errorf("%s: that is not following a growing log: %v", c.name, sizes)
			}
		})
	}
	defer followers.Wait()
	defer close(published)
	fill(t, d, growsFrom, growsTo-growsFrom)
}

// follow follows a log until there is nothing more to come, each time from what was
// seen before. It returns the sizes that it saw.
func follow(ctx context.Context, c client, log remote, end <-chan struct{}) (map[uint64]bool, error) {
	sizes := map[uint64]bool{}
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	var seen []byte
	for ended := false; ; {
		var err error
		if seen, err = c.follow(ctx, log, seen); err != nil {
			return sizes, err
		}
		sizes[sizeOf(seen)] = true
		if ended {
			return sizes, nil
		}
		select {
		case <-end:
			ended = true // and once more
		case <-poll.C:
		}
	}
}

// grown: every client verifies the whole log, and says how long it took.
func grown(t *testing.T, d *daemon) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			seen, err := c.follow(t.Context(), d.remote, nil)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun)
			if sizeOf(seen) != logSize {
				t.Fatalf("it saw %d entries, want %d", sizeOf(seen), logSize)
			}
			t.Logf("%.2f s, %.0f entries/s", took.Seconds(), logSize/took.Seconds())
		})
	}
	t.Run("proofs", func(t *testing.T) {
		if err := proofRate(t, d.remote); err != nil {
			t.Fatal(err)
		}
	})
}

// proofRate proves entries all over the log by the tiles alone, as fast as it goes.
func proofRate(t *testing.T, log remote) error {
	text, err := get(t.Context(), log.url+"checkpoint")
	if err != nil {
		return err
	}
	tree, err := openTree(text, log)
	if err != nil {
		return err
	}
	for _, cached := range []bool{false, true} {
		proofs := int64(100)
		if cached {
			proofs = 2000
		}
		tiles := newSumdbTiles(context.WithoutCancel(t.Context()), log)
		hashes := tlog.TileHashReader(tree, tiles)
		begun := time.Now()
		for i := range proofs {
			if err := tiles.prove(tree, hashes, i*7919%tree.N); err != nil {
				return fmt.Errorf("entry %d: %w", i*7919%tree.N, err)
			}
			if !cached {
				clear(tiles.verified)
			}
		}
		t.Logf("entry, proof and check by TileHashReader, tiles kept %t: %.0f/s", cached, float64(proofs)/time.Since(begun).Seconds())
	}
	return nil
}
