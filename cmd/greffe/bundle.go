package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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
				return cli.Denied(nc, unwritten(file, err))
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

// unwritten says why there is no bundle, by the name that was asked for: the temporary
// one that the system complains about means nothing to anybody.
func unwritten(file string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = fmt.Errorf("write bundle %s: %w", file, path.Err)
	case errors.As(err, &link):
		err = fmt.Errorf("write bundle %s: %w", file, link.Err)
	default:
		return fmt.Errorf("write bundle: %w", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Hint(err, "the folder %s does not exist, make it first", filepath.Dir(file))
	}
	return err
}

// writeBundle writes beside the file and renames: there is a whole bundle or none.
func writeBundle(cmd *cobra.Command, o *options, client *query.Client, file string) (query.SignedCheckpoint, error) {
	if info, err := os.Stat(file); err == nil && info.IsDir() { // found out now, not after a long download
		return query.SignedCheckpoint{}, &fs.PathError{Op: "write", Path: file, Err: syscall.EISDIR}
	}
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
