package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

// The second verifier, in Python, which was written from ledger/FORMAT.md
// without a look at this program.
const secondVerifier = "../../testdata/interop/verify.py"

// flips is how many single bits are flipped in each way.
const flips = 300

// TestSecondVerifier gives the same files to this program and to the second
// verifier, with the same policy, earlier checkpoint, demand and roots: sound
// ones, the cases of testdata/tamper/faults, and files with one bit flipped or cut
// short. Both must come to the same exit code, the same five verdicts, and the
// same first fault: of the same entry, and one of the two finds that of the other too.
// A difference is an error of one of them, or a hole in FORMAT.md.
func TestSecondVerifier(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so the second verifier of the format cannot run")
	}
	s := &specimens{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(2016, 679))}
	s.examples()
	s.tamperCases()
	s.damaged()
	s.repaired()
	s.resigned()
	s.epochs()
	s.genesis()
	s.checkpoints()
	s.sections()
	s.evidence()
	s.stamped()

	exits := map[int]int{}
	for i, theirs := range s.second(python) {
		ours := s.first(i)
		exits[ours.Exit]++
		if s.all[i].broken {
			if ours.Time == "sound" {
				t.Errorf("%s: it is sound", s.all[i].name)
			}
			theirs.Exit, theirs.Time, theirs.Faults = ours.Exit, ours.Time, ours.Faults
		}
		compare(t, s.all[i].name, ours, theirs)
	}
	t.Logf("%d bundles, by exit code: %v", len(s.all), exits)
	// Had every bundle been refused by both, the comparison would say little.
	for _, code := range []int{exitSound, exitTampering, exitUnconfirmed} {
		if exits[code] < 10 {
			t.Errorf("only %d bundles with exit code %d", exits[code], code)
		}
	}
}

// A finding is what both programs say about one file.
type finding struct {
	Exit                                     int
	Content, Signature, Time, Scope, Erasure string
	Size                                     uint64
	Root                                     string
	Faults                                   []fault // those of the earliest entry first
}

type fault struct {
	Code string
	Seq  *uint64 // nil if it is of no entry
}

// order puts faults of earlier entries first, those of none last.
func (f fault) order() uint64 {
	if f.Seq == nil {
		return math.MaxUint64
	}
	return *f.Seq
}

func compare(t *testing.T, name string, ours, theirs finding) {
	t.Helper()
	if difference := ours.differs(theirs); difference != "" {
		t.Errorf("%s: %s\n  greffe-audit %s\n  verify.py    %s", name, difference, ours, theirs)
	}
}

// differs says in what two findings differ, "" if in nothing that FORMAT.md decides.
func (f finding) differs(g finding) string {
	switch {
	case f.Exit != g.Exit:
		return "exit code"
	case f.verdicts() != g.verdicts():
		return "verdicts"
	case f.Content != "failed" && (f.Size != g.Size || f.Root != g.Root): // how far one reads on is its own affair
		return "size or root"
	case f.place() != g.place():
		return "entry of the first fault"
	case !g.finds(f) && !f.finds(g): // who finds both may name either
		return "first fault"
	}
	return ""
}

func (f finding) verdicts() [5]string {
	return [5]string{f.Content, f.Signature, f.Time, f.Scope, f.Erasure}
}

// place is where the first fault is.
func (f finding) place() string {
	switch {
	case len(f.Faults) == 0:
		return "nowhere"
	case f.Faults[0].Seq == nil:
		return "no entry"
	}
	return strconv.FormatUint(*f.Faults[0].Seq, 10)
}

// finds reports whether f has the first fault of g among those of its own first place:
// which of several comes first is left open.
func (f finding) finds(g finding) bool {
	for _, own := range f.Faults {
		if (finding{Faults: []fault{own}}).place() == g.place() && own.Code == g.Faults[0].Code {
			return true
		}
	}
	return len(g.Faults) == 0
}

func (f finding) String() string {
	var faults strings.Builder
	for _, one := range f.Faults[:min(len(f.Faults), 5)] {
		fmt.Fprintf(&faults, " %s at %s", one.Code, finding{Faults: []fault{one}}.place())
	}
	return fmt.Sprintf("exit %d, %v, size %d, root %.8s, faults%s", f.Exit, f.verdicts(), f.Size, f.Root, &faults)
}

