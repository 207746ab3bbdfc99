package tiles_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/tiles"
)

// serve serves a ledger of the given size.
func serve(t *testing.T, size int) (*httptest.Server, *ledger.Ledger, note.Verifier) {
	t.Helper()
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "greffe/main/00010203")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(skey)
	verifier, _ := note.NewVerifier(vkey)
	l, err := ledger.Open("ledger", ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return signer, nil }, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for from := 0; from < size; from += 5000 {
		if err := add(l, min(5000, size-from), vkey); err != nil {
			t.Fatal(err)
		}
	}
	srv := httptest.NewServer(tiles.Handler(tiles.Source{Ledger: l, Log: slog.New(slog.DiscardHandler),
		Checkpoint: func(context.Context) ([]byte, uint64, error) { return l.Edge().Checkpoint, l.Size(), nil }}))
	t.Cleanup(srv.Close)
	return srv, l, verifier
}

// add appends n entries in one batch. vkey is wanted for the first, which opens the ledger.
func add(l *ledger.Ledger, n int, vkey ...string) error {
	size := int(l.Size())
	var drafts []ledger.Draft
	for i := size; i < size+n; i++ {
		d := ledger.Draft{Epoch: 1, StreamSeq: uint64(i + 1), At: int64(i), Publisher: "hr", Type: "a.b.v1", Aggregate: "a/b", Payload: []byte("{}"), PayloadHash: sha256.Sum256([]byte("{}"))}
		if i == 0 {
			d.Publisher, d.Type, d.Aggregate = "greffe", "ledger.opened.v1", "ledger/main"
			d.Payload = chaintest.Opening("main", l.Origin(), vkey[0], d.LedgerID)
			d.PayloadHash = sha256.Sum256(d.Payload)
		}
		binary.BigEndian.PutUint64(d.ID[8:], uint64(i+1))
		drafts = append(drafts, d)
	}
	s, err := l.Stage(drafts, ledger.Anchor{StreamSeq: uint64(size + n)})
	if err != nil {
		return err
	}
	return s.Wait()
}

func get(t *testing.T, url string) (int, http.Header, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

// A client of the sumdb follows the log with nothing of ours: it reads tiles, checks
// them against the checkpoint, and proves entries and consistency.
func TestSumdbClientFollows(t *testing.T) {
	for _, size := range []int{1, 255, 256, 257, 70000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			srv, l, verifier := serve(t, size)
			_, header, text := get(t, srv.URL+"/checkpoint")
			if header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers of the checkpoint: %v", header)
			}
			cp, err := chain.OpenCheckpoint(text, verifier)
			if err != nil || cp.Size != uint64(size) {
				t.Fatalf("checkpoint %q: %v", text, err)
			}
			hashes := tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: cp.Root}, &sumdbTiles{t: t, url: srv.URL})
			for _, seq := range []int64{0, int64(size) / 2, int64(size) - 1} {
				proof, err := tlog.ProveRecord(int64(size), seq, hashes)
				if err != nil {
					t.Fatal(err)
				}
				r, err := l.Record(uint64(seq))
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckRecord(proof, int64(size), cp.Root, seq, chain.LeafHash(r.Header)); err != nil {
					t.Errorf("entry %d: %v", seq, err)
				}
			}
			for _, old := range []int64{1, int64(size)/3 + 1, int64(size)} {
				root, err := l.RootAt(uint64(old))
				if err != nil {
					t.Fatal(err)
				}
				proof, err := tlog.ProveTree(int64(size), old, hashes)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckTree(proof, int64(size), cp.Root, old, root); err != nil {
					t.Errorf("from %d to %d: %v", old, size, err)
				}
			}
		})
	}
}

// sumdbTiles reads tiles as tlog asks for them.
type sumdbTiles struct {
	t   *testing.T
	url string
}

func (s *sumdbTiles) Height() int                     { return chain.TileHeight }
func (s *sumdbTiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (s *sumdbTiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range want {
		// tlog-tiles leaves out the height, which x/mod writes first: tile/8/0/…
		path := tile.Path()[len("tile/8/"):]
		status, header, data := get(s.t, s.url+"/tile/"+path)
		if status != http.StatusOK || header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			return nil, fmt.Errorf("%s: %d %v", path, status, header)
		}
		out = append(out, data)
	}
	return out, nil
}

func TestEntries(t *testing.T) {
	srv, l, _ := serve(t, 300)
	for path, n := range map[string]int{"000": 256, "001.p/44": 44, "001.p/1": 1, "000.p/7": 7} {
		_, _, data := get(t, srv.URL+"/tile/entries/"+path)
		first := 0
		if path[2] == '1' {
			first = 256
		}
		for i := range n {
			size := int(binary.BigEndian.Uint16(data))
			r, err := l.Record(uint64(first + i))
			if err != nil || !bytes.Equal(r.Header, data[2:2+size]) {
				t.Fatalf("%s: entry %d differs (%v)", path, first+i, err)
			}
			data = data[2+size:]
		}
		if len(data) != 0 {
			t.Errorf("%s: %d bytes follow", path, len(data))
		}
	}
}

func TestPathsThatNameNothing(t *testing.T) {
	srv, _, _ := serve(t, 300)
	for _, path := range []string{
		"/", "/tile", "/tile/0", "/tile/0/", "/tile/0/0", "/tile/0/00", "/tile/0/0000", "/tile/0/001", "/tile/0/002", "/tile/0/001.p/45", "/tile/0/001.p/0", "/tile/0/001.p/044",
		"/tile/0/001.p/256", "/tile/0/000.p/256", "/tile/00/000", "/tile/-1/000", "/tile/9/000", "/tile/1/000", "/tile/1/000.p/2", "/tile/x/000", "/tile/0/x000/000", "/tile/0/x001/000", "/tile/0/a00",
		"/tile/entries/001", "/tile/entries/002", "/tile/entries/0", "/tile/entries/x999/x999/x999/x999/x999/x999/999", "/payload/0", "/checkpoint/",
	} {
		status, header, _ := get(t, srv.URL+path)
		if status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, status)
		}
		if cache := header.Get("Cache-Control"); strings.HasPrefix(path, "/tile/0/0") && cache != "no-store" {
			t.Errorf("GET %s: 404 with Cache-Control %q: a cache would hide the tile once it is there", path, cache)
		}
	}
	resp, err := http.Post(srv.URL+"/checkpoint", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /checkpoint: %d, want 405", resp.StatusCode)
	}
}
