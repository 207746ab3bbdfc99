package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/note"

	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/ledger/chain"
)

// startTest starts a daemon in dir on a free port.
func startTest(t *testing.T, dir string) (*daemon, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return startDaemon(ctx, serveFlags{dir: dir, ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris", http: httpOff}, slog.New(slog.DiscardHandler))
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
			forged, err := chain.SignCheckpoint(d.id.Origin, tt.size(d.ledger.Size()), chain.Hash{1}, signerOf(t, d))
			if err != nil {
				t.Fatal(err)
			}
			d.head.mu.Lock()
			_, err = d.head.record.Swap(t.Context(), forged, d.head.revision)
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
			if _, err := f.createIdentity(time.Now(), "Europe/Paris"); err != nil {
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
			if err != nil || v.KeyHash() != d.logKeys()[0].KeyHash() {
				t.Errorf("main.vkey is not the key that signs (%v)", err)
			}
		})
	}
}

// A folder without ledger.json is a broken copy if it holds a ledger: nothing in it is
// overwritten. If it holds only a key, the key is kept aside.
func TestKeysAreNeverOverwritten(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	d.close()
	before, err := os.ReadFile(filepath.Join(dir, "main.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger.json", "nats"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := startTest(t, dir); err == nil || !strings.Contains(err.Error(), "restore ledger.json") {
		t.Errorf("got %v, %v; want to be told to restore ledger.json", d, err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "main.key")); !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}
	if err := os.RemoveAll(filepath.Join(dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	mustStart(t, dir).close()
	kept, _ := filepath.Glob(filepath.Join(dir, "main.key.kept-*"))
	if len(kept) != 1 {
		t.Fatalf("kept keys: %v", kept)
	}
	if after, _ := os.ReadFile(kept[0]); !bytes.Equal(before, after) {
		t.Error("the kept key is another one")
	}
}

// A ledger whose stream is gone does not start a new one, and shows nothing.
func TestLedgerWithoutItsStream(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	publishSome(t, d, 1, 20)
	d.close()
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := startTest(t, dir); err == nil || !strings.Contains(err.Error(), "its stream is not on this server") {
			t.Errorf("got %v, want to be told that the stream is gone", err)
		}
	}
}

// A first start that fails leaves no folder behind.
func TestFailedFirstStartLeavesNothing(t *testing.T) {
	busy := mustStart(t, t.TempDir())
	defer busy.close()
	dir := filepath.Join(t.TempDir(), "new")
	var port int
	if _, err := fmt.Sscanf(busy.where, "nats://127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	_, err := startDaemon(t.Context(), serveFlags{dir: dir, ledger: "main", natsPort: port, replicas: 1, zone: "Europe/Paris", http: httpOff}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Fatalf("got %v, want the port to be in use", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder was left behind (%v)", err)
	}
}

// Whatever reply a request asks for, the daemon answers to inboxes only: every request
// of every role, with replies that would delete the stream, write the head record or
// speak for another publisher.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	defer d.close()
	publishSome(t, d, 1, 5)
	record, _, err := d.head.record.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.stream.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []stream.Role{stream.RoleDPO, stream.RoleAuditor, stream.RoleOperator} {
		c, err := stream.ReadCredentials(stream.CredentialsPath(dir, role, string(role)))
		if err != nil {
			t.Fatal(err)
		}
		refused := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // many topics are
		nc, err := nats.Connect(d.where, append(c.Options(), refused)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"greffe.main.submit.dpo", "greffe.main.submit.import", "greffe.main.query.status", "greffe.main.query.register.list", "greffe.main.admin.publisher.add", "$SRV.PING", "$SRV.INFO", "$SRV.STATS"} {
			for _, reply := range []string{"$JS.API.STREAM.DELETE.GREFFE_main", "$KV.greffe_main_head.head", "greffe.main.event.crm.measure.adopted.v1", "greffe.main.submit.crm"} {
				for _, body := range []string{"", "{", "{}"} {
					nc.PublishRequest(topic, reply, []byte(body))
				}
			}
		}
		nc.Flush()
		nc.Close()
	}
	time.Sleep(200 * time.Millisecond) // whatever was carried out is done by now
	after, err := d.stream.State(t.Context())
	if err != nil || after != state {
		t.Errorf("the stream was %+v and is %+v (%v)", state, after, err)
	}
	if now, _, err := d.head.record.Load(t.Context()); err != nil || !bytes.Equal(now, record) {
		t.Errorf("the head record was changed (%v)", err)
	}
}

// A follower with nothing but HTTP reads the checkpoint that the bundle has too, and
// nothing that no checkpoint covers.
func TestFollowOverHTTP(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := startDaemon(ctx, serveFlags{dir: t.TempDir(), ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris", http: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	want := publishSome(t, d, 1, 300)
	resp, err := http.Get("http://" + d.web.Addr().String() + "/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	for path, status := range map[string]int{"/tile/0/000": 200, "/tile/0/001.p/45": 200, "/tile/0/001.p/46": 404, "/tile/entries/000": 200, "/": 404} {
		resp, err := http.Get("http://" + d.web.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, status)
		}
	}
	_, err = startDaemon(ctx, serveFlags{dir: filepath.Join(t.TempDir(), "x"), ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris", http: d.web.Addr().String()}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("the same port twice: %v", err)
	}
}

// signerOf is the private key that signs the daemon's next checkpoint.
func signerOf(t *testing.T, d *daemon) note.Signer {
	t.Helper()
	s, err := d.folder.signer(d.id.Origin, d.ledger.Keys().Valid(d.ledger.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
