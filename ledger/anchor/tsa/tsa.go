// Package tsa has checkpoints timestamped by authorities on the network (RFC 3161
// §3.4, over HTTP). What is proved, and how, is package timestamp's; nothing that
// comes back is believed before it was checked there.
//
//	c, err := tsa.New(tsa.Options{URLs: urls, Roots: roots})
//	token, stamp, err := c.Stamp(ctx, checkpoint.Text)
package tsa

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"greffe/ledger/anchor/timestamp"
)

// Options say who is asked.
type Options struct {
	// URLs are asked in this order until one of them gives a sound token. At least one
	// is wanted, http or https: a token is signed either way. One with a user and a
	// password is asked with them; only its host is ever named in an error.
	URLs []string
	// Roots are what tokens must lead to.
	Roots *x509.CertPool
	// Timeout bounds one question to one authority; 0 is 20 seconds.
	Timeout time.Duration
	// Rounds is how often all are asked before giving up; 0 is 3.
	Rounds int
	// Pause is waited after the first round, and twice as long after each further one;
	// 0 is 2 seconds.
	Pause time.Duration
}

// A Client asks authorities. It may be used by several goroutines.
type Client struct {
	o    Options
	urls []*url.URL
	http *http.Client
}

// New checks the options. It asks nobody.
func New(o Options) (*Client, error) {
	if len(o.URLs) == 0 || o.Roots == nil {
		return nil, errors.New("timestamps: a URL and the roots are wanted")
	}
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Rounds <= 0 {
		o.Rounds = 3
	}
	if o.Pause <= 0 {
		o.Pause = 2 * time.Second
	}
	c := &Client{o: o, http: &http.Client{
		Timeout: o.Timeout,
		// A POST that is sent elsewhere becomes a GET, or takes a password along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for i, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return nil, fmt.Errorf("timestamps: URL %d is not one of http or https with a host", i+1) // it may hold a password
		}
		c.urls = append(c.urls, u)
	}
	return c, nil
}

// Stamp has a text timestamped, the three lines of a checkpoint, and proves the token
// that it returns. It returns one error in one line: what each authority said last.
func (c *Client) Stamp(ctx context.Context, text string) ([]byte, timestamp.Stamp, error) {
	failed := make([]error, len(c.urls))
	pause := c.o.Pause
	for round := 1; ; round++ {
		again := false
		for i, u := range c.urls {
			if failed[i] != nil && !passing(failed[i]) {
				continue
			}
			token, stamp, err := c.ask(ctx, u, text)
			if err == nil {
				return token, stamp, nil
			}
			failed[i] = fmt.Errorf("%s: %w", u.Host, err)
			again = again || passing(err)
		}
		if !again || round == c.o.Rounds || !wait(ctx, pause) {
			return nil, timestamp.Stamp{}, &Error{failed}
		}
		pause *= 2
	}
}

// An Error is what each authority said.
type Error struct{ each []error }

func (e *Error) Error() string {
	text := e.each[0].Error()
	for _, err := range e.each[1:] {
		text += "; " + err.Error()
	}
	return text
}

// Unwrap returns the errors, in the order of the URLs.
func (e *Error) Unwrap() []error { return e.each }

// errPassing is the class of failures that may be over a moment later.
var errPassing = errors.New("no answer")

func passing(err error) bool { return errors.Is(err, errPassing) }

// wait reports whether the time has passed; it has not if ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// ask asks one authority once.
func (c *Client) ask(ctx context.Context, u *url.URL, text string) ([]byte, timestamp.Stamp, error) {
	var nonce [8]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, timestamp.Stamp{}, err
	}
	req := timestamp.Request{Text: text, Nonce: binary.BigEndian.Uint64(nonce[:])}
	response, err := c.post(ctx, u, req.Marshal())
	if err != nil {
		return nil, timestamp.Stamp{}, err
	}
	return timestamp.Accept(response, req, c.o.Roots)
}

func (c *Client) post(ctx context.Context, u *url.URL, query []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(query))
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPassing, withoutURL(err))
	}
	defer res.Body.Close()
	if code := res.StatusCode; code == http.StatusTooManyRequests || code >= 500 {
		return nil, fmt.Errorf("%w: status %d", errPassing, code)
	} else if code != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d, is that URL an authority's?", code)
	}
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/timestamp-reply") {
		return nil, fmt.Errorf("it answers with %.40q, is that URL an authority's?", kind)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, timestamp.MaxResponse+1)) // one more: Accept refuses it
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPassing, withoutURL(err))
	}
	return body, nil
}

// withoutURL takes the address out of an error: it may hold a password or a token.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
