package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
	"greffe/projections"
)

func registerSpec() spec {
	return spec{name: "register", formats: []string{"text", "json", "ndjson"}, least: 1, most: 2, keyed: true, declared: func(f *flag.FlagSet, o *options) {
		f.StringVar(&o.knownAt, "known-at", "", "")
		f.StringVar(&o.digest, "digest", "", "")
	}}
}

// register verifies a bundle, and folds its entries into the registers that its keeper
// should have shown.
func (c *command) register(args []string) int {
	o, err := parse(registerSpec(), args)
	if err != nil {
		return c.parseError(err)
	}
	name, last, err := o.register()
	if err != nil {
		return c.usageError(err.Error())
	}
	key, err := readKey(o.key)
	if err != nil {
		return c.cannotUse(err)
	}
	judged := sha256.New()
	r, err := c.judge(o.files[0], key, verify.Options{}, true, judged)
	if err != nil {
		return c.cannotRead(err)
	}
	if exitCode(r) == exitTampering {
		c.complain(fmt.Sprintf("%s is not sound: %s", o.files[0], r.Faults[0]), "registers of what is not sound prove nothing; greffe-audit verify says more")
		return exitTampering
	}
	rows, err := c.fold(o.files[0], last, judged.Sum(nil))
	if err != nil {
		return c.cannot(err, "the file changed while it was read, or holds no ledger's first entry")
	}
	digest, err := rows.write(c.stdout, name, o.format, r)
	if err != nil {
		return c.cannot(fmt.Errorf("write register: %w", err), "check where standard output goes")
	}
	if o.digest != "" && !strings.EqualFold(o.digest, digest) {
		c.complain(fmt.Sprintf("register %s has another digest than the one that was shown: want %s, got %s", name, strings.ToLower(o.digest), digest),
			"compare the rows, the entry up to which it was shown (--known-at) and the rule set, and ask the ledger's keeper")
		return exitTampering
	}
	return exitCode(r)
}

// register reads which register is asked for ("" for all), and up to which entry.
func (o *options) register() (name string, last uint64, err error) {
	last = math.MaxInt64
	if o.knownAt != "" {
		if last, err = strconv.ParseUint(o.knownAt, 10, 63); err != nil {
			return "", 0, fmt.Errorf("--known-at %s: the seq of an entry", o.knownAt)
		}
	}
	if o.files[0] == "-" {
		return "", 0, errors.New("register reads the file twice, so it cannot be standard input")
	}
	if len(o.files) == 1 {
		if o.digest != "" {
			return "", 0, errors.New("--digest is that of one register: name it")
		}
		return "", last, nil
	}
	name = o.files[1]
	if _, ok := projections.Lookup(name); !ok {
		return "", 0, fmt.Errorf("there is no register %s: greffe-audit register FILE --key KEY lists them", name)
	}
	return name, last, nil
}

// registers are the folds of a bundle's entries.
type registers struct {
	*projections.Memory
	known uint64 // seq of the newest entry that was folded
}

// fold folds the entries of a bundle, up to and including seq last. digest is that of the
// file as it was judged.
func (c *command) fold(file string, last uint64, digest []byte) (*registers, error) {
	in, err := c.reopen(file, digest)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var all *registers
	for r := chain.NewBundleReader(in); ; {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) || err == nil && rec.Entry.Seq > last {
			break
		}
		if err != nil {
			return nil, err
		}
		if all == nil {
			frame, err := projections.FrameOf(rec)
			if err != nil {
				return nil, err
			}
			all = &registers{Memory: projections.NewMemory(frame)}
		}
		all.Apply(rec)
		all.known = rec.Entry.Seq
	}
	if all == nil {
		return nil, errors.New("no entry in it")
	}
	return all, in.same()
}

// A registerLine is one register in the list of all.
type registerLine struct {
	Register  string `json:"register"`
	Rows      int    `json:"rows"`
	Anomalies int    `json:"anomalies"`
	Digest    string `json:"digest"`
}

// A registerReport is the JSON form of one register. The digest is that of the daemon's
// answer, over the canonical JSON of {register, rows, rule_set}.
type registerReport struct {
	Register  string            `json:"register"`
	Outcome   verify.Verdict    `json:"outcome"`  // of the bundle
	Excerpt   string            `json:"excerpt"`  // what the bundle claims to hold, "" for a whole ledger
	KnownAt   uint64            `json:"known_at"` // seq of the newest entry that was folded
	RuleSet   string            `json:"rule_set"`
	Anomalies int               `json:"anomalies"`
	Digest    string            `json:"digest"`
	Rows      []json.RawMessage `json:"rows"`
}

// write prints one register, or all of them in a line each, and returns its digest.
func (m *registers) write(w io.Writer, name, format string, r *verify.Report) (digest string, err error) {
	if name == "" {
		return "", m.writeAll(w, format)
	}
	line, err := m.line(name)
	if err != nil {
		return "", err
	}
	var rows []json.RawMessage
	for row, err := range m.Rows(name, "") {
		if err != nil {
			return "", err
		}
		rows = append(rows, json.RawMessage(strings.Clone(string(row))))
	}
	switch format {
	case "json":
		return line.Digest, writeJSON(w, registerReport{
			Register: name, Outcome: r.Outcome(), Excerpt: r.Claim, KnownAt: m.known, RuleSet: projections.RuleSet,
			Anomalies: line.Anomalies, Digest: line.Digest, Rows: append([]json.RawMessage{}, rows...),
		})
	case "text":
		of := ""
		if r.Claim != "" {
			of = "of         an excerpt: " + r.Claim + "\n"
		}
		if _, err := fmt.Fprintf(w, "register   %s, %d rows, rules %s\n%sknown at   entry %d\ndigest     %s\n", name, line.Rows, projections.RuleSet, of, m.known, line.Digest); err != nil {
			return "", err
		}
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%s\n", row); err != nil {
			return "", err
		}
	}
	return line.Digest, nil
}

func (m *registers) writeAll(w io.Writer, format string) error {
	var lines []registerLine
	for _, reg := range projections.Registers() {
		line, err := m.line(reg.Name)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	if format == "json" {
		return writeJSON(w, lines)
	}
	for _, l := range lines {
		var err error
		if format == "ndjson" {
			err = json.NewEncoder(w).Encode(l)
		} else {
			_, err = fmt.Fprintf(w, "%-22s %6d rows  %s\n", l.Register, l.Rows, l.Digest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *registers) line(name string) (registerLine, error) {
	counts, err := m.Counts(name)
	if err != nil {
		return registerLine{}, err
	}
	digest, err := m.Digest(name)
	return registerLine{name, counts.Rows, counts.Anomalies, digest}, err
}
