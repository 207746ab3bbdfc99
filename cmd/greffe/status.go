package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"greffe/projections/query"
)

func statusCmd(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "where the ledger stands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.read(cmd, func(c *query.Client) (view, error) {
				s, err := c.Status(cmd.Context())
				if err != nil {
					return view{}, err
				}
				return statusView(s)
			})
		},
	}
}

// statusView shows hashes whole: they are there to be compared.
func statusView(s query.Status) (view, error) {
	text, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return view{}, err
	}
	v := view{whole: s, items: []any{s}, head: []string{"what", "value"}, fields: []string{"field", "value"}, records: fields("", text), uncut: true}
	v.rows = [][]string{
		{"ledger", s.Ledger}, {"origin", s.Origin}, {"size", fmt.Sprint(s.Size)},
		{"head", fmt.Sprintf("seq %d, %s, %s", s.Head.Seq, s.Head.LeafHash, s.Head.At)},
		{"checkpoint", fmt.Sprintf("size %d, root %s", s.Checkpoint.Size, s.Checkpoint.Root)},
		{"stream", fmt.Sprintf("epoch %d, seq %d", s.Stream.Epoch, s.Stream.Seq)},
		{"projected", fmt.Sprint(s.Projected)}, {"quarantined", fmt.Sprint(s.Quarantined)}, {"anomalies", fmt.Sprint(s.Anomalies)},
		{"rule set", s.RuleSet}, {"calendar", s.Calendar}, {"zone", s.Zone},
	}
	if s.Witnessed != nil {
		v.rows = slices.Insert(v.rows, 5, witnessedRows(s.Witnessed)...)
	}
	if s.Timestamp != nil {
		v.rows = slices.Insert(v.rows, 5, timestampRow(*s.Timestamp))
	}
	if s.Trouble != "" {
		v.rows = append([][]string{{"TROUBLE", s.Trouble}}, v.rows...)
	}
	for _, folder := range []string{"ledger", "projections", "stream"} {
		v.rows = append(v.rows, []string{folder + " on disk", diskSize(s.DiskBytes[folder])})
	}
	return v, nil
}

// witnessedRows say what a quorum has cosigned, and how each witness does.
func witnessedRows(w *query.Witnessed) [][]string {
	quorum := "nothing yet by a quorum"
	if w.Size > 0 {
		quorum = fmt.Sprintf("size %d", w.Size)
		if w.At != "" {
			quorum += fmt.Sprintf(", seen by a quorum at %s", w.At)
		}
		if len(w.Missing) > 0 {
			quorum += ", without " + strings.Join(w.Missing, ", ")
		}
	}
	rows := [][]string{{"witnessed", quorum}}
	for _, one := range w.Witnesses {
		text := fmt.Sprintf("size %d, %s", one.Size, one.At)
		if one.Size == 0 {
			text = "nothing yet"
		}
		if one.Trouble != "" {
			text += "; " + one.Trouble
		}
		rows = append(rows, []string{"witness " + one.Name, text})
	}
	return rows
}

// timestampRow shows since when an authority outside vouches for the ledger, and how
// much it does not vouch for yet.
func timestampRow(p query.TimestampPoint) []string {
	text := "none yet"
	if p.Size > 0 {
		text = fmt.Sprintf("size %d, %s, by %s", p.Size, p.At, p.Authority)
	}
	switch {
	case p.Behind == 1:
		text += ", 1 entry behind"
	case p.Behind > 1:
		text += fmt.Sprintf(", %d entries behind", p.Behind)
	}
	if p.Trouble != "" {
		text += "; the last attempt failed: " + p.Trouble
	}
	return []string{"timestamp", text}
}

// diskSize returns a number of bytes in kB or, from one million on, in MB.
func diskSize(bytes uint64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
