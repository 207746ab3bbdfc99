package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
)

func schemaCmd(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [TYPE]",
		Short: "the types of events; with TYPE the JSON Schema that a publisher needs",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				t, ok := events.Lookup(args[0])
				if !ok {
					return cli.Hint(fmt.Errorf("no type %s", args[0]), "greffe schema lists them")
				}
				_, err := cmd.OutOrStdout().Write(t.SubmitSchema())
				return err
			}
			v := view{head: []string{"type", "title", "who publishes"}, fields: []string{"type", "title", "published_by"}}
			for _, t := range events.Catalog() {
				who := "publishers"
				if t.Daemon {
					who = "greffe"
				}
				v.rows = append(v.rows, []string{t.Wire(), t.Label.En, who})
				item := map[string]string{"type": t.Wire(), "title": t.Label.En, "published_by": who}
				v.items = append(v.items, item)
			}
			v.whole = v.items
			return o.print(cmd.OutOrStdout(), v)
		},
	}
}
