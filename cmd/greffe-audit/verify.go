package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// verifySpec is the command line of verify.
func verifySpec() spec {
	return spec{name: "verify", formats: []string{"text", "json"}, least: 1, most: 1, keyed: true, declared: func(f *flag.FlagSet, o *options) {
		f.BoolVar(&o.quiet, "quiet", false, "")
		f.StringVar(&o.policy, "policy", "", "")
		f.StringVar(&o.tsaRoots, "tsa-roots", "", "")
		f.StringVar(&o.since, "since", "", "")
		f.StringVar(&o.from, "from", "", "")
		f.StringVar(&o.to, "to", "", "")
	}}
}

// verify checks one bundle or proof against one key.
func (c *command) verify(args []string) int {
	o, err := parse(verifySpec(), args)
	if err != nil {
		return c.parseError(err)
	}
	demand, err := parseDemand(o.from, o.to)
	if err != nil {
		return c.usageError(err.Error())
	}
	key, err := readKey(o.key)
	if err != nil {
		return c.cannotUse(err)
	}
	brought, err := bring(&o)
	if err != nil {
		return c.cannot(err, "check what is given with --policy, --since and --tsa-roots")
	}
	brought.Demand = demand
	report, err := c.judge(o.files[0], key, brought, o.quiet, io.Discard)
	switch {
	case errors.Is(err, verify.ErrSince):
		return c.cannot(err, "give a checkpoint of this ledger with its signature, as it was received")
	case errors.Is(err, errUnread):
		return c.cannotRead(err)
	case err != nil:
		return c.cannot(err, "the file could not be read to its end; nothing is said about its content")
	}
	if err := writeReport(c.stdout, o, report); err != nil {
		return c.cannot(fmt.Errorf("write report: %w", err), "check where standard output goes")
	}
	return exitCode(report)
}

// bring reads what the auditor brings besides the key.
func bring(o *options) (verify.Options, error) {
	var b verify.Options
	var err error
	if b.Policy, err = readPolicy(o.policy); err != nil {
		return b, err
	}
	if b.Since, err = readSince(o.since); err != nil {
		return b, err
	}
	b.Timestamps, err = readRoots(o.tsaRoots)
	return b, err
}

// errUnread is the class of errors before anything was read.
var errUnread = errors.New("open")

// judge verifies the file, whatever it is: a bundle, or the proof of one event. What is
// read of it is written to copied.
func (c *command) judge(file string, key note.Verifier, o verify.Options, quiet bool, copied io.Writer) (*verify.Report, error) {
	in, size, err := c.open(file)
	if err != nil {
		return nil, fmt.Errorf("%w %w", errUnread, err)
	}
	defer in.Close()
	counted := &countingReader{r: io.TeeReader(in, copied)}
	buffered := bufio.NewReaderSize(counted, 64)
	if start, _ := buffered.Peek(len("c2sp.org/")); chain.IsTlogProof(start) {
		text, err := io.ReadAll(io.LimitReader(buffered, chain.MaxTlogProof+1))
		if err != nil {
			return nil, err
		}
		report, err := verify.Proof(text, key, o)
		return &report, err
	}
	bar := newProgress(c.stderr, size, quiet)
	o.Progress = bar.show
	report, err := verify.Bundle(context.Background(), buffered, key, o)
	bar.clear()
	if counted.n == 0 {
		sayEmpty(&report)
	}
	return &report, err
}

// parseDemand reads --from and --to: two seqs or two instants, of which one may be
// left out.
func parseDemand(from, to string) (chain.Scope, error) {
	if from == "" && to == "" {
		return chain.Scope{}, nil
	}
	first, err1 := strconv.ParseUint(or(from, "0"), 10, 63)
	last, err2 := strconv.ParseUint(or(to, strconv.Itoa(math.MaxInt64)), 10, 63)
	if err1 == nil && err2 == nil {
		if to == "" {
			return chain.Scope{}, errors.New("--from: a seq needs --to, the first seq that is not wanted any more")
		}
		if first >= last {
			return chain.Scope{}, errors.New("--from must be before --to")
		}
		return chain.Scope{By: chain.ByRange, FromSeq: first, ToSeq: last}, nil
	}
	begin, err := parseInstant(from, time.Unix(0, 0))
	if err != nil {
		return chain.Scope{}, fmt.Errorf("--from %s: %w", from, err)
	}
	end, err := parseInstant(to, time.Unix(0, math.MaxInt64))
	if err != nil {
		return chain.Scope{}, fmt.Errorf("--to %s: %w", to, err)
	}
	if !begin.Before(end) {
		return chain.Scope{}, errors.New("--from must be before --to")
	}
	return chain.Scope{By: chain.ByPeriod, From: begin.UnixNano(), To: end.UnixNano()}, nil
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

func parseInstant(s string, none time.Time) (time.Time, error) {
	if s == "" {
		return none, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() < 0 || t.Year() > 2261 {
		return t, errors.New("both are seqs, or both are instants such as 2026-01-01T00:00:00+01:00")
	}
	return t, nil
}

// A countingReader counts the bytes that were read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// sayEmpty names the likeliest of all foreign files: one whose copying never began.
func sayEmpty(r *verify.Report) {
	const empty = "the file is empty"
	r.Content.Why = empty
	for i := range r.Faults {
		r.Faults[i].What, r.Faults[i].Hint = empty, "have it sent again, or check where it was copied from"
	}
}

func exitCode(r *verify.Report) int {
	switch r.Outcome() {
	case verify.Sound:
		return exitSound
	case verify.Failed:
		return exitTampering
	}
	return exitUnconfirmed
}
