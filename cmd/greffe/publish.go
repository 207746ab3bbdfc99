package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/gateway"
)

func publishCmd(o *options) *cobra.Command {
	var publisher, proofs string
	cmd := &cobra.Command{
		Use:   "publish FILE|-",
		Short: "publish events: JSON objects one after the other, NDJSON, or one array",
		Long: "Publish events and print one receipt a line. The file holds CloudEvents as JSON objects,\n" +
			"one after the other (NDJSON is that) or in one array.\n\n" +
			"With --proofs each entry is proved at once: DIR/EVENT-ID.tlog-proof stands without the daemon, as\n" +
			"that of greffe prove does. What is not recorded is in EVENT-ID.conflict-SEQ.tlog-proof or\n" +
			"quarantined-SEQ.tlog-proof.\n\n" +
			"Exit code 0 only if every event is recorded or a duplicate, else 5; 4 if a proof is missing.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openInput(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer in.Close()
			s := submitter{o: o, publisher: publisher, receipts: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), proofs: proofs}
			if err := s.openProofs(); err != nil {
				return err
			}
			if err := s.run(cmd.Context(), eventsIn(in), 0); err != nil {
				return err
			}
			if len(s.counts) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "greffe: warning: no events to publish in the input")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&publisher, "publisher", "dpo", "publish as: dpo, or a name of greffed publisher add")
	cmd.Flags().StringVar(&proofs, "proofs", "", "write the proof of each entry into this folder, which is made if need be")
	return cmd
}

func openInput(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return f, nil
}

// eventsIn yields the JSON values of a stream, and those of a top-level array one by
// one. What is in them is the gateway's to judge; only where one ends must be clear.
func eventsIn(in io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		for n := 1; ; n++ {
			switch dec.PeekKind() {
			case '[', ']':
				if dec.StackDepth() > 0 && dec.PeekKind() == '[' {
					break // an event that is an array: the gateway will say what it thinks of it
				}
				if _, err := dec.ReadToken(); err != nil {
					yield(nil, fmt.Errorf("read event %d: %w", n, err))
					return
				}
				n--
				continue
			}
			value, err := dec.ReadValue()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read event %d: no complete JSON value at byte %d, nothing after it was sent", n, dec.InputOffset()))
				return
			}
			if !yield(bytes.Clone(value), nil) {
				return
			}
		}
	}
}

// A submitter publishes events, prints receipts and counts dispositions.
type submitter struct {
	o         *options
	publisher string
	receipts  io.Writer // nil prints none
	progress  io.Writer
	proofs    string // folder for the proofs of entries, "" asks for none
	unproved  int
	counts    map[gateway.Disposition]int
	lastSeq   uint64
}

// run submits everything. total is for the progress bar, 0 if it is not known.
func (s *submitter) run(ctx context.Context, raws iter.Seq2[[]byte, error], total int) error {
	if s.publisher != "dpo" && s.publisher != "import" && !events.ValidName(s.publisher) {
		return cli.Usage("--publisher %s: not a publisher's name", s.publisher)
	}
	nc, err := s.o.submitAs(s.publisher)
	if err != nil {
		return err
	}
	defer nc.Close()
	if s.o.target.Ledger == "" {
		s.o.target.Ledger = "main"
	}
	bar := cli.NewBar(s.progress, s.o.quiet, "publish", total)
	defer bar.Finish()
	s.counts = map[gateway.Disposition]int{}
	client := gateway.NewClient(nc, s.o.target.Ledger, s.publisher)
	client.Proofs = s.proofs != ""
	err = client.SubmitAll(ctx, raws, func(_ int, r gateway.Receipt) error {
		s.counts[r.Disposition]++
		s.lastSeq = max(s.lastSeq, r.Seq)
		bar.Step(1)
		if err := s.keepProof(&r); err != nil {
			return err
		}
		if s.receipts == nil {
			return nil
		}
		return writeJSON(s.receipts, r)
	})
	if err != nil {
		return cli.Denied(nc, err)
	}
	return s.verdict()
}

// verdict is exit code 5 if any event was not taken as it is.
func (s *submitter) verdict() error {
	conflicts, quarantined := s.counts[gateway.Conflict], s.counts[gateway.Quarantined]
	if conflicts+quarantined == 0 {
		return s.proven()
	}
	return &cli.Error{
		Code: cli.ExitNo,
		Err:  fmt.Errorf("%d quarantined, %d in conflict", quarantined, conflicts),
		Hint: "the reasons stand in the receipts; correct these events and publish them under new ids",
	}
}
