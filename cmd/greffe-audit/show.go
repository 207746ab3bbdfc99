package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"greffe/ledger/chain"
)

func showSpec() spec {
	return spec{name: "show", formats: []string{"text", "json", "ndjson"}, least: 1, most: 1, declared: func(f *flag.FlagSet, o *options) {
		f.StringVar(&o.extract, "extract", "", "")
	}}
}

// show lists the entries of a bundle, or the one of a proof. It reads the format and
// judges nothing.
func (c *command) show(args []string) int {
	o, err := parse(showSpec(), args)
	if err != nil {
		return c.parseError(err)
	}
	in, _, err := c.open(o.files[0])
	if err != nil {
		return c.cannotRead(err)
	}
	defer in.Close()
	buffered := bufio.NewReaderSize(in, 64)
	out := bufio.NewWriter(c.stdout)
	if start, _ := buffered.Peek(len("c2sp.org/")); chain.IsTlogProof(start) {
		err = showProof(out, buffered, o)
	} else {
		err = showBundle(out, chain.NewBundleReader(buffered), o)
	}
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("write listing: %w", flushErr)
	}
	switch {
	case errors.Is(err, chain.ErrMalformed):
		c.complain(err.Error(), "the listing stops there; greffe-audit verify says more")
		return exitTampering
	case err != nil:
		return c.cannot(err, "the listing is not complete; check the file, and where the output goes")
	}
	return exitSound
}

func showBundle(out io.Writer, r *chain.BundleReader, o options) error {
	if err := list(out, r, o.format); err != nil || o.extract == "" {
		return err
	}
	return extractSections(o.extract, r.Sections())
}

func showProof(out io.Writer, in io.Reader, o options) error {
	text, err := io.ReadAll(io.LimitReader(in, chain.MaxTlogProof+1))
	if err != nil {
		return err
	}
	p, err := chain.ParseTlogProof(text)
	if err != nil {
		return err
	}
	rec, _, err := chain.CutRecord(p.Extra)
	if err != nil {
		return err
	}
	l := lister{w: out, format: o.format}
	if err := errors.Join(l.begin(), l.entry(&rec), l.end()); err != nil || o.extract == "" {
		return err
	}
	return extractProof(o.extract, &p, &rec)
}

// list writes every entry up to the end or the first fault. A JSON array is
// closed in both cases.
func list(w io.Writer, r *chain.BundleReader, format string) error {
	l := lister{w: w, format: format}
	if err := l.begin(); err != nil {
		return err
	}
	for {
		rec, err := r.Next()
		if err != nil {
			if endErr := l.end(); endErr != nil {
				return endErr
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := l.entry(&rec); err != nil {
			return err
		}
	}
}

// A lister writes entries in one of the three formats.
type lister struct {
	w      io.Writer
	format string
	n      int
}

const textLine = "%-8s %-30s %-11s %-12s %-34s %-32s %s\n"

func (l *lister) begin() (err error) {
	switch l.format {
	case "text":
		_, err = fmt.Fprintf(l.w, textLine, "SEQ", "LEDGERED AT", "DISPOSITION", "PUBLISHER", "TYPE", "AGGREGATE", "EVENT ID")
	case "json":
		_, err = io.WriteString(l.w, "[")
	}
	return err
}

func (l *lister) end() (err error) {
	if l.format == "json" {
		_, err = io.WriteString(l.w, "\n]\n")
	}
	return err
}

func (l *lister) entry(rec *chain.Record) error {
	e := describe(rec)
	if l.format == "text" {
		_, err := io.WriteString(l.w, textEntry(&e))
		return err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	before, after := "", "\n"
	if l.format == "json" {
		before, after = "\n", ""
		if l.n > 0 {
			before = ",\n"
		}
	}
	l.n++
	_, err = fmt.Fprint(l.w, before, string(line), after)
	return err
}

// textEntry is an entry in one line.
func textEntry(e *entry) string {
	return fmt.Sprintf(textLine, fmt.Sprint(e.Seq), e.LedgeredAt, e.Disposition,
		dash(e.Publisher), dash(e.Type), dash(e.Aggregate), dash(e.EventID))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// An entry is the JSON form; field names and meanings are stable. Hashes are
// in hexadecimal.
type entry struct {
	Seq            uint64 `json:"seq"`
	LedgeredAt     string `json:"ledgered_at"` // RFC 3339, UTC
	Disposition    string `json:"disposition"`
	Publisher      string `json:"publisher,omitempty"`
	Type           string `json:"type,omitempty"`
	Aggregate      string `json:"aggregate,omitempty"`
	EventID        string `json:"event_id,omitempty"` // ULID
	Epoch          uint32 `json:"epoch"`
	StreamSeq      uint64 `json:"stream_seq"`
	LeafHash       string `json:"leaf_hash"`
	PayloadHash    string `json:"payload_hash,omitempty"`
	PayloadLen     uint32 `json:"payload_len"`
	PayloadPresent bool   `json:"payload_present"`
}

func describe(rec *chain.Record) entry {
	e, leaf := &rec.Entry, chain.LeafHash(rec.Header)
	out := entry{
		Seq: e.Seq, LedgeredAt: time.Unix(0, e.LedgeredAt).UTC().Format(time.RFC3339Nano), Disposition: e.Disposition.String(),
		Publisher: e.Publisher, Type: e.Type, Aggregate: e.Aggregate, Epoch: e.Epoch, StreamSeq: e.StreamSeq,
		LeafHash: hex.EncodeToString(leaf[:]), PayloadLen: e.PayloadLen, PayloadPresent: rec.Payload != nil,
	}
	if e.Disposition != chain.Quarantined {
		out.PayloadHash = hex.EncodeToString(e.PayloadHash[:])
	}
	if e.EventID != [16]byte{} {
		out.EventID = chain.EventIDText(e.EventID)
	}
	return out
}
