// Package stream is the event path over NATS JetStream: the one durable stream of a
// ledger as code, publishing into it, and reading it in order.
//
// It is the only package on the event path that names nats.go. The stream is
// transport, never the record: an acknowledgement of JetStream means that a message
// is on the stream's disk, and only the ledger's receipt means that a fact is kept.
//
// # Crashes
//
// A message that was acknowledged survives a kill of the server (sync_interval:
// always); one that was not may have been stored all the same. Nothing here retries
// by itself: the gateway looks at the ledger before it publishes again.
//
// # Why no consumer state and no message ids
//
// The reader's position is the ledger's head, committed in the same write as the
// entries, so a redelivery or a lost acknowledgement cannot double or drop an entry.
// Nats-Msg-Id is never set: its window is one per stream, and one publisher could
// suppress another's event by guessing its id.
package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"greffe/events"
)

// MinServer is the oldest nats-server that greffe runs on: earlier ones lose
// acknowledged messages in ways that 2.15 mended.
const MinServer = "2.15.0"

// metaEpoch is the key of the epoch number in the stream's metadata.
const metaEpoch = "greffe.epoch"

var (
	// ErrUnfit means that the stream or its server must not carry a ledger.
	ErrUnfit = errors.New("this stream cannot carry a ledger")
	// ErrNotFound means that the stream, or a message in it, does not exist.
	ErrNotFound = errors.New("not in the stream")
)

// Options configure [Open].
type Options struct {
	Replicas  int  // 1 for the embedded server, 3 in a cluster
	MustExist bool // do not make the stream: the ledger has entries of it
	Solo      bool // the only daemon of this ledger: publishes carry the expected last sequence
}

// A Stream is the durable stream of one ledger.
type Stream struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	ledger string
	opts   Options
	epoch  uint32
	made   time.Time
}

// State is what JetStream says about the stream now.
type State struct {
	Created           time.Time // identity: changes when the stream is made anew
	Epoch             uint32
	FirstSeq, LastSeq uint64
	Deleted           int
	Bytes             uint64
}

// Open makes the ledger's stream if it does not exist and checks it if it does.
// It fails with [ErrUnfit] if the server is too old or if the stream could lose or
// change what it holds.
func Open(ctx context.Context, nc *nats.Conn, ledger string, opts Options) (*Stream, error) {
	if v := nc.ConnectedServerVersion(); olderThan(v, MinServer) {
		return nil, fmt.Errorf("%w: nats-server %s is older than %s, upgrade it", ErrUnfit, v, MinServer)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	s := &Stream{nc: nc, js: js, ledger: ledger, opts: opts}
	info, err := s.info(ctx)
	if errors.Is(err, ErrNotFound) && !opts.MustExist {
		info, err = s.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := unfit(&info.Config); err != nil {
		return nil, err
	}
	epoch, err := strconv.ParseUint(info.Config.Metadata[metaEpoch], 10, 32)
	if err != nil || epoch == 0 {
		return nil, fmt.Errorf("%w: stream %s has no epoch in its metadata, it was not made by greffe", ErrUnfit, events.StreamName(ledger))
	}
	s.epoch, s.made = uint32(epoch), info.Created
	return s, nil
}

// config is the stream as code. Nothing may expire, be deleted, purged or rolled up.
func (s *Stream) config(epoch uint32) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               events.StreamName(s.ledger),
		Description:        "events of the greffe ledger " + s.ledger,
		Subjects:           []string{"greffe." + s.ledger + ".event.>"},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		Replicas:           max(1, s.opts.Replicas),
		DenyDelete:         true,
		DenyPurge:          true,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{metaEpoch: strconv.FormatUint(uint64(epoch), 10)},
	}
}

func (s *Stream) create(ctx context.Context) (*jetstream.StreamInfo, error) {
	st, err := s.js.CreateStream(ctx, s.config(1))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return s.info(ctx) // another daemon was faster
	}
	if err != nil {
		return nil, fmt.Errorf("make stream %s: %w", events.StreamName(s.ledger), err)
	}
	return st.CachedInfo(), nil
}

func (s *Stream) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	st, err := s.js.Stream(ctx, events.StreamName(s.ledger))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s: %w", events.StreamName(s.ledger), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", events.StreamName(s.ledger), err)
	}
	return st.CachedInfo(), nil
}

// unfit names the first setting under which the stream could lose or change events.
func unfit(c *jetstream.StreamConfig) error {
	faults := []struct {
		bad  bool
		what string
	}{
		{!c.DenyDelete || !c.DenyPurge, "deny_delete and deny_purge must be on"},
		{c.Storage != jetstream.FileStorage, "storage must be file"},
		{c.Retention != jetstream.LimitsPolicy, "retention must be limits"},
		{c.MaxAge != 0 || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0, "max_age, max_msgs and max_msgs_per_subject must not be set"},
		{c.AllowRollup || c.AllowMsgTTL, "allow_rollup and allow_msg_ttl must be off"},
		{c.PersistMode == jetstream.AsyncPersistMode, "persist_mode must not be async"},
		{!c.AllowAtomicPublish || !c.AllowDirect, "allow_atomic and allow_direct must be on"},
	}
	for _, f := range faults {
		if f.bad {
			return fmt.Errorf("%w: %s on stream %s", ErrUnfit, f.what, c.Name)
		}
	}
	return nil
}

// Epoch returns the number of the stream's epoch, from 1.
func (s *Stream) Epoch() uint32 { return s.epoch }

// Created returns when the stream was made: together with the epoch, its identity.
func (s *Stream) Created() time.Time { return s.made }

// State asks the server.
func (s *Stream) State(ctx context.Context) (State, error) {
	info, err := s.info(ctx)
	if err != nil {
		return State{}, err
	}
	if err := unfit(&info.Config); err != nil {
		return State{}, err
	}
	epoch, _ := strconv.ParseUint(info.Config.Metadata[metaEpoch], 10, 32)
	st := State{
		Created: info.Created, Epoch: uint32(epoch),
		FirstSeq: info.State.FirstSeq, LastSeq: info.State.LastSeq,
		Deleted: info.State.NumDeleted, Bytes: info.State.Bytes,
	}
	return st, nil
}

// Get reads one message by its sequence. It fails with [ErrNotFound] if the stream
// does not hold it.
func (s *Stream) Get(ctx context.Context, seq uint64) (Message, error) {
	st, err := s.js.Stream(ctx, events.StreamName(s.ledger))
	if err != nil {
		return Message{}, fmt.Errorf("look up stream %s: %w", events.StreamName(s.ledger), err)
	}
	raw, err := st.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Message{}, fmt.Errorf("message %d of stream %s: %w", seq, events.StreamName(s.ledger), ErrNotFound)
	}
	if err != nil {
		return Message{}, fmt.Errorf("read message %d of stream %s: %w", seq, events.StreamName(s.ledger), err)
	}
	return Message{Seq: raw.Sequence, At: raw.Time, Topic: raw.Subject, Data: raw.Data}, nil
}

// olderThan compares dotted versions; what cannot be read is old.
func olderThan(version, floor string) bool {
	v, f := strings.Split(version, "."), strings.Split(floor, ".")
	for i := range f {
		if i >= len(v) {
			return true
		}
		digits := strings.TrimRight(strings.SplitN(v[i], "-", 2)[0], "+")
		a, err := strconv.Atoi(digits)
		b, _ := strconv.Atoi(f[i])
		if err != nil || a != b {
			return err != nil || a < b
		}
	}
	return false
}
