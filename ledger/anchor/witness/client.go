package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

const (
	maxAnswer = 16 << 10 // bytes of a good answer: a few lines

	firstPause = time.Second
	longPause  = 5 * time.Minute
)

// A Question is a checkpoint that wants to be cosigned, and what is needed to prove that
// it follows from earlier ones.
type Question struct {
	// Note is the signed checkpoint, and Checkpoint what it says.
	Note       []byte
	Checkpoint chain.Checkpoint
	// Keys are those that the ledger has signed with.
	Keys []note.Verifier
	// Prove returns the consistency proof between two sizes of the ledger.
	Prove func(old, size uint64) ([]chain.Hash, error)
	// RootAt returns the root of the first size entries.
	RootAt func(size uint64) (chain.Hash, error)
}

// An Answer is a valid cosignature.
type Answer struct {
	Signature chain.Signature
	At        int64 // seconds since the Unix epoch, by the witness' clock
}

// A ContradictionError says that a witness has seen another history of the ledger, or more
// of it.
type ContradictionError struct {
	Witness string
	Kind    Kind
	// Size that the witness has cosigned.
	Size uint64
	// Theirs is the checkpoint of that size, signed by the ledger's own key. Without it the
	// witness only claims, and it may lie or be broken.
	Theirs []byte
	// Ours is the checkpoint that was asked about.
	Ours []byte
}

func (e *ContradictionError) Error() string {
	claim := "has cosigned"
	if e.Theirs == nil {
		claim = "claims, without showing it, to have cosigned"
	}
	if e.Kind == RolledBack {
		return fmt.Sprintf("witness %s %s %d entries, more than there are here: this ledger was rolled back", e.Witness, claim, e.Size)
	}
	return fmt.Sprintf("witness %s %s other entries than these, %d of them: this ledger was forked", e.Witness, claim, e.Size)
}

// A Client asks one witness.
type Client struct {
	witness chain.Witness
	prefix  string
	http    *http.Client
	now     func() time.Time

	mu    sync.Mutex // one question at a time
	known uint64     // size that the witness has cosigned, as far as is known
	pause time.Duration
	next  time.Time // not asked before, after failures
}

// ClientOptions configure [NewClient]. The zero value works.
type ClientOptions struct {
	Transport http.RoundTripper
	Now       func() time.Time
}

// NewClient returns a client of a witness that has a URL.
func NewClient(w chain.Witness, o ClientOptions) (*Client, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("witness %s: its URL is none of http or https", w.Name)
	}
	c := &Client{witness: w, prefix: strings.TrimRight(w.URL, "/"), now: o.Now}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// Witness returns whom the client asks.
func (c *Client) Witness() chain.Witness { return c.witness }

// Due reports whether the witness may be asked: after failures it is left alone for a
// while, twice as long each time.
func (c *Client) Due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.now().Before(c.next)
}

// Ask asks for a cosignature until ctx ends. The error is a [*ContradictionError] if the
// witness has seen what this ledger is not.
func (c *Client) Ask(ctx context.Context, q Question) (Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, err := c.ask(ctx, q)
	if e := (*ContradictionError)(nil); errors.As(err, &e) && e.Theirs != nil {
		return a, err // no failure of the witness
	}
	if err != nil {
		c.pause = min(max(2*c.pause, firstPause), longPause)
		c.next = c.now().Add(c.pause)
		return a, err
	}
	c.pause, c.next = 0, time.Time{}
	return a, nil
}

func (c *Client) ask(ctx context.Context, q Question) (Answer, error) {
	// Others may ask the same witness for the same ledger: its size may move between
	// two tries, and only forwards.
	for range 4 {
		old := min(c.known, q.Checkpoint.Size)
		proof, err := q.Prove(old, q.Checkpoint.Size)
		if err != nil {
			return Answer{}, fmt.Errorf("prove to witness %s that the ledger grew: %w", c.witness.Name, err)
		}
		r := request{old: old, proof: proof, note: q.Note}
		status, header, body, err := c.do(ctx, http.MethodPost, "/add-checkpoint", r.append(nil), maxAnswer)
		if err != nil {
			return Answer{}, err
		}
		switch status {
		case http.StatusOK:
			a, err := c.answer(q.Checkpoint.Text, body)
			if err == nil {
				c.known = q.Checkpoint.Size
			}
			return a, err
		case http.StatusConflict:
			size, ok := cutSize(strings.TrimSuffix(string(body), "\n"), "")
			if !ok || header.Get("Content-Type") != "text/x.tlog.size" {
				return Answer{}, fmt.Errorf("witness %s answers 409 without a size", c.witness.Name)
			}
			if size > q.Checkpoint.Size || size == q.Checkpoint.Size && size == old {
				return Answer{}, c.contradicted(ctx, q, size)
			}
			if size == old {
				return Answer{}, fmt.Errorf("witness %s answers that its size is another than %d, and that it is %d", c.witness.Name, old, size)
			}
			c.known = size
		case http.StatusUnprocessableEntity:
			return Answer{}, c.contradicted(ctx, q, old)
		default:
			return Answer{}, fmt.Errorf("witness %s answers %d%s", c.witness.Name, status, meaning(status))
		}
	}
	return Answer{}, fmt.Errorf("witness %s answers with another size each time", c.witness.Name)
}

