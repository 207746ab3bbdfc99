package main

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/projections"
	"greffe/projections/query"
)

func registerCmd(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "register",
		Short: "the registers, with row counts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.read(cmd, func(c *query.Client) (view, error) {
				answer, err := c.Registers(cmd.Context(), o.when())
				return registersView(answer), err
			})
		},
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list NAME", Short: "the rows of a register",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.read(cmd, func(c *query.Client) (view, error) {
					answer, err := c.List(cmd.Context(), args[0], o.when())
					return listView(answer), err
				})
			},
		},
		&cobra.Command{
			Use: "show NAME ID", Short: "one row, whole",
			Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.read(cmd, func(c *query.Client) (view, error) {
					answer, err := c.Show(cmd.Context(), args[0], args[1], o.when())
					return showView(answer), err
				})
			},
		},
		&cobra.Command{
			Use: "history NAME ID", Short: "every event behind one row",
			Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.read(cmd, func(c *query.Client) (view, error) {
					answer, err := c.History(cmd.Context(), args[0], args[1], o.when())
					return historyView(answer), err
				})
			},
		},
	)
	return cmd
}

// read asks and prints.
func (o *options) read(cmd *cobra.Command, ask func(*query.Client) (view, error)) error {
	client, nc, err := o.ask()
	if err != nil {
		return err
	}
	defer nc.Close()
	v, err := ask(client)
	if err != nil {
		return cli.Denied(nc, err)
	}
	return o.print(cmd.OutOrStdout(), v)
}

func registersView(r query.Registers) view {
	v := view{whole: r, head: []string{"register", "title", "rows", "anomalies", "law"},
		fields: []string{"register", "label", "rows", "anomalies", "law"}, proof: &r.Proof}
	for _, s := range r.Registers {
		v.items = append(v.items, s)
		v.rows = append(v.rows, []string{s.Register, s.Label.En, fmt.Sprint(s.Rows), fmt.Sprint(s.Anomalies), s.Law})
	}
	return v
}

func listView(r query.Register) view {
	v := view{whole: r, footer: fmt.Sprintf("%d rows, %d anomalies, digest %s", len(r.Rows), r.Anomalies, r.Digest), proof: &r.Proof}
	table, ok := projections.Lookup(r.Register)
	if !ok {
		return v
	}
	for _, c := range table.Columns {
		v.head = append(v.head, c.Label.En)
		v.fields = append(v.fields, c.Field)
	}
	for _, row := range r.Rows {
		v.items = append(v.items, row)
		cells := make([]string, len(table.Columns))
		for i, c := range table.Columns {
			cells[i] = lookup(row, c.Field)
		}
		v.rows = append(v.rows, cells)
	}
	return v
}

func showView(s query.Shown) view {
	v := view{whole: s, items: []any{s}, head: []string{"field", "value"}, proof: &s.Proof}
	v.rows = fields("", s.Row)
	for _, a := range s.Anomalies {
		v.rows = append(v.rows, []string{"anomaly", fmt.Sprintf("%s at seq %d", a.Code, a.Seq)})
	}
	return v
}

// fields lists the members of an object as rows, nested ones under dotted names.
func fields(prefix string, object jsontext.Value) (rows [][]string) {
	dec := jsontext.NewDecoder(strings.NewReader(string(object)))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return rows
		}
		path := prefix + name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return rows
		}
		if value.Kind() == '{' {
			rows = append(rows, fields(path+".", value.Clone())...)
			continue
		}
		rows = append(rows, []string{path, lookup(jsontext.Value(`{"x":`+string(value)+`}`), "x")})
	}
	return rows
}

func historyView(h query.History) view {
	v := view{whole: h, head: []string{"seq", "ledgered at", "occurred at", "type", "publisher", "disposition", "anomalies", "event id"},
		fields: []string{"seq", "ledgered_at", "event.time", "type", "publisher", "disposition", "anomalies", "event_id"}, proof: &h.Proof}
	for _, e := range h.Entries {
		v.items = append(v.items, e)
		codes := make([]string, len(e.Anomalies))
		for i, a := range e.Anomalies {
			codes[i] = string(a.Code)
		}
		v.rows = append(v.rows, []string{fmt.Sprint(e.Seq), string(e.LedgeredAt), lookup(e.Event, "time"), e.Type, e.Publisher, e.Disposition, strings.Join(codes, " "), string(e.EventID)})
	}
	return v
}

// proofLine says what an answer rests on; brief cuts the hash.
func proofLine(p query.Proof, brief bool) string {
	root := p.Checkpoint.Root
	if brief && len(root) > 16 {
		root = root[:16] + "…"
	}
	return fmt.Sprintf("known at seq %d (%s), proved by checkpoint %d %s, rules %s, calendar %s",
		p.KnownAt.Seq, p.KnownAt.At, p.Checkpoint.Size, root, p.RuleSet, p.Calendar)
}
