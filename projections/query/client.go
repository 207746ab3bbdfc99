package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"greffe/events"
	"greffe/ledger/chain"
)

// Client asks the query service of one ledger. It is safe for concurrent use.
type Client struct {
	nc     *nats.Conn
	ledger string
	wait   time.Duration
}

// NewClient returns a client over nc. wait is how long each message of an answer may
// take; 0 means 30 seconds. A context with an earlier deadline wins.
func NewClient(nc *nats.Conn, ledger string, wait time.Duration) *Client {
	if wait <= 0 {
		wait = 30 * time.Second
	}
	return &Client{nc: nc, ledger: ledger, wait: wait}
}

// ErrNobody means that no daemon serves the ledger on this NATS server, or that the
// user may not ask it.
var ErrNobody = errors.New("no daemon answers")

// Status asks for the state of the daemon and its ledger.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, endpointStatus, struct{}{})
}

// Registers asks for every register with its counts.
func (c *Client) Registers(ctx context.Context, w When) (Registers, error) {
	return get[Registers](ctx, c, endpointRegisters, Question{When: w})
}

// List asks for all rows of a register. A register that changes between two parts of
// a long answer is asked for again from the start.
func (c *Client) List(ctx context.Context, register string, w When) (Register, error) {
	const tries = 3
	for range tries {
		all, whole, err := c.list(ctx, register, w)
		if err != nil || whole {
			return all, err
		}
	}
	return Register{}, &Error{codeBusy, "the register changes faster than it can be read: ask for it as known at a seq"}
}

// list asks for the parts of a register; whole is false if it changed meanwhile.
func (c *Client) list(ctx context.Context, register string, w When) (all Register, whole bool, err error) {
	all, err = get[Register](ctx, c, endpointList, Question{Register: register, When: w})
	for err == nil && all.Next != "" {
		var part Register
		part, err = get[Register](ctx, c, endpointList, Question{Register: register, After: all.Next, When: w})
		if err == nil && part.Digest != all.Digest {
			return Register{}, false, nil
		}
		all.Rows, all.Next = append(all.Rows, part.Rows...), part.Next
	}
	return all, true, err
}

// Show asks for one row.
func (c *Client) Show(ctx context.Context, register, id string, w When) (Shown, error) {
	return get[Shown](ctx, c, endpointShow, Question{Register: register, ID: id, When: w})
}

// History asks for the entries behind one row.
func (c *Client) History(ctx context.Context, register, id string, w When) (History, error) {
	q := Question{Register: register, ID: id, When: w}
	all, err := get[History](ctx, c, endpointHistory, q)
	for err == nil && all.Next != "" {
		q.After = all.Next
		var part History
		part, err = get[History](ctx, c, endpointHistory, q)
		all.Entries, all.Next = append(all.Entries, part.Entries...), part.Next
	}
	return all, err
}

// Event asks for the entry of a publisher's event; publisher "" is whoever made it.
func (c *Client) Event(ctx context.Context, publisher string, id events.ID) (EventShown, error) {
	return get[EventShown](ctx, c, endpointEvent, EventQuestion{Publisher: publisher, ID: id})
}

// Entry asks for the entry at a seq.
func (c *Client) Entry(ctx context.Context, seq uint64) (EventShown, error) {
	return get[EventShown](ctx, c, endpointEvent, EventQuestion{Seq: &seq})
}

// Checkpoint asks for a signed checkpoint over all that was receipted before.
func (c *Client) Checkpoint(ctx context.Context) (SignedCheckpoint, error) {
	return get[SignedCheckpoint](ctx, c, endpointCheckpoint, struct{}{})
}

// Entries calls fn for the entries from (included) to (excluded), in order. The
// record's bytes are valid only during the call.
func (c *Client) Entries(ctx context.Context, from, to uint64, fn func(chain.Record) error) error {
	for from < to {
		body, header, err := c.ask(ctx, endpointEntries, RangeQuestion{From: from, To: to})
		if err != nil {
			return err
		}
		next, err := strconv.ParseUint(header.Get(headerNext), 10, 64)
		if err != nil || next <= from || next > to {
			return errFrame
		}
		for ; from < next; from++ {
			var rec chain.Record
			if rec, body, err = cutRecord(body); err != nil {
				return err
			}
			if rec.Entry.Seq != from {
				return errFrame
			}
			if err := fn(rec); err != nil {
				return err
			}
		}
		if len(body) > 0 {
			return errFrame
		}
	}
	return nil
}

// get asks and reads the answer as JSON.
func get[A any](ctx context.Context, c *Client, endpoint string, question any) (answer A, err error) {
	body, _, err := c.ask(ctx, endpoint, question)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("read the answer of %s: it is not as this build expects; use greffe and greffed of the same version", endpoint)
	}
	return answer, nil
}

// ask sends a question and joins the messages of the answer. The header is the last
// message's.
func (c *Client) ask(ctx context.Context, endpoint string, question any) ([]byte, nats.Header, error) {
	text, err := json.Marshal(question)
	if err != nil {
		return nil, nil, err
	}
	inbox := c.nc.NewInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the daemon: %w", err)
	}
	defer sub.Unsubscribe()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // an answer is at most pageBytes
		return nil, nil, err
	}
	if err := c.nc.PublishRequest(events.QueryTopic(c.ledger, endpoint), inbox, text); err != nil {
		return nil, nil, fmt.Errorf("ask the daemon: %w", err)
	}
	var body []byte
	for {
		msg, err := c.next(ctx, sub)
		if err != nil {
			return nil, nil, err
		}
		if code := msg.Header.Get(micro.ErrorCodeHeader); code != "" {
			return nil, nil, &Error{code, oneLine(msg.Header.Get(micro.ErrorHeader))}
		}
		if msg.Header.Get(headerMore) == "" && body == nil {
			return msg.Data, msg.Header, nil
		}
		body = append(body, msg.Data...)
		if msg.Header.Get(headerMore) == "" {
			return body, msg.Header, nil
		}
	}
}

// next waits for one message.
func (c *Client) next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	msg, err := sub.NextMsgWithContext(wait)
	switch {
	case err == nil && len(msg.Data) == 0 && msg.Header.Get("Status") == "503", errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%w for ledger %s at %s: start greffed serve, or check --ledger and the user's role", ErrNobody, c.ledger, c.nc.ConnectedUrlRedacted())
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w for ledger %s within %s: it may be busy, or this user may not ask it", ErrNobody, c.ledger, c.wait)
	case err != nil:
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	return msg, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
