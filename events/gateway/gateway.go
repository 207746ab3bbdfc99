// Package gateway takes events from publishers: it checks them, publishes what it
// accepts into the stream, and answers when the ledger has them on its disk.
//
// A receipt means: fsynced in the ledger, at this place, for ever. What the gateway
// cannot accept is not dropped: it becomes a ledger.quarantined event that says why,
// and that has its own place in the chain.
//
// A submission with the header Greffe-Proof: 1 gets the proof of its entry in its
// receipt, see [HeaderProof].
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
	Publish(ctx context.Context, msgs []stream.Outgoing) (stored int, err error)
	Resync(ctx context.Context) error
}

// A Committed entry is what ingest tells of: an event that is on the ledger's disk.
type Committed struct {
	Publisher   string
	ID          [16]byte
	Digest      [32]byte // of the content
	Place       Place
	Disposition Disposition
}

// Options configure [New].
type Options struct {
	Ledger      string
	Secret      []byte        // 32 bytes: makes the ids and digests of quarantined items
	MaxInFlight int           // requests that wait for their receipt; 0 means 8192, a publisher gets half
	MaxBytes    int           // bytes of events in flight; 0 means 64 MiB
	Patience    time.Duration // until an event without receipt is given up; 0 means 30 seconds
	MaxBatch    int           // events in one publish; 0 means stream.MaxBatch
	Prover      Prover        // nil: no receipt carries a proof
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

	wake  chan struct{}
	prove chan struct{} // something is owed

	mu      sync.Mutex
	waiting []*item          // accepted and not yet published, in order
	flying  map[flight]*item // accepted and not yet committed
	held    map[string]int   // requests without answer, by publisher
	asked   int              // all of them
	bytes   int              // of the events in flying
	owed    []owed           // receipts that wait for their proof
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
	since   time.Time
	waiters []waiter
}

