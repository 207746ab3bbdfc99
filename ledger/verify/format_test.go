package verify_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"greffe/ledger/verify"
)

var update = flag.Bool("update", false, "write the table of faults into FORMAT.md")

// TestFormatTable holds the table of faults in FORMAT.md against the one in the code, so
// that whoever writes a verifier from the one agrees with the other. -update writes it.
func TestFormatTable(t *testing.T) {
	const file = "../FORMAT.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for _, k := range verify.Kinds() {
		fmt.Fprintf(&rows, "| %s | %s | %s: %s |\n", k.Code, strings.Join(k.Fails(), ", "), k.Field, k.What)
	}
	head := "| Code | Fails | Field: what is wrong |\n|---|---|---|\n"
	before, rest, ok := strings.Cut(string(text), head)
	_, after, end := strings.Cut(rest, "\n\n## 6")
	if !ok || !end {
		t.Fatal("FORMAT.md has no table of faults in §5.5")
	}
	want := before + head + strings.TrimSuffix(rows.String(), "\n") + "\n\n## 6" + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("the table of faults in FORMAT.md §5.5 is not that of faults.go: go test ./ledger/verify -run FormatTable -update")
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
