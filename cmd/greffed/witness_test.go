package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/stream/embedded"
	"greffe/ledger/anchor/witness"
	"greffe/ledger/chain"
)

// startWith starts a daemon in dir with more flags than the usual.
func startWith(t *testing.T, dir string, more func(*serveFlags)) (*daemon, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	f := serveFlags{dir: dir, ledger: "main", natsPort: -1, replicas: 1, zone: "Europe/Paris", http: httpOff}
	more(&f)
	return startDaemon(ctx, f, slog.New(slog.DiscardHandler))
}

func mustStartWith(t *testing.T, dir string, more func(*serveFlags)) *daemon {
	t.Helper()
	d, err := startWith(t, dir, more)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// made makes the ledger of a folder and returns its key.
func made(t *testing.T, dir string) note.Verifier {
	t.Helper()
	d := mustStart(t, dir)
	defer mustClose(t, d)
	return d.logKeys()[0]
}

// A watcher is a witness of somebody else's that can be switched off.
type watcher struct {
	*witness.Witness
	url  string
	down atomic.Bool
}

func watch(t *testing.T, dir string, keys ...note.Verifier) *watcher {
	t.Helper()
	w, _, err := witness.Open(dir, witness.Options{Ledgers: keys})
	if err != nil {
		t.Fatal(err)
	}
	x := &watcher{Witness: w}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if x.down.Load() {
			http.Error(rw, "", http.StatusServiceUnavailable)
			return
		}
		x.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	x.url = srv.URL
	return x
}

// policyFile writes a policy and returns the flag for it.
func policyFile(t *testing.T, lines ...string) func(*serveFlags) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(f *serveFlags) { f.policy, f.http = path, "127.0.0.1:0" }
}

// eventually waits for something that the daemon brings about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for until := time.Now().Add(15 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func fetch(t *testing.T, d *daemon, path string) []byte {
	t.Helper()
	resp, err := http.Get("http://" + d.web.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func witnessed(d *daemon, size uint64) func() bool {
	return func() bool { return d.status().Witnessed.Size >= size }
}

// What a quorum has cosigned is what followers are shown, also after a restart.
func TestQuorumIsShown(t *testing.T) {
	dir := t.TempDir()
	key := made(t, dir)
	a, b, wrong := watch(t, t.TempDir(), key), watch(t, t.TempDir(), key), watch(t, t.TempDir(), key)
	other := watch(t, t.TempDir(), key)
	policy := policyFile(t, "witness a "+a.Key().String()+" "+a.url, "witness b "+b.Key().String()+" "+b.url+"/",
		"witness wrong "+other.Key().String()+" "+wrong.url, "group two 2 a b wrong", "quorum two")
	b.down.Store(true)
	d := mustStartWith(t, dir, policy)
	shown := publishSome(t, d, 1, 20)
	if got := fetch(t, d, "/checkpoint"); !bytes.Equal(got, shown) {
		t.Errorf("without a quorum %q is shown, want %q", got, shown)
	}
	eventually(t, "the first witness cosigns", func() bool { return d.status().Witnessed.Witnesses[0].Size == 21 })
	s := d.status().Witnessed
	if s.Size != 0 || !strings.Contains(s.Witnesses[1].Trouble, "503") || !strings.Contains(s.Witnesses[2].Trouble, "no cosignature by the key") {
		t.Errorf("status without a quorum: %+v", s)
	}
	b.down.Store(false)
	eventually(t, "a quorum", witnessed(d, 21))
	check := func() {
		t.Helper()
		n, err := note.Open(fetch(t, d, "/checkpoint"), note.VerifierList(key, a.Key(), b.Key()))
		if err != nil || len(n.Sigs) != 3 || !strings.Contains(n.Text, "\n21\n") {
			t.Errorf("shown is %+v, %v", n, err)
		}
	}
	check()
	if s := d.status().Witnessed; s.At == "" || len(s.Missing) != 1 || s.Missing[0] != "wrong" {
		t.Errorf("status with a quorum: %+v", s)
	}
	// witnesses that are gone hold up neither receipts nor followers
	a.down.Store(true)
	b.down.Store(true)
	publishSome(t, d, 21, 20)
	check()
	mustClose(t, d)
	d = mustStartWith(t, dir, policy)
	defer d.close()
	check()
	a.down.Store(false)
	b.down.Store(false)
	eventually(t, "the quorum moves on", witnessed(d, 41))
}

// The test that a head record alone does not pass: everything that the machine holds is
// rolled back together. Only the witness remembers.
func TestRolledBackLedgerIsNoticed(t *testing.T) {
	tests := []struct {
		name string
		more int // events entered after the rollback, others than before
		late bool
		want string
	}{
		{"at the start", 0, false, "it was rolled back"},
		{"when the witness is reached, with less", 5, true, "it was rolled back"},
		{"when the witness is reached, with other entries", 40, true, "restored or forked copy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, old := t.TempDir(), filepath.Join(t.TempDir(), "old")
			key := made(t, dir)
			w := watch(t, t.TempDir(), key)
			policy := policyFile(t, "log "+keyText(t, dir), "witness dpo "+w.Key().String()+" "+w.url, "quorum dpo")
			d := mustStartWith(t, dir, policy)
			publishSome(t, d, 1, 10)
			mustClose(t, d)
			copyFolder(t, dir, old)
			d = mustStartWith(t, dir, policy)
			publishSome(t, d, 11, 20)
			eventually(t, "the witness has seen 31", func() bool { return w.Seen()[0].Size == 31 })
			mustClose(t, d)

			copyFolder(t, old, dir) // ledger, head record, everything
			w.down.Store(tt.late)
			d, err := startWith(t, dir, policy)
			if tt.late {
				if err != nil {
					t.Fatal(err)
				}
				publishSome(t, d, 1001, tt.more)
				w.down.Store(false)
				select {
				case <-d.ended.Done():
				case <-time.After(20 * time.Second):
					t.Fatal("the daemon goes on")
				}
				err = d.wait(t.Context())
				d.close()
			} else if err == nil {
				d.close()
			}
			if !errors.Is(err, errForked) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "witness dpo") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			bothSides(t, dir, err, key, 31, uint64(11+tt.more))
			if _, err := startWith(t, dir, policy); !errors.Is(err, errForked) {
				t.Errorf("the next start: %v", err)
			}
		})
	}
}

