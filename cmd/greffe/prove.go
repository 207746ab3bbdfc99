package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/projections/query"
)

// A proveFlags names one event and where its proof goes.
type proveFlags struct {
	file, publisher, seq string
}

// suffixProof is the usual end of a proof file's name (FORMAT §5.3).
const suffixProof = ".tlog-proof"

func proveCmd(o *options) *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:   "prove EVENT-ID | --seq N",
		Short: "write the proof that one event is in the ledger (C2SP tlog-proof)",
		Long: "Write the proof that one event is in the ledger: the event itself, the path from it to the\n" +
			"root of the tree, and the signed checkpoint with that root, cosigned by witnesses if one is\n" +
			"that covers it. greffe-audit verify checks it offline, and so do other tools for C2SP\n" +
			"tlog-proof.\n\n" +
			"The file is EVENT-ID" + suffixProof + ", or seq-N" + suffixProof + ", unless -f names another; -f - is standard output.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.event(args)
			if err != nil {
				return err
			}
			if err := o.timeless("prove"); err != nil {
				return err
			}
			client, nc, err := o.ask()
			if err != nil {
				return err
			}
			defer nc.Close()
			proof, err := askProof(cmd, client, q)
			if err != nil {
				return cli.Denied(nc, err)
			}
			return f.write(cmd, o, proof)
		},
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "the file to write, - for standard output")
	f.named(cmd)
	return cmd
}

// named adds the flags that name an event.
func (f *proveFlags) named(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.publisher, "publisher", "", "who published the event, if several used its id")
	cmd.Flags().StringVar(&f.seq, "seq", "", "the event at this place in the ledger")
}

// event returns which event the words name.
func (f *proveFlags) event(args []string) (query.EventQuestion, error) {
	var q query.EventQuestion
	switch {
	case f.seq != "" && (len(args) > 0 || f.publisher != ""):
		return q, cli.Usage("--seq names an event by itself: leave EVENT-ID and --publisher out")
	case f.seq != "":
		n, err := strconv.ParseUint(f.seq, 10, 63)
		if err != nil {
			return q, cli.Usage("--seq %s: a number from 0 on", f.seq)
		}
		q.Seq = &n
		return q, nil
	case len(args) == 0:
		return q, cli.Usage("EVENT-ID or --seq N is required")
	case !events.ID(args[0]).Valid():
		return q, cli.Usage("EVENT-ID is a ULID, 26 characters in upper case, such as 01KE6PYK002YEXB9WPE91PSS50")
	case f.publisher != "" && !events.ValidName(f.publisher):
		return q, cli.Usage("--publisher %s: not a publisher's name", f.publisher)
	}
	q.ID, q.Publisher = events.ID(args[0]), f.publisher
	return q, nil
}

func askProof(cmd *cobra.Command, client *query.Client, q query.EventQuestion) (query.EventProof, error) {
	if q.Seq != nil {
		return client.ProveEntry(cmd.Context(), *q.Seq)
	}
	proof, err := client.Prove(cmd.Context(), q.Publisher, q.ID)
	return proof, whose(err, "prove", q.ID)
}

// write writes the proof, and what it is to standard output.
func (f *proveFlags) write(cmd *cobra.Command, o *options, p query.EventProof) error {
	if f.file == "-" {
		_, err := io.WriteString(cmd.OutOrStdout(), p.Proof)
		return err
	}
	file := f.file
	switch {
	case file != "":
	case f.seq != "" || p.EventID == "":
		file = fmt.Sprintf("seq-%d%s", p.Seq, suffixProof)
	default:
		file = string(p.EventID) + suffixProof
	}
	err := writeFile(file, func(w io.Writer) error {
		_, err := io.WriteString(w, p.Proof)
		return err
	})
	if err != nil {
		return unwritten("proof", file, err)
	}
	what := struct {
		File        string    `json:"file"`
		Seq         uint64    `json:"seq"`
		Size        uint64    `json:"size"`
		Publisher   string    `json:"publisher,omitzero"`
		EventID     events.ID `json:"event_id,omitzero"`
		Disposition string    `json:"disposition"`
	}{file, p.Seq, p.Size, p.Publisher, p.EventID, p.Disposition}
	if o.output != "table" {
		return o.print(cmd.OutOrStdout(), view{whole: what, items: []any{what},
			head: []string{"file", "seq", "size", "publisher", "event_id", "disposition"},
			rows: [][]string{{file, fmt.Sprint(p.Seq), fmt.Sprint(p.Size), p.Publisher, string(p.EventID), p.Disposition}}})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: entry %d, %s, proved by a checkpoint of %d entries; verify it with: greffe-audit verify %s --key VKEY\n",
		file, p.Seq, p.Disposition, p.Size, file)
	return nil
}
