package witness_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/anchor/witness"
	"greffe/ledger/chain"
)

// question asks for the ledger's first size entries.
func (l *toy) question(t testing.TB, size uint64) witness.Question {
	t.Helper()
	cp, err := chain.OpenCheckpoint(l.note(t, size), l.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return witness.Question{Note: l.note(t, size), Checkpoint: cp, Keys: []note.Verifier{l.verifier}, Prove: l.prove, RootAt: l.root}
}

// dial returns a client of a handler, by the key that a policy has for it.
func dial(t testing.TB, h http.Handler, key *chain.WitnessKey, o witness.ClientOptions) *witness.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := witness.NewClient(chain.Witness{Name: "dpo", Key: key, URL: srv.URL + "/"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t testing.TB, c *witness.Client, q witness.Question) (witness.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return c.Ask(ctx, q)
}

func mustAsk(t testing.TB, c *witness.Client, q witness.Question) {
	t.Helper()
	a, err := ask(t, c, q)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := c.Witness().Key.Cosigned(q.Checkpoint.Text, a.Signature); !ok || at != a.At {
		t.Errorf("the answer %+v is no cosignature", a)
	}
}

// counted counts the requests of a handler by path.
type counted struct {
	http.Handler
	mu sync.Mutex
	n  map[string]int
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.n[r.URL.Path]++
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func TestClientFollowsTheWitnessSize(t *testing.T) {
	l := newToy(t, "greffe/main/1", 300)
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	h := &counted{Handler: w.Handler(), n: map[string]int{}}
	c := dial(t, h, w.Key(), witness.ClientOptions{})
	for _, size := range []uint64{1, 10, 10, 200} {
		mustAsk(t, c, l.question(t, size))
	}
	if n := h.n["/add-checkpoint"]; n != 4 {
		t.Errorf("%d requests for 4 answers: the size was not remembered", n)
	}
	// a client that starts anew asks once more, and so does one after another client
	mustAsk(t, dial(t, h, w.Key(), witness.ClientOptions{}), l.question(t, 250))
	mustAsk(t, c, l.question(t, 300))
	if n := h.n["/add-checkpoint"]; n != 8 {
		t.Errorf("%d requests, want 8", n)
	}
	// and the witness' restart changes nothing
	w, _ = open(t, dir, l)
	h.Handler = w.Handler()
	mustAsk(t, c, l.question(t, 300))
}

func TestClientFindsContradictions(t *testing.T) {
	l := newToy(t, "greffe/main/1", 300)
	tests := []struct {
		name string
		ours *toy
		size uint64
		kind witness.Kind
		want string
	}{
		{"less than was seen", l, 150, witness.RolledBack, "witness dpo has cosigned 200 entries, more than there are here: this ledger was rolled back"},
		{"less, and others", l.fork(100, 300), 150, witness.RolledBack, "was rolled back"},
		{"as many, and others", l.fork(100, 300), 200, witness.Fork, "witness dpo has cosigned other entries than these, 200 of them: this ledger was forked"},
		{"more, and others", l.fork(199, 300), 300, witness.Diverged, "was forked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := open(t, t.TempDir(), l)
			mustAsk(t, dial(t, w.Handler(), w.Key(), witness.ClientOptions{}), l.question(t, 200))
			_, err := ask(t, dial(t, w.Handler(), w.Key(), witness.ClientOptions{}), tt.ours.question(t, tt.size))
			var e *witness.ContradictionError
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Size != 200 || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			theirs, err := chain.OpenCheckpoint(e.Theirs, l.verifier)
			ours, err2 := chain.OpenCheckpoint(e.Ours, l.verifier)
			if err != nil || err2 != nil || theirs.Size != 200 || ours.Size != tt.size {
				t.Errorf("both sides: %v, %v", err, err2)
			}
			dir := t.TempDir()
			path, fresh, err := witness.KeepEvidence(dir, e.Evidence(), time.Unix(0, 0))
			text, _ := os.ReadFile(path)
			if err != nil || !fresh || !strings.Contains(string(text), string(e.Theirs)) || !strings.Contains(string(text), string(e.Ours)) {
				t.Errorf("evidence %s: %v\n%s", path, err, text)
			}
			if _, fresh, err := witness.KeepEvidence(dir, e.Evidence(), time.Unix(9, 0)); fresh || err != nil {
				t.Errorf("kept again: %v, %v", fresh, err)
			}
		})
	}
}

// Witnesses that are broken, or lie. None of these is proof against the ledger.
func TestClientAndBadWitnesses(t *testing.T) {
	l := newToy(t, "greffe/main/1", 300)
	w, _ := open(t, t.TempDir(), l)
	mustAsk(t, dial(t, w.Handler(), w.Key(), witness.ClientOptions{}), l.question(t, 100))
	other, _ := open(t, t.TempDir(), l)
	stranger := l.rekeyed(t)
	answers := func(status int, contentType, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", contentType)
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
	size := "text/x.tlog.size"
	shows := func(seen string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				fmt.Fprint(rw, seen)
				return
			}
			answers(409, size, "250\n")(rw, r)
		}
	}
	n := 0
	moving := func(rw http.ResponseWriter, r *http.Request) { n++; answers(409, size, fmt.Sprintf("%d\n", n))(rw, r) }
	tests := []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"another key than the policy's", other.Handler(), "no cosignature by the key that the policy has for it"},
		{"empty answer", answers(200, "text/plain", ""), "no cosignature"},
		{"page of a captive portal", answers(200, "text/html", "<html>\n"), "signature line"},
		{"endless answer", answers(200, "text/plain", strings.Repeat("x", 1<<20)), "longer than"},
		{"redirect", http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound), "answers 302"},
		{"not found", http.NotFoundHandler(), "404: it does not know this ledger"},
		{"forbidden", answers(403, "", ""), "403: it holds another key"},
		{"broken", answers(500, "", "secret"), "answers 500"},
		{"conflict without a size", answers(409, size, "many\n"), "409 without a size"},
		{"conflict of another type", answers(409, "text/plain", "100\n"), "409 without a size"},
		{"conflict with what was said", answers(409, size, "0\n"), "is another than 0, and that it is 0"},
		{"size that moves for ever", http.HandlerFunc(moving), "another size each time"},
		{"claims more and shows nothing", answers(409, size, "250\n"), "claims, without showing it, to have cosigned 250 entries"},
		{"shows what a stranger signed", shows(string(stranger.note(t, 250))), "claims, without showing it"},
		{"shows garbage", shows("garbage"), "claims, without showing it"},
		{"shows too much", shows(strings.Repeat("x", 1<<20)), "claims, without showing it"},
		{"contradicts and shows what is right", shows(string(l.note(t, 100))), "shows a checkpoint of it that is right"},
		{"refuses every proof", answers(422, "", ""), "claims, without showing it, to have cosigned other entries"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, tt.handler, w.Key(), witness.ClientOptions{})
			_, err := ask(t, c, l.question(t, 200))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\n<") || strings.Contains(err.Error(), "secret") {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if e := (*witness.ContradictionError)(nil); errors.As(err, &e) && e.Theirs != nil {
				t.Errorf("it is believed: %v", err)
			}
			if c.Due() {
				t.Error("it is asked again at once")
			}
		})
	}
}

