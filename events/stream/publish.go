package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// MaxBatch is how many messages one atomic batch may hold (a limit of nats-server).
const MaxBatch = 1000

// plainBelow is the size under which single publishes beat an atomic batch: each
// costs one fsync of 0.2 to 0.3 ms, a batch a fixed 2.5 to 5 ms.
const plainBelow = 8

// codeWrongLastSequence is JetStream's error when the expected last sequence differs.
const codeWrongLastSequence = 10071

// ErrMoved means that the stream has grown since: the expected last sequence did
// not match, and nothing was published.
var ErrMoved = errors.New("the stream has moved on")

// An Outgoing message is one accepted event on its way into the stream.
type Outgoing struct {
	Topic string
	Data  []byte
}

// A Publisher publishes into the stream, one call at a time. It is not safe for
// concurrent use: the order of its calls is the order of the stream.
type Publisher struct {
	s    *Stream
	last uint64 // expected last sequence, if the daemon is the only one
}

// Publisher returns a publisher that continues after the stream's last message.
func (s *Stream) Publisher(ctx context.Context) (*Publisher, error) {
	p := &Publisher{s: s}
	return p, p.Resync(ctx)
}

// Resync asks the stream for its last sequence again, after an error of Publish.
func (p *Publisher) Resync(ctx context.Context) error {
	st, err := p.s.State(ctx)
	if err != nil {
		return err
	}
	p.last = st.LastSeq
	return nil
}

// Publish puts the messages into the stream in order and returns when JetStream
// says that they are on disk. Up to [MaxBatch] messages are one atomic batch. It
// returns how many were stored for certain, from the first on.
//
// After an error it is not known whether the next ones were stored: the caller looks
// at the ledger. With [ErrMoved] they were not.
func (p *Publisher) Publish(ctx context.Context, msgs []Outgoing) (stored int, err error) {
	if len(msgs) < plainBelow {
		return p.publishPlain(ctx, msgs)
	}
	for stored < len(msgs) {
		batch := msgs[stored:min(len(msgs), stored+MaxBatch)]
		if err := p.publishBatch(ctx, batch); err != nil {
			return stored, err
		}
		stored += len(batch)
	}
	return stored, nil
}

func (p *Publisher) publishPlain(ctx context.Context, msgs []Outgoing) (stored int, err error) {
	for i := range msgs {
		ack, err := p.s.js.PublishMsg(ctx, p.message(&msgs[i], p.last), jetstream.WithRetryAttempts(0))
		if err != nil {
			return i, publishError(err)
		}
		p.last = ack.Sequence
	}
	return len(msgs), nil
}

func (p *Publisher) publishBatch(ctx context.Context, msgs []Outgoing) error {
	batch := make([]*nats.Msg, len(msgs))
	for i := range msgs {
		batch[i] = p.message(&msgs[i], p.last)
		if i > 0 {
			batch[i].Header.Del(jetstream.ExpectedLastSeqHeader) // allowed on the first only
		}
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, p.s.js, batch, jetstreamext.BatchFlowControl{})
	if err != nil {
		return publishError(err)
	}
	p.last = ack.Sequence
	return nil
}

func (p *Publisher) message(m *Outgoing, last uint64) *nats.Msg {
	msg := &nats.Msg{Subject: m.Topic, Data: m.Data, Header: nats.Header{}}
	if p.s.opts.Solo {
		msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
	}
	return msg
}

// PublishFirst publishes the genesis: it succeeds only into an empty stream, and
// fails with [ErrMoved] if another daemon was faster.
func (s *Stream) PublishFirst(ctx context.Context, m Outgoing) error {
	msg := &nats.Msg{Subject: m.Topic, Data: m.Data, Header: nats.Header{}}
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, "0")
	_, err := s.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
	return publishError(err)
}

func publishError(err error) error {
	if err == nil {
		return nil
	}
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeWrongLastSequence {
		return fmt.Errorf("publish into the stream: %w", ErrMoved)
	}
	return fmt.Errorf("publish into the stream: %w", err)
}
