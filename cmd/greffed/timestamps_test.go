package main

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"greffe/ledger"
	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
	"greffe/projections/query"
)

// startStamped starts a daemon that is timestamped every second.
func startStamped(t *testing.T, dir, roots string, urls ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := startDaemon(ctx, serveFlags{dir: dir, ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris", http: httpOff,
		tsa: tsaFlags{urls: urls, interval: time.Second, roots: roots}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// waitStatus waits until the newest timestamp is as wanted.
func waitStatus(t *testing.T, d *daemon, want func(query.TimestampPoint) bool) query.TimestampPoint {
	t.Helper()
	var p query.TimestampPoint
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if p = *d.status().Timestamp; want(p) {
			return p
		}
	}
	t.Fatalf("the newest timestamp is %+v", p)
	return p
}

func upToDate(p query.TimestampPoint) bool { return p.Size > 0 && p.Behind == 0 }

// What was entered is timestamped, once, and the tokens are over this ledger's own
// checkpoints; they outlive the daemon that asked for them.
func TestDaemonTimestamps(t *testing.T) {
	a := timestamptest.Start(t, timestamptest.Options{})
	dir := t.TempDir()
	d := startStamped(t, dir, a.RootsFile, a.URL)
	publishSome(t, d, 1, 20)
	waitStatus(t, d, upToDate)
	publishSome(t, d, 21, 10)
	p := waitStatus(t, d, func(p query.TimestampPoint) bool { return upToDate(p) && p.Size == d.ledger.Size() })
	if p.Authority != "Test TSA" || p.Trouble != "" || p.Size != 31 {
		t.Errorf("status %+v", p)
	}
	kept, err := d.ledger.Timestamps(math.MaxUint64, 0)
	if err != nil || len(kept) < 2 {
		t.Fatalf("%d timestamps kept, %v", len(kept), err)
	}
	last := uint64(math.MaxUint64)
	for _, k := range kept {
		if k.Size >= last {
			t.Errorf("size %d was timestamped twice", k.Size)
		}
		last = k.Size
		checkKept(t, d, a, k)
	}
	d.close()

	d = mustStart(t, dir) // nobody is asked any more
	defer d.close()
	if got := d.status().Timestamp; got == nil || *got != p {
		t.Errorf("after a start without authorities: %+v, before %+v", got, p)
	}
}

// checkKept proves a timestamp by our own means and by openssl's.
func checkKept(t *testing.T, d *daemon, a *timestamptest.Authority, k ledger.Timestamp) {
	t.Helper()
	text := k.Checkpoint(d.ledger.Origin())
	if s, err := timestamp.Check(k.Token, text, a.Pool(t)); err != nil || !s.At.Equal(k.At) {
		t.Errorf("size %d: %v %v", k.Size, s, err)
	}
	if ok, out := timestamptest.OpenSSLVerifies(t, k.Token, text, a.Roots); !ok {
		t.Errorf("size %d: openssl does not accept it:\n%s", k.Size, out)
	}
}

// Without authorities there is nothing to say.
func TestNoTimestamps(t *testing.T) {
	d := mustStart(t, t.TempDir())
	defer d.close()
	if p := d.status().Timestamp; p != nil {
		t.Errorf("status %+v", p)
	}
}

// An authority that fails is asked again, and status says why; what it gives under
// other roots is not kept. Receipts come all the while.
func TestDaemonTimestampsFail(t *testing.T) {
	var bad atomic.Bool
	bad.Store(true)
	a := timestamptest.Start(t, timestamptest.Options{Handler: func(reply http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if bad.Load() {
				http.NotFound(w, r)
				return
			}
			reply.ServeHTTP(w, r)
		})
	}})
	foreign := timestamptest.Start(t, timestamptest.Options{})
	d := startStamped(t, t.TempDir(), a.RootsFile, a.URL, foreign.URL)
	defer d.close()
	p := waitStatus(t, d, func(p query.TimestampPoint) bool { return p.Trouble != "" })
	if p.Size != 0 || p.Behind != 1 || !strings.Contains(p.Trouble, "status 404") || !strings.Contains(p.Trouble, "not issued under the roots") {
		t.Errorf("status %+v", p)
	}
	publishSome(t, d, 1, 5)
	bad.Store(false)
	waitStatus(t, d, func(p query.TimestampPoint) bool { return upToDate(p) && p.Size == 6 && p.Trouble == "" })
}

// An authority that never answers holds nothing up, neither receipts nor the end.
func TestDaemonTimestampsHang(t *testing.T) {
	asked := make(chan struct{}, 1)
	a := timestamptest.Start(t, timestamptest.Options{Handler: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			buf := make([]byte, 1024)
			for n := 1; n > 0; { // the end of the connection is seen once all was read
				n, _ = r.Body.Read(buf)
			}
			select {
			case asked <- struct{}{}:
			default:
			}
			<-r.Context().Done()
		})
	}})
	d := startStamped(t, t.TempDir(), a.RootsFile, a.URL)
	select {
	case <-asked:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was asked")
	}
	publishSome(t, d, 1, 5)
	begin := time.Now()
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 10*time.Second { // a question may take 20
		t.Errorf("the daemon took %v to stop", took)
	}
}

func TestStampPause(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		failures int
		want     time.Duration
	}{
		{time.Hour, 0, time.Minute}, {time.Hour, 1, 2 * time.Minute}, {time.Hour, 5, 32 * time.Minute}, {time.Hour, 6, time.Hour},
		{time.Hour, 1 << 40, time.Hour}, {24 * time.Hour, 9, time.Hour}, {time.Second, 3, time.Second},
	} {
		if got := stampPause(tt.interval, tt.failures); got != tt.want {
			t.Errorf("after %d failures, every %v: %v, want %v", tt.failures+1, tt.interval, got, tt.want)
		}
	}
}

// Flags that make no sense, or name a file that cannot be read, make no folder.
func TestTSAFlags(t *testing.T) {
	dir := t.TempDir()
	empty, roots := filepath.Join(dir, "empty.pem"), filepath.Join(dir, "roots.pem")
	for name, text := range map[string][]byte{empty: nil, roots: timestamptest.NewRoot(t, "R").PEM()} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no roots", []string{"--tsa", "http://127.0.0.1:1"}, 2, "nobody can tell its timestamps from anybody else's"},
		{"roots alone", []string{"--tsa-roots", roots}, 2, "without --tsa URL"},
		{"too often", []string{"--tsa", "http://127.0.0.1:1", "--tsa-roots", roots, "--tsa-interval", "10ms"}, 2, "at least 1s"},
		{"no URL", []string{"--tsa", "ftp://u:secret@h", "--tsa-roots", roots}, 2, "not one of http or https"},
		{"no file", []string{"--tsa", "http://127.0.0.1:1", "--tsa-roots", filepath.Join(dir, "absent")}, 1, "no such file"},
		{"no certificates", []string{"--tsa", "http://127.0.0.1:1", "--tsa-roots", empty}, 1, "certificates in PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			folder := filepath.Join(t.TempDir(), "D")
			code := run(t.Context(), append([]string{"serve", "--dir", folder, "--nats-port", "-1", "--http", "off"}, tt.args...), &out, &errs)
			if code != tt.code || !strings.Contains(errs.String(), tt.want) || strings.Contains(errs.String(), "secret") {
				t.Errorf("code %d, want %d: %s", code, tt.code, errs.String())
			}
			if _, err := os.Stat(folder); err == nil {
				t.Error("it made a folder")
			}
		})
	}
}
