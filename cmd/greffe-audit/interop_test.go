package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"greffe/ledger/chain/chaintest"
)

// The second verifier, in Python, which was written from ledger/FORMAT.md
// without a look at this program.
const secondVerifier = "../../testdata/interop/verify.py"

// flips is how many single bits are flipped in each way.
const flips = 300

// TestSecondVerifier gives the same bundles to this program and to the second
// verifier: sound ones, the cases of testdata/tamper/faults, and bundles with
// one bit flipped or cut short. Both must come to the same exit code, the same
// verdicts on content and signature, and the same entry for the first fault.
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

	exits := map[int]int{}
	for i, theirs := range s.second(python) {
		ours := s.first(i)
		exits[ours.Exit]++
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

// A finding is what both programs say about one bundle.
type finding struct {
	Exit               int
	Content, Signature string
	Time, Scope        string
	Erasure            string
	Size               uint64
	Root               string
	Code               string  // of the first fault, "" if there is none
	Seq                *uint64 // of the first fault, nil if it names none
}

func compare(t *testing.T, name string, ours, theirs finding) {
	t.Helper()
	a, b := ours, theirs
	a.Code, b.Code = "", "" // which of several faults of one entry is named first, FORMAT.md leaves open
	if a.Seq == nil || b.Seq == nil {
		a.Seq, b.Seq = nil, nil // only an entry that both name can be compared
	}
	if a.Seq != nil && *a.Seq == 0 {
		a.Signature, b.Signature, a.Time, b.Time = "", "", "", "" // without a genesis, which keys there are is open
	}
	if a.Content == "failed" && b.Content == "failed" { // how far one reads on after a fault is its own affair
		a.Size, b.Size, a.Root, b.Root, a.Scope, b.Scope, a.Erasure, b.Erasure = 0, 0, "", "", "", "", "", ""
	}
	if a.Seq != nil && *a.Seq == *b.Seq {
		a.Seq = b.Seq
	}
	if a != b {
		t.Errorf("%s:\n  greffe-audit %s\n  verify.py    %s", name, ours, theirs)
	}
}

func (f finding) String() string {
	seq := "none"
	if f.Seq != nil {
		seq = fmt.Sprint(*f.Seq)
	}
	return fmt.Sprintf("exit %d, content %s, signature %s, time %s, scope %s, erasure %s, size %d, root %.8s, fault %q at seq %s",
		f.Exit, f.Content, f.Signature, f.Time, f.Scope, f.Erasure, f.Size, f.Root, f.Code, seq)
}

// specimens are the bundles to compare on, as files.
type specimens struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	all    []specimen
}

type specimen struct{ name, path, vkey, since, policy string }

func (s *specimens) add(vkey string, bundle []byte, format string, args ...any) {
	path := filepath.Join(s.dir, strconv.Itoa(len(s.all))+".greffe")
	if err := os.WriteFile(path, bundle, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.all = append(s.all, specimen{name: fmt.Sprintf(format, args...), path: path, vkey: vkey})
}

// brings adds a forgery with what its auditor brings.
func (s *specimens) brings(f *chaintest.Forgery, format string, args ...any) {
	s.add(f.VKey, f.Bytes(), format, args...)
	c := &s.all[len(s.all)-1]
	for _, file := range []struct {
		name *string
		data []byte
	}{{&c.since, f.Since}, {&c.policy, []byte(f.Policy)}} {
		if len(file.data) == 0 {
			continue
		}
		*file.name = c.path + "." + strconv.Itoa(len(file.data))
		if err := os.WriteFile(*file.name, file.data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// first is the finding of this program.
func (s *specimens) first(i int) finding {
	var stdout, stderr bytes.Buffer
	args := []string{"verify", s.all[i].path, "--key", s.all[i].vkey, "-o", "json"}
	if since := s.all[i].since; since != "" {
		args = append(args, "--since", since)
	}
	if policy := s.all[i].policy; policy != "" {
		args = append(args, "--policy", policy)
	}
	code := run(args, strings.NewReader(""), &stdout, &stderr)
	if code == exitCannot {
		return finding{Exit: code}
	}
	var r struct {
		Content, Signature, Time, Scope, Erasure struct{ Verdict string }
		Size                                     uint64
		Root                                     string
		Faults                                   []struct {
			Code string
			Seq  *uint64
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		s.t.Fatalf("%s: %v\n%s", s.all[i].name, err, &stderr)
	}
	f := finding{
		Exit: code, Content: r.Content.Verdict, Signature: r.Signature.Verdict, Time: r.Time.Verdict,
		Scope: r.Scope.Verdict, Erasure: r.Erasure.Verdict, Size: r.Size, Root: r.Root,
	}
	if len(r.Faults) > 0 {
		f.Code, f.Seq = r.Faults[0].Code, r.Faults[0].Seq
	}
	return f
}

// second is what the second verifier finds, all in one process.
func (s *specimens) second(python string) []finding {
	var in, out, complaints bytes.Buffer
	for _, c := range s.all {
		fmt.Fprintf(&in, "%s\t%s", c.path, c.vkey)
		if c.since != "" {
			fmt.Fprintf(&in, "\tsince=%s", c.since)
		}
		if c.policy != "" {
			fmt.Fprintf(&in, "\tpolicy=%s", c.policy)
		}
		fmt.Fprintln(&in)
	}
	cmd := exec.CommandContext(s.t.Context(), python, secondVerifier, "--batch", s.all[0].vkey)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &complaints
	if err := cmd.Run(); complaints.Len() > 0 || cmd.ProcessState == nil { // 1 says that a checkpoint kept was none
		s.t.Fatalf("second verifier: %v\n%s", err, &complaints)
	}
	var found []finding
	for dec := json.NewDecoder(&out); ; {
		var r struct {
			finding
			Fault *finding
		}
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			s.t.Fatal(err)
		}
		if r.Fault != nil {
			r.Code, r.Seq = r.Fault.Code, r.Fault.Seq
		}
		found = append(found, r.finding)
	}
	if len(found) != len(s.all) {
		s.t.Fatalf("second verifier: %d findings for %d bundles", len(found), len(s.all))
	}
	return found
}
