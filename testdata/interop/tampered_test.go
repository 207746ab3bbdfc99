package interop_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tampered: somebody between the log and its followers changes one answer, or its keeper
// signs what is not so. Every client must refuse, and must follow when nothing is changed.
func tampered(t *testing.T, d *daemon) {
	text, err := get(t.Context(), d.url+"checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(text, d.remote)
	if err != nil {
		t.Fatal(err)
	}
	wrong := tree
	wrong.Hash[31] ^= 1
	shorter := tlog.Tree{N: tree.N - 1, Hash: tree.Hash}
	for _, c := range []struct {
		name, path string
		change     func(body []byte) []byte
		sound      bool
	}{
		{name: "nothing", path: "none", change: same, sound: true},
		{name: "a hash of entries", path: "tile/0/200", change: flip(8191)},
		{name: "a hash of the open tile", path: "tile/0/390.p/160", change: flip(159 * 32)},
		{name: "a hash of level 1", path: "tile/1/000", change: flip(0)},
		{name: "a hash of the open tile of level 1", path: "tile/1/001.p/134", change: flip(133 * 32)},
		{name: "a hash of level 2", path: "tile/2/000.p/1", change: flip(31)},
		{name: "another tile", path: "tile/0/200", change: instead(t, d, "tile/0/201")},
		{name: "a tile cut short", path: "tile/0/200", change: func(b []byte) []byte { return b[:len(b)-32] }},
		{name: "an entry", path: "tile/entries/200", change: flip(2 + 62)},
		{name: "an entry of the open bundle", path: "tile/entries/390.p/160", change: flip(2 + 62)},
		{name: "the length of an entry", path: "tile/entries/200", change: flip(1)},
		{name: "another bundle", path: "tile/entries/200", change: instead(t, d, "tile/entries/201")},
		{name: "the checkpoint's size", path: "checkpoint", change: func(b []byte) []byte {
			return bytes.Replace(b, fmt.Appendf(nil, "\n%d\n", logSize), fmt.Appendf(nil, "\n%d\n", logSize-1), 1)
		}},
		{name: "the checkpoint's signature", path: "checkpoint", change: func(b []byte) []byte { return flip(len(b) - 10)(b) }},
		{name: "an older checkpoint of another key", path: "checkpoint", change: put(sign(t, d.remote, tlog.Tree{N: 1000, Hash: tree.Hash}, otherKey(t, d.remote)))},
		{name: "the checkpoint of another key", path: "checkpoint", change: put(sign(t, d.remote, tree, otherKey(t, d.remote)))},
		{name: "a wrong root by the true key", path: "checkpoint", change: put(sign(t, d.remote, wrong, trueKey(t, d)))},
		{name: "a wrong size by the true key", path: "checkpoint", change: put(sign(t, d.remote, shorter, trueKey(t, d)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := between(t, d.remote, c.path, c.change)
			for _, client := range clients {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := client.follow(ctx, log, nil)
				late := ctx.Err()
				cancel()
				if c.sound != (err == nil) || late != nil {
					t.Errorf("%s: %v", client.name, err)
				}
			}
		})
	}
}

func same(body []byte) []byte { return body }

// flip changes one byte.
func flip(at int) func([]byte) []byte {
	return func(body []byte) []byte { body[at] ^= 1; return body }
}

// put answers something else.
func put(text []byte) func([]byte) []byte { return func([]byte) []byte { return text } }

// instead answers with what is at another path.
func instead(t *testing.T, d *daemon, path string) func([]byte) []byte {
	t.Helper()
	data, err := get(t.Context(), d.url+path)
	if err != nil {
		t.Fatal(err)
	}
	return put(data)
}

// between stands between a log and its followers and changes the answer at one path.
func between(t *testing.T, of remote, path string, change func([]byte) []byte) remote {
	t.Helper()
	target, err := url.Parse(of.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of clients that have gone
	proxy.ModifyResponse = func(resp *http.Response) error {
		if resp.Request.URL.Path != "/"+path {
			return nil
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		body = change(body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		resp.ContentLength = int64(len(body))
		resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return remote{url: server.URL + "/", vkey: of.vkey}
}

// trueKey is the key of the log's keeper.
func trueKey(t *testing.T, d *daemon) note.Signer {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(d.dir, "main.key"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// otherKey is a key of the same name.
func otherKey(t *testing.T, log remote) note.Signer {
	t.Helper()
	key, _, err := note.GenerateKey(rand.Reader, log.verifier().Name())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// sign writes a checkpoint.
func sign(t *testing.T, log remote, tree tlog.Tree, key note.Signer) []byte {
	t.Helper()
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", log.verifier().Name(), tree.N, tree.Hash)}, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forked: the ledger's folder is copied, both copies go on under the same key, and each
// is sound in itself. Who followed one of them notices when it is shown the other, and
// when it is shown the past.
func forked(t *testing.T, bin string) {
	dir := t.TempDir()
	first := serve(t, bin, filepath.Join(dir, "D"))
	first.allow(t)
	grow(t, first, 1, 300)
	past, err := get(t.Context(), first.url+"checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	first.stop(t)
	if err := os.CopyFS(filepath.Join(dir, "copy"), os.DirFS(first.dir)); err != nil {
		t.Fatal(err)
	}
	first = serve(t, bin, first.dir)
	second := serve(t, bin, filepath.Join(dir, "copy"))
	grow(t, first, 301, 20)
	grow(t, second, 401, 300)
	replay := between(t, first.remote, "checkpoint", put(past))
	for _, c := range clients {
		seen, err := c.follow(t.Context(), first.remote, past)
		if err != nil {
			t.Errorf("%s, the log: %v", c.name, err)
			continue
		}
		if _, err := c.follow(t.Context(), second.remote, past); err != nil {
			t.Errorf("%s, the fork since the past: %v", c.name, err)
		}
		if _, err := c.follow(t.Context(), second.remote, seen); c.remembers && err == nil {
			t.Errorf("%s follows the fork", c.name)
		} else if c.remembers {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			t.Logf("%s refuses the fork: %s", c.name, reason)
		}
		back, err := c.follow(t.Context(), replay, seen)
		if c.remembers && err == nil && !bytes.Equal(back, seen) {
			t.Errorf("%s goes back to size %d", c.name, sizeOf(back))
		}
	}
}

// grow publishes and waits until the log shows it.
func grow(t *testing.T, d *daemon, first, n int) {
	t.Helper()
	before, err := get(t.Context(), d.url+"checkpoint")
	if err == nil {
		err = d.publish(first, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		now, err := get(t.Context(), d.url+"checkpoint")
		if err != nil {
			t.Fatal(err)
		}
		if sizeOf(now) >= sizeOf(before)+uint64(n) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the log stays at size %d", sizeOf(now))
		}
	}
}
