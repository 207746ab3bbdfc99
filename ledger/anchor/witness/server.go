package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"greffe/ledger/chain"
)

// Handler returns the HTTP handler, for the root of a server that bounds the time of
// reading and writing.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /seen", w.serveSeen)
	mux.HandleFunc("GET /seen/{id}", w.serveNote)
	mux.HandleFunc("GET /forks", w.serveForks)
	mux.HandleFunc("GET /forks/{name}", w.serveFork)
	return mux
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		http.Error(rw, "the request is too large or was cut short", http.StatusBadRequest)
		return
	}
	sig, err := w.add(body)
	var conflict *conflictError
	switch {
	case err == nil:
		text(rw, chain.AppendSignature(nil, sig))
	case errors.As(err, &conflict):
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.size)
	case errors.Is(err, errUnknown):
		http.Error(rw, err.Error(), http.StatusNotFound)
	case errors.Is(err, chain.ErrSignature):
		http.Error(rw, err.Error(), http.StatusForbidden)
	case errors.Is(err, chain.ErrProof):
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
	case errors.Is(err, errRequest), errors.Is(err, errTooOld), errors.Is(err, chain.ErrMalformed):
		http.Error(rw, err.Error(), http.StatusBadRequest)
	default:
		w.log.Error("a checkpoint could not be cosigned", "error", err)
		http.Error(rw, "the witness cannot cosign now, try again later", http.StatusInternalServerError)
	}
}

func text(rw http.ResponseWriter, b []byte) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Write(b)
}

func (w *Witness) serveSeen(rw http.ResponseWriter, _ *http.Request) {
	var b []byte
	for _, s := range w.Seen() {
		b = fmt.Appendf(b, "%d %x %s %s\n", s.Size, s.Root[:], time.Unix(s.At, 0).UTC().Format(time.RFC3339), s.Origin)
	}
	text(rw, b)
}

// seenID names an origin in a path.
func seenID(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

func (w *Witness) serveNote(rw http.ResponseWriter, r *http.Request) {
	for _, s := range w.Seen() {
		if seenID(s.Origin) == r.PathValue("id") {
			text(rw, s.Note)
			return
		}
	}
	http.NotFound(rw, r)
}

func (w *Witness) serveForks(rw http.ResponseWriter, _ *http.Request) {
	names, err := w.Evidence()
	if err != nil {
		w.log.Error("evidence could not be listed", "error", err)
		http.Error(rw, "the evidence cannot be read now", http.StatusInternalServerError)
		return
	}
	var b []byte
	for _, n := range names {
		b = append(append(b, n...), '\n')
	}
	text(rw, b)
}

func (w *Witness) serveFork(rw http.ResponseWriter, r *http.Request) {
	names, err := w.Evidence()
	if err != nil || !slices.Contains(names, r.PathValue("name")) { // a name of the list, no path
		http.NotFound(rw, r)
		return
	}
	b, err := os.ReadFile(filepath.Join(w.dir, "forks", r.PathValue("name")))
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	text(rw, b)
}
