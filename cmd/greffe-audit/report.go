package main

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// reportSchema is the JSON Schema of the JSON form.
//
//go:embed report.schema.json
var reportSchema string

func writeReport(w io.Writer, o options, r *verify.Report) error {
	switch {
	case o.quiet:
		return nil
	case o.format == "json":
		return writeJSON(w, jsonReport(o.files[0], r))
	}
	_, err := io.WriteString(w, printable(textReport(o.files[0], r)))
	return err
}

// printable takes out what a terminal might obey: names come from the file that is judged.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
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
	if r.Claim != "" {
		line("holds", "%s", r.Claim)
	}
	if r.Size > 0 { // else there is nothing that these could be of
		line("size", "%s%s", entries(r), dispositions(r))
	}
	if r.Root != (chain.Hash{}) && r.Size > 0 {
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
	for i, text := range r.Evidence {
		fmt.Fprintf(&b, "\nevidence %d of %d, a checkpoint that the ledger signed:\n%s", i+1, len(r.Evidence), text)
	}
	return b.String()
}

func entries(r *verify.Report) string {
	switch {
	case r.Claim == "":
		return plural(r.Size)
	case r.Checkpoint.Text == "":
		return plural(r.Size)
	}
	return fmt.Sprintf("%s of %d", plural(r.Size), r.Checkpoint.Size)
}

func plural(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
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

// A report is the JSON form; field names and meanings are stable, and
// report.schema.json describes them.
type report struct {
	Bundle       string            `json:"bundle"`  // file name as given
	Outcome      verify.Verdict    `json:"outcome"` // sound, failed or unconfirmed
	Exit         int               `json:"exit"`    // the exit code
	Origin       string            `json:"origin"`  // of the genesis
	Excerpt      string            `json:"excerpt"` // what it claims to hold, "" for a whole ledger
	Size         uint64            `json:"size"`    // entries in the file
	Root         string            `json:"root"`    // their tree hash in hexadecimal; of a whole ledger
	Checkpoint   *checkpoint       `json:"checkpoint"`
	Content      verify.Result     `json:"content"`
	Signature    verify.Result     `json:"signature"`
	Time         verify.Result     `json:"time"`
	Scope        verify.Result     `json:"scope"`
	Erasure      verify.Result     `json:"erasure"`
	Absent       uint64            `json:"absent_payloads"`
	Dispositions map[string]uint64 `json:"dispositions"` // entries of each
	Witnessed    *seen             `json:"witnessed"`    // by a quorum of the policy
	Stamped      []seen            `json:"stamped"`      // by authorities that were brought
	FaultCount   uint64            `json:"fault_count"`
	Faults       []verify.Fault    `json:"faults"`   // the first of them
	Evidence     []string          `json:"evidence"` // two signed notes: a fork, or that the ledger was larger before
}

// A checkpoint is what the bundle's checkpoint says, signed or not.
type checkpoint struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"` // in hexadecimal
	Note   string `json:"note"` // with its signatures
}

// A seen is what somebody outside has seen of the ledger, and when.
type seen struct {
	Size uint64   `json:"size"`
	At   string   `json:"at"` // RFC 3339, UTC
	By   []string `json:"by"`
}

func jsonSeen(s verify.Seen) seen {
	return seen{Size: s.Size, At: s.At.UTC().Format(time.RFC3339), By: s.By}
}

func jsonReport(file string, r *verify.Report) report {
	out := report{
		Bundle: file, Outcome: r.Outcome(), Exit: exitCode(r), Origin: r.Origin, Excerpt: r.Claim, Size: r.Size,
		Content: r.Content, Signature: r.Signature, Time: r.Time, Scope: r.Scope, Erasure: r.Erasure,
		Absent: r.Absent, Dispositions: map[string]uint64{}, FaultCount: r.FaultCount, Faults: append([]verify.Fault{}, r.Faults...),
		Stamped: []seen{}, Evidence: append([]string{}, r.Evidence...),
	}
	if r.Claim == "" {
		out.Root = hex.EncodeToString(r.Root[:])
	}
	if cp := r.Checkpoint; cp.Text != "" {
		out.Checkpoint = &checkpoint{cp.Origin, cp.Size, hex.EncodeToString(cp.Root[:]), r.Note}
	}
	if r.Witnessed != nil {
		w := jsonSeen(*r.Witnessed)
		out.Witnessed = &w
	}
	for _, s := range r.Stamped {
		out.Stamped = append(out.Stamped, jsonSeen(s))
	}
	for d := chain.Recorded; d <= chain.Quarantined; d++ {
		out.Dispositions[d.String()] = r.ByDisposition[d]
	}
	return out
}
