package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/anchor/witness"
)

// serve runs the witness until ctx ends.
func (c *command) serve(ctx context.Context, o options) int {
	var keys []note.Verifier
	for _, arg := range o.ledgers {
		more, err := readKeys(arg)
		if err != nil {
			return c.cannot(err, "ask the ledger's keeper for its verification key: DIR/main.vkey of the daemon")
		}
		keys = append(keys, more...)
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return c.cannot(fmt.Errorf("%s cannot be listened on (%w)", o.listen, errors.Unwrap(err)), "stop what listens there, or choose another address with --listen")
	}
	defer listener.Close()
	lock, err := lockFolder(o.dir)
	if err != nil {
		return c.cannot(err, "stop the other witness, or choose another folder with --dir")
	}
	defer lock.Close()
	level := slog.LevelInfo
	if o.quiet {
		level = slog.LevelError
	}
	log := slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: level}))
	w, made, err := witness.Open(o.dir, witness.Options{Ledgers: keys, Name: o.name, Log: log})
	if err != nil {
		return c.cannot(err, "")
	}
	if !o.quiet {
		c.announce(w, made, o, keys, listener.Addr())
	}
	if err := serveHTTP(ctx, listener, w.Handler()); err != nil {
		return c.cannot(err, "")
	}
	return exitDone
}

// lockFolder makes the folder and locks it: two witnesses with one key could contradict
// each other.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, unwrapPath(err))
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", dir, unwrapPath(err))
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is held by another program", dir), lock.Close())
	}
	return lock, nil
}

// announce prints what a person needs next.
func (c *command) announce(w *witness.Witness, made bool, o options, keys []note.Verifier, addr net.Addr) {
	what := "started"
	if made {
		what = "made"
	}
	fmt.Fprintf(c.stdout, "%s witness %s in %s\n", what, w.Key().Name(), o.dir)
	seen := map[string]uint64{}
	for _, s := range w.Seen() {
		seen[s.Origin] = s.Size
	}
	for _, k := range keys {
		fmt.Fprintf(c.stdout, "witnessing %s, %d entries cosigned so far\n", k.Name(), seen[k.Name()])
	}
	fmt.Fprintf(c.stdout, "line for the policy of the keeper (greffed serve --policy FILE); use the address that he reaches:\n")
	fmt.Fprintf(c.stdout, "witness %s %s http://%s\n", policyName(w.Key().Name()), w.Key(), addr)
	fmt.Fprintf(c.stdout, "ready (pid %d)\n", os.Getpid())
}

// policyName proposes a name within a policy: any word but the one that has a meaning.
func policyName(name string) string {
	if name == "none" {
		return "witness"
	}
	return name
}

// serveHTTP serves until ctx ends, and lets requests that are under way finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
		close(stopped)
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}
