// Package ingest turns the stream into the ledger: one message, one entry, in the
// order of the stream, exactly once in effect.
//
// What an entry holds is a function of the stream alone, by rules that are frozen
// with the format (see [Decode]): any number of daemons on one stream, of any age,
// write the same bytes.
//
// # Crashes
//
// The position is the ledger's own head, written in the same Sync as the entries.
// After a crash reading starts behind it; a message whose entry was lost with the
// Sync is read again, and one whose entry was kept is not.
//
// # Concurrency
//
// Three batches are under way at a time: one is decoded, one chained, one synced.
// Commits are told in order, from one goroutine.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"greffe/events"
	"greffe/ledger"
)

// A Message is one message of the stream.
type Message struct {
	Seq   uint64
	At    int64 // when the stream stored it, ns since the Unix epoch
	Topic string
	Data  []byte
}

// A State is what the stream says about itself.
type State struct {
	Created           int64 // identity, ns since the Unix epoch
	Epoch             uint32
	FirstSeq, LastSeq uint64
	Deleted           int
}

// A Source is the stream as ingest needs it.
type Source interface {
	State(ctx context.Context) (State, error)
	// Get reads one message.
	Get(ctx context.Context, seq uint64) (Message, error)
	// Reader delivers the messages from seq on, in order.
	Reader(ctx context.Context, seq uint64) (Reader, error)
}

// A Reader delivers messages until its stream goes away.
type Reader interface {
	// Next waits for at least one message and appends at most max to dst.
	Next(ctx context.Context, dst []Message, max int) ([]Message, error)
	Close()
}

// Options configure [New].
type Options struct {
	Ledger    string // its name, as in the topics
	MaxBatch  int    // messages in one Sync; 0 means 1000
	CheckEach time.Duration
	// Committed is told of every batch once it is synced, in order, before the next.
	Committed func([]ledger.Draft, []ledger.Placed)
	Log       *slog.Logger
}

// ErrDiverged means that the stream is not the one that the ledger was read from.
// Nothing is appended until a person has decided.
var ErrDiverged = errors.New("the stream and the ledger differ")

// ErrNoStream is what a [Source] says when its stream does not exist.
var ErrNoStream = errors.New("there is no such stream")

// An Ingest feeds one ledger.
type Ingest struct {
	trouble atomic.Pointer[error] // why nothing is read at the moment

	src    Source
	ledger *ledger.Ledger
	o      Options

	created int64 // of the stream that is being read
	epoch   uint32
	decoder decoder
}

// New returns an ingest that is not yet running.
func New(src Source, l *ledger.Ledger, o Options) *Ingest {
	if o.MaxBatch == 0 {
		o.MaxBatch = 1000
	}
	if o.CheckEach == 0 {
		o.CheckEach = 5 * time.Second
	}
	if o.Committed == nil {
		o.Committed = func([]ledger.Draft, []ledger.Placed) {}
	}
	return &Ingest{src: src, ledger: l, o: o, decoder: newDecoder(o.Ledger, runtime.GOMAXPROCS(0))}
}

