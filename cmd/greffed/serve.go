package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
)

// serveFlags are the flags of greffed serve.
type serveFlags struct {
	dir, ledger, context, server, zone string
	http                               string
	natsPort, replicas                 int
	policy                             string
	witnessOf                          []string
	quiet                              bool
	tsa                                tsaFlags
}

func serveCmd() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the daemon",
		Long: "Run the daemon of one ledger. The first start makes DIR, the keys and the users.\n" +
			"Without --server or --context the daemon brings its own NATS server, on loopback.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.natsPort < -1 || f.natsPort == 0 || f.natsPort > 65535 {
				return cli.Usage("--nats-port %d: a port from 1 to 65535, or -1 for any free one", f.natsPort)
			}
			if f.server != "" && f.context != "" {
				return cli.Usage("--server and --context exclude each other")
			}
			if len(f.witnessOf) > 0 && (f.http == httpOff || f.http == "") {
				return cli.Usage("--witness-of needs --http: other ledgers ask over it")
			}
			if err := f.tsa.check(); err != nil {
				return err
			}
			return serve(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", cli.DefaultDir(), "folder of keys, ledger and registers")
	flags.StringVar(&f.ledger, "ledger", "main", "name of the ledger")
	flags.IntVar(&f.natsPort, "nats-port", 4222, "port of the embedded NATS server on 127.0.0.1, -1 for any free one")
	flags.StringVar(&f.context, "context", "", "use an external NATS server, by a context of the nats command line")
	flags.StringVar(&f.server, "server", "", "use an external NATS server, by URL")
	flags.StringVar(&f.http, "http", "127.0.0.1:8470", "address at which the log can be followed (C2SP tlog-tiles), or "+httpOff)
	flags.StringVar(&f.policy, "policy", "", "ask the witnesses of this file to cosign (C2SP tlog-policy, with URLs)")
	flags.StringArrayVar(&f.witnessOf, "witness-of", nil, "cosign for the ledger with this verification key, or those of a file, on --http; repeatable")
	flags.IntVar(&f.replicas, "replicas", 1, "replicas of the stream on an external cluster")
	flags.StringVar(&f.zone, "zone", "Europe/Paris", "time zone of the ledger, fixed when it is opened")
	f.tsa.register(flags)
	flags.BoolVar(&f.quiet, "quiet", false, "print nothing but errors")
	return cmd
}

// serve runs the daemon until ctx ends.
func serve(ctx context.Context, f serveFlags, stdout, stderr io.Writer) error {
	if _, err := time.LoadLocation(f.zone); err != nil {
		return cli.Usage("--zone %s: no such time zone", f.zone)
	}
	level := slog.LevelInfo
	if f.quiet {
		level = slog.LevelError
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	d, err := startDaemon(ctx, f, log)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before it was ready
	}
	if err != nil {
		return err
	}
	if !f.quiet {
		d.announce(stdout)
	}
	if err := d.ready(); err != nil {
		return errors.Join(err, d.close())
	}
	err = d.wait(ctx)
	return errors.Join(err, d.close())
}

// announce prints what a person needs next.
func (d *daemon) announce(w io.Writer) {
	if d.fresh {
		fmt.Fprintf(w, "opened ledger %s (%s)\n", d.folder.ledger, d.id.Origin)
	} else {
		fmt.Fprintf(w, "ledger %s (%s), %d entries\n", d.folder.ledger, d.id.Origin, d.ledger.Size())
	}
	fmt.Fprintf(w, "verification key: %s\n", d.folder.vkeyPath())
	where := d.where
	if d.server == nil {
		where = d.nc.ConnectedUrlRedacted() // what was given may hold a password
	}
	fmt.Fprintf(w, "listening on %s\n", where)
	if d.web != nil {
		fmt.Fprintf(w, "the log can be followed at http://%s/checkpoint\n", d.web.Addr())
	}
	d.announceWitnesses(w)
	if pid := os.Getpid(); d.fresh {
		fmt.Fprintf(w, "ready (pid %d): greffe --dir %s register\n", pid, d.folder.dir)
	} else {
		fmt.Fprintf(w, "ready (pid %d)\n", pid)
	}
}
