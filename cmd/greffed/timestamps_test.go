package main

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/anchor/timestamp/timestamptest"
)

// stampedBy is the flags for an authority of the test.
func stampedBy(a *timestamptest.Authority) func(*serveFlags) {
	return func(f *serveFlags) { f.tsa, f.tsaRoots, f.tsaInterval = []string{a.URL}, a.RootsFile, time.Second }
}

// TestTimestamps has the published checkpoints stamped by an authority that openssl
// plays, keeps what it says over a restart, and asks again when there is more.
func TestTimestamps(t *testing.T) {
	authority := timestamptest.Start(t, timestamptest.Options{Name: "Daemon TSA"})
	roots, err := timestamp.ParseRoots(authority.Roots)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := mustStartWith(t, dir, stampedBy(authority))
	eventually(t, "a timestamp", func() bool { return d.stamps.last().Size == d.ledger.Size() })
	first := d.stamps.last()
	mustClose(t, d)

	d = mustStartWith(t, dir, stampedBy(authority))
	defer mustClose(t, d)
	if got := d.stamps.last(); got.Size != first.Size || got.Authority != first.Authority {
		t.Errorf("after a restart the newest timestamp is of %d entries by %q", got.Size, got.Authority)
	}
	publishSome(t, d, 0, 3)
	eventually(t, "a timestamp", func() bool { return d.stamps.last().Size >= first.Size+3 })
	all, err := d.ledger.Timestamps(d.ledger.Size(), 10)
	if err != nil || len(all) < 2 {
		t.Fatalf("%d timestamps, %v", len(all), err)
	}
	for _, s := range all {
		root, err := d.ledger.RootAt(s.Size)
		if err != nil || root != s.Root {
			t.Errorf("timestamp of %d entries has root %x, the ledger %x, %v", s.Size, s.Root, root, err)
		}
		if _, err := timestamp.Check(s.Token, s.Checkpoint(d.id.Origin), roots); err != nil {
			t.Errorf("timestamp of %d entries: %v", s.Size, err)
		}
	}
	if st := d.status().Timestamped; st == nil || !strings.Contains(st.Authority, "Daemon TSA") || st.Trouble != "" {
		t.Errorf("status says %+v", st)
	}
}

// TestTimestampTrouble: an authority that is down, or that nobody trusts, costs one line
// and no receipt.
func TestTimestampTrouble(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	authority := timestamptest.Start(t, timestamptest.Options{Handler: func(reply http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() {
				http.Error(w, "", http.StatusForbidden)
				return
			}
			reply.ServeHTTP(w, r)
		})
	}})
	d := mustStartWith(t, t.TempDir(), stampedBy(authority))
	defer mustClose(t, d)
	eventually(t, "a timestamp", func() bool { return d.status().Timestamped.Trouble != "" })
	publishSome(t, d, 0, 1)
	if d.stamps.last().Size != 0 {
		t.Error("something was kept")
	}

	other := timestamptest.Start(t, timestamptest.Options{Name: "a stranger"})
	s := mustStartWith(t, t.TempDir(), func(f *serveFlags) {
		stampedBy(other)(f)
		f.tsaRoots = authority.RootsFile
	})
	defer mustClose(t, s)
	eventually(t, "a timestamp", func() bool { return s.status().Timestamped.Trouble != "" })
	if kept, err := s.ledger.Timestamps(s.ledger.Size(), 1); err != nil || len(kept) != 0 {
		t.Errorf("a timestamp of an authority that nobody trusts was kept: %v, %v", kept, err)
	}
}

func TestStampFlags(t *testing.T) {
	for _, f := range []serveFlags{
		{tsa: []string{"http://tsa.example"}, tsaInterval: time.Hour},
		{tsaRoots: "roots.pem", tsaInterval: time.Hour},
		{tsa: []string{"http://tsa.example"}, tsaRoots: "roots.pem"},
	} {
		if f.stampFlags() == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
	d := &daemon{}
	if err := d.openStamps(context.Background(), serveFlags{tsa: []string{"ftp://x"}, tsaRoots: "/nowhere", tsaInterval: time.Hour}); err == nil {
		t.Error("certificates that are not there were read")
	}
}
