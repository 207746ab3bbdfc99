// Package streamtest runs a real nats-server for tests.
package streamtest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"

	"greffe/events/stream"
	"greffe/events/stream/embedded"
)

// A Server is an embedded server in a test's own folder.
type Server struct {
	*embedded.Server
	Dir   string
	Users *embedded.Users
}

// Start starts a server on a free port; it stops with the test.
func Start(t testing.TB, ledger string) *Server {
	t.Helper()
	dir := t.TempDir()
	users, err := embedded.LoadUsers(dir, ledger)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := embedded.Start(embedded.Options{
		Dir: filepath.Join(dir, "nats"), Port: -1, Ledger: ledger, Users: users.List(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return &Server{Server: srv, Dir: dir, Users: users}
}

// Connect connects as a user over TCP.
func (s *Server) Connect(t testing.TB, role stream.Role, name string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	c, err := stream.ReadCredentials(stream.CredentialsPath(s.Dir, role, name))
	if err != nil {
		t.Fatal(err)
	}
	opts = append(c.Options(), opts...)
	nc, err := nats.Connect(s.URL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Daemon connects as the daemon.
func (s *Server) Daemon(t testing.TB) *nats.Conn {
	t.Helper()
	return s.Connect(t, stream.RoleDaemon, string(stream.RoleDaemon))
}
