package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"greffe/events"
)

// A Message is one message of the stream as it was stored.
type Message struct {
	Seq   uint64
	At    time.Time // when JetStream stored it
	Topic string
	Data  []byte
}

// pull is how many messages may be under way to the reader: measured fastest
// together with acks off.
const pull = 2000

// A Reader delivers the stream in order from a given sequence. It keeps no state on
// the server: a consumer in memory, without acknowledgements, that disappears by
// itself. When the server or the consumer goes away Next fails, and the owner opens
// another reader after it has checked the stream.
type Reader struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	messages chan Message
	consume  jetstream.ConsumeContext
}

// watch ends the reader when the connection drops: what the stream holds must be
// checked again before reading goes on.
func (r *Reader) watch(nc *nats.Conn) {
	status := nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer nc.RemoveStatusListener(status)
	select {
	case <-status:
		r.cancel(errors.New("the reader lost its connection"))
	case <-r.ctx.Done():
	}
}

// Reader opens a reader whose first message is seq.
func (s *Stream) Reader(ctx context.Context, seq uint64) (*Reader, error) {
	cons, err := s.js.CreateConsumer(ctx, events.StreamName(s.ledger), jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       seq,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", events.StreamName(s.ledger), seq, err)
	}
	r := &Reader{messages: make(chan Message, 2*pull)}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.consume, err = cons.Consume(r.take, jetstream.PullMaxMessages(pull),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.lost(err) }))
	if err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", events.StreamName(s.ledger), seq, err)
	}
	go r.watch(s.nc)
	return r, nil
}

// take is called by the client for each message, in order.
func (r *Reader) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		r.cancel(fmt.Errorf("a message without its place in the stream: %w", err))
		return
	}
	select {
	case r.messages <- Message{Seq: meta.Sequence.Stream, At: meta.Timestamp, Topic: m.Subject(), Data: m.Data()}:
	case <-r.ctx.Done():
	}
}

// lost ends the reader when its consumer is gone; other reports are the client's own
// business and mend themselves.
func (r *Reader) lost(err error) {
	for _, end := range []error{jetstream.ErrConsumerDeleted, jetstream.ErrConsumerNotFound, jetstream.ErrNoHeartbeat,
		jetstream.ErrConnectionClosed, jetstream.ErrServerShutdown, jetstream.ErrStreamNotFound, nats.ErrNoResponders} {
		if errors.Is(err, end) {
			r.cancel(fmt.Errorf("the reader lost its stream: %w", err))
			return
		}
	}
}

// Next waits for a message and returns it with whatever else has arrived, at most
// max messages, appended to dst.
func (r *Reader) Next(ctx context.Context, dst []Message, max int) ([]Message, error) {
	select {
	case m := <-r.messages:
		dst = append(dst, m)
	case <-ctx.Done():
		return dst, ctx.Err()
	case <-r.ctx.Done():
		return dst, context.Cause(r.ctx)
	}
	for len(dst) < max {
		select {
		case m := <-r.messages:
			dst = append(dst, m)
		default:
			return dst, nil
		}
	}
	return dst, nil
}

// Close stops the reader.
func (r *Reader) Close() {
	r.cancel(errors.New("the reader is closed"))
	r.consume.Stop()
}
