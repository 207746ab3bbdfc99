package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// verify checks one bundle against one key.
func (c *command) verify(args []string) int {
	o, err := parse("verify", args, []string{"text", "json"})
	if err != nil {
		return c.parseError(err)
	}
	key, err := readKey(o.key)
	if err != nil {
		return c.cannot(err, "give the key itself, or a file that holds it in one line; a daemon keeps its own as DIR/<ledger>.vkey")
	}
	in, size, err := c.open(o.file)
	if err != nil {
		return c.cannot(err, "check the name and the permissions of the bundle")
	}
	defer in.Close()
	bar := newProgress(c.stderr, size, o.quiet)
	counted := &countingReader{r: in}
	report, err := verify.Bundle(context.Background(), counted, key, verify.Options{Progress: bar.show})
	bar.clear()
	if err != nil {
		return c.cannot(err, "the bundle could not be read to its end; nothing is said about its content")
	}
	if counted.n == 0 {
		sayEmpty(&report)
	}
	if err := writeReport(c.stdout, o, &report); err != nil {
		return c.cannot(fmt.Errorf("write report: %w", err), "check where standard output goes")
	}
	return exitCode(&report)
}

// A countingReader counts the bytes that were read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// sayEmpty names the likeliest of all foreign files: one whose copying never began.
func sayEmpty(r *verify.Report) {
	const empty = "the file is empty"
	r.Content.Why = empty
	for i := range r.Faults {
		r.Faults[i].What, r.Faults[i].Hint = empty, "have it sent again, or check where it was copied from"
	}
}

func exitCode(r *verify.Report) int {
	switch r.Outcome() {
	case verify.Sound:
		return exitSound
	case verify.Failed:
		return exitTampering
	}
	return exitUnconfirmed
}

func writeReport(w io.Writer, o options, r *verify.Report) error {
	switch {
	case o.quiet:
		return nil
	case o.format == "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(jsonReport(o.file, r))
	}
	_, err := io.WriteString(w, textReport(o.file, r))
	return err
}

// textReport is the report for people: what was read, the five results, the
// first fault and what to do about it.
func textReport(file string, r *verify.Report) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s", name)
		fmt.Fprintf(&b, format+"\n", args...)
	}
	line("bundle", "%s", file)
	if r.Origin != "" {
		line("ledger", "%s", r.Origin)
	}
	if r.Size > 0 { // else there is nothing that these could be of
		line("size", "%d entries%s", r.Size, dispositions(r))
		line("root", "%s", hex.EncodeToString(r.Root[:]))
	}
	for _, n := range r.Results() {
		line(n.Name, "%-13s%s", mark(n.Verdict), n.Why)
	}
	if len(r.Faults) > 0 {
		line("fault", "%s", r.Faults[0])
		line("hint", "%s", r.Faults[0].Hint)
	}
	switch more := r.FaultCount - min(r.FaultCount, 1); more {
	case 0:
	case 1:
		line("", "1 more fault; -o json lists it")
	default:
		line("", "%d more faults; -o json lists them", more)
	}
	return b.String()
}

// mark is a verdict as a word that stands out.
func mark(v verify.Verdict) string {
	switch v {
	case verify.Sound:
		return "OK"
	case verify.Failed:
		return "FAIL"
	case verify.NotClaimed:
		return "not claimed"
	}
	return "UNCONFIRMED"
}

// dispositions counts the entries that are not simply recorded.
func dispositions(r *verify.Report) string {
	var parts []string
	for d := chain.Duplicate; d <= chain.Quarantined; d++ {
		if n := r.ByDisposition[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, d))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", of which " + strings.Join(parts, ", ")
}

// A report is the JSON form; field names and meanings are stable.
type report struct {
	Bundle       string            `json:"bundle"`  // file name as given
	Outcome      verify.Verdict    `json:"outcome"` // sound, failed or unconfirmed
	Exit         int               `json:"exit"`    // the exit code
	Origin       string            `json:"origin"`  // of the genesis
	Size         uint64            `json:"size"`    // entries in the bundle
	Root         string            `json:"root"`    // their tree hash, in hexadecimal
	Checkpoint   *checkpoint       `json:"checkpoint"`
	Content      verify.Result     `json:"content"`
	Signature    verify.Result     `json:"signature"`
	Time         verify.Result     `json:"time"`
	Scope        verify.Result     `json:"scope"`
	Erasure      verify.Result     `json:"erasure"`
	Absent       uint64            `json:"absent_payloads"`
	Dispositions map[string]uint64 `json:"dispositions"` // entries of each
	FaultCount   uint64            `json:"fault_count"`
	Faults       []verify.Fault    `json:"faults"` // the first of them
}

// A checkpoint is what the bundle's checkpoint says, signed or not.
type checkpoint struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"` // in hexadecimal
}

func jsonReport(file string, r *verify.Report) report {
	out := report{
		Bundle: file, Outcome: r.Outcome(), Exit: exitCode(r), Origin: r.Origin, Size: r.Size, Root: hex.EncodeToString(r.Root[:]),
		Content: r.Content, Signature: r.Signature, Time: r.Time, Scope: r.Scope, Erasure: r.Erasure,
		Absent: r.Absent, Dispositions: map[string]uint64{}, FaultCount: r.FaultCount, Faults: append([]verify.Fault{}, r.Faults...),
	}
	if cp := r.Checkpoint; cp.Text != "" {
		out.Checkpoint = &checkpoint{cp.Origin, cp.Size, hex.EncodeToString(cp.Root[:])}
	}
	for d := chain.Recorded; d <= chain.Quarantined; d++ {
		out.Dispositions[d.String()] = r.ByDisposition[d]
	}
	return out
}
