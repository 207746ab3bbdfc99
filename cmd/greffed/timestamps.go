package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/ledger"
	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/tsa"
	"greffe/ledger/chain"
	"greffe/projections/query"
)

const (
	stampLook  = time.Second     // between looks whether a timestamp is due
	stampRetry = 1 * time.Minute // after a round in which no authority gave one; doubles up to the interval
)

// stamps has the newest published checkpoint stamped by an authority outside (RFC 3161),
// at most once an interval. Receipts never wait for it.
type stamps struct {
	client   *tsa.Client
	interval time.Duration
	ledger   *ledger.Ledger
	head     *headKeeper
	log      *slog.Logger

	due  time.Time     // of the next timestamp; owned by run
	wait time.Duration // after the next failure; owned by run

	mu      sync.Mutex
	newest  ledger.Timestamp
	trouble string
}

// openStamps prepares to ask authorities.
func (d *daemon) openStamps(_ context.Context, f serveFlags) error {
	if len(f.tsa) == 0 {
		return nil
	}
	text, err := os.ReadFile(f.tsaRoots)
	if err != nil {
		return fmt.Errorf("read certificates %s: %w", f.tsaRoots, unwrapPath(err))
	}
	roots, err := timestamp.ParseRoots(text)
	if err != nil {
		return fmt.Errorf("read certificates %s: %w", f.tsaRoots, err)
	}
	client, err := tsa.New(tsa.Options{URLs: f.tsa, Roots: roots})
	if err != nil {
		return cli.Usage("--tsa: %v", err)
	}
	d.stamps = &stamps{client: client, interval: f.tsaInterval, ledger: d.ledger, log: d.log}
	return nil
}

// loadStamps takes up what was stamped before.
func (d *daemon) loadStamps(context.Context, serveFlags) error {
	if d.stamps == nil {
		return nil
	}
	d.stamps.head = d.head
	kept, err := d.ledger.Timestamps(math.MaxUint64, 1)
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		d.stamps.newest = kept[0]
		d.stamps.due = kept[0].At.Add(d.stamps.interval)
	}
	return nil
}

// run asks until ctx ends.
func (s *stamps) run(ctx context.Context) error {
	tick := time.NewTicker(stampLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Now().Before(s.due) {
			continue
		}
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			s.failed(err)
		}
	}
}

// round has the newest published checkpoint stamped, if it is not stamped yet. A crash
// before it is kept loses a timestamp and nothing else.
func (s *stamps) round(ctx context.Context) error {
	signed := s.head.newest()
	if signed == nil {
		return nil
	}
	c, err := chain.ReadCheckpoint(signed)
	if err != nil {
		return err
	}
	if c.Size == s.last().Size {
		return nil // nothing new
	}
	token, stamp, err := s.client.Stamp(ctx, c.Text)
	if err != nil {
		return err
	}
	t := ledger.Timestamp{Size: c.Size, Root: c.Root, At: stamp.At, Authority: stamp.Authority, Token: token}
	if err := s.ledger.PutTimestamp(t); err != nil {
		return fmt.Errorf("keep timestamp: %w", err)
	}
	s.due, s.wait = time.Now().Add(s.interval), 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest, s.trouble = t, ""
	return nil
}

// failed says once what is wrong, and waits longer each time.
func (s *stamps) failed(err error) {
	s.wait = min(max(2*s.wait, min(stampRetry, s.interval)), max(s.interval, stampRetry))
	s.due = time.Now().Add(s.wait)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err.Error()
	s.log.Warn("no timestamp", "error", err, "again_in", s.wait)
}

func (s *stamps) last() ledger.Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// status is what an operator sees.
func (s *stamps) status() *query.Timestamped {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &query.Timestamped{Size: s.newest.Size, Authority: s.newest.Authority, Trouble: s.trouble}
	if s.newest.Size > 0 {
		st.At = events.InstantOf(s.newest.At)
	}
	return st
}

// stampFlags checks the flags that belong together.
func (f *serveFlags) stampFlags() error {
	switch {
	case len(f.tsa) == 0 && f.tsaRoots != "":
		return cli.Usage("--tsa-roots without --tsa: nobody is asked for a timestamp")
	case len(f.tsa) > 0 && f.tsaRoots == "":
		return cli.Usage("--tsa needs --tsa-roots: without the authority's root certificate no timestamp can be told from a forged one")
	case len(f.tsa) > 0 && f.tsaInterval < time.Second:
		return cli.Usage("--tsa-interval %s: at least 1s", f.tsaInterval)
	}
	return nil
}
