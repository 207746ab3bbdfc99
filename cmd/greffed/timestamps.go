package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/ledger"
	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/tsa"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

// tsaFlags say who timestamps the ledger.
type tsaFlags struct {
	urls     []string
	interval time.Duration
	roots    string // file
}

func (f *tsaFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.urls, "tsa", nil, "URL of an RFC 3161 time-stamping authority; if given again, it is asked when those before it fail")
	flags.DurationVar(&f.interval, "tsa-interval", time.Hour, "have the newest checkpoint timestamped this often, if something was entered")
	flags.StringVar(&f.roots, "tsa-roots", "", "file with the root certificates of these authorities, in PEM")
}

// check finds combinations that make no sense.
func (f *tsaFlags) check() error {
	switch {
	case len(f.urls) > 0 && f.roots == "":
		return cli.Usage("--tsa wants --tsa-roots FILE: without the authority's root certificate nobody can tell its timestamps from anybody else's")
	case len(f.urls) == 0 && f.roots != "":
		return cli.Usage("--tsa-roots is of no use without --tsa URL")
	case len(f.urls) > 0 && f.interval < time.Second:
		return cli.Usage("--tsa-interval %s: at least 1s", f.interval)
	}
	return nil
}

// openTSA reads the roots, before anything is made: what is wrong with the flags does
// not leave a folder behind.
func (d *daemon) openTSA(_ context.Context, f serveFlags) error {
	if err := f.tsa.check(); err != nil || len(f.tsa.urls) == 0 {
		return err
	}
	text, err := os.ReadFile(f.tsa.roots)
	if err != nil {
		return fmt.Errorf("read --tsa-roots %s: %w", f.tsa.roots, unwrapPath(err))
	}
	roots, err := timestamp.ParseRoots(text)
	if err != nil {
		return cli.Hint(fmt.Errorf("--tsa-roots %s: %w", f.tsa.roots, err), "it must hold certificates in PEM, those that the authority publishes as its roots")
	}
	client, err := tsa.New(tsa.Options{URLs: f.tsa.urls, Roots: roots})
	if err != nil {
		return cli.Usage("--tsa: %w", err)
	}
	d.stamper = &stamper{client: client, interval: f.tsa.interval, log: d.log}
	return nil
}

// A stamper has the newest published checkpoint timestamped now and then, beside
// everything else: nobody waits for it.
type stamper struct {
	client   *tsa.Client
	interval time.Duration
	log      *slog.Logger

	ledger  *ledger.Ledger
	publish func(context.Context) ([]byte, uint64, error) // newest checkpoint, in the head record

	mu      sync.Mutex
	trouble string // why the last attempt failed
}

const (
	stampLook  = time.Second // how often is looked whether something was entered
	stampSoon  = 2 * time.Second
	stampAgain = time.Minute // first pause after a failure; each further one is twice as long
)

// run stamps until ctx ends. A crash loses the timestamp that was under way: soon after
// the next start the checkpoint of then is stamped.
func (s *stamper) run(ctx context.Context) error {
	var stamped uint64
	if newest, err := s.ledger.Timestamps(math.MaxUint64, 1); err != nil {
		s.log.Warn("earlier timestamps cannot be read", "error", err)
	} else if len(newest) > 0 {
		stamped = newest[0].Size
	}
	next, failures := time.Now().Add(stampSoon), 0
	tick := time.NewTicker(stampLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		begin := time.Now()
		if s.ledger.Size() <= stamped || begin.Before(next) {
			continue
		}
		size, err := s.stamp(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.setTrouble(err)
		if err != nil {
			pause := stampPause(s.interval, failures)
			s.log.Warn("the ledger could not be timestamped", "error", err, "again_in", pause.String())
			next, failures = time.Now().Add(pause), failures+1
			continue
		}
		stamped, next, failures = size, begin.Add(s.interval), 0
	}
}

// stampPause is how long to wait after a failure: longer each time, up to the interval,
// and to an hour.
func stampPause(interval time.Duration, failures int) time.Duration {
	return min(stampAgain<<min(failures, 10), interval, time.Hour)
}

// stamp has the newest checkpoint timestamped and keeps the token, which the client has
// proved. It returns the size that is stamped.
func (s *stamper) stamp(ctx context.Context) (uint64, error) {
	signed, _, err := s.publish(ctx)
	if err != nil {
		return 0, fmt.Errorf("publish the checkpoint first: %w", err)
	}
	lines, _, _ := bytes.Cut(signed, []byte("\n\n"))
	cp, err := chain.ParseCheckpoint(string(lines) + "\n")
	if err != nil {
		return 0, err
	}
	token, stamp, err := s.client.Stamp(ctx, cp.Text)
	if err != nil {
		return 0, err
	}
	kept := ledger.Timestamp{Size: cp.Size, Root: cp.Root, At: stamp.At, Authority: stamp.Authority, Token: token}
	if err := s.ledger.PutTimestamp(kept); err != nil {
		return 0, err
	}
	s.log.Info("timestamped", "size", cp.Size, "at", stamp.At, "authority", stamp.Authority)
	return cp.Size, nil
}

func (s *stamper) setTrouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = ""
	if err != nil {
		s.trouble = err.Error()
	}
}

// timestampPoint is what status says: the newest timestamp, how far behind it is, and
// why there is no newer one. It is nil if there is none and nobody is asked.
func (d *daemon) timestampPoint(size uint64) *query.TimestampPoint {
	p := new(query.TimestampPoint)
	newest, err := d.ledger.Timestamps(math.MaxUint64, 1)
	switch {
	case err != nil:
		p.Trouble = err.Error()
	case len(newest) > 0:
		t := newest[0]
		p.Size, p.At, p.Authority = t.Size, events.InstantOf(t.At), t.Authority
	case d.stamper == nil:
		return nil
	}
	if d.stamper != nil {
		d.stamper.mu.Lock()
		defer d.stamper.mu.Unlock()
		if d.stamper.trouble != "" {
			p.Trouble = d.stamper.trouble
		}
	}
	p.Behind = size - min(p.Size, size)
	return p
}
