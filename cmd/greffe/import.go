package main

import (
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/base"
	"greffe/events/gateway"
)

func importCmd(o *options) *cobra.Command {
	var assessedOn string
	cmd := &cobra.Command{
		Use:   "import FILE.yaml",
		Short: "import a compliance base",
		Long: "Import a compliance base: every stated fact becomes an event. The same file gives the same\n" +
			"event ids, so that importing it again changes nothing.\n\n" +
			"--as-of sets when the base was read (recordedat of its events).",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkImport(o.asOf, assessedOn); err != nil {
				return err
			}
			facts, warnings, err := readBase(args[0], base.Options{RecordedAt: events.Instant(o.asOf), AssumeAssessedOn: events.Date(assessedOn)})
			if err != nil {
				return err
			}
			s := submitter{o: o, publisher: "import", progress: cmd.ErrOrStderr()}
			err = s.run(cmd.Context(), encoded(facts), len(facts))
			if s.counts == nil {
				return err
			}
			if perr := printImport(cmd, o, &s, facts, warnings); perr != nil {
				return perr
			}
			return err
		},
	}
	cmd.Flags().StringVar(&assessedOn, "assume-assessed-on", "", "date of the security assessment, if the base does not give one")
	return cmd
}

// checkImport refuses words that make no sense. A base was read at an instant: that of
// the events' recordedat, for which a date would not do.
func checkImport(asOf, assessedOn string) error {
	if asOf != "" && !events.Instant(asOf).Valid() {
		return cli.Usage("--as-of of import is not an RFC 3339 instant with offset, such as 2026-11-23T12:00:00+01:00")
	}
	if assessedOn != "" && !events.Date(assessedOn).Valid() {
		return cli.Usage("--assume-assessed-on is not a date, such as 2024-03-29")
	}
	return nil
}

func readBase(name string, opts base.Options) ([]events.Event, []base.Warning, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("read base: %w", err)
	}
	defer f.Close()
	b, err := base.Read(f)
	if err != nil {
		return nil, nil, cli.Hint(fmt.Errorf("read base %s: %w", name, err), "nothing was imported")
	}
	return b.Events(opts)
}

func encoded(facts []events.Event) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range facts {
			raw, err := facts[i].Append(nil)
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}

// An importSummary is what import prints.
type importSummary struct {
	Events      int            `json:"events"`
	Recorded    int            `json:"recorded"`
	Duplicate   int            `json:"duplicate"`
	Conflict    int            `json:"conflict"`
	Quarantined int            `json:"quarantined"`
	LastSeq     uint64         `json:"last_seq"`
	Warnings    []base.Warning `json:"warnings"`
}

func printImport(cmd *cobra.Command, o *options, s *submitter, facts []events.Event, warnings []base.Warning) error {
	sum := importSummary{
		Events: len(facts), Recorded: s.counts[gateway.Recorded], Duplicate: s.counts[gateway.Duplicate],
		Conflict: s.counts[gateway.Conflict], Quarantined: s.counts[gateway.Quarantined], LastSeq: s.lastSeq, Warnings: warnings,
	}
	if o.output != "table" {
		return o.print(cmd.OutOrStdout(), view{whole: sum, items: []any{sum}, head: []string{"events", "recorded", "duplicate", "conflict", "quarantined", "last_seq"},
			rows: [][]string{{fmt.Sprint(sum.Events), fmt.Sprint(sum.Recorded), fmt.Sprint(sum.Duplicate), fmt.Sprint(sum.Conflict), fmt.Sprint(sum.Quarantined), fmt.Sprint(sum.LastSeq)}}})
	}
	printWarnings(cmd.ErrOrStderr(), warnings)
	fmt.Fprintf(cmd.OutOrStdout(), "%d events: %d recorded, %d duplicate, %d conflict, %d quarantined; the ledger has them up to seq %d\n",
		sum.Events, sum.Recorded, sum.Duplicate, sum.Conflict, sum.Quarantined, sum.LastSeq)
	return nil
}

func printWarnings(w io.Writer, warnings []base.Warning) {
	for _, x := range warnings {
		fmt.Fprintf(w, "greffe: warning: %s (%s): %s\n", x.ID, x.Where, x.Text)
	}
}