// bothSides wants the file that the error names to hold two checkpoints by the ledger's key.
func bothSides(t *testing.T, dir string, err error, key note.Verifier, theirs, ours uint64) {
	t.Helper()
	_, path, _ := strings.Cut(err.Error(), "both signed checkpoints are in ")
	text, readErr := os.ReadFile(path)
	if readErr != nil || filepath.Dir(path) != filepath.Join(dir, "forks") {
		t.Fatalf("evidence: %v", readErr)
	}
	_, rest, _ := strings.Cut(string(text), "-- first --\n")
	first, second, _ := strings.Cut(rest, "-- second --\n")
	a, err1 := chain.OpenCheckpoint([]byte(first), key)
	b, err2 := chain.OpenCheckpoint([]byte(second), key)
	if err1 != nil || err2 != nil || a.Size != theirs || b.Size != ours {
		t.Errorf("the evidence is of %d and %d (%v, %v), want %d and %d\n%s", a.Size, b.Size, err1, err2, theirs, ours, text)
	}
}

func keyText(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "main.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	return trim(text)
}

// A witness that lies stops nobody.
func TestAClaimIsNoProof(t *testing.T) {
	dir := t.TempDir()
	key := made(t, dir)
	honest := watch(t, t.TempDir(), key)
	liar := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			forged := chain.FormatCheckpoint(key.Name(), 1<<40, chain.Hash{1}) + "\n— " + key.Name() + " AAAAAAAAAAAA\n"
			io.WriteString(rw, forged)
			return
		}
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		io.WriteString(rw, "1099511627776\n")
	}))
	t.Cleanup(liar.Close)
	stranger := watch(t, t.TempDir(), key)
	d := mustStartWith(t, dir, policyFile(t, "witness honest "+honest.Key().String()+" "+honest.url, "witness liar "+stranger.Key().String()+" "+liar.URL, "quorum honest"))
	defer d.close()
	publishSome(t, d, 1, 10)
	eventually(t, "the honest one", witnessed(d, 11))
	if s := d.status().Witnessed.Witnesses[1]; s.Size != 0 || !strings.Contains(s.Trouble, "claims, without showing it") {
		t.Errorf("the liar is %+v", s)
	}
	if trouble := d.status().Trouble; !strings.Contains(trouble, "claims, without showing it") {
		t.Errorf("the trouble is %q", trouble)
	}
	if d.ended.Err() != nil {
		t.Errorf("the daemon ended: %v", context.Cause(d.ended))
	}
}

