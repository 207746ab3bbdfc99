package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"greffe/ledger/chain/chaintest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"greffe-audit": main})
}

// TestScripts runs testdata/script, one behaviour a file. Besides the usual
// commands, a script has
//
//	ledger NAME N      writes NAME.greffe and NAME.vkey, a toy ledger of N entries
//	edit FILE OFFSET   flips a bit of the byte there, from the end if negative
//	cut FILE SIZE      leaves the first SIZE bytes
//	redact NAME SEQ    writes NAME.greffe without the payload of entry SEQ
//	exit CODE ARG...   runs greffe-audit and wants that exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ledger": func(ts *testscript.TestScript, _ bool, args []string) {
				l := chaintest.New(t, args[0], number(ts, args[1]), 300)
				write(ts, args[0]+".greffe", l.Bundle(t))
				write(ts, args[0]+".vkey", []byte(l.VKey+"\n"))
			},
			"redact": func(ts *testscript.TestScript, _ bool, args []string) {
				l := chaintest.New(t, args[0], 8, 300)
				raw := l.Raw()
				raw[number(ts, args[1])].Payload = nil
				write(ts, args[0]+".greffe", chaintest.Assemble(raw, l.Sections(t)))
			},
			"edit": func(ts *testscript.TestScript, _ bool, args []string) {
				b := []byte(ts.ReadFile(args[0]))
				b[(number(ts, args[1])+len(b))%len(b)] ^= 1
				write(ts, args[0], b)
			},
			"cut": func(ts *testscript.TestScript, _ bool, args []string) {
				write(ts, args[0], []byte(ts.ReadFile(args[0])[:number(ts, args[1])]))
			},
			"exit": exit,
		},
	})
}

// exit runs the program in this process and compares its exit code; what it
// wrote goes to the files out and err of the script's folder.
func exit(ts *testscript.TestScript, neg bool, args []string) {
	var stdout, stderr bytes.Buffer
	words := make([]string, 0, len(args))
	for _, a := range args[1:] {
		if strings.HasSuffix(a, ".greffe") || strings.HasSuffix(a, ".vkey") || strings.HasSuffix(a, ".txt") {
			a = ts.MkAbs(a)
		}
		words = append(words, a)
	}
	got := run(words, strings.NewReader(""), &stdout, &stderr)
	write(ts, "out", stdout.Bytes())
	write(ts, "err", stderr.Bytes())
	if want := number(ts, args[0]); neg || got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, &stdout, &stderr)
	}
}

func write(ts *testscript.TestScript, name string, data []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// TestProgress draws on what is taken for a terminal.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := progress{w: &out, size: 1000, start: time.Now().Add(-time.Second)}
	p.show(50, 500)
	p.show(51, 501) // too soon after the one before
	p.clear()
	if got := out.String(); strings.Count(got, "entries") != 1 || !strings.Contains(got, " 50 % 50 entries") || !strings.HasSuffix(got, "\x1b[K") {
		t.Errorf("got %q", got)
	}
	if p := newProgress(&out, 1000, false); p.w != nil {
		t.Error("a buffer is taken for a terminal")
	}
	unknown := progress{w: &out, start: time.Now()}
	out.Reset()
	unknown.show(50, 500)
	if !strings.Contains(out.String(), "verifying 50 entries") {
		t.Errorf("got %q", out.String())
	}
}

func TestUsageNamesEveryFlag(t *testing.T) {
	for _, flag := range []string{"--key", "-o", "--quiet", "verify", "show"} {
		if !strings.Contains(usage, flag) {
			t.Errorf("the usage does not mention %s", flag)
		}
	}
}
