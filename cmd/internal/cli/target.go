package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"greffe/events/stream"
)

// A Target is the server that a command talks to: a daemon's folder, a context of
// the nats command line, or a URL.
type Target struct {
	Dir     string
	Context string
	Server  string
	Ledger  string
}

// DefaultDir is where a daemon keeps its files unless told otherwise.
func DefaultDir() string {
	if dir := os.Getenv("GREFFE_DIR"); dir != "" {
		return dir
	}
	return "greffe-data"
}

// Connect connects to the target: in a folder as the user that path finds, which is a
// role or a publisher. It fills in the ledger's name.
func (t *Target) Connect(name string, path func(dir string) string, opts ...nats.Option) (*nats.Conn, error) {
	opts = append([]nats.Option{nats.Name("greffe " + name), nats.Timeout(5 * time.Second), nats.MaxReconnects(5), nats.ErrorHandler(leave)}, opts...)
	if t.Context != "" || t.Server != "" {
		if t.Ledger == "" {
			t.Ledger = "main"
		}
		return dial(t.Context, t.Server, "start the nats-server there, or correct --server or --context", opts)
	}
	d, err := ReadDaemonFile(t.Dir)
	if err != nil {
		return nil, err
	}
	if t.Ledger != "" && t.Ledger != d.Ledger {
		return nil, fmt.Errorf("the daemon in %s keeps ledger %s, not %s", t.Dir, d.Ledger, t.Ledger)
	}
	t.Ledger = d.Ledger
	if d.URL == "" {
		return dial(d.Context, d.Server, fmt.Sprintf("the daemon of %s uses a server of somebody else's: start that one", t.Dir), opts)
	}
	c, err := stream.ReadCredentials(path(t.Dir))
	if err != nil {
		return nil, Hint(err, "in %s only its owner can read them; a publisher is made by: greffed publisher add NAME --dir %s", t.Dir, t.Dir)
	}
	nc, err := nats.Connect(d.URL, append(c.Options(), opts...)...)
	return connected(nc, err, fmt.Sprintf("%s may be left from a daemon that was killed; start it again: greffed serve --dir %s", daemonPath(t.Dir), t.Dir))
}

// leave ends a connection whose user may not do what it asks for: the server tells it
// aside, and an answer would never come. See [Denied].
func leave(nc *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		nc.Close()
	}
}

// Denied returns err, or, if the server has denied what this connection asked for,
// an error that says so.
func Denied(nc *nats.Conn, err error) error {
	if last := nc.LastError(); err != nil && errors.Is(last, nats.ErrPermissionViolation) {
		return Hint(fmt.Errorf("the server denied it: %w", last), "these credentials are for another publisher or role; ask the operator for your own")
	}
	return err
}

// dial connects to a server of somebody else's. absent is the hint if nobody answers.
func dial(context, server, absent string, opts []nats.Option) (*nats.Conn, error) {
	if context != "" {
		nc, _, err := natscontext.Connect(context, opts...)
		return connected(nc, err, absent)
	}
	nc, err := nats.Connect(server, opts...)
	return connected(nc, err, absent)
}

// connected says what to do about a connection that failed.
func connected(nc *nats.Conn, err error, absent string) (*nats.Conn, error) {
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return nil, Hint(fmt.Errorf("connect: nobody answers there (%w)", err), "%s", absent)
	case errors.Is(err, nats.ErrAuthorization):
		return nil, Hint(fmt.Errorf("connect: the server does not know this user (%w)", err), "use the folder of the daemon that runs there, or ask its operator for credentials")
	default:
		return nil, Connecting(err)
	}
}
