package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/ledger"
	"greffe/projections/store"
)

func rebuildCmd() *cobra.Command {
	var dir, ledgerName string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "throw the registers away and make them anew from the ledger",
		Long:  "Throw the registers away and make them anew from the ledger. The daemon must not run. The answers stay the same.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := findFolder(dir, ledgerName)
			if err != nil {
				return err
			}
			defer f.close()
			id, err := f.readIdentity()
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
			o := f.ledgerOptions(&id)
			o.Log = log
			l, err := ledger.Open(f.path("ledger"), o)
			if err != nil {
				return err
			}
			defer l.Close()
			bar := cli.NewBar(cmd.ErrOrStderr(), false, "rebuild", int(l.Size()))
			defer bar.Finish()
			s, err := store.Open(f.path("projections"), store.Options{Log: log, Progress: func(done, _ uint64) { bar.Set(done) }})
			if err != nil {
				return err
			}
			defer s.Close()
			start := time.Now()
			if err := s.Rebuild(cmd.Context(), l); err != nil {
				return err
			}
			took := time.Since(start)
			bar.Finish()
			fmt.Fprintf(cmd.OutOrStdout(), "%d entries in %s (%.0f a second)\n", l.Size(), took.Round(time.Millisecond), float64(l.Size())/took.Seconds())
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", cli.DefaultDir(), "folder of the daemon")
	cmd.Flags().StringVar(&ledgerName, "ledger", "", "name of the ledger (default: the one in DIR)")
	return cmd
}
