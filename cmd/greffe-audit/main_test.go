package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
	"greffe/ledger/chain"
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
//	forge NAME LINE... writes NAME.greffe, a forgery as testdata/tamper/faults describes it, NAME.vkey,
//	                   and NAME.since and NAME.policy if it has them
//	stamped NAME       writes NAME.greffe with a timestamp of an authority that openssl plays, and NAME.pem
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
			"forge": func(ts *testscript.TestScript, _ bool, args []string) {
				f := chaintest.Forge(t)
				for _, line := range args[1:] {
					f.Do(line)
				}
				write(ts, args[0]+".greffe", f.Bytes())
				write(ts, args[0]+".vkey", []byte(f.VKey+"\n"))
				if f.Since != nil {
					write(ts, args[0]+".since", f.Since)
				}
				if f.Policy != "" {
					write(ts, args[0]+".policy", []byte(f.Policy))
				}
			},
			"stamped": func(ts *testscript.TestScript, _ bool, args []string) { stamped(t, ts, args[0]) },
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
		if slices.Contains([]string{".greffe", ".vkey", ".txt", ".since", ".policy", ".pem", ".dir"}, filepath.Ext(a)) {
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

// stamped writes a bundle with a timestamp of a real authority over its checkpoint.
func stamped(t *testing.T, ts *testscript.TestScript, name string) {
	authority := timestamptest.Start(t, timestamptest.Options{Name: "Script TSA"})
	f := chaintest.Forge(t)
	c, err := chain.ReadCheckpoint(f.Sections[0].Data)
	ts.Check(err)
	roots, err := timestamp.ParseRoots(authority.Roots)
	ts.Check(err)
	req := timestamp.Request{Text: c.Text, Nonce: 42}
	answer, err := http.Post(authority.URL, "application/timestamp-query", bytes.NewReader(req.Marshal()))
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	token, _, err := timestamp.Accept(body, req, roots)
	ts.Check(err)
	f.Sections = append(f.Sections, chain.Section{Kind: chain.SectionTimestamp, Data: chain.AppendTimestamp(nil, chain.Timestamp{Text: c.Text, Token: token})})
	write(ts, name+".greffe", f.Bytes())
	write(ts, name+".vkey", []byte(f.VKey+"\n"))
	write(ts, name+".pem", authority.Roots)
	write(ts, "other.pem", timestamptest.NewRoot(t, "another").PEM())
}

// TestReportSchema holds the reports of every forgery against the schema.
func TestReportSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(reportSchema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	dir, n := t.TempDir(), 0
	datadriven.RunTest(t, "../../testdata/tamper/faults", func(t *testing.T, d *datadriven.TestData) string {
		f := chaintest.Forge(t)
		for line := range strings.Lines(d.Input) {
			f.Do(line)
		}
		args := []string{"verify", filepath.Join(dir, "b"), "--key", f.VKey, "-o", "json"}
		files := map[string][]byte{"b": f.Bytes(), "since": f.Since, "policy": []byte(f.Policy)}
		for name, data := range files {
			if len(data) == 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if name != "b" {
				args = append(args, "--"+name, filepath.Join(dir, name))
			}
		}
		var stdout, stderr bytes.Buffer
		if run(args, nil, &stdout, &stderr) == exitCannot {
			return d.Expected
		}
		n++
		report, err := jsonschema.UnmarshalJSON(&stdout)
		if err == nil {
			err = schema.Validate(report)
		}
		if err != nil {
			t.Errorf("%s: %v", d.Pos, err)
		}
		return d.Expected
	})
	if n < 100 {
		t.Errorf("only %d reports", n)
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
	for _, flag := range []string{
		"--key", "-o", "--quiet", "--policy", "--tsa-roots", "--since", "--from", "--to", "--known-at", "--digest", "--extract",
		"verify", "show", "register", "diff", "schema",
	} {
		if !strings.Contains(usage, flag) {
			t.Errorf("the usage does not mention %s", flag)
		}
	}
}