// specimens are the bundles to compare on, as files.
type specimens struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	all    []specimen
}

// A specimen is a file, the key to verify it with, and what else is brought: NAME=VALUE.
type specimen struct {
	name, path, vkey string
	brought          []string
	// broken says that its token is no good. The second verifier asks openssl, which passes
	// over some of what FORMAT.md has rejected, and tells forged from unknown otherwise.
	broken bool
}

func (s *specimens) add(vkey string, bundle []byte, format string, args ...any) *specimen {
	path := s.file(bundle)
	s.all = append(s.all, specimen{name: fmt.Sprintf(format, args...), path: path, vkey: vkey})
	return &s.all[len(s.all)-1]
}

// forged adds a forgery with what its auditor brings.
func (s *specimens) forged(f *chaintest.Forgery, format string, args ...any) {
	c := s.add(f.VKey, f.Bytes(), format, args...)
	if f.Policy != "" {
		c.brought = append(c.brought, "policy="+s.file([]byte(f.Policy)))
	}
	if f.Since != nil {
		c.brought = append(c.brought, "since="+s.file(f.Since))
	}
	if f.Demand.By == chain.ByRange {
		c.brought = append(c.brought, fmt.Sprintf("demand=%d-%d", f.Demand.FromSeq, f.Demand.ToSeq))
	}
}

// file returns the path of a file with these bytes, one for all that are equal.
func (s *specimens) file(data []byte) string {
	path := filepath.Join(s.dir, fmt.Sprintf("%x", sha256.Sum256(data)))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// first is the finding of this program.
func (s *specimens) first(i int) finding {
	var stdout, stderr bytes.Buffer
	code := run(s.all[i].args(), strings.NewReader(""), &stdout, &stderr)
	if code == exitCannot {
		return finding{Exit: code}
	}
	var r struct {
		Content, Signature, Time, Scope, Erasure struct{ Verdict string }
		Size                                     uint64
		Root                                     string
		Faults                                   []fault
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		s.t.Fatalf("%s: %v\n%s", s.all[i].name, err, &stderr)
	}
	slices.SortStableFunc(r.Faults, func(a, b fault) int { return cmp.Compare(a.order(), b.order()) }) // they are in the order of the file
	return finding{code, r.Content.Verdict, r.Signature.Verdict, r.Time.Verdict, r.Scope.Verdict, r.Erasure.Verdict, r.Size, r.Root, r.Faults}
}

// args is the command line of this program.
func (c *specimen) args() []string {
	args := []string{"verify", c.path, "--key", c.vkey, "-o", "json"}
	for _, b := range c.brought {
		name, value, _ := strings.Cut(b, "=")
		if name != "demand" {
			args = append(args, "--"+name, value)
			continue
		}
		from, to, _ := strings.Cut(value, "-")
		args = append(args, "--from", from, "--to", to)
	}
	return args
}

// second is what the second verifier finds, all in one process.
func (s *specimens) second(python string) []finding {
	var in, out, complaints bytes.Buffer
	for _, c := range s.all {
		fmt.Fprintln(&in, strings.Join(append([]string{c.path, c.vkey}, c.brought...), "\t"))
	}
	cmd := exec.CommandContext(s.t.Context(), python, secondVerifier, "--batch", s.all[0].vkey)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &complaints
	// Exit code 1 says that something brought could not be used, which its line says too.
	if err := cmd.Run(); err != nil && (cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != exitCannot || complaints.Len() > 0) {
		s.t.Fatalf("second verifier: %v\n%s", err, &complaints)
	}
	var found []finding
	for dec := json.NewDecoder(&out); ; {
		var f finding
		if err := dec.Decode(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			s.t.Fatal(err)
		}
		found = append(found, f)
	}
	if len(found) != len(s.all) {
		s.t.Fatalf("second verifier: %d findings for %d files", len(found), len(s.all))
	}
	return found
}
