// Package cmd_test holds the rules of the layout: which package may know which, and
// why. Each rule prints its reason when it is broken.
package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type arrow struct {
	pkg string
	may []string
	why string
}

// arrows are the imports that a package may have among our own. A package without a
// row fails: a new one is a decision, and this is where it is written down.
var arrows = []arrow{
	{"events", nil, "what happened is pure: services and auditors read it without the rest"},
	{"events/base", []string{"events"}, "a base becomes events, whoever publishes them"},
	{"events/stream", []string{"events"}, "the stream carries bytes on topics; topics are part of the events' contract"},
	{"events/durable", nil, "small files that survive a crash, for whoever keeps keys and users"},
	{"events/stream/embedded", []string{"events", "events/durable", "events/stream"}, "the embedded server is one way to have a stream"},
	{"events/stream/streamtest", []string{"events/stream", "events/stream/embedded"}, "tests want a real server"},
	{"events/gateway", []string{"events", "events/stream", "events/vault"}, "the gateway declares the ledger that it needs; the daemon hands it one"},
	{"ledger/chain", nil, "what is proved must be checkable with these bytes alone"},
	{"ledger/chain/chaintest", []string{"ledger/chain"}, "toy ledgers for tests, made by the code that readers check"},
	{"ledger/verify", []string{"ledger/chain"}, "the auditor's package is read in one sitting: nothing but the chain is behind it"},
	{"ledger/hsm", nil, "a key in a security module signs like any other: whoever needs one wraps it"},
	{"ledger", []string{"ledger/chain", "ledger/verify"}, "the store keeps entries and knows nothing of what they mean; fsck checks them with the auditor's own rules"},
	{"ledger/tiles", []string{"ledger", "ledger/chain"}, "followers read the log at the standard paths, and nothing else"},
	{"ledger/anchor/timestamp", nil, "what an authority signed is checked with the bytes and the roots alone"},
	{"ledger/anchor/timestamp/timestamptest", []string{"ledger/anchor/timestamp"}, "an authority of openssl, for tests"},
	{"ledger/anchor/witness", []string{"events/durable", "ledger/chain"}, "a witness compares checkpoints: it holds no ledger, and small files are all it has"},
	{"ledger/anchor/tsa", []string{"ledger/anchor/timestamp"}, "the network is here, and what comes from it is judged by package timestamp"},
	{"ledger/ingest", []string{"events", "ledger", "ledger/chain"}, "ingest turns messages into entries; it declares its source and knows no NATS"},
	{"projections", []string{"events", "ledger/chain"}, "registers are pure folds over entries, so that an auditor can repeat them"},
	{"projections/projectionstest", []string{"events", "ledger/chain", "projections"}, "ledgers in memory for tests of the folds"},
	{"projections/store", []string{"events", "ledger/chain", "projections"}, "the store keeps folds between restarts; it decides nothing"},
	{"projections/query", []string{"events", "ledger/chain", "projections"}, "the query service answers from views; the daemon hands it the ledger"},
	{"cmd/internal/cli", []string{"events", "events/durable", "events/stream"}, "what the command lines share is finding a daemon and talking to people"},
	{"cmd/internal/clitest", nil, "tests of the command lines run the programs as people do, from outside"},
	{"cmd/greffe", []string{"cmd/internal/cli", "events", "events/base", "events/gateway", "events/stream", "ledger/chain", "projections", "projections/query"}, "the client asks over NATS: it holds no store and no server; of the chain it needs scopes and checkpoints"},
	{"cmd/greffed", []string{"cmd/internal/cli", "events", "events/durable", "events/gateway", "events/stream", "events/stream/embedded", "ledger", "ledger/anchor/timestamp", "ledger/anchor/tsa", "ledger/anchor/witness", "ledger/chain", "ledger/hsm", "ledger/ingest", "ledger/tiles", "projections", "projections/query", "projections/store"}, "the daemon ties the parts together, and nothing else does"},
	{"cmd/greffe-audit", []string{"ledger/anchor/timestamp", "ledger/chain", "ledger/verify", "projections"}, "an auditor trusts only what he can read: the chain, its verifier, and the folds that he repeats"},
	{"cmd/greffe-witness", []string{"ledger/anchor/witness"}, "whoever runs a witness trusts only what he can read: no ledger, no stream"},
}

