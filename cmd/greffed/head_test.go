package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/gateway"
	"greffe/ledger/chain"
)

// startTest starts a daemon in dir on a free port.
func startTest(t *testing.T, dir string) (*daemon, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return startDaemon(ctx, serveFlags{dir: dir, ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris"}, slog.New(slog.DiscardHandler))
}

func mustStart(t *testing.T, dir string) *daemon {
	t.Helper()
	d, err := startTest(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// publishSome publishes n measures through the gateway and returns the checkpoint
// that was shown then.
func publishSome(t *testing.T, d *daemon, from, n int) []byte {
	t.Helper()
	raws := func(yield func([]byte, error) bool) {
		for i := from; i < from+n; i++ {
			id := "01JD00000000000000000" + string([]byte{'0' + byte(i/1000%10), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10), '0'})
			raw := []byte(`{"specversion":"1.0","id":"` + id + `","source":"t","type":"measure.adopted.v1","subject":"measure/TOM-01","time":"2026-11-23T10:00:00Z",` +
				`"recordedat":"2026-11-23T10:00:00Z","data":{"measure_id":"TOM-01","kind":"technical","topic":"x","text":"y"}}`)
			if !yield(raw, nil) {
				return
			}
		}
	}
	err := gateway.NewClient(d.nc, "main", "dpo").SubmitAll(t.Context(), raws, func(_ int, r gateway.Receipt) error {
		if r.Disposition != gateway.Recorded {
			t.Errorf("receipt %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	shown, _, err := d.head.publish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(shown)
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A ledger that was lost, or restored from an old copy, comes back from the stream
// with the same bytes: the same checkpoint, byte for byte.
func TestLedgerComesBackFromTheStream(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	publishSome(t, d, 1, 300)
	d.close()
	old := filepath.Join(t.TempDir(), "old")
	copyFolder(t, filepath.Join(dir, "ledger"), old)
	d = mustStart(t, dir)
	want := publishSome(t, d, 301, 200)
	d.close()

	copyFolder(t, old, filepath.Join(dir, "ledger"))
	d = mustStart(t, dir)
	got, _, err := d.head.publish(t.Context())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("after an old copy the daemon shows\n%s(%v), shown was\n%s", got, err, want)
	}
	d.close()

	for _, lost := range []string{"ledger", "projections"} {
		if err := os.RemoveAll(filepath.Join(dir, lost)); err != nil {
			t.Fatal(err)
		}
	}
	d = mustStart(t, dir)
	defer d.close()
	if got, _, err := d.head.publish(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after the loss of the ledger's folder the daemon shows\n%s(%v), shown was\n%s", got, err, want)
	}
}

// What was shown to others binds: another root at that size, or a size that cannot be
// reached, and the daemon refuses to serve.
func TestHeadRecordBinds(t *testing.T) {
	tests := []struct {
		name string
		size func(uint64) uint64
		want string
	}{
		{"another root", func(n uint64) uint64 { return n }, "restored or forked copy"},
		{"beyond what is there", func(n uint64) uint64 { return n + 10 }, "both are an old copy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			d := mustStart(t, dir)
			publishSome(t, d, 1, 20)
			forged, err := chain.SignCheckpoint(d.id.Origin, tt.size(d.ledger.Size()), chain.Hash{1}, d.keys.signer)
			if err != nil {
				t.Fatal(err)
			}
			d.head.mu.Lock()
			err = d.head.record.Swap(t.Context(), forged)
			d.head.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			d.close()
			d, err = startTest(t, dir)
			if err == nil {
				d.close()
				t.Fatal("the daemon serves a ledger that contradicts what was shown")
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tt.want)
			}
		})
	}
}

// A start that was interrupted at any file leaves a folder that starts.
func TestFirstStartIsInterrupted(t *testing.T) {
	for _, missing := range [][]string{{"ledger.json"}, {"ledger.json", "main.vkey"}, {"gateway.key"}, {"roles/dpo.json"}, {"users.json"}, {"projections"}} {
		t.Run(strings.Join(missing, " and "), func(t *testing.T) {
			dir := t.TempDir()
			f, err := openFolder(dir, "main")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := f.createIdentity(time.Now(), "Europe/Paris"); err != nil {
				t.Fatal(err)
			}
			f.close()
			if missing[0] != "ledger.json" {
				mustStart(t, dir).close()
			}
			for _, name := range missing {
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			d := mustStart(t, dir)
			defer d.close()
			publishSome(t, d, 1, 3)
			vkey, err := os.ReadFile(filepath.Join(dir, "main.vkey"))
			if err != nil {
				t.Fatal(err)
			}
			v, err := note.NewVerifier(trim(vkey))
			if err != nil || v.KeyHash() != d.keys.verifier.KeyHash() {
				t.Errorf("main.vkey is not the key that signs (%v)", err)
			}
		})
	}
}
