// Package embedded runs a nats-server inside the daemon: on loopback, with
// JetStream on the daemon's own disk, every message synced, and no anonymous user.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options configure [Start].
type Options struct {
	Dir    string // where JetStream keeps its files
	Port   int    // on 127.0.0.1; -1 takes a free one
	Ledger string
	Users  []User
	Log    *slog.Logger
}

// A Server is a running nats-server.
type Server struct {
	ns     *server.Server
	ledger string
	opts   *server.Options
}

// Start starts the server and returns when it takes connections.
func Start(o Options) (*Server, error) {
	if err := probePort(o.Port); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName:         "greffe-" + o.Ledger,
		Host:               "127.0.0.1",
		Port:               o.Port,
		JetStream:          true,
		StoreDir:           o.Dir,
		SyncAlways:         true, // an acknowledged message survives a power cut
		JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore:  1 << 50, // the disk is the limit, and a full disk refuses publishes
		NoSigs:             true,
		NoLog:              true,
		Users:              serverUsers(o.Ledger, o.Users),
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	fatal := make(chan string, 1)
	ns.SetLoggerV2(&logger{log: o.Log, fatal: fatal}, false, false, false)
	go ns.Start()
	for deadline := time.Now().Add(30 * time.Second); !ns.ReadyForConnections(100 * time.Millisecond); {
		select {
		case why := <-fatal:
			ns.Shutdown()
			return nil, fmt.Errorf("start nats-server: %s", why)
		default:
		}
		if time.Now().After(deadline) {
			ns.Shutdown()
			return nil, errors.New("start nats-server: not ready within 30 s, look at the log")
		}
	}
	return &Server{ns: ns, ledger: o.Ledger, opts: opts}, nil
}

// probePort gives the common fault, a port in use, a plain message.
func probePort(port int) error {
	if port <= 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d of 127.0.0.1 cannot be used (%w): stop what listens there or choose another with --nats-port", port, errors.Unwrap(err))
	}
	return l.Close()
}

func serverUsers(ledger string, users []User) []*server.User {
	var out []*server.User
	for _, u := range users {
		out = append(out, &server.User{Username: u.Name, Password: u.Hash, Permissions: permissions(ledger, u.Role, u.Name)})
	}
	return out
}

// URL returns where clients connect.
func (s *Server) URL() string { return s.ns.ClientURL() }

// InProcessConn makes a connection without a socket; with it a Server is an option
// of the nats client.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// SetUsers replaces the users at once. Connections of users that are gone are closed.
func (s *Server) SetUsers(users []User) error {
	opts := s.opts.Clone()
	opts.Users = serverUsers(s.ledger, users)
	if err := s.ns.ReloadOptions(opts); err != nil {
		return fmt.Errorf("change the users of nats-server: %w", err)
	}
	return nil
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() error {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	return nil
}

// logger passes on what an operator must see.
type logger struct {
	log   *slog.Logger
	fatal chan<- string
}

func (l *logger) Noticef(string, ...any) {}
func (l *logger) Debugf(string, ...any)  {}
func (l *logger) Tracef(string, ...any)  {}
func (l *logger) Warnf(format string, v ...any) {
	l.log.Warn(fmt.Sprintf(format, v...), "from", "nats-server")
}
func (l *logger) Errorf(format string, v ...any) {
	l.log.Error(fmt.Sprintf(format, v...), "from", "nats-server")
}
func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.log.Error(fmt.Sprintf(format, v...), "from", "nats-server")
	}
}
