package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"greffe/events"
)

// A Client submits events as one publisher. A client in any other language needs no
// more than a NATS request to the submit topic: this one keeps many under way and in
// order.
type Client struct {
	nc    *nats.Conn
	topic string
	// Window is how many events may wait for their receipt; 0 means 256.
	Window int
	// Proofs asks for the proof of each entry in its receipt.
	Proofs bool
	// Patience is how long one receipt may take before the event is sent again; 0
	// means 10 seconds. Sending again is safe: the id makes it a duplicate.
	Patience time.Duration
}

// ErrNoReceipt means that an event got no receipt: it is not known whether it was
// recorded, and sending it again under its id is safe.
var ErrNoReceipt = errors.New("no receipt")

// maxTries bounds how often one event is sent without any answer, and maxBusy for how
// long a daemon may say that it is busy.
const (
	maxTries = 5
	maxBusy  = 2 * time.Minute
)

// NewClient returns a client of a publisher.
func NewClient(nc *nats.Conn, ledger, publisher string) *Client {
	return &Client{nc: nc, topic: events.SubmitTopic(ledger, publisher)}
}

// Submit sends one event and waits for its receipt.
func (c *Client) Submit(ctx context.Context, raw []byte) (receipt Receipt, err error) {
	one := func(yield func([]byte, error) bool) { yield(raw, nil) }
	err = c.SubmitAll(ctx, one, func(_ int, r Receipt) error { receipt = r; return nil })
	return receipt, err
}

// SubmitAll sends events in order, many at a time, and calls fn with each receipt, in
// the order of the events. It ends at the first error: of the events, of fn, or of an
// event that got no receipt.
func (c *Client) SubmitAll(ctx context.Context, raws iter.Seq2[[]byte, error], fn func(i int, r Receipt) error) error {
	s, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer s.sub.Unsubscribe()
	for raw, err := range raws {
		if err != nil {
			return errors.Join(s.drain(fn), err)
		}
		if err := s.send(raw); err != nil {
			return err
		}
		for len(s.flights) >= s.window {
			if err := s.receive(fn); err != nil {
				return err
			}
		}
	}
	return s.drain(fn)
}

// A submission is one call of SubmitAll.
type submission struct {
	ctx      context.Context
	c        *Client
	sub      *nats.Subscription
	inbox    string
	window   int
	patience time.Duration
	flights  []flightOut // sent, without receipt or behind one without
	first    int         // number of flights[0]
	sent     int
	busy     time.Time // since when the daemon says so, without a receipt in between
}

// A flightOut is one event under way.
type flightOut struct {
	raw     []byte
	tries   int
	at      time.Time
	receipt *Receipt
}

func (c *Client) start(ctx context.Context) (*submission, error) {
	s := &submission{ctx: ctx, c: c, inbox: c.nc.NewInbox(), window: c.Window, patience: c.Patience}
	if s.window == 0 {
		s.window = 256
	}
	if s.patience == 0 {
		s.patience = 10 * time.Second
	}
	var err error
	if s.sub, err = c.nc.SubscribeSync(s.inbox + ".*"); err != nil {
		return nil, fmt.Errorf("listen for receipts: %w", err)
	}
	return s, s.sub.SetPendingLimits(-1, -1)
}

func (s *submission) send(raw []byte) error {
	s.flights = append(s.flights, flightOut{raw: raw})
	s.sent++
	return s.publish(s.sent - 1)
}

func (s *submission) publish(n int) error {
	f := &s.flights[n-s.first]
	f.tries++
	f.at = time.Now()
	if f.tries > maxTries {
		return fmt.Errorf("%w for event %d after %d tries: the daemon is busy or gone, send the rest again later", ErrNoReceipt, n+1, maxTries)
	}
	m := &nats.Msg{Subject: s.c.topic, Reply: s.inbox + "." + strconv.Itoa(n), Data: f.raw}
	if s.c.Proofs {
		m.Header = nats.Header{HeaderProof: []string{"1"}}
	}
	if err := s.c.nc.PublishMsg(m); err != nil {
		if errors.Is(err, nats.ErrMaxPayload) {
			return fmt.Errorf("event %d has %d bytes, which the server does not take: attach documents by digest (%w)", n+1, len(f.raw), err)
		}
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}

// receive takes one answer, or sends what waits for too long again.
func (s *submission) receive(fn func(int, Receipt) error) error {
	ctx, cancel := context.WithDeadline(s.ctx, s.oldest().Add(s.patience))
	defer cancel()
	m, err := s.sub.NextMsgWithContext(ctx)
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return s.again()
	case errors.Is(err, nats.ErrNoResponders), err == nil && len(m.Data) == 0 && m.Header.Get("Status") == "503":
		return fmt.Errorf("%w: nobody takes events on %s, is the daemon running and the publisher's name right?", ErrNoReceipt, s.c.topic)
	case err != nil:
		return fmt.Errorf("wait for receipts: %w", err)
	}
	n, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	if err != nil || n < s.first || n >= s.sent {
		return nil // an answer to an earlier try
	}
	if err := s.take(n, m.Data); err != nil {
		return err
	}
	return s.hand(fn)
}

// take reads one answer. A busy daemon is asked again after the time that it names.
func (s *submission) take(n int, text []byte) error {
	var answer struct {
		Receipt
		ProblemAnswer
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("read the receipt of event %d: %w", n+1, err)
	}
	if answer.Disposition == "" && answer.Status != 503 {
		return fmt.Errorf("%w for event %d: %s", ErrNoReceipt, n+1, answer.Detail)
	}
	if answer.Disposition == "" {
		return s.wait(n, time.Duration(answer.RetryAfterMS)*time.Millisecond)
	}
	s.busy = time.Time{}
	s.flights[n-s.first].receipt = &answer.Receipt
	return nil
}

// wait sends an event again to a daemon that is busy. The first such answer waits for
// the time that the daemon names, and the others of the window pass with it.
func (s *submission) wait(n int, pause time.Duration) error {
	now := time.Now()
	if s.busy.IsZero() {
		s.busy = now
	}
	if now.Sub(s.busy) > maxBusy {
		return fmt.Errorf("%w for event %d: the daemon has been busy for %s, send the rest again later", ErrNoReceipt, n+1, maxBusy)
	}
	f := &s.flights[n-s.first]
	f.tries--
	if left := time.Until(f.at.Add(pause)); left > 0 {
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(left):
		}
	}
	return s.publish(n)
}

// hand calls fn for the receipts whose turn it is.
func (s *submission) hand(fn func(int, Receipt) error) error {
	for len(s.flights) > 0 && s.flights[0].receipt != nil {
		if err := fn(s.first, *s.flights[0].receipt); err != nil {
			return err
		}
		s.flights = s.flights[1:]
		s.first++
	}
	return nil
}

func (s *submission) oldest() time.Time {
	for i := range s.flights {
		if s.flights[i].receipt == nil {
			return s.flights[i].at
		}
	}
	return time.Now()
}

func (s *submission) again() error {
	for i := range s.flights {
		if f := &s.flights[i]; f.receipt == nil && time.Since(f.at) >= s.patience {
			if err := s.publish(s.first + i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *submission) drain(fn func(int, Receipt) error) error {
	for len(s.flights) > 0 {
		if err := s.receive(fn); err != nil {
			return err
		}
	}
	return nil
}
