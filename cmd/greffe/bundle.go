package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/projections/query"
)

func bundleCmd(o *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "bundle -f FILE",
		Short: "write the evidence file that greffe-audit verifies offline",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cli.Usage("-f FILE is required")
			}
			client, nc, err := o.ask()
			if err != nil {
				return err
			}
			defer nc.Close()
			cp, err := writeBundle(cmd, o, client, file)
			if err != nil {
				return cli.Denied(nc, fmt.Errorf("write bundle: %w", err))
			}
			what := struct {
				File string `json:"file"`
				Size uint64 `json:"size"`
			}{file, cp.Size}
			if o.output != "table" {
				return o.print(cmd.OutOrStdout(), view{whole: what, items: []any{what}, head: []string{"file", "size"}, rows: [][]string{{file, fmt.Sprint(cp.Size)}}})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d entries; verify it with: greffe-audit verify %s --key VKEY\n", file, cp.Size, file)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file to write")
	return cmd
}

// writeBundle writes beside the file and renames: there is a whole bundle or none.
func writeBundle(cmd *cobra.Command, o *options, client *query.Client, file string) (query.SignedCheckpoint, error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return query.SignedCheckpoint{}, err
	}
	defer os.Remove(tmp.Name())
	out := bufio.NewWriterSize(tmp, 1<<20)
	var progress *cli.Bar
	cp, err := client.Bundle(cmd.Context(), out, func(done, total uint64) {
		if progress == nil {
			progress = cli.NewBar(cmd.ErrOrStderr(), o.quiet, "bundle", int(total))
		}
		progress.Set(done)
	})
	if progress != nil {
		progress.Finish()
	}
	if err := errors.Join(err, out.Flush(), tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return cp, err
	}
	return cp, os.Rename(tmp.Name(), file)
}