// A waiter is one request that has not been answered.
type waiter struct {
	publisher   string
	reply       string           // empty if nobody waits: a plain publish, recorded all the same
	id          string           // the submitted id, if it could be read
	reasons     []events.Problem // why it is quarantined, if it is
	quarantined bool
	proof       bool // the receipt is to carry one
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
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = stream.MaxBatch
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Gateway{o: o, led: led, pub: pub, nc: nc, wake: make(chan struct{}, 1), prove: make(chan struct{}, 1), flying: map[flight]*item{}, held: map[string]int{}}
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
	var proving sync.WaitGroup
	proving.Go(func() { g.payAll(ctx) })
	defer proving.Wait()
	sweep := time.NewTicker(g.o.Patience / 4)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			g.giveUp()
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

// next takes what waits, at most one batch. What has landed meanwhile, because another
// gateway was faster, need not be published again.
func (g *Gateway) next() []*item {
	g.mu.Lock()
	defer g.mu.Unlock()
	batch := make([]*item, 0, min(len(g.waiting), g.o.MaxBatch))
	for len(g.waiting) > 0 && len(batch) < g.o.MaxBatch {
		it := g.waiting[0]
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
		if g.flying[it.flight] == it {
			batch = append(batch, it)
		}
	}
	return batch
}

// publish puts a batch into the stream. Receipts are not given here but by
// [Gateway.Committed], so a lost acknowledgement does no harm.
func (g *Gateway) publish(ctx context.Context, batch []*item) {
	out := make([]stream.Outgoing, len(batch))
	for i, it := range batch {
		out[i] = it.out
	}
	stored, err := g.pub.Publish(ctx, out)
	if errors.Is(err, stream.ErrMoved) {
		// An earlier publish of ours arrived after its time-out. What follows the stored
		// ones was not taken, so it can go out again.
		if err = g.pub.Resync(ctx); err == nil {
			_, err = g.pub.Publish(ctx, out[stored:])
		}
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	g.o.Log.Error("publishing into the stream failed", "events", len(batch), "error", err)
	g.mu.Lock()
	for _, it := range batch {
		g.abandon(it)
	}
	g.mu.Unlock()
	for wait := 50 * time.Millisecond; g.pub.Resync(ctx) != nil; wait = min(2*wait, 2*time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// abandon answers everybody who waits for an event whose fate is not known. g.mu is
// held.
func (g *Gateway) abandon(it *item) {
	if g.flying[it.flight] != it {
		return // committed after all
	}
	g.land(it)
	for _, w := range it.waiters {
		g.counts.Failed++
		g.reply(w, problemUnavailable)
	}
}

// giveUp frees the places of events that got no entry in time, whatever the reason.
func (g *Gateway) giveUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, it := range g.flying {
		if g.o.Now().Sub(it.since) > g.o.Patience {
			g.abandon(it)
		}
	}
}

// land takes an event out of flight. g.mu is held.
func (g *Gateway) land(it *item) {
	delete(g.flying, it.flight)
	g.bytes -= len(it.out.Data)
}

// take is called for every submission, one at a time. It never waits.
func (g *Gateway) take(m *nats.Msg) {
	if !answerable(m.Reply) {
		g.o.Log.Warn("a submission whose reply is no inbox was dropped", "topic", m.Subject)
		return
	}
	publisher := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	w := waiter{publisher: publisher, reply: m.Reply, proof: m.Reply != "" && m.Header.Get(HeaderProof) == "1"}
	if !events.ValidName(publisher) || publisher == events.DaemonPublisher {
		g.refuse(w, problemPublisher) // an external server may let anybody through
		return
	}
	checked := g.checker.check(publisher, m.Data)
	w.id = checked.id
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
		g.refuse(w, problemUnavailable)
		return
	}
	if !known {
		g.enqueue(&item{flight: f, waiters: []waiter{w}, out: stream.Outgoing{
			Topic: events.EventTopic(g.o.Ledger, publisher, checked.event.Type),
			Data:  checked.stored,
		}})
	}
}

// answerable reports whether a reply goes to an inbox, or nowhere. The server does not
// check where a request wants its answer: a reply such as $JS.API… would be published
// with the daemon's rights.
func answerable(reply string) bool { return reply == "" || strings.HasPrefix(reply, "_INBOX") }

// join adds a waiter to the same event if that is already on its way.
func (g *Gateway) join(f flight, w waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.flying[f]
	if it == nil {
		return false
	}
	if g.admit(w, 0) {
		w.again = !w.quarantined
		it.waiters = append(it.waiters, w)
	}
	return true
}

// answerKnown answers from the ledger if it has this content under this id.
func (g *Gateway) answerKnown(f flight, w waiter) (bool, error) {
	place, disposition, ok, err := g.known(f)
	if !ok || err != nil {
		return false, err
	}
	g.hand(w, place, disposition)
	return true, nil
}

// known returns where the ledger has this content under this id: as the first event,
// or as a conflict with it.
func (g *Gateway) known(f flight) (Place, Disposition, bool, error) {
	place, digest, ok, err := g.led.First(f.publisher, f.id)
	if !ok || err != nil {
		return place, "", false, err
	}
	if digest == f.digest {
		return place, Duplicate, true, nil
	}
	place, ok, err = g.led.Conflict(f.publisher, f.id, f.digest)
	return place, Conflict, ok, err
}

// enqueue accepts an event, or says busy when too many wait.
func (g *Gateway) enqueue(it *item) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.admit(it.waiters[0], len(it.out.Data)) {
		return
	}
	g.fly(it)
}

// fly sends an item out with the next batch. g.mu is held.
func (g *Gateway) fly(it *item) {
	it.since = g.o.Now()
	g.flying[it.flight] = it
	g.bytes += len(it.out.Data)
	g.waiting = append(g.waiting, it)
	select {
	case g.wake <- struct{}{}:
	default:
	}
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
		g.land(it)
		for _, w := range it.waiters {
			g.settle(w, f, c)
		}
	}
}

// settle answers one waiter of a committed entry. g.mu is held.
func (g *Gateway) settle(w waiter, f flight, c *Committed) {
	place, disposition := c.Place, c.Disposition
	if w.again && disposition == Recorded {
		disposition = Duplicate
	}
	if c.Disposition == Duplicate {
		// Another gateway was faster. The receipt names the place that counts.
		if first, d, ok, err := g.known(f); ok && err == nil {
			place, disposition = first, d
		}
	}
	text := g.receipt(w, place, disposition)
	if w.proof {
		g.owe(w, place.Seq, text)
		return
	}
	g.reply(w, text)
}
