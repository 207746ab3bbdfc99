package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"greffe/ledger/anchor/witness"
)

// A report is the answer of show as JSON.
type report struct {
	Witness string       `json:"witness"` // verification key
	Ledgers []seenLedger `json:"ledgers"`
	Forks   []string     `json:"forks"` // files that prove two histories
	Others  []string     `json:"other_evidence"`
}

type seenLedger struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	At     string `json:"at"` // when it was cosigned last
	Note   string `json:"note"`
}

// show prints what the witness has seen, whether it runs or not.
func (c *command) show(o options) int {
	key, seen, evidence, err := witness.Look(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return c.cannot(fmt.Errorf("%s holds no witness", o.dir), "the first start makes one: greffe-witness --dir "+o.dir+" --ledger KEY")
	}
	if err != nil {
		return c.cannot(err, "")
	}
	r := report{Witness: key.String(), Ledgers: []seenLedger{}, Forks: []string{}, Others: []string{}}
	for _, s := range seen {
		r.Ledgers = append(r.Ledgers, seenLedger{Origin: s.Origin, Size: s.Size, Root: hex.EncodeToString(s.Root[:]), At: time.Unix(s.At, 0).UTC().Format(time.RFC3339), Note: string(s.Note)})
	}
	for _, name := range evidence {
		path := filepath.Join(o.dir, "forks", name)
		if slices.Contains([]witness.Kind{witness.Fork, witness.RolledBack, witness.Diverged}, witness.KindOf(name)) {
			r.Forks = append(r.Forks, path)
		} else {
			r.Others = append(r.Others, path)
		}
	}
	if err := c.print(r, o.format); err != nil {
		return c.cannot(err, "")
	}
	if len(r.Forks) > 0 {
		return exitTampering
	}
	return exitDone
}

func (c *command) print(r report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	fmt.Fprintf(c.stdout, "witness  %s\n", r.Witness)
	for _, l := range r.Ledgers {
		fmt.Fprintf(c.stdout, "seen     %s: %d entries, root %s, cosigned %s\n", l.Origin, l.Size, l.Root, l.At)
	}
	if len(r.Ledgers) == 0 {
		fmt.Fprintln(c.stdout, "seen     nothing yet")
	}
	for _, path := range r.Forks {
		fmt.Fprintf(c.stdout, "FORK     %s\n", path)
	}
	for _, path := range r.Others {
		fmt.Fprintf(c.stdout, "unproven %s\n", path)
	}
	return nil
}
