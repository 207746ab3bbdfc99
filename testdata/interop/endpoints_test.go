package interop_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	immutable = "public, max-age=31536000, immutable"
	uncached  = "no-store"
	plain     = "text/plain; charset=utf-8"
	octets    = "application/octet-stream"
)

// endpoints: the letter of C2SP tlog-tiles, on a log of logSize entries.
func endpoints(t *testing.T, log remote) {
	for _, c := range []struct {
		path   string
		status int
		size   int // of the answer; -1: not held against anything
		media  string
		cache  string
	}{
		{"checkpoint", 200, -1, plain, uncached},
		{"tile/0/000", 200, 8192, octets, immutable},
		{"tile/0/389", 200, 8192, octets, immutable},
		{"tile/0/390.p/160", 200, 160 * 32, octets, immutable},
		{"tile/0/390.p/1", 200, 32, octets, immutable},       // of a checkpoint that was
		{"tile/0/017.p/99", 200, 99 * 32, octets, immutable}, // it is full now, which is no reason to lose it
		{"tile/1/000", 200, 8192, octets, immutable},
		{"tile/1/001.p/134", 200, 134 * 32, octets, immutable},
		{"tile/2/000.p/1", 200, 32, octets, immutable},
		{"tile/entries/000", 200, -1, octets, immutable},
		{"tile/entries/390.p/160", 200, -1, octets, immutable},
		{"tile/entries/017.p/99", 200, -1, octets, immutable},

		// Beyond the log: not there, and no cache may remember that it was not.
		{"tile/0/390", 404, -1, plain, uncached},
		{"tile/0/390.p/161", 404, -1, plain, uncached},
		{"tile/0/391.p/1", 404, -1, plain, uncached},
		{"tile/0/x001/000", 404, -1, plain, uncached},
		{"tile/1/001", 404, -1, plain, uncached},
		{"tile/1/001.p/135", 404, -1, plain, uncached},
		{"tile/1/002.p/1", 404, -1, plain, uncached},
		{"tile/2/000", 404, -1, plain, uncached},
		{"tile/2/000.p/2", 404, -1, plain, uncached},
		{"tile/3/000.p/1", 404, -1, plain, uncached},
		{"tile/63/000.p/1", 404, -1, plain, uncached},
		{"tile/entries/390", 404, -1, plain, uncached},
		{"tile/entries/390.p/161", 404, -1, plain, uncached},

		// Not paths of tlog-tiles: there is one path for each tile.
		{"tile/0/000.p/256", 404, -1, plain, uncached},
		{"tile/0/000.p/0", 404, -1, plain, uncached},
		{"tile/0/000.p/07", 404, -1, plain, uncached},
		{"tile/0/0", 404, -1, plain, uncached},
		{"tile/0/x000/000", 404, -1, plain, uncached},
		{"tile/00/000", 404, -1, plain, uncached},
		{"tile/64/000", 404, -1, plain, uncached},
		{"tile/8/0/000", 404, -1, plain, uncached},
		{"tile/data/000", 404, -1, plain, uncached},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp, body := request(t, method, log.url+c.path)
			head := resp.Header
			if resp.StatusCode != c.status || head.Get("Content-Type") != c.media || head.Get("Cache-Control") != c.cache {
				t.Errorf("%s /%s: %s, %q, %q; want %d, %q, %q", method, c.path, resp.Status, head.Get("Content-Type"), head.Get("Cache-Control"), c.status, c.media, c.cache)
			}
			if method == http.MethodHead && len(body) != 0 || method == http.MethodGet && c.size >= 0 && len(body) != c.size {
				t.Errorf("%s /%s: %d bytes, want %d", method, c.path, len(body), c.size)
			}
			if c.size >= 0 && resp.ContentLength != int64(c.size) {
				t.Errorf("%s /%s: Content-Length %d, want %d", method, c.path, resp.ContentLength, c.size)
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if resp, _ := request(t, method, log.url+"checkpoint"); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s /checkpoint: %s, want 405", method, resp.Status)
		}
	}
	t.Run("partial", func(t *testing.T) { partials(t, log) })
	t.Run("paths", func(t *testing.T) { paths(t, log) })
}

// request asks as a client that takes gzip would: what comes must be the resource all
// the same, and Go's transport would hide it.
func request(t *testing.T, method, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// partials: a partial tile or bundle is the beginning of the full one, at every width.
func partials(t *testing.T, log remote) {
	for _, of := range []string{"tile/0/017", "tile/1/000", "tile/entries/017"} {
		_, full := request(t, http.MethodGet, log.url+of)
		shorter := 0
		for w := 1; w < 256; w++ {
			_, part := request(t, http.MethodGet, fmt.Sprintf("%s%s.p/%d", log.url, of, w))
			if !bytes.HasPrefix(full, part) || len(part) <= shorter || strings.Contains(of, "tile/1") && len(part) != w*32 {
				t.Fatalf("%s.p/%d is not the beginning of %s", of, w, of)
			}
			shorter = len(part)
		}
		if shorter >= len(full) {
			t.Errorf("%s.p/255 is as long as %s", of, of)
		}
	}
}

// paths: what torchwood calls the tiles of this size is what is there, and all of it.
func paths(t *testing.T, log remote) {
	count := 0
	for _, tile := range tlog.NewTiles(8, 0, logSize) {
		for _, level := range []int{tile.L, -1} {
			if tile.L != 0 && level == -1 {
				continue
			}
			tile.L = level
			if resp, _ := request(t, http.MethodGet, log.url+torchwood.TilePath(tile)); resp.StatusCode != http.StatusOK {
				t.Errorf("/%s: %s", torchwood.TilePath(tile), resp.Status)
			}
			count++
		}
	}
	if count != 391+391+2+1 {
		t.Errorf("%d tiles and bundles, want %d", count, 391+391+2+1)
	}
}
