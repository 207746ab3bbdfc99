package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream/embedded"
	"greffe/ledger/chain"
	"greffe/projections"
)

// TestTwoDaemons runs two daemons with the same keys on one NATS server that is
// neither's: both write the same chain, byte for byte, whoever took the events, and
// show the same registers. A third that comes late ends where they are.
func TestTwoDaemons(t *testing.T) {
	srv, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Port: -1, Ledger: "main", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	first := filepath.Join(t.TempDir(), "first")
	a := startOn(t, first, srv.URL())
	second := copyKeys(t, first)
	b := startOn(t, second, srv.URL())

	// the same events from two connections at once, so that both gateways meet them
	const n = 300
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { submitTo(t, srv.URL(), 0, n) })
	}
	wg.Wait()
	want := sameChain(t, a, b)
	for i := range n {
		if key := fmt.Sprintf("01JD0000000000000%09d", i); want[key] != 1 {
			t.Errorf("event %s is recorded %d times", key, want[key])
		}
	}
	sameRegisters(t, a, b)

	// one goes on alone; the other catches up, and so does one that starts from nothing
	mustClose(t, a)
	submitTo(t, srv.URL(), n, n)
	a = startOn(t, first, srv.URL())
	c := startOn(t, copyKeys(t, first), srv.URL())
	for _, pair := range [][2]*daemon{{a, b}, {b, c}} {
		if got := sameChain(t, pair[0], pair[1]); len(got) != 2*n+3 {
			t.Errorf("%d events are recorded, want %d, two quarantines and the genesis", len(got), 2*n)
		}
		sameRegisters(t, pair[0], pair[1])
	}
	for _, d := range []*daemon{a, b, c} {
		mustClose(t, d)
	}
}

func startOn(t *testing.T, dir, url string) *daemon {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := startDaemon(ctx, serveFlags{dir: dir, ledger: "main", server: url, replicas: 1, zone: "Europe/Paris"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustClose(t *testing.T, d *daemon) {
	t.Helper()
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
}

// copyKeys makes the folder of another daemon of the same ledger.
func copyKeys(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"ledger.json", "main.key", "main.vkey", "gateway.key"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// submitTo submits n events as any client of the server, with one that is quarantined.
func submitTo(t *testing.T, url string, from, n int) {
	nc, err := nats.Connect(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	client := gateway.NewClient(nc, "main", "load")
	quarantined := 0
	err = client.SubmitAll(t.Context(), func(yield func([]byte, error) bool) {
		for i := from; i < from+n; i++ {
			if !yield(event("load", i), nil) {
				return
			}
		}
		yield(fmt.Appendf(nil, `{"n":%d,"n":0}`, from), nil)
	}, func(_ int, r gateway.Receipt) error {
		switch r.Disposition {
		case gateway.Recorded, gateway.Duplicate:
			return nil
		case gateway.Quarantined:
			quarantined++
			return nil
		}
		return fmt.Errorf("receipt %+v", r)
	})
	if err != nil || quarantined != 1 {
		t.Errorf("%d quarantined, want 1; error %v", quarantined, err)
	}
}

// sameChain wants the entries of both byte for byte the same, and counts how often
// each event is recorded.
func sameChain(t *testing.T, a, b *daemon) map[string]int {
	t.Helper()
	waitQuiet(t, a, b)
	counts := map[string]int{}
	left, right := entries(t, a), entries(t, b)
	for i := range left {
		if !bytes.Equal(left[i].Header, right[i].Header) || !bytes.Equal(left[i].Payload, right[i].Payload) {
			t.Fatalf("entry %d differs:\n%s", i, cmp.Diff(left[i].Entry, right[i].Entry))
		}
		if left[i].Entry.Disposition == chain.Recorded {
			counts[string(events.IDFromBytes(left[i].Entry.EventID))]++
		}
	}
	ea, eb := a.ledger.Edge(), b.ledger.Edge()
	if ea.Root != eb.Root || !bytes.Equal(ea.Checkpoint, eb.Checkpoint) {
		t.Fatalf("the checkpoints differ:\n%s%s", ea.Checkpoint, eb.Checkpoint)
	}
	return counts
}

// waitQuiet waits until both ledgers have the whole stream and it has stopped growing:
// an event that both gateways published is receipted with its first entry, and its
// duplicate may come after every receipt.
func waitQuiet(t *testing.T, a, b *daemon) {
	t.Helper()
	var last uint64
	since := time.Now()
	for until := time.Now().Add(20 * time.Second); time.Since(since) < 300*time.Millisecond; time.Sleep(5 * time.Millisecond) {
		st, err := a.stream.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.LastSeq != last || a.ledger.Size() != last || b.ledger.Size() != last {
			last, since = st.LastSeq, time.Now()
		}
		if time.Now().After(until) {
			t.Fatalf("the ledgers have %d and %d entries, the stream %d", a.ledger.Size(), b.ledger.Size(), last)
		}
	}
}

func entries(t *testing.T, d *daemon) []chain.Record {
	t.Helper()
	var all []chain.Record
	err := d.ledger.Read(0, d.ledger.Size(), func(r chain.Record) error {
		r.Header, r.Payload = bytes.Clone(r.Header), bytes.Clone(r.Payload)
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sameRegisters wants the digest of every register to be the same.
func sameRegisters(t *testing.T, a, b *daemon) {
	t.Helper()
	left, right := registerDigests(t, a), registerDigests(t, b)
	if diff := cmp.Diff(left, right); diff != "" {
		t.Errorf("the registers differ:\n%s", diff)
	}
	if len(left) < 12 {
		t.Errorf("only %d registers", len(left))
	}
}

func registerDigests(t *testing.T, d *daemon) map[string]string {
	t.Helper()
	v, err := d.follower.view(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	digests := map[string]string{}
	for _, r := range projections.Registers() {
		if digests[r.Name], err = v.Digest(r.Name); err != nil {
			t.Fatal(err)
		}
	}
	return digests
}
