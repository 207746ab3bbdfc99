package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/projections"
)

// A Ledger is what the service reads entries from.
type Ledger interface {
	// Size returns the number of entries.
	Size() uint64
	// Record returns one entry; the caller owns its bytes.
	Record(seq uint64) (chain.Record, error)
	// Read calls fn for the entries from (included) to (excluded), in order. The
	// record's bytes are valid only during the call.
	Read(from, to uint64, fn func(chain.Record) error) error
	// Headers calls fn for the headers of the entries from (included) to (excluded), in
	// order. The bytes are valid only during the call.
	Headers(from, to uint64, fn func(chain.Header) error) error
	// Inclusion proves that an entry is among the first size ones.
	Inclusion(size, seq uint64) ([]chain.Hash, error)
	// RootAt returns the root over the first size entries.
	RootAt(size uint64) (chain.Hash, error)
	// Consistency proves that the first old entries are a prefix of the first size ones.
	Consistency(old, size uint64) ([]chain.Hash, error)
	// TlogProof returns the proof file of an entry under a signed checkpoint.
	TlogProof(seq, size uint64, checkpoint []byte) ([]byte, error)
}

// Sources is what the daemon lets the service read. All members but Log are required.
type Sources struct {
	Ledger Ledger
	// Find returns the place of a publisher's event, false if there is none.
	Find func(publisher string, id events.ID) (seq uint64, ok bool, err error)
	// FindAll returns the first event of each publisher under an id.
	FindAll func(id events.ID) ([]Origination, error)
	// View opens the registers as they are now, with all that was receipted before the
	// call folded in. The service closes it.
	View func(ctx context.Context) (projections.View, error)
	// Status returns what only the daemon knows; see [Status].
	Status func() Status
	// Shown returns the newest published checkpoint, which covers at least what was
	// receipted before the call: what an answer is proved by.
	Shown func(ctx context.Context) CheckpointPoint
	// Checkpoint returns a published, signed checkpoint that covers at least what was
	// receipted before the call.
	Checkpoint func(ctx context.Context) (note []byte, size uint64, err error)
	// Covering returns the published checkpoint to prove the entry at seq by.
	Covering func(ctx context.Context, seq uint64) (note []byte, size uint64, err error)
	// Signed returns a published, signed checkpoint of exactly that size, or nil if none
	// is kept.
	Signed func(ctx context.Context, size uint64) ([]byte, error)
	// Evidence returns what others said of the ledger at sizes from 1 to size, at most
	// 20 statements.
	Evidence func(size uint64) ([]Statement, error)
	// KeyEvents returns the seqs below size of the events about the ledger's keys (FORMAT
	// §4.1), in order.
	KeyEvents func(size uint64) ([]uint64, error)
	Log       *slog.Logger
}

// Limits of the service.
const (
	queueLength  = 256              // questions waiting
	questionTime = 60 * time.Second // for one answer
)

// A service answers the questions about one ledger.
type service struct {
	src    Sources
	ledger string
	nc     *nats.Conn
	micro  micro.Service
	work   chan task
	stop   context.CancelFunc
	ctx    context.Context // ends when the service is closed
	wg     sync.WaitGroup
	mu     sync.RWMutex // held for writing while closing
	closed bool
}

// A task is a question that waits. It holds no micro.Request: micro reads that again
// when its handler returns, which is long before a worker writes to it.
type task struct {
	topic, reply string
	question     []byte
	answer       answerer
}

// An answerer answers one question. It writes the answer to w or returns an error.
type answerer func(ctx context.Context, s *service, question []byte, w *writer) error

// Serve answers questions about a ledger on nc until the closer is closed. When it
// returns, the server knows the endpoints.
func Serve(nc *nats.Conn, ledger string, src Sources) (io.Closer, error) {
	ctx, stop := context.WithCancel(context.Background())
	s := &service{src: src, ledger: ledger, nc: nc, work: make(chan task, queueLength), ctx: ctx, stop: stop}
	if s.src.Log == nil {
		s.src.Log = slog.New(slog.DiscardHandler)
	}
	for range max(2, runtime.GOMAXPROCS(0)) {
		s.wg.Go(s.worker)
	}
	if err := s.register(); err != nil {
		return nil, errors.Join(fmt.Errorf("query service: %w", err), s.Close())
	}
	return s, nil
}

// endpoints is the table of what can be asked.
func endpoints() map[string]answerer {
	return map[string]answerer{
		endpointStatus:     answerStatus,
		endpointRegisters:  answerRegisters,
		endpointList:       answerList,
		endpointShow:       answerShow,
		endpointHistory:    answerHistory,
		endpointEvent:      answerEvent,
		endpointProve:      answerProve,
		endpointGrowth:     answerGrowth,
		endpointEvidence:   answerEvidence,
		endpointSelect:     answerSelect,
		endpointRecords:    answerRecords,
		endpointCheckpoint: answerCheckpoint,
		endpointEntries:    answerEntries,
	}
}

