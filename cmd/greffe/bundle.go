package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

// A bundleFlags says what goes into a bundle, and where to.
type bundleFlags struct {
	file       string
	from, to   string
	since      string
	register   string
	aggregates []string
	publishers []string
}

func bundleCmd(o *options) *cobra.Command {
	var f bundleFlags
	cmd := &cobra.Command{
		Use:   "bundle -f FILE",
		Short: "write the evidence file that greffe-audit verifies offline",
		Long: "Write the evidence file that greffe-audit verifies offline: the whole ledger, or an excerpt\n" +
			"in which every entry comes with the proof that it is in the ledger. Both carry what witnesses\n" +
			"and timestamp authorities said of it.\n\n" +
			"--from and --to are two seqs, or two dates or instants at which entries were entered. --from is\n" +
			"included, --to is not: --from 2026-01-01 --to 2026-02-01 is January. A date begins at midnight in\n" +
			"the ledger's time zone; instants have whole seconds. Without --from the excerpt begins with the\n" +
			"ledger, without --to it goes to its end.\n\n" +
			"--since continues an earlier audit: the entries after a checkpoint that the auditor kept, with the\n" +
			"proof that the ledger has only grown. It is refused, with exit code 3, if the ledger had another\n" +
			"root at that size; with 4 if the ledger has not reached it.\n\n" +
			"An excerpt by seqs, by dates or since a checkpoint shows that nothing is missing in it. One by\n" +
			"aggregate, register or publisher cannot.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(o); err != nil {
				return err
			}
			since, origin, err := f.readSince()
			if err != nil {
				return err
			}
			client, nc, err := o.ask()
			if err != nil {
				return err
			}
			defer nc.Close()
			b := bundler{cmd: cmd, o: o, client: client, f: &f, since: since, origin: origin}
			done, err := b.write()
			if err != nil {
				return cli.Denied(nc, err)
			}
			return f.say(cmd, o, done)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "the file to write")
	flags.StringVar(&f.from, "from", "", "begin with this seq, date or instant")
	flags.StringVar(&f.to, "to", "", "end before this seq, date or instant")
	flags.StringVar(&f.since, "since", "", "what was entered since a checkpoint: its file, or its size")
	flags.StringVar(&f.register, "register", "", "the entries that a register is made of")
	flags.StringArrayVar(&f.aggregates, "aggregate", nil, "the entries about an aggregate, such as breach/BR-2026-001; repeatable")
	flags.StringArrayVar(&f.publishers, "publisher", nil, "the entries of a publisher; repeatable")
	return cmd
}

// check refuses words that make no sense together.
func (f *bundleFlags) check(o *options) error {
	if f.file == "" {
		return cli.Usage("-f FILE is required")
	}
	if f.file == "-" {
		return cli.Usage("-f -: a bundle is written to a file, which is renamed when it is whole")
	}
	ways := 0
	for _, given := range []bool{f.from != "" || f.to != "", f.since != "", f.register != "", len(f.aggregates) > 0, len(f.publishers) > 0} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return cli.Usage("entries are chosen in one way: by --from and --to, --since, --aggregate, --register or --publisher")
	}
	if err := o.timeless("bundle"); err != nil {
		return err
	}
	_, err := f.named()
	if err == nil {
		_, _, err = f.bounds()
	}
	return err
}

// readSince reads what the auditor kept: a signed checkpoint, or no more than its size.
func (f *bundleFlags) readSince() (*query.Since, string, error) {
	if f.since == "" {
		return nil, "", nil
	}
	if size, err := strconv.ParseUint(f.since, 10, 63); err == nil {
		return &query.Since{Size: size}, "", nil
	}
	text, err := os.ReadFile(f.since)
	if err != nil {
		return nil, "", fmt.Errorf("--since: %w", err)
	}
	cp, err := chain.ReadCheckpoint(text)
	if err != nil {
		return nil, "", cli.Hint(fmt.Errorf("--since %s: not a signed checkpoint", f.since), "give the checkpoint as it was received, or its size")
	}
	return &query.Since{Size: cp.Size, Root: &cp.Root}, cp.Origin, nil
}

// say prints what was written.
func (f *bundleFlags) say(cmd *cobra.Command, o *options, w query.Written) error {
	what := struct {
		File    string `json:"file"`
		Size    uint64 `json:"size"`
		Entries uint64 `json:"entries"`
		Chosen  uint64 `json:"chosen"`
		Scope   string `json:"scope,omitzero"`
	}{f.file, w.Size, w.Entries, w.Chosen, scopeText(w.Scope)}
	if w.Scope != nil && w.Chosen == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "greffe: warning: the ledger has no %s\n", what.Scope)
	}
	switch {
	case o.output != "table":
		return o.print(cmd.OutOrStdout(), view{whole: what, items: []any{what}, head: []string{"file", "size", "entries", "chosen", "scope"},
			rows: [][]string{{f.file, fmt.Sprint(w.Size), fmt.Sprint(w.Entries), fmt.Sprint(w.Chosen), what.Scope}}})
	case w.Scope == nil:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d entries; verify it with: greffe-audit verify %s --key VKEY\n", f.file, w.Size, f.file)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d of %d entries, %s; verify it with: greffe-audit verify %s --key VKEY\n", f.file, w.Chosen, w.Size, what.Scope, f.file)
	}
	return nil
}

func scopeText(s *chain.Scope) string {
	if s == nil {
		return ""
	}
	return s.String()
}

// A bundler writes one bundle.
type bundler struct {
	cmd    *cobra.Command
	o      *options
	client *query.Client
	f      *bundleFlags
	since  *query.Since
	origin string // of the checkpoint that the auditor kept, "" without
	bar    *cli.Bar
}

func (b *bundler) write() (done query.Written, err error) {
	scope, err := b.scope()
	if err != nil {
		return done, err
	}
	err = writeFile(b.f.file, func(w io.Writer) error {
		done, err = b.fill(w, scope)
		return err
	})
	if b.bar != nil {
		b.bar.Finish()
	}
	return done, b.explain(err)
}

// fill writes the bundle; scope is nil for the whole ledger, and since a checkpoint.
func (b *bundler) fill(w io.Writer, scope *chain.Scope) (query.Written, error) {
	ctx := b.cmd.Context()
	switch {
	case b.since != nil:
		return b.client.ExcerptSince(ctx, w, *b.since, b.progress)
	case scope != nil:
		return b.client.Excerpt(ctx, w, *scope, b.progress)
	}
	return b.client.Bundle(ctx, w, b.progress)
}

func (b *bundler) progress(done, total uint64) {
	if b.bar == nil {
		b.bar = cli.NewBar(b.cmd.ErrOrStderr(), b.o.quiet, "bundle", int(total))
	}
	b.bar.Set(done)
}

// explain gives the contradictions of an earlier checkpoint their exit codes.
func (b *bundler) explain(err error) error {
	switch {
	case errors.Is(err, query.ErrContradiction):
		return &cli.Error{Code: cli.ExitTampered, Err: err, Hint: "keep the checkpoint: with one that this ledger signs now it proves that two histories were shown"}
	case errors.Is(err, query.ErrAhead):
		return &cli.Error{Code: cli.ExitUnconfirmed, Err: err, Hint: "ask the daemon that has the newest entries; a ledger that never reaches that size was rolled back"}
	}
	return unwritten("bundle", b.f.file, err)
}
