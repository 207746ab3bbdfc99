// Package tiles serves the log to its followers over HTTP, at the paths of C2SP
// tlog-tiles: tools that know nothing of greffe can read the checkpoint, prove that an
// entry is in it, and check that a later checkpoint is consistent with an earlier one.
//
//	/checkpoint                 the newest published checkpoint (tlog-checkpoint)
//	/tile/<L>/<N>[.p/<W>]       hashes of tile N at level L, or its first W
//	/tile/entries/<N>[.p/<W>]   entries N*256 and following: u16 length, header, each
//
// An entry is its header (FORMAT §2): payloads are not served here. Tiles never change,
// and say so to caches; that a tile is not there will change, and no cache may keep it.
// Only GET and HEAD exist.
package tiles

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"greffe/ledger"
	"greffe/ledger/chain"
)

// A Source is what is served.
type Source struct {
	Ledger *ledger.Ledger
	// Checkpoint returns the newest checkpoint that may be shown, and its size.
	Checkpoint func(context.Context) ([]byte, uint64, error)
	Log        *slog.Logger
}

// Handler returns the HTTP handler.
func Handler(src Source) http.Handler {
	s := &server{Source: src}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", s.checkpoint)
	mux.HandleFunc("GET /tile/entries/{path...}", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, "entries", r.PathValue("path"))
	})
	mux.HandleFunc("GET /tile/{level}/{path...}", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, r.PathValue("level"), r.PathValue("path"))
	})
	return mux
}

type server struct {
	Source
	// shown is the largest size that Checkpoint has returned. What it covers may be
	// shown for ever, so only a tile beyond it asks for a newer checkpoint: while the
	// ledger grows, each of those is written down before it is shown.
	shown atomic.Uint64
}

// newest returns the newest checkpoint.
func (s *server) newest(r *http.Request) ([]byte, uint64, error) {
	text, size, err := s.Checkpoint(r.Context())
	if err != nil {
		return nil, 0, err
	}
	for old := s.shown.Load(); size > old && !s.shown.CompareAndSwap(old, size); old = s.shown.Load() {
	}
	return text, size, nil
}

func (s *server) checkpoint(w http.ResponseWriter, r *http.Request) {
	text, _, err := s.newest(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(text)
}

// serve answers for one tile, of hashes or of entries.
func (s *server) serve(w http.ResponseWriter, r *http.Request, level, path string) {
	t, ok := parse(level, path)
	if !ok {
		notFound(w, r)
		return
	}
	if !t.within(s.shown.Load()) {
		_, size, err := s.newest(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if !t.within(size) {
			notFound(w, r) // not yet, or never: only what a checkpoint covers is shown
			return
		}
	}
	data, err := s.read(t)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}

// notFound answers 404. A cache may keep a 404 that does not forbid it (RFC 9110
// §15.5.5), and would hide a tile that is there a moment later.
func notFound(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	http.NotFound(w, r)
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the follower has gone
	}
	s.Log.Error("a follower could not be answered", "error", err)
	http.Error(w, "the ledger cannot be read now, try again later", http.StatusServiceUnavailable)
}

// A tile is what a path names: the first width hashes or entries of tile n.
type tile struct {
	level int // -1: entries
	n     uint64
	width uint64
}

// entries is the level of tiles that hold entries.
const entries = -1

// parse reads the level and the rest of a path. There is one path for each tile: what
// is read is written again and compared.
func parse(level, path string) (tile, bool) {
	t := tile{level: entries, width: chain.TileWidth}
	if level != "entries" {
		l, err := strconv.Atoi(level)
		if err != nil || l < 0 || l >= chain.TileLevels || strconv.Itoa(l) != level {
			return tile{}, false
		}
		t.level = l
	}
	index, width, partial := strings.Cut(path, ".p/")
	if partial {
		w, err := strconv.ParseUint(width, 10, 8)
		if err != nil || w == 0 || strconv.FormatUint(w, 10) != width {
			return tile{}, false
		}
		t.width = w
	}
	n, err := strconv.ParseUint(strings.NewReplacer("/", "", "x", "").Replace(index), 10, 63)
	if err != nil || indexPath(n) != index {
		return tile{}, false
	}
	t.n = n
	return t, true
}

// indexPath writes a tile's number in groups of three digits: 1234067 is x001/x234/067.
func indexPath(n uint64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

// within reports whether a tree of that size has the tile.
func (t tile) within(size uint64) bool {
	shift := uint(chain.TileHeight * max(t.level, 0))
	have := size >> shift // hashes, or entries, of the level
	return t.n < 1<<(63-chain.TileHeight) && t.n*chain.TileWidth+t.width <= have
}

func (s *server) read(t tile) ([]byte, error) {
	if t.level == entries {
		return s.readEntries(t)
	}
	if t.width == chain.TileWidth {
		return s.Ledger.Tile(t.level, t.n)
	}
	return s.Ledger.Hashes(t.level, t.n, int(t.width))
}

func (s *server) readEntries(t tile) ([]byte, error) {
	first := t.n * chain.TileWidth
	data := make([]byte, 0, t.width*256)
	err := s.Ledger.Read(first, first+t.width, func(r chain.Record) error {
		data = binary.BigEndian.AppendUint16(data, uint16(len(r.Header)))
		data = append(data, r.Header...)
		return nil
	})
	return data, err
}
