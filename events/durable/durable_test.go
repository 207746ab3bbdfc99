package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"greffe/events/durable"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "file")
	for _, text := range []string{"one", "a longer one", ""} {
		if err := durable.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := durable.WriteFile(filepath.Join(path, "below a file"), nil, 0o600); err == nil {
		t.Error("a file below a file was written")
	}
}
