// Package clitest runs the programs of greffe as people do, for the tests of their
// command lines: real processes, real files, scripts of package testscript.
package clitest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Main is a TestMain: it builds the other programs into a folder at the front of PATH
// and runs the tests. own is the program under test, which is the test binary itself
// under another name.
func Main(m *testing.M, own string, main func(), others ...string) {
	testscript.Main(built{m, others}, map[string]func(){own: main})
}

// built runs the tests with the other programs in PATH. The programs start it too, so
// nothing is built before Run.
type built struct {
	m       *testing.M
	program []string
}

// Run implements testscript.TestingM.
func (b built) Run() int {
	dir, err := os.MkdirTemp("", "greffe-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range b.program {
		if err := build(dir, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return b.m.Run()
}

// Build builds a program and returns its path.
func Build(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := build(dir, name); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func build(dir, name string) error {
	from := "greffe/cmd/" + name
	if name == "nats-server" {
		from = "github.com/nats-io/nats-server/v2"
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), from).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return nil
}