// Run reads the stream until ctx ends, and returns nil then. It starts over by
// itself when the stream goes away for a while, or when the key that signs next is not
// at hand ([ledger.ErrNoSigner]), and returns [ErrDiverged] or the store's error when
// going on would be wrong.
func (in *Ingest) Run(ctx context.Context) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		before := in.ledger.Size()
		err := in.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrDiverged) || errors.Is(err, errStore) {
			return err
		}
		in.trouble.Store(&err)
		if in.ledger.Size() > before {
			wait = 50 * time.Millisecond
		}
		in.o.Log.Warn("reading the stream stopped, trying again", "error", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Trouble says why nothing is read from the stream at the moment, or "".
func (in *Ingest) Trouble() string {
	if err := in.Err(); err != nil {
		return err.Error()
	}
	return ""
}

// Err is [Ingest.Trouble] as an error, for who branches on it.
func (in *Ingest) Err() error {
	if err := in.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// errStore is the class of errors after which the ledger must not be written on.
var errStore = errors.New("the ledger cannot be written")

// session checks the stream, then reads it until something ends.
func (in *Ingest) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := in.checkAnchor(ctx); err != nil {
		return err
	}
	reader, err := in.src.Reader(ctx, in.ledger.Edge().Head.StreamSeq+1)
	if err != nil {
		return err
	}
	defer reader.Close()
	if !errors.Is(in.Err(), ledger.ErrNoSigner) { // that is over once something is appended
		in.trouble.Store(nil)
	}

	var wg sync.WaitGroup
	decoded, staged := make(chan batch, 1), make(chan batch, 2)
	wg.Go(func() { in.watchAnchor(ctx, cancel) })
	wg.Go(func() { in.stage(decoded, staged, cancel) })
	wg.Go(func() { in.commit(staged, cancel) })
	err = in.read(ctx, reader, decoded)
	close(decoded)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(err)
	wg.Wait()
	return err
}

// A batch is what one Sync will hold, on its way to the disk.
type batch struct {
	drafts []ledger.Draft
	anchor ledger.Anchor
	staged *ledger.Staged
}

// read takes whatever has arrived as one batch and decodes it.
func (in *Ingest) read(ctx context.Context, reader Reader, decoded chan<- batch) error {
	next := in.ledger.Edge().Head.StreamSeq + 1
	for {
		messages, err := reader.Next(ctx, nil, in.o.MaxBatch)
		if err != nil {
			return err
		}
		if messages, err = inOrder(messages, next); err != nil {
			return err
		}
		if len(messages) == 0 {
			continue
		}
		b := batch{drafts: in.decoder.decode(in.epoch, messages)}
		if next == 1 {
			if err := readGenesis(&b.drafts[0]); err != nil {
				return err
			}
		}
		last := &messages[len(messages)-1]
		next = last.Seq + 1
		b.anchor = ledger.Anchor{StreamCreated: in.created, StreamSeq: last.Seq, At: last.At, Digest: ledger.AnchorDigest(last.Topic, last.Data)}
		select {
		case decoded <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stage chains the batches. Nothing is staged behind a batch that failed.
func (in *Ingest) stage(decoded <-chan batch, staged chan<- batch, cancel context.CancelCauseFunc) {
	defer close(staged)
	for b := range decoded {
		var err error
		b.staged, err = in.ledger.Stage(b.drafts, b.anchor)
		if errors.Is(err, ledger.ErrNoSigner) {
			cancel(err) // nothing was changed: the same messages come again
			return
		}
		if err != nil {
			cancel(fmt.Errorf("%w: %w", errStore, err))
			return
		}
		staged <- b
	}
}

// inOrder drops what was delivered again, and refuses a hole: an entry is never
// written without its message.
func inOrder(messages []Message, next uint64) ([]Message, error) {
	for len(messages) > 0 && messages[0].Seq < next {
		messages = messages[1:]
	}
	for i := range messages {
		if messages[i].Seq != next+uint64(i) {
			return nil, fmt.Errorf("the stream went from message %d to %d", next+uint64(i)-1, messages[i].Seq)
		}
	}
	return messages, nil
}

// commit waits for each batch to be synced and tells of it.
func (in *Ingest) commit(staged <-chan batch, cancel context.CancelCauseFunc) {
	for b := range staged {
		if err := b.staged.Wait(); err != nil {
			cancel(fmt.Errorf("%w: %w", errStore, err))
			continue // drain, so that stage can end
		}
		if in.trouble.Load() != nil {
			in.trouble.Store(nil)
		}
		in.o.Committed(b.drafts, b.staged.Placed)
	}
}

// readGenesis takes the ledger's id from the first event of the stream.
func readGenesis(d *ledger.Draft) error {
	const advice = "the stream does not begin with " + events.TypeLedgerOpened + " of greffe, it was not opened by greffe"
	if d.Quarantined || d.Publisher != events.DaemonPublisher {
		return fmt.Errorf("%w: %s", ErrDiverged, advice)
	}
	genesis, err := events.ParseGenesis(d.Payload)
	if err != nil {
		return fmt.Errorf("%w: %s (%w)", ErrDiverged, advice, err)
	}
	d.LedgerID, err = genesis.ID()
	return err
}
