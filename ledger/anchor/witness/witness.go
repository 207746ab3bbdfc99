package witness

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Options configure [Open].
type Options struct {
	// Ledgers are the keys of the ledgers to witness; several may be of one origin.
	Ledgers []note.Verifier
	// Name of the witness, for its first start; empty makes one up.
	Name string
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger     // nil: none
}

// A Witness cosigns. Its methods may be called from anywhere.
type Witness struct {
	dir      string
	cosigner *chain.Cosigner
	keys     map[string][]note.Verifier // by origin; never changes
	now      func() time.Time
	log      *slog.Logger

	// mu makes one step of comparing with what was seen, writing and cosigning. All
	// origins share it because they share the file.
	mu   sync.Mutex
	seen map[string]Seen

	write func(dir string, seen map[string]Seen) error // writeState, but for tests
}

var (
	errUnknown = errors.New("this ledger is not witnessed here")
	errTooOld  = errors.New("the old size is larger than the checkpoint's")
)

// A conflictError says what the witness has cosigned last.
type conflictError struct{ size uint64 }

func (e *conflictError) Error() string {
	return fmt.Sprintf("a checkpoint of %d entries was cosigned last", e.size)
}

// Open opens the witness in dir, and makes its key at the first start. Nobody else may have
// the folder open.
func Open(dir string, o Options) (w *Witness, made bool, err error) {
	w = &Witness{dir: dir, keys: map[string][]note.Verifier{}, now: o.Now, log: o.Log, write: writeState}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	for _, v := range o.Ledgers {
		w.keys[v.Name()] = append(w.keys[v.Name()], v)
	}
	if w.cosigner, made, err = loadCosigner(dir, o.Name); err != nil {
		return nil, false, err
	}
	if w.seen, err = readState(dir, w.cosigner.Key()); err != nil {
		return nil, false, err
	}
	return w, made, nil
}

// Key returns the verification key, for those who believe this witness.
func (w *Witness) Key() *chain.WitnessKey { return w.cosigner.Key() }

// Seen returns what was cosigned last, by origin.
func (w *Witness) Seen() []Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sorted(w.seen)
}

func sorted(seen map[string]Seen) []Seen {
	return slices.SortedFunc(maps.Values(seen), func(a, b Seen) int { return strings.Compare(a.Origin, b.Origin) })
}

// Evidence returns the names of the files in dir/forks.
func (w *Witness) Evidence() ([]string, error) { return listEvidence(w.dir) }

// Look reads what the witness in dir has cosigned, and the names of its evidence, while it
// may be running.
func Look(dir string) (key *chain.WitnessKey, seen []Seen, evidence []string, err error) {
	c, err := readCosigner(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	all, err := readState(dir, c.Key())
	if err != nil {
		return nil, nil, nil, err
	}
	evidence, err = listEvidence(dir)
	return c.Key(), sorted(all), evidence, err
}

// add does what add-checkpoint asks for and returns the cosignature.
func (w *Witness) add(body []byte) (chain.Signature, error) {
	r, err := parseRequest(body)
	if err != nil {
		return chain.Signature{}, err
	}
	keys := w.keys[originOf(r.note)]
	if len(keys) == 0 {
		return chain.Signature{}, errUnknown
	}
	cp, err := openByAny(r.note, keys)
	if err != nil {
		return chain.Signature{}, err
	}
	if r.old > cp.Size {
		return chain.Signature{}, errTooOld
	}
	// what strangers have written below the checkpoint is not kept
	if r.note, err = chain.KeepSignatures(r.note, keys...); err != nil {
		return chain.Signature{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.consistent(&r, cp); err != nil {
		return chain.Signature{}, err
	}
	return w.cosign(r.note, cp)
}

// openByAny opens a checkpoint that one of the keys has signed.
func openByAny(signed []byte, keys []note.Verifier) (cp chain.Checkpoint, err error) {
	for _, k := range keys {
		if cp, err = chain.OpenCheckpoint(signed, k); err == nil {
			return cp, nil
		}
	}
	return cp, err
}

// consistent holds a checkpoint against what was cosigned last. w.mu is held.
func (w *Witness) consistent(r *request, cp chain.Checkpoint) error {
	last, known := w.seen[cp.Origin]
	if !known {
		last.Root = chain.PayloadHash(nil) // the root of no entries
	}
	if cp.Size == last.Size && cp.Root != last.Root {
		if known {
			w.keep(Evidence{Kind: Fork, Origin: cp.Origin, Size: cp.Size, First: last.Note, Second: r.note})
		}
		return &conflictError{last.Size}
	}
	if r.old != last.Size {
		return &conflictError{last.Size}
	}
	if err := chain.CheckConsistency(r.proof, last.Size, last.Root, cp.Size, cp.Root); err != nil {
		if known {
			w.keep(Evidence{Kind: Unproven, Origin: cp.Origin, Size: cp.Size, First: last.Note, Second: r.note})
		}
		return err
	}
	return nil
}

// keep writes evidence and says so.
func (w *Witness) keep(e Evidence) {
	path, fresh, err := KeepEvidence(w.dir, e, w.now())
	switch {
	case err != nil:
		w.log.Error("evidence could not be kept", "kind", e.Kind, "origin", e.Origin, "size", e.Size, "error", err)
	case fresh && e.Kind == Fork:
		w.log.Error("FORK: two roots are signed for one size", "origin", e.Origin, "size", e.Size, "evidence", path)
	case fresh:
		w.log.Warn("a checkpoint came with a proof that does not hold", "origin", e.Origin, "size", e.Size, "evidence", path)
	}
}

// cosign records the checkpoint and signs it. w.mu is held.
func (w *Witness) cosign(signed []byte, cp chain.Checkpoint) (chain.Signature, error) {
	last, known := w.seen[cp.Origin]
	at := w.now().Unix()
	if at < last.At {
		if last.At-at > 60 {
			w.log.Warn("the clock has gone back, cosigning with the time of before", "seconds", last.At-at)
		}
		at = last.At
	}
	if known && cp.Size == last.Size && at == last.At {
		return last.mine, nil // said before; a replay costs no write
	}
	sig, err := w.cosigner.Cosign(cp.Text, at)
	if err != nil {
		return sig, err
	}
	_, lines, err := chain.SplitNote(signed)
	if err != nil {
		return sig, err
	}
	next := maps.Clone(w.seen)
	next[cp.Origin] = Seen{Origin: cp.Origin, Size: cp.Size, Root: cp.Root, At: at, Note: chain.JoinNote(cp.Text, append(lines, sig)), mine: sig}
	if err := w.write(w.dir, next); err != nil {
		return sig, err // whatever is on disk now, nothing was said
	}
	w.seen = next
	if err := dropUnproven(w.dir, cp); err != nil {
		w.log.Warn("evidence", "error", err)
	}
	return sig, nil
}
