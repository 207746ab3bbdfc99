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

// Every shell block of the README does what it says, in order, in a copy of the
// repository: what a newcomer types is what is tested.
func TestREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs")
	}
	root := copyRepository(t)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```sh\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d shell blocks in README.md, want at least 3", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "\n```")
		// This test is part of make test; that the target is there must do.
		block = strings.ReplaceAll(block, "make test", "make -n test")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		sh := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", block+"\nwait")
		sh.Dir = root
		sh.WaitDelay = 5 * time.Second
		out, err := sh.CombinedOutput()
		cancel()
		t.Logf("%s\n%s", block, out)
		if err != nil {
			t.Fatalf("the block fails: %v", err)
		}
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