func TestClientBacksOff(t *testing.T) {
	l := newToy(t, "greffe/main/1", 30)
	w, _ := open(t, t.TempDir(), l)
	now := &clock{now: time.Unix(0, 0)}
	down := true
	h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if down {
			http.Error(rw, "", http.StatusBadGateway)
			return
		}
		w.Handler().ServeHTTP(rw, r)
	})
	c := dial(t, h, w.Key(), witness.ClientOptions{Now: now.read})
	at := int64(0)
	for _, pause := range []int64{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		ask(t, c, l.question(t, 10))
		now.set(at + pause - 1)
		if c.Due() {
			t.Errorf("asked again before %d seconds", pause)
		}
		at += pause
		now.set(at)
		if !c.Due() {
			t.Errorf("not asked again after %d seconds", pause)
		}
	}
	down = false
	mustAsk(t, c, l.question(t, 10))
	if !c.Due() {
		t.Error("not asked again after a good answer")
	}
}

func TestClientGivesUpInTime(t *testing.T) {
	l := newToy(t, "greffe/main/1", 30)
	w, _ := open(t, t.TempDir(), l)
	block := make(chan struct{})
	c := dial(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }), w.Key(), witness.ClientOptions{})
	t.Cleanup(func() { close(block) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Ask(ctx, l.question(t, 10)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"", "witness.example", "ftp://w", "http://", "http://w/?a=b", "http://w/#x", "://"} {
		if _, err := witness.NewClient(chain.Witness{Name: "w", Key: w.Key(), URL: url}, witness.ClientOptions{}); err == nil {
			t.Errorf("URL %q was accepted", url)
		}
	}
}
