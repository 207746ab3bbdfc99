package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"go.yaml.in/yaml/v3"

	"greffe/cmd/internal/cli"
	"greffe/projections/query"
)

// A view is an answer in the shapes that people and scripts ask for.
type view struct {
	whole   any        // the answer: json, yaml
	items   []any      // its parts: ndjson
	head    []string   // table, and csv if the names are those of the JSON
	fields  []string   // csv: the names of the columns in the JSON; nil takes head
	rows    [][]string // table and csv
	records [][]string // csv, if its rows are others
	uncut   bool       // a table shows every value whole, on a terminal too
	footer  string     // under a table
	proof   *query.Proof
}

// print writes the view in the format of -o.
func (o *options) print(w io.Writer, v view) error {
	switch o.output {
	case "table":
		return printTable(w, v, cli.IsTerminal(w))
	case "csv":
		return printCSV(w, v)
	case "json":
		return writeJSON(w, v.whole, jsontext.WithIndent("  "))
	case "ndjson":
		for _, item := range v.items {
			if err := writeJSON(w, item); err != nil {
				return err
			}
		}
		return nil
	default:
		return printYAML(w, v.whole)
	}
}

func writeJSON(w io.Writer, v any, opts ...json.Options) error {
	text, err := json.Marshal(v, append(opts, json.Deterministic(true))...)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// printYAML goes through JSON, so that both say the same under the same names.
func printYAML(w io.Writer, v any) error {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return err
	}
	blockStyle(&node)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return err
	}
	return enc.Close()
}

// blockStyle takes the braces of JSON away; quotes stay where a text needs them.
func blockStyle(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = 0
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.Style = 0
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// printTable cuts long values on a terminal alone: what goes into a file or a pipe is
// whole.
func printTable(w io.Writer, v view, terminal bool) error {
	cut := func(s string) string { return s }
	if terminal && !v.uncut {
		cut = clip
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	if !colour(w) {
		text.DisableColors()
	}
	t.AppendHeader(cells(v.head, printable))
	for _, row := range v.rows {
		t.AppendRow(cells(row, func(s string) string { return cut(printable(s)) }))
	}
	if len(v.rows) == 0 {
		fmt.Fprintln(w, "no rows")
	} else {
		fmt.Fprintln(w, t.Render())
	}
	if v.footer != "" {
		fmt.Fprintln(w, v.footer)
	}
	if v.proof != nil {
		fmt.Fprintln(w, proofLine(*v.proof, terminal))
	}
	return nil
}

func cells(in []string, f func(string) string) table.Row {
	out := make(table.Row, len(in))
	for i, s := range in {
		out[i] = f(s)
	}
	return out
}

// clip keeps a table readable; the other formats show everything.
func clip(s string) string {
	const width = 60
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

// printable takes control characters out of texts that came from publishers, so that
// none of them can steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// printCSV names the columns as the JSON does: labels are for people and may change.
func printCSV(w io.Writer, v view) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	head, rows := v.head, v.rows
	if v.fields != nil {
		head = v.fields
	}
	if v.records != nil {
		rows = v.records
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, s := range row {
			safe[i] = harmless(s)
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless quotes what a spreadsheet would run as a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// colour reports whether w is a terminal that wants colours.
func colour(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && cli.IsTerminal(w)
}

// lookup finds the value of a dotted path in a JSON object, as text for a cell.
func lookup(row jsontext.Value, path string) string {
	var v any
	if err := json.Unmarshal(row, &v); err != nil {
		return ""
	}
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	return cell(v)
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return fmt.Sprintf("%.0f", v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = cell(x)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		for _, name := range []string{"en", "text", "label", "name", "id"} {
			if s, ok := v[name]; ok {
				return cell(s)
			}
		}
	}
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}
