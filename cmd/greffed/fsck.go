package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
	"greffe/projections/store"
)

type fsckFlags struct {
	dir, ledger, format      string
	deep, noRegisters, quiet bool
}

func fsckCmd() *cobra.Command {
	var f fsckFlags
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "check the ledger's store and the registers against themselves",
		Long: `Check the ledger's store against itself: every entry, hash, link and payload, the tiles,
the index, the checkpoint, what witnesses and time-stamping authorities signed, and the
registers, which are folded anew in a temporary folder and compared.

The daemon must not run. Nothing is changed. That the store was not rolled back as a whole
it cannot know of itself: the daemon compares it with the head record when it starts.

Exit codes: 0 sound, 3 damaged, 1 could not check.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", cli.DefaultDir(), "folder of the daemon")
	cmd.Flags().StringVar(&f.ledger, "ledger", "", "name of the ledger (default: the one in DIR)")
	cmd.Flags().StringVarP(&f.format, "output", "o", "text", "text or json")
	cmd.Flags().BoolVar(&f.deep, "deep", false, "hash every event once more, to compare the content digests of the index; takes about half as long again")
	cmd.Flags().BoolVar(&f.noRegisters, "no-registers", false, "leave the registers out")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print nothing, only the exit code says it")
	return cmd
}

func (f *fsckFlags) run(cmd *cobra.Command) error {
	if f.format != "text" && f.format != "json" {
		return cli.Usage("-o: text or json")
	}
	dir, err := findFolder(f.dir, f.ledger)
	if err != nil {
		return err
	}
	defer dir.close()
	id, err := dir.readIdentity()
	if err != nil {
		return err
	}
	bar := cli.NewBar(cmd.ErrOrStderr(), f.quiet, "check", 0)
	defer bar.Finish()
	c := registerCheck{dir: dir.path("projections"), stderr: cmd.ErrOrStderr(), quiet: f.quiet, checked: bar.Finish}
	o := ledger.FsckOptions{VKey: id.VKey, Newest: dir.newest(), Progress: bar.Reach}
	if f.deep {
		o.ContentDigest = ingest.ContentDigest
	}
	if !f.noRegisters {
		o.Registers = c.run
	}
	report, err := ledger.Fsck(cmd.Context(), dir.path("ledger"), o)
	bar.Finish()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cli.Hint(err, "restore it from a backup; ledger.json says that there was one")
	case err != nil:
		return err
	}
	if c.stale != "" {
		report.Notes = append(report.Notes, "the registers were not compared, the next start makes them anew: "+c.stale)
	}
	if err := f.print(cmd.OutOrStdout(), &report, &c); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if !report.Sound() {
		return &cli.Error{Code: cli.ExitTampered, Err: errors.New("")} // the report says it all
	}
	return nil
}

// A registerCheck compares the registers with the entries.
type registerCheck struct {
	dir     string
	stderr  io.Writer
	quiet   bool
	checked func() // ends the progress of what went before
	stale   string // why they were not compared
	size    uint64 // entries folded
}

func (c *registerCheck) run(ctx context.Context, l ledger.Records) ([]ledger.StoreFault, error) {
	c.checked()
	bar := cli.NewBar(c.stderr, c.quiet, "registers", int(l.Size()))
	defer bar.Finish()
	r, err := store.Check(ctx, c.dir, l, store.Options{
		Log: slog.New(slog.DiscardHandler), Progress: func(done, _ uint64) { bar.Set(done) },
	})
	c.stale, c.size = r.Stale, r.Size
	switch {
	case errors.Is(err, store.ErrUnreadable):
		return []ledger.StoreFault{{Code: ledger.RegistersBroken, Got: strings.Join(strings.Fields(err.Error()), " ")}}, nil
	case err != nil:
		return nil, err
	case r.Ahead:
		return []ledger.StoreFault{{Code: ledger.RegistersAhead, Want: fmt.Sprintf("at most %d entries", l.Size()), Got: fmt.Sprint(r.Size)}}, nil
	}
	var faults []ledger.StoreFault
	for _, d := range r.Differences {
		faults = append(faults, ledger.StoreFault{Code: ledger.RegisterDiffers, Got: d.Where + " is " + d.What})
	}
	return faults, nil
}

func (f *fsckFlags) print(w io.Writer, r *ledger.FsckReport, c *registerCheck) error {
	switch {
	case f.quiet:
		return nil
	case f.format == "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(fsckJSON(r, c))
	}
	_, err := io.WriteString(w, fsckText(r, c))
	return err
}

// fsckText is the report for people: what was checked, and the first fault.
func fsckText(r *ledger.FsckReport, c *registerCheck) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s"+format+"\n", append([]any{name}, args...)...)
	}
	if r.Origin != "" {
		line("ledger", "%s", r.Origin)
	}
	line("entries", "%d, with %d complete tiles", r.Size, r.Tiles)
	digests := "content digests not compared, --deep does it"
	if r.Digests {
		digests = "content digests compared"
	}
	line("index", "%d rows, %s", r.Rows, digests)
	if r.Registers && c.stale == "" {
		line("registers", "%d entries folded anew and compared", c.size)
	} else {
		line("registers", "not compared")
	}
	for _, note := range r.Notes {
		line("note", "%s", note)
	}
	if r.Sound() {
		line("store", "OK")
		return b.String()
	}
	line("store", "DAMAGED")
	line("fault", "%s", r.Faults[0])
	line("hint", "%s", r.Faults[0].Hint)
	switch more := r.FaultCount - 1; more {
	case 0:
	case 1:
		line("", "1 more fault; -o json lists it")
	default:
		line("", "%d more faults; -o json lists them", more)
	}
	return b.String()
}

// A fsckReport is the JSON form; field names and meanings are stable.
type fsckReport struct {
	Outcome      string              `json:"outcome"` // sound or damaged
	Exit         int                 `json:"exit"`    // the exit code
	Origin       string              `json:"origin"`  // of the genesis
	Size         uint64              `json:"size"`    // entries
	Root         string              `json:"root"`    // their tree hash, in hexadecimal
	Dispositions map[string]uint64   `json:"dispositions"`
	Tiles        uint64              `json:"tiles"`      // complete tiles
	IndexRows    uint64              `json:"index_rows"` // rows of the index
	Digests      bool                `json:"digests_compared"`
	Registers    bool                `json:"registers_compared"`
	Notes        []string            `json:"notes"`
	FaultCount   uint64              `json:"fault_count"`
	Faults       []ledger.StoreFault `json:"faults"` // the first of each kind
}

func fsckJSON(r *ledger.FsckReport, c *registerCheck) fsckReport {
	out := fsckReport{
		Outcome: "sound", Origin: r.Origin, Size: r.Size, Root: hex.EncodeToString(r.Root[:]),
		Dispositions: map[string]uint64{}, Tiles: r.Tiles, IndexRows: r.Rows, Digests: r.Digests,
		Registers: r.Registers && c.stale == "", Notes: append([]string{}, r.Notes...),
		FaultCount: r.FaultCount, Faults: append([]ledger.StoreFault{}, r.Faults...),
	}
	if !r.Sound() {
		out.Outcome, out.Exit = "damaged", cli.ExitTampered
	}
	for d := chain.Recorded; d <= chain.Quarantined; d++ {
		out.Dispositions[d.String()] = r.ByDisposition[d]
	}
	return out
}
