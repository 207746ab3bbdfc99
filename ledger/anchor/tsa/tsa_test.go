package tsa_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
	"greffe/ledger/anchor/tsa"
	"greffe/ledger/chain"
)

var text = chain.FormatCheckpoint("greffe/main/93c08259", 3, chain.Hash{1, 2, 3})

func stamp(t *testing.T, a *timestamptest.Authority, urls ...string) ([]byte, timestamp.Stamp, error) {
	t.Helper()
	c, err := tsa.New(tsa.Options{URLs: urls, Roots: a.Pool(t), Pause: time.Millisecond, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c.Stamp(t.Context(), text)
}

func TestStamp(t *testing.T) {
	a := timestamptest.Start(t, timestamptest.Options{})
	token, s, err := stamp(t, a, a.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := timestamp.Check(token, text, a.Pool(t)); err != nil || got != s {
		t.Errorf("got %+v %v, want %+v", got, err, s)
	}
	if ok, out := timestamptest.OpenSSLVerifies(t, token, text, a.Roots); !ok {
		t.Errorf("openssl does not accept it:\n%s", out)
	}
}

// Whatever an authority does, the answer is a sound token or one line that names its
// host and nothing of its URL that could be a secret.
func TestBadAuthorities(t *testing.T) {
	reply := func(body string, code int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	const kind = "application/timestamp-reply"
	tests := []struct {
		name  string
		h     http.HandlerFunc
		asked int32 // how often
		want  string
	}{
		{"not found", reply("", 404, "text/plain"), 1, "status 404"},
		{"moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, 1, "status 302"},
		{"down", reply("", 503, "text/plain"), 3, "status 503"},
		{"too many", reply("", 429, "text/plain"), 3, "status 429"},
		{"a web page", reply("<html>", 200, "text/html"), 1, `"text/html"`},
		{"no DER", reply("hello", 200, kind), 1, "no TimeStampResp"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for range 100 {
				w.Write(make([]byte, 10000))
			}
		}, 1, "more than"},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Length", "5000")
			w.Write([]byte{0x30})
		}, 3, "unexpected EOF"},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			a := timestamptest.Start(t, timestamptest.Options{Handler: func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					tt.h(w, r)
				})
			}})
			_, _, err := stamp(t, a, strings.Replace(a.URL, "http://", "http://user:secret1@", 1)+"/?key=secret2")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("it tells a secret, or takes two lines: %v", err)
			}
			if asked.Load() != tt.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), tt.asked)
			}
		})
	}
}

// The next authority is asked if one has failed, or has given what does not hold.
func TestSeveral(t *testing.T) {
	good, foreign := timestamptest.Start(t, timestamptest.Options{}), timestamptest.Start(t, timestamptest.Options{Name: "Foreign"})
	gone := httptest.NewServer(nil)
	gone.Close()
	_, s, err := stamp(t, good, gone.URL, foreign.URL, good.URL)
	if err != nil || s.Authority != "Test TSA" {
		t.Errorf("got %+v %v", s, err)
	}
	_, _, err = stamp(t, good, foreign.URL)
	if !errors.Is(err, timestamp.ErrUntrusted) {
		t.Errorf("under other roots: %v", err)
	}
}

// An answer that was given to somebody else, or before, is not taken.
func TestReplay(t *testing.T) {
	var first atomic.Pointer[[]byte]
	a := timestamptest.Start(t, timestamptest.Options{Handler: func(reply http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			reply.ServeHTTP(rec, r)
			body := rec.Body.Bytes()
			if !first.CompareAndSwap(nil, &body) {
				body = *first.Load()
			}
			w.Header().Set("Content-Type", "application/timestamp-reply")
			w.Write(body)
		})
	}})
	if _, _, err := stamp(t, a, a.URL); err != nil {
		t.Fatal(err)
	}
	if _, _, err := stamp(t, a, a.URL); err == nil || !strings.Contains(err.Error(), "nonce") {
		t.Errorf("a replayed answer: %v", err)
	}
}

// A password in the URL is sent to the authority.
func TestCredentials(t *testing.T) {
	a := timestamptest.Start(t, timestamptest.Options{Handler: func(reply http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			reply.ServeHTTP(w, r)
		})
	}})
	if _, _, err := stamp(t, a, strings.Replace(a.URL, "http://", "http://u:p@", 1)); err != nil {
		t.Error(err)
	}
	if _, _, err := stamp(t, a, a.URL); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a password: %v", err)
	}
}

// The authority that the README shows gives tokens that hold.
func TestToy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "T")
	toy := exec.Command("python3", "../../../testdata/story/tsa.py", dir)
	toy.Stderr = os.Stderr
	if err := toy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { toy.Process.Kill() })
	ended := make(chan error, 1)
	go func() { ended <- toy.Wait() }()
	url := ""
	for until := time.Now().Add(30 * time.Second); url == ""; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, "url"))
		url = strings.TrimSpace(string(text))
		if time.Now().After(until) {
			t.Fatal("it does not say where it is")
		}
	}
	pem, err := os.ReadFile(filepath.Join(dir, "roots.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots, err := timestamp.ParseRoots(pem)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tsa.New(tsa.Options{URLs: []string{url}, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	token, s, err := c.Stamp(t.Context(), text)
	if err != nil || s.Authority != "Example TSA" {
		t.Fatalf("got %+v %v", s, err)
	}
	if ok, out := timestamptest.OpenSSLVerifies(t, token, text, pem); !ok {
		t.Errorf("openssl does not accept it:\n%s", out)
	}
	toy.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestStops(t *testing.T) {
	a := timestamptest.Start(t, timestamptest.Options{Handler: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	}})
	c, err := tsa.New(tsa.Options{URLs: []string{a.URL}, Roots: a.Pool(t), Pause: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Stamp(ctx, text); err == nil {
		t.Error("a token from nobody")
	}
}

func TestNew(t *testing.T) {
	roots := timestamptest.Start(t, timestamptest.Options{})
	for _, bad := range []string{"", "tsa.example", "ftp://tsa.example", "http://", "http://user:secret@", "https://user:sec\x7fret@tsa.example", "file:///etc/passwd"} {
		_, err := tsa.New(tsa.Options{URLs: []string{"http://a.example", bad}, Roots: roots.Pool(t)})
		if err == nil || !strings.Contains(err.Error(), "URL 2") || strings.Contains(err.Error(), "sec") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := tsa.New(tsa.Options{URLs: []string{"http://a.example"}}); err == nil {
		t.Error("without roots")
	}
	if _, err := tsa.New(tsa.Options{Roots: roots.Pool(t)}); err == nil {
		t.Error("without URLs")
	}
}
