package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/projections/query"
)

func eventCmd(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "event",
		Short: "single events as the ledger has them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(eventShowCmd(o))
	return cmd
}

func eventShowCmd(o *options) *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:   "show EVENT-ID | --seq N",
		Short: "one event, its place in the ledger and its anomalies",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.event(args)
			if err != nil {
				return err
			}
			if err := o.timeless("event show"); err != nil {
				return err
			}
			return o.read(cmd, func(c *query.Client) (view, error) {
				if q.Seq != nil {
					shown, err := c.Entry(cmd.Context(), *q.Seq)
					return eventView(shown), err
				}
				shown, err := c.Event(cmd.Context(), q.Publisher, q.ID)
				return eventView(shown), whose(err, "event show", q.ID)
			})
		},
	}
	f.named(cmd)
	return cmd
}

// whose says how to name the publisher of an event whose id several have used.
func whose(err error, command string, id events.ID) error {
	var e *query.Error
	if errors.As(err, &e) && e.Ambiguous() {
		return cli.Hint(err, "greffe %s %s --publisher NAME", command, id)
	}
	return err
}

func eventView(e query.EventShown) view {
	v := view{whole: e, items: []any{e}, head: []string{"field", "value"}, proof: &e.Proof, uncut: true}
	v.rows = [][]string{
		{"seq", fmt.Sprint(e.Seq)}, {"ledgered at", string(e.LedgeredAt)}, {"disposition", e.Disposition}, {"leaf hash", e.LeafHash},
		{"publisher", e.Publisher}, {"type", e.Type}, {"aggregate", e.Aggregate}, {"event id", string(e.EventID)},
	}
	if e.Event == nil {
		v.rows = append(v.rows, []string{"event", "the ledger keeps none of it"})
	}
	v.rows = append(v.rows, fields("event.", e.Event)...)
	for _, a := range e.Anomalies {
		v.rows = append(v.rows, []string{"anomaly", strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Code, a.Register, a.Row))})
	}
	return v
}
