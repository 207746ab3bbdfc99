package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

// scope returns what the excerpt is to hold, or nil for the whole ledger. Dates need the
// ledger's time zone, and an open end its newest entry: the daemon is asked.
func (b *bundler) scope() (*chain.Scope, error) {
	named, err := b.f.named()
	if named != nil || err != nil {
		return named, err
	}
	if b.f.from == "" && b.f.to == "" && b.origin == "" {
		return nil, nil
	}
	st, err := b.client.Status(b.cmd.Context())
	if err != nil {
		return nil, err
	}
	if b.origin != "" {
		if st.Origin != b.origin {
			return nil, fmt.Errorf("--since %s: a checkpoint of ledger %s, this one is %s", b.f.since, b.origin, st.Origin)
		}
		return nil, nil
	}
	seqs, moments, err := b.f.bounds()
	if err != nil {
		return nil, err
	}
	if seqs != nil {
		if seqs.ToSeq == math.MaxInt64 {
			seqs.ToSeq = st.Size
		}
		if seqs.FromSeq >= seqs.ToSeq {
			return nil, fmt.Errorf("--from %d: the ledger holds %d entries, the first is 0", seqs.FromSeq, st.Size)
		}
		return seqs, nil
	}
	return moments.scope(st.Zone, st.Head.At)
}

// named returns the scope of names, nil if none are given.
func (f *bundleFlags) named() (*chain.Scope, error) {
	var s chain.Scope
	switch {
	case len(f.aggregates) > 0:
		s = chain.Scope{By: chain.ByAggregate, Names: f.aggregates}
	case len(f.publishers) > 0:
		s = chain.Scope{By: chain.ByPublisher, Names: f.publishers}
	case f.register != "":
		reg, ok := projections.Lookup(f.register)
		if !ok {
			return nil, cli.Usage("--register %s: the registers are %s", f.register, registerNames())
		}
		s = chain.Scope{By: chain.ByRegister, Register: reg.Name, Names: reg.Kinds}
	default:
		return nil, nil
	}
	s.Names = slices.Clone(s.Names)
	slices.Sort(s.Names)
	s.Names = slices.Compact(s.Names)
	if _, err := chain.AppendScope(nil, &s); err != nil {
		if s.By == chain.ByAggregate {
			return nil, cli.Usage("--aggregate: at most 1000, each a kind and an id, such as breach/BR-2026-001")
		}
		return nil, cli.Usage("--publisher: at most 1000 names of a-z, 0-9 and '-' that start with a letter")
	}
	return &s, nil
}

func registerNames() string {
	var names []string
	for _, r := range projections.Registers() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// A span is a period as it was written: dates are days in a zone that is not known yet.
type span struct{ from, to string }

// bounds reads --from and --to: two seqs or a span.
func (f *bundleFlags) bounds() (*chain.Scope, *span, error) {
	if f.from == "" && f.to == "" {
		return nil, nil, nil
	}
	from, noFrom := strconv.ParseUint(or(f.from, "0"), 10, 63)
	to, noTo := strconv.ParseUint(or(f.to, strconv.Itoa(math.MaxInt64)), 10, 63)
	if noFrom == nil && noTo == nil {
		if from >= to {
			return nil, nil, cli.Usage("--from %d --to %d: the end comes after the beginning", from, to)
		}
		return &chain.Scope{By: chain.ByRange, FromSeq: from, ToSeq: to}, nil, nil
	}
	s := &span{f.from, f.to}
	_, err := s.scope("UTC", "2261-12-31T00:00:00Z") // the daemon will say the zone
	return nil, s, err
}

func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// scope reads the span in the ledger's zone. Its end, if none was given, is the second
// after the newest entry.
func (s *span) scope(zone string, newest events.Instant) (*chain.Scope, error) {
	where, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("the ledger's time zone %s is not known here", zone)
	}
	end, err := newest.Time()
	if err != nil {
		return nil, fmt.Errorf("the ledger's newest entry has no time")
	}
	from, err := begin("--from", s.from, where, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	to, err := begin("--to", s.to, where, end.Truncate(time.Second).Add(time.Second))
	if err != nil {
		return nil, err
	}
	if s.to == "" && !from.Before(to) {
		return nil, fmt.Errorf("--from %s: the newest entry was ledgered at %s", s.from, newest)
	}
	if !from.Before(to) {
		return nil, cli.Usage("--from %s --to %s: the end comes after the beginning", or(s.from, "the beginning"), or(s.to, "the newest entry"))
	}
	return &chain.Scope{By: chain.ByPeriod, From: from.UnixNano(), To: to.UnixNano()}, nil
}

// begin reads an instant in whole seconds, or a date as its midnight.
func begin(flag, text string, where *time.Location, none time.Time) (time.Time, error) {
	if text == "" {
		return none, nil
	}
	t, err := events.Instant(text).Time()
	if err != nil {
		if t, err = time.ParseInLocation(time.DateOnly, text, where); err != nil {
			return t, cli.Usage("%s %s: both are seqs, or both are dates or RFC 3339 instants, such as 145, 2026-01-31 or 2026-01-31T10:00:00+01:00", flag, text)
		}
	}
	if t.Nanosecond() != 0 || t.Unix() < 0 || t.UTC().Year() > 2261 {
		return t, cli.Usage("%s %s: an instant in whole seconds, from 1970 to 2261", flag, text)
	}
	return t, nil
}