// closures are what must not be reachable from a package by any path.
var closures = []struct {
	pkg    string
	banned []string // import paths, and everything below them
	why    string
}{
	{"cmd/greffe-audit", []string{"net", "crypto/tls", "log/syslog", "os/exec", "plugin", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "the auditor's program works offline and cannot phone anybody"},
	{"ledger/anchor/timestamp", []string{"net", "crypto/tls", "log/syslog", "os/exec", "plugin", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "a token is checked offline, in the auditor's program too"},
	{"cmd/greffe-witness", []string{"github.com/nats-io", "github.com/cockroachdb/pebble"}, "a witness is one small program with HTTP and one file"},
	{"cmd/greffe", []string{"github.com/cockroachdb/pebble", "github.com/nats-io/nats-server"}, "a client stays small and can hold no copy of the ledger"},
	{"ledger/verify", []string{"net", "os/exec", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "verification depends on the bytes given and on nothing else"},
	{"ledger/chain", []string{"net", "os/exec", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "the format is checkable with the standard library and x/mod"},
	{"ledger/ingest", []string{"github.com/nats-io"}, "ingest is tested against a simulated stream: it declares its source"},
	{"ledger", []string{"github.com/nats-io"}, "the ledger is the record, the stream is only transport"},
	{"projections", []string{"net", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "an auditor rebuilds the registers offline with this very package"},
	{"events", []string{"net", "github.com/nats-io", "github.com/cockroachdb/pebble"}, "the contract of events can be used without a server"},
}

// certified are the packages of closures that may reach package net all the same, if
// crypto/x509 is the only one that imports it: a certificate can hold an IP address,
// which is read with net.ParseIP. crypto/x509 opens no connection (it fetches neither
// revocation lists nor issuers), and nobody else holds net, so none is opened. The rest
// of what is banned there (net/http, crypto/tls, …) stays banned.
var certified = []string{"cmd/greffe-audit", "ledger/anchor/timestamp"}

// named are the dependencies, and the only packages that may name them. The longest
// matching prefix counts.
var named = []struct {
	dependency string
	by         []string
	why        string
}{
	{"github.com/cockroachdb/pebble/v2", []string{"ledger", "projections/store"}, "one database for the record, one disposable for folds"},
	{"github.com/nats-io/nats-server/v2", []string{"events/stream/embedded"}, "only the embedded server is a server"},
	{"github.com/nats-io/nats.go/jetstream", []string{"events/stream"}, "one place knows how events are kept on the stream"},
	{"github.com/nats-io/nats.go/micro", []string{"projections/query"}, "the query service is found with the nats command line"},
	{"github.com/nats-io/nats.go", []string{"events/stream", "events/stream/streamtest", "events/gateway", "projections/query", "cmd/internal/cli", "cmd/greffe", "cmd/greffed"}, "requests and answers: the gateway, the queries and who connects them"},
	{"github.com/synadia-io/orbit.go/jetstreamext", []string{"events/stream"}, "atomic batches belong to publishing"},
	{"github.com/synadia-io/orbit.go/natscontext", []string{"cmd/internal/cli", "cmd/greffed"}, "contexts of the nats command line are a matter of flags"},
	{"github.com/oklog/ulid/v2", []string{"events"}, "event ids are made and read in one place"},
	{"github.com/go-json-experiment/json", []string{"events", "events/base", "projections", "projections/projectionstest", "projections/store", "projections/query", "cmd/greffe"}, "strict JSON, wherever a duplicate key would be a second truth"},
	{"go.yaml.in/yaml/v3", []string{"events/base", "cmd/greffe"}, "a base is written in YAML and -o yaml prints it; nothing that is hashed is"},
	{"github.com/spf13", []string{"cmd/greffe", "cmd/greffed", "cmd/internal/cli"}, "command lines; the auditor's stays on the standard library"},
	{"github.com/jedib0t/go-pretty/v6", []string{"cmd/greffe"}, "tables are for people at a terminal"},
	{"github.com/vbauerster/mpb/v8", []string{"cmd/internal/cli"}, "progress bars are for people at a terminal"},
	{"golang.org/x/term", []string{"cmd/internal/cli"}, "whether there is a terminal"},
	{"golang.org/x/mod/sumdb/note", []string{"ledger", "ledger/chain", "ledger/chain/chaintest", "ledger/verify", "ledger/anchor/witness", "cmd/greffed", "cmd/greffe-audit", "cmd/greffe-witness"}, "checkpoints are signed notes: who signs and who checks"},
	{"golang.org/x/mod/sumdb/tlog", []string{"ledger/chain"}, "one package knows how the tree is hashed"},
	{"github.com/miekg/pkcs11", []string{"ledger/hsm"}, "a C library is loaded in one place, and only with the build tag pkcs11"},
	{"github.com/rogpeppe/go-internal/testscript", []string{"cmd/internal/clitest"}, "scripts are for tests"},
	{"pgregory.net/rapid", []string{"projections/projectionstest"}, "generated histories are for tests"},
	{"golang.org/x/crypto/cryptobyte", []string{"ledger/anchor/timestamp"}, "DER is read strictly: each byte of a token is accounted for"},
	{"golang.org/x/crypto/bcrypt", []string{"events/stream/embedded"}, "the server keeps digests of passwords"},
}

// clockless are the packages that call no clock: an instant is always an argument.
var clockless = []string{"events", "events/base", "ledger/anchor/timestamp", "ledger/chain", "ledger/verify", "projections"}

// topLevel is everything that may lie at the top of the repository.
var topLevel = []string{".ci", ".gitignore", "LICENSE", "Makefile", "README.md", "cmd", "events", "go.mod", "go.sum", "ledger", "projections", "testdata"}

const module = "greffe/"

// A pkg is what go list tells about a package.
type pkg struct {
	ImportPath, Dir, Doc                        string
	GoFiles, TestGoFiles, XTestGoFiles, Imports []string
	IgnoredGoFiles, Deps                        []string
	short                                       string // the path within the module
}

// packages lists the module's own packages, with what they reach.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Imports,Deps", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.short = strings.TrimPrefix(p.ImportPath, module)
		p.Imports = append(p.Imports, taggedImports(t, &p)...)
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

// taggedImports returns what the files import that this build leaves out for their tags.
func taggedImports(t *testing.T, p *pkg) (imports []string) {
	t.Helper()
	for _, name := range p.IgnoredGoFiles {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imports = append(imports, strings.Trim(spec.Path.Value, `"`))
		}
	}
	return imports
}

// below reports whether an import path is prefix or lies below it.
func below(importPath, prefix string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		at := slices.IndexFunc(arrows, func(a arrow) bool { return a.pkg == p.short })
		if at < 0 {
			t.Errorf("%s: no row in arrows: say what it may import, and why", p.short)
			continue
		}
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, module)
			if ours && !slices.Contains(arrows[at].may, own) {
				t.Errorf("%s imports %s: %s", p.short, own, arrows[at].why)
			}
		}
	}
}

func TestClosures(t *testing.T) {
	all := packages(t)
	for _, rule := range closures {
		at := slices.IndexFunc(all, func(p pkg) bool { return p.short == rule.pkg })
		if at < 0 {
			t.Errorf("%s: no such package", rule.pkg)
			continue
		}
		harmless := []string{"net/netip", "net/url"} // data types: neither opens a connection
		if slices.Contains(certified, rule.pkg) && onlyCertificates(t, rule.pkg) {
			harmless = append(harmless, "net")
		}
		for _, dep := range all[at].Deps {
			for _, banned := range rule.banned {
				if below(dep, banned) && !slices.Contains(harmless, dep) {
					t.Errorf("%s reaches %s: %s", rule.pkg, dep, rule.why)
				}
			}
		}
	}
}

// onlyCertificates reports whether of all that a package reaches, itself included, only
// crypto/x509 imports package net.
func onlyCertificates(t *testing.T, short string) bool {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+short)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var holders []string
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); slices.Contains(words[1:], "net") {
			holders = append(holders, words[0])
		}
	}
	if len(holders) > 0 && !slices.Equal(holders, []string{"crypto/x509"}) {
		t.Errorf("%s reaches net through %s: only crypto/x509 may import it there", short, strings.Join(holders, ", "))
		return false
	}
	return true
}

