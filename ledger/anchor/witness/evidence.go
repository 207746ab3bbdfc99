package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"greffe/events/durable"
	"greffe/ledger/chain"
)

// maxEvidence bounds the files of evidence of each kind. One proof is enough; anybody can make
// unproven ones out of checkpoints that he finds.
const maxEvidence = 64

// A Kind says what two signed checkpoints prove.
type Kind string

const (
	// Fork: two roots of one size. It is proof by itself that the key has signed two
	// histories.
	Fork Kind = "fork"
	// Unproven: the later one came with a proof that does not hold. The ledger must be able to
	// show one that does; if it cannot, it has forked.
	Unproven Kind = "unproven"
	// RolledBack: a ledger holds less than its own key has signed.
	RolledBack Kind = "rolled-back"
	// Diverged: a ledger has another root than its own key has signed at a smaller size.
	Diverged Kind = "diverged"
)

// explain returns the first line of a file of evidence.
func (k Kind) explain() string {
	return map[Kind]string{
		Fork:       "Two checkpoints of one size with different roots, both signed by the key of the ledger. No ledger has both.",
		Unproven:   "Two checkpoints signed by the key of the ledger; the second came with a consistency proof that does not hold. By itself this proves nothing: ask the keeper for a proof that does.",
		RolledBack: "A checkpoint of a ledger, and one of more entries that its key has signed before. Entries are lost, or it is an old copy.",
		Diverged:   "Two checkpoints signed by the key of a ledger. The ledger of the second has another root than the first at its size: they are two histories.",
	}[k]
}

// Evidence is two signed checkpoints that do not go together.
type Evidence struct {
	Kind   Kind
	Origin string
	Size   uint64 // of the second
	// First was known before. Second contradicts it.
	First, Second []byte
}

// name is the same for the same checkpoints, whatever lines others have added.
func (e *Evidence) name() string {
	safe := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '_'
	}, e.Origin)
	text, _, _ := strings.Cut(string(e.Second), "\n\n")
	sum := sha256.Sum256([]byte(text))
	suffix := ""
	if e.Kind != Fork {
		suffix = "-" + string(e.Kind)
	}
	return fmt.Sprintf("%.100s-%d-%x%s.txt", strings.TrimLeft(safe, "."), e.Size, sum[:4], suffix)
}

// KeepEvidence writes both notes into a file below dir/forks and returns its path. One that is
// there already is left as it is.
func KeepEvidence(dir string, e Evidence, now time.Time) (path string, fresh bool, err error) {
	path = filepath.Join(dir, "forks", e.name())
	if _, err := os.Stat(path); err == nil {
		return path, false, nil
	}
	names, err := listEvidence(dir)
	if err != nil {
		return path, false, err
	}
	same := slices.DeleteFunc(names, func(n string) bool { return KindOf(n) != e.Kind })
	if len(same) >= maxEvidence {
		return path, false, fmt.Errorf("%d files of that kind are in %s already", len(same), filepath.Dir(path))
	}
	text := fmt.Sprintf("%s\nFound %s.\n\n-- first --\n%s-- second --\n%s", e.Kind.explain(), now.UTC().Format(time.RFC3339), e.First, e.Second)
	return path, true, durable.WriteFile(path, []byte(text), 0o644)
}

// KindOf returns what kind of evidence a file of that name holds.
func KindOf(name string) Kind {
	for _, k := range []Kind{Unproven, RolledBack, Diverged} {
		if strings.HasSuffix(name, "-"+string(k)+".txt") {
			return k
		}
	}
	return Fork
}

// listEvidence returns the names of the files, sorted.
func listEvidence(dir string) (names []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "forks"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".txt") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// dropUnproven takes back what was suspected of a checkpoint that has now been proved.
func dropUnproven(dir string, cp chain.Checkpoint) error {
	e := Evidence{Kind: Unproven, Origin: cp.Origin, Size: cp.Size, Second: []byte(cp.Text + "\n")}
	if err := os.Remove(filepath.Join(dir, "forks", e.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove evidence that is none: %w", err)
	}
	return nil
}
