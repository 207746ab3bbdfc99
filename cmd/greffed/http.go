package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"greffe/ledger/tiles"
)

// httpOff is the value of --http that opens no port.
const httpOff = "off"

// listenHTTP opens the port for followers of the log. It is read-only and shows no
// payloads.
func (d *daemon) listenHTTP(context.Context, serveFlags) error {
	if d.flags.http == httpOff || d.flags.http == "" {
		return nil
	}
	l, err := net.Listen("tcp", d.flags.http)
	if err != nil {
		return fmt.Errorf("%s cannot be used for HTTP (%w): stop what listens there, or choose another address with --http, or --http %s", d.flags.http, errors.Unwrap(err), httpOff)
	}
	d.web = l
	d.later(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// httpHandler answers followers of the log and, if this daemon is a witness, other ledgers.
func (d *daemon) httpHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", tiles.Handler(tiles.Source{Ledger: d.ledger, Checkpoint: d.checkpoint, Log: d.log}))
	if d.witness != nil {
		for _, path := range []string{"/add-checkpoint", "/seen", "/seen/", "/forks", "/forks/"} {
			mux.Handle(path, d.witness.Handler())
		}
	}
	return mux
}

// serveHTTP serves until the daemon ends.
func (d *daemon) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler:           d.httpHandler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(d.web); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