// meaning says what to do about an answer.
func meaning(status int) string {
	switch status {
	case http.StatusNotFound:
		return ": it does not know this ledger (its keeper adds the verification key), or its URL is wrong"
	case http.StatusForbidden:
		return ": it holds another key for this ledger"
	}
	return ""
}

// answer finds the witness' cosignature among the lines of an answer.
func (c *Client) answer(text string, body []byte) (Answer, error) {
	for rest := body; len(rest) > 0; {
		var s chain.Signature
		var err error
		if s, rest, err = chain.CutSignature(rest); err != nil {
			return Answer{}, fmt.Errorf("witness %s: %w", c.witness.Name, err)
		}
		if at, ok := c.witness.Key.Cosigned(text, s); ok {
			return Answer{Signature: s, At: at}, nil
		}
	}
	return Answer{}, fmt.Errorf("witness %s answers with no cosignature by the key that the policy has for it (%s): compare with its witness.vkey", c.witness.Name, c.witness.Key.Name())
}

// contradicted fetches what the witness has seen. If the ledger's own key has signed that,
// nobody needs to be believed.
func (c *Client) contradicted(ctx context.Context, q Question, size uint64) error {
	e := &ContradictionError{Witness: c.witness.Name, Kind: RolledBack, Size: size, Ours: q.Note}
	if size <= q.Checkpoint.Size {
		e.Kind = Fork
	}
	status, _, body, err := c.do(ctx, http.MethodGet, "/seen/"+seenID(q.Checkpoint.Origin), nil, chain.MaxCheckpoint)
	if err != nil || status != http.StatusOK {
		return e
	}
	cp, err := openByAny(body, q.Keys)
	if err != nil {
		return e
	}
	theirs, err := chain.KeepSignatures(body, append(q.Keys[:len(q.Keys):len(q.Keys)], c.witness.Key)...)
	if err != nil {
		return e
	}
	e.Size, e.Theirs, e.Kind = cp.Size, theirs, RolledBack
	if cp.Size <= q.Checkpoint.Size {
		root, err := q.RootAt(cp.Size)
		if err != nil {
			return err
		}
		if root == cp.Root {
			// Maybe it has cosigned an earlier one in between; or it is broken.
			return fmt.Errorf("witness %s contradicts this ledger, and shows a checkpoint of it that is right", c.witness.Name)
		}
		if e.Kind = Diverged; cp.Size == q.Checkpoint.Size {
			e.Kind = Fork
		}
	}
	return e
}

// Evidence returns what is to be kept of a contradiction that is shown.
func (e *ContradictionError) Evidence() Evidence {
	ev := Evidence{Kind: e.Kind, Origin: originOf(e.Ours), First: e.Theirs, Second: e.Ours}
	if text, _, err := chain.SplitNote(e.Ours); err == nil {
		cp, _ := chain.ParseCheckpoint(text)
		ev.Size = cp.Size
	}
	return ev
}

// do sends one request and reads a bounded answer.
func (c *Client) do(ctx context.Context, method, path string, body []byte, most int64) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.prefix+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("ask witness %s: %w", c.witness.Name, err)
	}
	req.Header.Set("User-Agent", "greffe")
	resp, err := c.http.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // the URL is the policy's, and may hold a password
		}
		return 0, nil, nil, fmt.Errorf("ask witness %s: %w", c.witness.Name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the answer of witness %s: %w", c.witness.Name, err)
	}
	if int64(len(answer)) > most {
		return 0, nil, nil, fmt.Errorf("the answer of witness %s is longer than %d bytes", c.witness.Name, most)
	}
	return resp.StatusCode, resp.Header, answer, nil
}
