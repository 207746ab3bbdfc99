package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/ledger/verify"
)

const casesFile = "../../testdata/tamper/faults"

// TestTamperCases runs testdata/tamper/faults: each case edits a sound bundle
// of eight entries, line by line, and shows the report. To rewrite the
// expected reports: go test ./ledger/verify -run TamperCases -rewrite; only
// commit the difference if you understand it.
func TestTamperCases(t *testing.T) {
	datadriven.RunTest(t, casesFile, func(t *testing.T, d *datadriven.TestData) string {
		f := chaintest.Forge(t)
		for line := range strings.Lines(d.Input) {
			f.Do(line)
		}
		r, err := judge(t, f)
		if err != nil {
			return err.Error() + "\n"
		}
		return show(r)
	})
}

// judge verifies a forgery with what the auditor brings.
func judge(t *testing.T, f *chaintest.Forgery) (verify.Report, error) {
	t.Helper()
	key, err := note.NewVerifier(f.VKey)
	if err != nil {
		t.Fatal(err)
	}
	o := verify.Options{Since: f.Since, Demand: f.Demand, Timestamps: stamps}
	if f.Policy != "" {
		if o.Policy, err = chain.ParsePolicy([]byte(f.Policy)); err != nil {
			t.Fatal(err)
		}
	}
	if file := f.Bytes(); !chain.IsTlogProof(file) {
		return verify.Bundle(context.Background(), bytes.NewReader(file), key, o)
	}
	return verify.Proof(f.Bytes(), key, o)
}

// stamps stands for the check of tokens, which package timestamp tests with real ones:
// what matters here is what becomes of its answers.
func stamps(text string, token []byte) (verify.Stamp, error) {
	switch string(token) {
	case "good":
		return verify.Stamp{At: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Authority: "a test authority"}, nil
	case "foreign":
		return verify.Stamp{}, fmt.Errorf("token: %w", verify.ErrUntrusted)
	}
	return verify.Stamp{}, errors.New("the digest in it is of other bytes")
}

// TestEveryFaultHasACase keeps the table of faults and the cases in step.
func TestEveryFaultHasACase(t *testing.T) {
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range verify.Kinds() {
		if !strings.Contains(string(text), "\n"+string(k.Code)+" ") {
			t.Errorf("%s (%s) has no case in %s", k.Code, k.What, casesFile)
		}
	}
}

// show prints the five verdicts and the faults, without hashes.
func show(r verify.Report) string {
	var out strings.Builder
	for _, n := range r.Results() {
		fmt.Fprintf(&out, "%s %s, ", n.Name, n.Verdict)
	}
	fmt.Fprintf(&out, "outcome %s\n", r.Outcome())
	for _, f := range r.Faults {
		fmt.Fprintf(&out, "%s ", f.Code)
		if f.Seq != nil {
			fmt.Fprintf(&out, "seq %d ", *f.Seq)
		}
		fmt.Fprintf(&out, "%s: %s\n", f.Field, f.What)
	}
	for i, text := range r.Evidence {
		fmt.Fprintf(&out, "evidence %d: %s", i+1, strings.SplitN(text, "\n", 3)[1]+" entries, signed\n")
	}
	return out.String()
}
