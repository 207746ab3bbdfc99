package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
)

func statusCmd(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "where the ledger stands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, nc, err := o.ask()
			if err != nil {
				return err
			}
			defer nc.Close()
			s, err := client.Status(cmd.Context())
			if err != nil {
				return cli.Denied(nc, err)
			}
			rows := [][]string{
				{"ledger", s.Ledger}, {"origin", s.Origin}, {"size", fmt.Sprint(s.Size)},
				{"head", fmt.Sprintf("seq %d, %s, %s", s.Head.Seq, s.Head.LeafHash, s.Head.At)},
				{"checkpoint", fmt.Sprintf("size %d, root %s", s.Checkpoint.Size, s.Checkpoint.Root)},
				{"stream", fmt.Sprintf("epoch %d, seq %d", s.Stream.Epoch, s.Stream.Seq)},
				{"projected", fmt.Sprint(s.Projected)}, {"quarantined", fmt.Sprint(s.Quarantined)}, {"anomalies", fmt.Sprint(s.Anomalies)},
				{"rule set", s.RuleSet}, {"calendar", s.Calendar}, {"zone", s.Zone},
			}
			for _, folder := range []string{"ledger", "projections", "stream"} {
				rows = append(rows, []string{folder + " on disk", fmt.Sprintf("%.1f MB", float64(s.DiskBytes[folder])/1e6)})
			}
			return o.print(cmd.OutOrStdout(), view{whole: s, items: []any{s}, head: []string{"what", "value"}, rows: rows})
		},
	}
}
