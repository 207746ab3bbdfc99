// Package gateway takes events from publishers: it checks them, publishes what it
// accepts into the stream, and answers when the ledger has them on its disk.
//
// A receipt means: fsynced in the ledger, at this place, for ever. What the gateway
// cannot accept is not dropped: it becomes a ledger.quarantined event that says why,
// and that has its own place in the chain.
//
// # Crashes
//
// The gateway keeps nothing on disk. A publisher that got no receipt sends the event
// again under the same id: if it had been recorded, the answer is `duplicate` with
// the first place.
//
// # Concurrency
//
// Group commit without timers: whatever waits while the last batch is in flight goes
// out together. All queues are bounded; past them the answer is `busy`, at once.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"greffe/events"
	"greffe/events/stream"
)

// A Place is where an event went in the ledger.
type Place struct {
	Seq  uint64
	Leaf [32]byte
}

// A Ledger is what the gateway asks before it publishes.
type Ledger interface {
	// First returns the place and content digest of the first event that a publisher
	// made under an id; ok is false if there is none.
	First(publisher string, id [16]byte) (p Place, digest [32]byte, ok bool, err error)
	// Conflict returns the place of the conflict entry with that id and content.
	Conflict(publisher string, id [16]byte, digest [32]byte) (p Place, ok bool, err error)
}

// A Publisher puts accepted events into the stream: see [stream.Publisher].
type Publisher interface {
	Publish(ctx context.Context, msgs []stream.Outgoing) error
	Resync(ctx context.Context) error
}

// A Committed entry is what ingest tells of: an event that is on the ledger's disk.
type Committed struct {
	Publisher   string
	ID          [16]byte
	Digest      [32]byte // of the content
	Place       Place
	First       uint64 // seq of the first entry with that id
	Disposition Disposition
}

// Options configure [New].
type Options struct {
	Ledger      string
	Secret      []byte // 32 bytes: makes the ids and digests of quarantined items
	MaxInFlight int    // events that wait for their receipt; 0 means 8192
	MaxBatch    int    // events in one publish; 0 means stream.MaxBatch
	Now         func() time.Time
	Log         *slog.Logger
}

// A Gateway serves the submit topics of one ledger.
type Gateway struct {
	o   Options
	led Ledger
	pub Publisher
	nc  *nats.Conn
	sub *nats.Subscription

	wake chan struct{}

	mu      sync.Mutex
	waiting []*item          // accepted and not yet published, in order
	flying  map[flight]*item // accepted and not yet committed
	counts  Counts

	checker checker // owned by the subscription's goroutine
}

// A flight names an event between acceptance and commit.
type flight struct {
	publisher string
	id        [16]byte
	digest    [32]byte
}

// An item is one event on its way, with everybody who waits for it.
type item struct {
	flight
	out     stream.Outgoing
	waiters []waiter
}

// A waiter is one request that has not been answered.
type waiter struct {
	reply       string           // empty if nobody waits: a plain publish, recorded all the same
	id          string           // the submitted id, if it could be read
	reasons     []events.Problem // why it is quarantined, if it is
	quarantined bool
	again       bool // the same event was already on its way: the answer is duplicate
}

// Counts are totals since the gateway started.
type Counts struct {
	Recorded, Duplicate, Conflict, Quarantined, Busy, Failed uint64
}

// New returns a gateway that does not serve yet.
func New(nc *nats.Conn, led Ledger, pub Publisher, o Options) *Gateway {
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 8192
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = stream.MaxBatch
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Gateway{o: o, led: led, pub: pub, nc: nc, wake: make(chan struct{}, 1), flying: map[flight]*item{}}
}

// Listen takes submissions from here on. They are published once [Gateway.Run] runs.
func (g *Gateway) Listen() error {
	var err error
	g.sub, err = g.nc.QueueSubscribe(events.SubmitTopic(g.o.Ledger, "*"), "gateway", g.take)
	if err != nil {
		return fmt.Errorf("serve submissions: %w", err)
	}
	// The handler never waits, so that this limit is reached only if it starves.
	if err := g.sub.SetPendingLimits(1<<17, 512<<20); err != nil {
		return fmt.Errorf("serve submissions: %w", err)
	}
	if err := g.nc.Flush(); err != nil {
		return fmt.Errorf("serve submissions: %w", err)
	}
	return nil
}

// Run publishes until ctx ends. Events that are in flight then get no receipt and are
// sent again by their publishers.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.sub.Unsubscribe()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		}
		for batch := g.next(); len(batch) > 0; batch = g.next() {
			g.publish(ctx, batch)
		}
	}
}

// Counts returns the totals.
func (g *Gateway) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts
}

// next takes what waits, at most one batch.
func (g *Gateway) next() []*item {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.o.MaxBatch)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return batch
}