func TestDependenciesAreNamedOnce(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			best := -1
			for i, n := range named {
				if below(imp, n.dependency) && (best < 0 || len(n.dependency) > len(named[best].dependency)) {
					best = i
				}
			}
			switch {
			case best < 0:
				t.Errorf("%s imports %s: no row in named: a new dependency needs a reason", p.short, imp)
			case !slices.Contains(named[best].by, p.short):
				t.Errorf("%s imports %s: %s", p.short, imp, named[best].why)
			default:
				used[named[best].dependency] = true
			}
		}
	}
	for _, n := range named {
		if !used[n.dependency] {
			t.Errorf("nobody imports %s any more: delete its row", n.dependency)
		}
	}
}

// files parses the files of a package, tests left out.
func files(t *testing.T, p pkg, visit func(name string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		visit(path.Join(p.short, name), fset, f)
	}
}

func TestClockless(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(clockless, p.short) {
			continue
		}
		files(t, p, func(name string, fset *token.FileSet, f *ast.File) {
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Tick", "After", "NewTimer", "NewTicker"}, sel.Sel.Name) {
					t.Errorf("%s:%d calls time.%s: the same entries and instant must give the same answer, an instant is always an argument",
						name, fset.Position(sel.Pos()).Line, sel.Sel.Name)
				}
				return true
			})
		})
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment: a reader starts there", p.short)
		}
	}
}