// Two daemons of two ledgers watch each other over their HTTP ports.
func TestTwoDaemonsWatchEachOther(t *testing.T) {
	left, right := t.TempDir(), t.TempDir()
	leftKey, rightKey := made(t, left), made(t, right)
	leftPort, rightPort := freePort(t), freePort(t)
	line := func(name, dir string, of note.Verifier, port string) string {
		w, _, err := witness.Open(dir, witness.Options{Ledgers: []note.Verifier{of}})
		if err != nil {
			t.Fatal(err)
		}
		return "witness " + name + " " + w.Key().String() + " http://" + port
	}
	leftLine, rightLine := line("left", left, rightKey, leftPort), line("right", right, leftKey, rightPort)
	start := func(dir, other, port, line, quorum string) *daemon {
		policy := policyFile(t, line, "quorum "+quorum)
		return mustStartWith(t, dir, func(f *serveFlags) {
			policy(f)
			f.http, f.witnessOf = port, []string{filepath.Join(other, "main.vkey")}
		})
	}
	a := start(left, right, leftPort, rightLine, "right")
	b := start(right, left, rightPort, leftLine, "left")
	publishSome(t, a, 1, 10)
	publishSome(t, b, 1, 30)
	eventually(t, "left is witnessed", witnessed(a, 11))
	eventually(t, "right is witnessed", witnessed(b, 31))
	if got := string(fetch(t, a, "/seen")); !strings.HasPrefix(got, "31 ") || !strings.HasSuffix(got, rightKey.Name()+"\n") {
		t.Errorf("left has seen %q", got)
	}
	if got := fetch(t, b, "/forks"); len(got) != 0 {
		t.Errorf("forks: %s", got)
	}
	mustClose(t, b)
	publishSome(t, a, 11, 10)
	b = start(right, left, rightPort, leftLine, "left")
	eventually(t, "left is witnessed again", witnessed(a, 21))
	mustClose(t, a)
	mustClose(t, b)
	if _, err := startWith(t, left, func(f *serveFlags) {
		f.http, f.witnessOf = "127.0.0.1:0", []string{keyText(t, left)}
	}); err == nil || !strings.Contains(err.Error(), "witnesses itself") {
		t.Errorf("its own witness: %v", err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Two daemons of one ledger ask one witness: whoever is behind is not taken for rolled back.
func TestDaemonsOfOneLedgerShareAWitness(t *testing.T) {
	srv, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Port: -1, Ledger: "main", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	first := filepath.Join(t.TempDir(), "first")
	a := startOn(t, first, srv.URL())
	key := a.logKeys()[0]
	mustClose(t, a)
	w := watch(t, t.TempDir(), key)
	policy := policyFile(t, "witness dpo "+w.Key().String()+" "+w.url, "quorum dpo")
	on := func(f *serveFlags) { policy(f); f.server = srv.URL() }
	a, b := mustStartWith(t, first, on), mustStartWith(t, copyKeys(t, first), on)
	for i := range 5 {
		submitTo(t, srv.URL(), i*40, 40)
	}
	waitQuiet(t, a, b)
	size := a.ledger.Size()
	eventually(t, "the witness has seen all", func() bool { return w.Seen()[0].Size == size })
	for _, d := range []*daemon{a, b} {
		if d.ended.Err() != nil {
			t.Errorf("a daemon ended: %v", context.Cause(d.ended))
		}
		mustClose(t, d)
	}
	if names, err := w.Evidence(); len(names) > 0 || err != nil {
		t.Errorf("evidence %v, %v", names, err)
	}
}

func TestPoliciesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	key := made(t, dir)
	w := watch(t, t.TempDir(), key)
	_, foreign, err := chain.GenerateKey(strings.NewReader(strings.Repeat("k", 32)), "greffe/other/1")
	if err != nil {
		t.Fatal(err)
	}
	line := "witness a " + w.Key().String()
	for name, tt := range map[string]struct{ text, want string }{
		"damaged":         {line + " " + w.url + "\n", "no line \"quorum"},
		"of another log":  {"log " + foreign + "\n" + line + " " + w.url + "\nquorum a\n", "lists logs, and not this ledger"},
		"without URL":     {line + "\nquorum a\n", "names no witness that can be asked"},
		"with a bad URL":  {line + " ftp://x\nquorum a\n", "its URL is none of http or https"},
		"without witness": {"quorum none\n", "names no witness that can be asked"},
	} {
		if _, err := startWith(t, dir, policyFile(t, strings.TrimSuffix(tt.text, "\n"))); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	fresh := filepath.Join(t.TempDir(), "new")
	for _, more := range []func(*serveFlags){policyFile(t, "what"), func(f *serveFlags) { f.policy = "/nowhere" }, func(f *serveFlags) { f.http, f.witnessOf = "127.0.0.1:0", []string{"/nowhere"} }} {
		if _, err := startWith(t, fresh, more); err == nil {
			t.Error("started")
		}
		if _, err := os.Stat(fresh); !os.IsNotExist(err) {
			t.Errorf("a folder was made (%v)", err)
		}
	}
}