// publish puts a batch into the stream. Receipts are not given here but by
// [Gateway.Committed], so a lost acknowledgement does no harm.
func (g *Gateway) publish(ctx context.Context, batch []*item) {
	out := make([]stream.Outgoing, len(batch))
	for i, it := range batch {
		out[i] = it.out
	}
	err := g.pub.Publish(ctx, out)
	if errors.Is(err, stream.ErrMoved) {
		// An earlier publish of ours arrived after its time-out. Nothing of this batch
		// was stored, so it can go out again.
		if err = g.pub.Resync(ctx); err == nil {
			err = g.pub.Publish(ctx, out)
		}
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	g.o.Log.Error("publishing into the stream failed", "events", len(batch), "error", err)
	g.fail(batch)
	for wait := 50 * time.Millisecond; g.pub.Resync(ctx) != nil; wait = min(2*wait, 2*time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// fail answers a batch whose fate is not known.
func (g *Gateway) fail(batch []*item) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, it := range batch {
		if g.flying[it.flight] != it {
			continue // committed after all
		}
		delete(g.flying, it.flight)
		for _, w := range it.waiters {
			g.counts.Failed++
			g.answer(w.reply, problemUnavailable)
		}
	}
}

// take is called for every submission, one at a time. It never waits.
func (g *Gateway) take(m *nats.Msg) {
	publisher := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	if !events.ValidName(publisher) || publisher == events.DaemonPublisher {
		g.reject(waiter{reply: m.Reply}, problemPublisher) // an external server may let anybody through
		return
	}
	checked := g.checker.check(publisher, m.Data)
	w := waiter{reply: m.Reply, id: checked.id}
	if len(checked.problems) > 0 {
		g.quarantine(publisher, m.Data, w, checked.problems)
		return
	}
	f := flight{publisher, checked.event.ID.Bytes(), checked.digest}
	if g.join(f, w) {
		return
	}
	known, err := g.answerKnown(f, w)
	if err != nil {
		g.o.Log.Error("the ledger could not be asked", "error", err)
		g.reject(w, problemUnavailable)
		return
	}
	if !known {
		g.enqueue(&item{flight: f, waiters: []waiter{w}, out: stream.Outgoing{
			Topic: events.EventTopic(g.o.Ledger, publisher, checked.event.Type),
			Data:  checked.stored,
		}})
	}
}

// join adds a waiter to the same event if that is already on its way.
func (g *Gateway) join(f flight, w waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.flying[f]
	if it == nil {
		return false
	}
	w.again = !w.quarantined
	it.waiters = append(it.waiters, w)
	return true
}

// answerKnown answers from the ledger if it has this content under this id.
func (g *Gateway) answerKnown(f flight, w waiter) (bool, error) {
	place, digest, ok, err := g.led.First(f.publisher, f.id)
	if !ok || err != nil {
		return false, err
	}
	disposition := Duplicate
	if digest != f.digest {
		if place, ok, err = g.led.Conflict(f.publisher, f.id, f.digest); !ok || err != nil {
			return false, err
		}
		disposition = Conflict
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.receipt(w, place, disposition)
	return true, nil
}

// enqueue accepts an event, or says busy when too many wait.
func (g *Gateway) enqueue(it *item) {
	g.mu.Lock()
	if len(g.flying) >= g.o.MaxInFlight {
		g.counts.Busy++
		g.mu.Unlock()
		g.answer(it.waiters[0].reply, problemBusy)
		return
	}
	g.flying[it.flight] = it
	g.waiting = append(g.waiting, it)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *Gateway) reject(w waiter, problem string) {
	g.mu.Lock()
	g.counts.Failed++
	g.mu.Unlock()
	g.answer(w.reply, problem)
}

// Committed gives the receipts of entries that are on the ledger's disk. Entries of
// other gateways pass by.
func (g *Gateway) Committed(entries []Committed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range entries {
		c := &entries[i]
		f := flight{c.Publisher, c.ID, c.Digest}
		if c.Publisher == events.DaemonPublisher {
			f.digest = [32]byte{} // as quarantine names them
		}
		it := g.flying[f]
		if it == nil {
			continue
		}
		delete(g.flying, f)
		for _, w := range it.waiters {
			g.settle(w, c)
		}
	}
}

// settle answers one waiter of a committed entry. g.mu is held.
func (g *Gateway) settle(w waiter, c *Committed) {
	place, disposition := c.Place, c.Disposition
	if w.again && disposition == Recorded {
		disposition = Duplicate
	}
	if c.Disposition == Duplicate && c.First != c.Place.Seq {
		// Another gateway was faster. The receipt names the place that counts.
		if first, _, ok, err := g.led.First(c.Publisher, c.ID); ok && err == nil && first.Seq == c.First {
			place = first
		}
	}
	g.receipt(w, place, disposition)
}