// TestWords keeps three meanings apart that the bare word would mix up: the person
// (DataSubject), the topic of NATS (Topic), and what an event is about (Aggregate).
func TestWords(t *testing.T) {
	for _, p := range packages(t) {
		files(t, p, func(name string, fset *token.FileSet, f *ast.File) {
			for _, id := range declared(f) {
				if strings.EqualFold(id.Name, "subject") {
					t.Errorf("%s:%d declares %s: say DataSubject, Topic or Aggregate", name, fset.Position(id.Pos()).Line, id.Name)
				}
			}
		})
	}
}

// declared returns the identifiers that a file declares. Uses are left out: the
// fields of other people's types are theirs to name.
func declared(f *ast.File) (ids []*ast.Ident) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			ids = append(ids, n.Name)
		case *ast.TypeSpec:
			ids = append(ids, n.Name)
		case *ast.ValueSpec:
			ids = append(ids, n.Names...)
		case *ast.Field:
			ids = append(ids, n.Names...)
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					ids = append(ids, id)
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					ids = append(ids, id)
				}
			}
		}
		return true
	})
	return ids
}

func TestNothingHappensAtInit(t *testing.T) {
	for _, p := range packages(t) {
		files(t, p, func(name string, _ *token.FileSet, f *ast.File) {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function: importing a package does nothing, tables are values", name)
				}
			}
		})
	}
}

func TestSizes(t *testing.T) {
	const most, mostMain = 450, 60
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.Count(text, []byte("\n"))
			if lines > most {
				t.Errorf("%s/%s has %d lines, at most %d: split it by what it does", p.short, name, lines, most)
			}
			if name == "main.go" && lines > mostMain {
				t.Errorf("%s/%s has %d lines, at most %d: main only starts things", p.short, name, lines, mostMain)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("no git checkout: what belongs to the repository is not known here")
	}
	cmd := exec.Command("git", "-C", root, "ls-files")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range strings.Fields(string(out)) {
		first, _, _ := strings.Cut(file, "/")
		found[first] = true
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, topLevel) {
		t.Errorf("the top level holds %s\nit is fixed to     %s: a reader knows where anything is", strings.Join(got, " "), strings.Join(topLevel, " "))
	}
}
