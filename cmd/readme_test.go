package cmd_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The shell blocks of the README do what they say, one after the other in one script, in
// a copy of the repository: what a newcomer types is what is tested.
func TestREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs")
	}
	blocks := readmeBlocks(t)
	if len(blocks) < 3 {
		t.Fatalf("%d shell blocks in README.md, want at least 3", len(blocks))
	}
	// This test is part of make test; that the target is there must do.
	blocks[0] = strings.ReplaceAll(blocks[0], "make test", "make -n test")
	runShell(t, copyRepository(t), strings.Join(blocks, "\n"), "bash", "-euo", "pipefail")
	runShell(t, copyRepository(t), strings.Join(blocks[1:], "\n"), "sh", "-eu") // the demo once
}

// A daemon that does not start ends the wait for it with an error, in every shell.
func TestREADMEDaemonDoesNotStart(t *testing.T) {
	script := "greffed() { echo no; return 1; }\n"
	lines := strings.Split(readmeBlocks(t)[1], "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "greffed serve ") {
			script += line + "\n" + lines[i+1] + "\n"
		}
	}
	for _, shell := range [][]string{{"bash"}, {"bash", "-e"}, {"sh"}, {"sh", "-e"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], "-c", script)...)
		cmd.Dir = t.TempDir()
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			t.Errorf("%v waits for ever", shell)
		} else if err == nil || !strings.Contains(string(out), "no\n") {
			t.Errorf("%v: %v, want an error\n%s", shell, err, out)
		}
		cancel()
	}
}

func readmeBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```sh\n")[1:]
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "\n```")
	}
	return blocks
}

func runShell(t *testing.T, dir, script, shell string, flags ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	sh := exec.CommandContext(ctx, shell, append(flags, "-c", script)...)
	sh.Dir = dir
	sh.WaitDelay = 5 * time.Second
	out, err := sh.CombinedOutput()
	t.Logf("%s\n%s", script, out)
	if err != nil {
		t.Fatalf("the blocks fail in %s: %v", shell, err)
	}
}

// copyRepository copies what git tracks, or would track, into a folder of the test.
func copyRepository(t *testing.T) string {
	t.Helper()
	list, err := exec.Command("git", "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, name := range strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // deleted and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