func (s *service) register() (err error) {
	s.micro, err = micro.AddService(s.nc, micro.Config{
		Name: ServiceName, Version: Version,
		Description: "registers and entries of a greffe ledger",
		Metadata:    map[string]string{"ledger": s.ledger},
	})
	if err != nil {
		return err
	}
	for name, answer := range endpoints() {
		handler := micro.HandlerFunc(func(req micro.Request) { s.enqueue(req, answer) })
		topic := micro.WithEndpointSubject(events.QueryTopic(s.ledger, name))
		if err := s.micro.AddEndpoint(endpointName(name), handler, topic); err != nil {
			return err
		}
	}
	return s.nc.Flush() // subscriptions are not there before the server has read them
}

// endpointName is a name as micro allows it: without dots.
func endpointName(name string) string {
	b := []byte(name)
	for i := range b {
		if b[i] == '.' {
			b[i] = '-'
		}
	}
	return string(b)
}

func (s *service) enqueue(req micro.Request, answer answerer) {
	if !strings.HasPrefix(req.Reply(), "_INBOX") {
		return // nobody waits, or the answer would go where only the daemon may publish
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		req.Error(codeBusy, "the daemon is stopping: ask again when it is back", nil)
		return
	}
	select {
	case s.work <- task{req.Subject(), req.Reply(), req.Data(), answer}:
	default:
		req.Error(codeBusy, "too many questions at once: ask again in a second", nil)
	}
}

func (s *service) worker() {
	for t := range s.work {
		s.handle(t)
	}
}

func (s *service) handle(t task) {
	ctx, cancel := context.WithTimeout(s.ctx, questionTime)
	defer cancel()
	w := &writer{nc: s.nc, reply: t.reply}
	err := t.answer(ctx, s, t.question, w)
	if err == nil {
		err = w.close()
	}
	if err == nil {
		return
	}
	var known *Error
	if !errors.As(err, &known) {
		s.src.Log.Error("a question could not be answered", "topic", t.topic, "error", err)
		known = &Error{codeInternal, "the daemon could not answer: its log says why"}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			known = &Error{codeBusy, "the answer took too long: ask for less, or again later"}
		}
	}
	if err := w.send(nil, micro.ErrorCodeHeader, known.Code, micro.ErrorHeader, known.Text); err != nil {
		s.src.Log.Error("an answer could not be sent", "topic", t.topic, "error", err)
	}
}

// Close stops answering: questions that wait are answered first.
func (s *service) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.work)
	s.mu.Unlock()
	var err error
	if s.micro != nil {
		err = s.micro.Stop()
	}
	s.wg.Wait()
	s.stop()
	return err
}

// A writer sends an answer in messages of chunkBytes.
type writer struct {
	nc    *nats.Conn
	reply string
	buf   []byte
	next  string // value of the header Greffe-Next
}

// Write implements [io.Writer].
func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), w.flush()
}

// flush sends whole messages, and leaves the last one to close.
func (w *writer) flush() error {
	for len(w.buf) > chunkBytes {
		if err := w.send(w.buf[:chunkBytes], headerMore, "1"); err != nil {
			return err
		}
		w.buf = w.buf[:copy(w.buf, w.buf[chunkBytes:])]
	}
	return nil
}

// close sends the last message.
func (w *writer) close() error {
	if w.next == "" {
		return w.send(w.buf)
	}
	return w.send(w.buf, headerNext, w.next)
}

// send sends one message with headers, each a name and a value.
func (w *writer) send(data []byte, headers ...string) error {
	msg := &nats.Msg{Subject: w.reply, Data: data}
	for i := 0; i < len(headers); i += 2 {
		if msg.Header == nil {
			msg.Header = nats.Header{}
		}
		msg.Header.Set(headers[i], headers[i+1])
	}
	return w.nc.PublishMsg(msg)
}

// ask reads the question. An empty body is the empty question.
func ask(question []byte, into any) error {
	if len(question) == 0 {
		return nil
	}
	if err := json.Unmarshal(question, into, json.RejectUnknownMembers(true)); err != nil {
		return &Error{codeBadQuestion, "the question is not the JSON object that this endpoint reads: see the documentation of package query"}
	}
	return nil
}

// answer writes v as JSON.
func (w *writer) answer(v any) error {
	return json.MarshalWrite(w, v, json.Deterministic(true))
}
