package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"greffe/events"
	"greffe/events/stream"
	"greffe/events/stream/streamtest"
)

func open(t *testing.T) (*streamtest.Server, *stream.Stream) {
	t.Helper()
	srv := streamtest.Start(t, "main")
	s, err := stream.Open(t.Context(), srv.Daemon(t), "main", stream.Options{Solo: true})
	if err != nil {
		t.Fatal(err)
	}
	return srv, s
}

func outgoing(n, from int) []stream.Outgoing {
	var out []stream.Outgoing
	for i := range n {
		out = append(out, stream.Outgoing{Topic: events.EventTopic("main", "hr", "a.b.v1"), Data: fmt.Append(nil, from+i)})
	}
	return out
}

func TestPublishedInOrderIsReadInOrder(t *testing.T) {
	_, s := open(t)
	p, err := s.Publisher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range []int{1, 7, 8, 3, 1000, 1, 2500} { // plain, batch and several batches
		if _, err := p.Publish(t.Context(), outgoing(n, total)); err != nil {
			t.Fatalf("publish %d: %v", n, err)
		}
		total += n
	}
	for _, from := range []int{1, 500, total} {
		r, err := s.Reader(t.Context(), uint64(from))
		if err != nil {
			t.Fatal(err)
		}
		var got []stream.Message
		for len(got) < total-from+1 {
			if got, err = r.Next(t.Context(), got, len(got)+300); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range got {
			if want := fmt.Sprint(from + i - 1); m.Seq != uint64(from+i) || string(m.Data) != want {
				t.Fatalf("message %d: seq %d data %s, want %s", i, m.Seq, m.Data, want)
			}
		}
		r.Close()
	}
	m, err := s.Get(t.Context(), 42)
	if err != nil || string(m.Data) != "41" || m.At.IsZero() {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := s.Get(t.Context(), 1<<40); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestStaleExpectationPublishesNothing(t *testing.T) {
	_, s := open(t)
	ctx := t.Context()
	a, _ := s.Publisher(ctx)
	b, _ := s.Publisher(ctx)
	if _, err := a.Publish(ctx, outgoing(1, 0)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 100} {
		if _, err := b.Publish(ctx, outgoing(n, 1)); !errors.Is(err, stream.ErrMoved) {
			t.Errorf("%d messages: got %v, want ErrMoved", n, err)
		}
	}
	if st, _ := s.State(ctx); st.LastSeq != 1 {
		t.Errorf("last sequence %d, want 1", st.LastSeq)
	}
	if err := b.Resync(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publish(ctx, outgoing(100, 1)); err != nil {
		t.Errorf("after resync: %v", err)
	}
	if err := s.PublishFirst(ctx, outgoing(1, 0)[0]); !errors.Is(err, stream.ErrMoved) {
		t.Errorf("genesis into a stream that holds events: got %v, want ErrMoved", err)
	}
}

func TestReaderEndsWhenTheServerGoes(t *testing.T) {
	srv, s := open(t)
	r, err := s.Reader(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	if _, err := r.Next(ctx, nil, 1); err == nil || ctx.Err() != nil {
		t.Errorf("got %v, want an error of the reader", err)
	}
}

// A stream that could lose events is refused, whoever made it so.
func TestUnfitStreams(t *testing.T) {
	tests := map[string]func(*jetstream.StreamConfig){
		"deletes allowed": func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"purge allowed":   func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"in memory":       func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"expires":         func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"bounded":         func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
		"message ttl":     func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"no batches":      func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"no epoch":        func(c *jetstream.StreamConfig) { c.Metadata = nil },
	}
	srv := streamtest.Start(t, "main")
	nc := srv.Daemon(t)
	js, _ := jetstream.New(nc)
	number := 0
	for name, spoil := range tests {
		number++
		ledger := fmt.Sprint("unfit-", number) // a stream of its own: deleting one is not done at once
		t.Run(name, func(t *testing.T) {
			c := jetstream.StreamConfig{
				Name: events.StreamName(ledger), Subjects: []string{"greffe." + ledger + ".event.>"}, Storage: jetstream.FileStorage,
				DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true, Metadata: map[string]string{"greffe.epoch": "1"},
			}
			spoil(&c)
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Open(t.Context(), nc, ledger, stream.Options{}); !errors.Is(err, stream.ErrUnfit) {
				t.Errorf("got %v, want ErrUnfit", err)
			}
		})
	}
}

func TestHeadIsSwappedByOneOnly(t *testing.T) {
	_, s := open(t)
	ctx := t.Context()
	a, err := s.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := s.Head(ctx)
	text, none, err := a.Load(ctx)
	if text != nil || none != 0 || err != nil {
		t.Fatalf("empty record: %q, %d, %v", text, none, err)
	}
	one, err := a.Swap(ctx, []byte("one"), none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Swap(ctx, []byte("other"), none); !errors.Is(err, stream.ErrMoved) {
		t.Errorf("second first write: got %v, want ErrMoved", err)
	}
	text, seen, _ := b.Load(ctx)
	if string(text) != "one" || seen != one {
		t.Errorf("got %q at %d, want one at %d", text, seen, one)
	}
	if _, err := b.Swap(ctx, []byte("two"), seen); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Swap(ctx, []byte("three"), one); !errors.Is(err, stream.ErrMoved) {
		t.Errorf("stale write: got %v, want ErrMoved", err)
	}
}
