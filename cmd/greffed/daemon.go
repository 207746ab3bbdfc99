package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
	"golang.org/x/mod/sumdb/note"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/events/stream/embedded"
	"greffe/ledger"
	"greffe/ledger/anchor/witness"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
	"greffe/projections/query"
	"greffe/projections/store"
)

// A daemon is the running whole: stream, gateway, ingest, ledger, registers, answers.
// Its parts know nothing of each other; here they are tied together.
type daemon struct {
	folder  *folder
	id      identity
	fresh   bool   // the ledger was opened by this start
	where   string // clients connect to
	started time.Time
	flags   serveFlags
	log     *slog.Logger

	server  *embedded.Server // nil with an external one
	users   *embedded.Users  // nil with an external server
	usersMu sync.Mutex

	nc       *nats.Conn // to the stream, with every right
	front    *nats.Conn // to clients: may answer to inboxes only
	stream   *stream.Stream
	ledger   *ledger.Ledger
	ingest   *ingest.Ingest
	gateway  *gateway.Gateway
	follower *follower
	head     *headKeeper
	stamper  *stamper // nil without authorities
	answers  io.Closer
	web      net.Listener // nil without HTTP

	policy      *chain.Policy    // nil without --policy
	witnesses   *witnesses       // nil without --policy
	witnessKeys []note.Verifier  // of other ledgers
	witness     *witness.Witness // nil without them

	stop   context.CancelCauseFunc
	ended  context.Context
	wg     sync.WaitGroup
	closer []func() error // in the order of opening
}

// startDaemon starts everything and returns when clients are served. After an error
// everything that was started is stopped.
func startDaemon(ctx context.Context, f serveFlags, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{log: log, started: time.Now(), flags: f}
	d.ended, d.stop = context.WithCancelCause(context.Background())
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, d.close())
		if d.folder != nil {
			d.folder.undo()
		}
	}()
	steps := []func(context.Context, serveFlags) error{
		d.readPolicy, d.openTSA, d.readWitnessKeys, d.openFolder, d.openLedger, d.listenHTTP, d.connect, d.openStream, d.openRegisters, d.startIngest, d.openWitness, d.openWitnesses, d.checkHead, d.askWitnesses, d.startServing,
	}
	for _, step := range steps {
		if err := step(ctx, f); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// later registers what close has to do.
func (d *daemon) later(f func() error) { d.closer = append(d.closer, f) }

func (d *daemon) openFolder(_ context.Context, f serveFlags) (err error) {
	if d.folder, err = openFolder(f.dir, f.ledger); err != nil {
		return err
	}
	d.later(d.folder.close)
	cli.RemoveDaemonFile(f.dir) // of a daemon that was killed
	d.id, d.fresh, err = d.folder.loadIdentity()
	return err
}

// connect starts the embedded server, or connects to an external one.
func (d *daemon) connect(_ context.Context, f serveFlags) (err error) {
	opts := []nats.Option{
		nats.Name("greffed " + f.ledger), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { d.log.Error("nats", "error", err) }),
	}
	switch {
	case f.context != "":
		d.where = "context " + f.context
		d.nc, _, err = natscontext.Connect(f.context, opts...)
	case f.server != "":
		d.where = f.server
		d.nc, err = nats.Connect(f.server, opts...)
	default:
		err = d.connectEmbedded(f, opts)
	}
	if errors.Is(err, nats.ErrNoServers) {
		return cli.Hint(fmt.Errorf("connect to NATS: nobody answers there (%w)", err), "start that nats-server, or leave --server and --context out: greffed brings one of its own")
	}
	if err != nil {
		return cli.Connecting(err)
	}
	d.later(func() error { d.nc.Close(); return nil })
	if d.front == nil {
		d.front = d.nc // on an external server its permissions are its operator's to give
		return nil
	}
	d.later(func() error { d.front.Close(); return nil })
	return nil
}

func (d *daemon) connectEmbedded(f serveFlags, opts []nats.Option) (err error) {
	if d.users, err = embedded.LoadUsers(f.dir, f.ledger); err != nil {
		return err
	}
	d.server, err = embedded.Start(embedded.Options{
		Dir: d.folder.path("nats"), Port: f.natsPort, Ledger: f.ledger, Users: d.users.List(), Log: d.log,
	})
	if err != nil {
		return err
	}
	d.later(d.server.Close)
	d.where = d.server.URL()
	if err := d.users.SetURL(d.where); err != nil {
		return err
	}
	if d.nc, err = d.connectAs(stream.RoleDaemon, opts); err != nil {
		return err
	}
	d.front, err = d.connectAs(stream.RoleFront, opts)
	return err
}

// connectAs connects to the embedded server without a socket.
func (d *daemon) connectAs(role stream.Role, opts []nats.Option) (*nats.Conn, error) {
	c, err := stream.ReadCredentials(stream.CredentialsPath(d.folder.dir, role, string(role)))
	if err != nil {
		return nil, err
	}
	return nats.Connect("", append(append(slices.Clone(opts), c.Options()...), nats.InProcessServer(d.server))...)
}

// openStream opens the stream, and the ledger in it if it is empty.
func (d *daemon) openStream(ctx context.Context, f serveFlags) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	opts := stream.Options{Replicas: f.replicas, Solo: d.server != nil, MustExist: d.ledger != nil && d.ledger.Size() > 0}
	if d.stream, err = stream.Open(ctx, d.nc, f.ledger, opts); err != nil {
		if errors.Is(err, stream.ErrNotFound) {
			return fmt.Errorf("the ledger in %s has %d entries and its stream is not on this server: restore the stream, or connect to the right server", f.dir, d.ledger.Size())
		}
		return err
	}
	st, err := d.stream.State(ctx)
	if err != nil {
		return err
	}
	if d.fresh {
		if st.LastSeq > 0 {
			return cli.Hint(fmt.Errorf("ledger %s was opened by another daemon, and %s has no key of it", f.ledger, f.dir),
				"copy %[1]s.key, %[1]s.vkey and ledger.json from the folder of that daemon into %[2]s", f.ledger, f.dir)
		}
		if d.id, err = d.folder.createIdentity(d.started, f.zone); err != nil {
			return fmt.Errorf("make keys: %w", err)
		}
		if err := d.openLedger(ctx, f); err != nil {
			return err
		}
	}
	if st.LastSeq == 0 && d.ledger.Size() == 0 {
		return d.openChain(ctx)
	}
	if st.LastSeq == 0 {
		return fmt.Errorf("the stream on this server is empty, the ledger in %s has %d entries: restore the stream, or connect to the right server", f.dir, d.ledger.Size())
	}
	return d.checkGenesis(ctx)
}

// openChain publishes the genesis. If another daemon with the same key was faster,
// the first message is its equal event, and [daemon.checkGenesis] will say so.
func (d *daemon) openChain(ctx context.Context) error {
	genesis, err := d.id.genesis()
	if err != nil {
		return err
	}
	topic := events.EventTopic(d.folder.ledger, events.DaemonPublisher, events.TypeLedgerOpened)
	if err := d.stream.PublishFirst(ctx, stream.Outgoing{Topic: topic, Data: genesis}); err != nil && !errors.Is(err, stream.ErrMoved) {
		return fmt.Errorf("open the ledger: %w", err)
	}
	return d.checkGenesis(ctx)
}

// checkGenesis makes sure that the stream is the one that this key signs.
func (d *daemon) checkGenesis(ctx context.Context) error {
	m, err := d.stream.Get(ctx, 1)
	if err != nil {
		return fmt.Errorf("read the opening of the ledger: %w", err)
	}
	g, err := events.ParseGenesis(m.Data)
	if err != nil {
		return fmt.Errorf("read the opening of the ledger: %w", err)
	}
	if g.LedgerID != d.id.LedgerID || g.VKey != d.id.VKey {
		return fmt.Errorf("the stream holds ledger %s, %s holds the key of %s: connect to the right server or use another --dir", g.Origin, d.folder.dir, d.id.Origin)
	}
	return nil
}

// openLedger opens the store, and refuses to go on if what is appended next could not be
// signed. A fresh folder has no key yet: it comes with the stream.
func (d *daemon) openLedger(context.Context, serveFlags) (err error) {
	if d.id.VKey == "" {
		return nil
	}
	o := d.folder.ledgerOptions(&d.id)
	o.Log = d.log
	if d.ledger, err = ledger.Open(d.folder.path("ledger"), o); err != nil {
		return err
	}
	d.later(d.ledger.Close)
	return explainKeys(d.ledger.CanSign(), d.folder.dir)
}

func (d *daemon) openRegisters(context.Context, serveFlags) error {
	s, err := store.Open(d.folder.path("projections"), store.Options{Log: d.log})
	if err != nil {
		return err
	}
	d.later(s.Close)
	d.follower = newFollower(s, d.ledger, d.log)
	return nil
}

// startIngest lets the ledger follow the stream. The gateway exists from here on, so
// that no commit passes it by, and serves later.
func (d *daemon) startIngest(ctx context.Context, _ serveFlags) error {
	publisher, err := d.stream.Publisher(ctx)
	if err != nil {
		return err
	}
	secret, err := d.folder.gatewaySecret()
	if err != nil {
		return err
	}
	d.gateway = gateway.New(d.front, gatewayLedger{d.ledger}, publisher, gateway.Options{Ledger: d.folder.ledger, Secret: secret, Prover: prover{d}, Log: d.log})
	d.ingest = ingest.New(source{d.stream}, d.ledger, ingest.Options{
		Ledger: d.folder.ledger, Log: d.log,
		Committed: func(drafts []ledger.Draft, placed []ledger.Placed) {
			d.gateway.Committed(committed(drafts, placed))
			d.follower.wake()
		},
	})
	if err := d.ingest.Check(ctx); err != nil {
		return err
	}
	d.goRun("ingest", d.ingest.Run)
	return d.until(ctx, func() bool { return d.ledger.Size() > 0 })
}

// checkHead holds the ledger against the head record before anything is shown.
func (d *daemon) checkHead(ctx context.Context, _ serveFlags) error {
	record, err := d.stream.Head(ctx)
	if err != nil {
		return err
	}
	d.head = &headKeeper{record: record, ledger: d.ledger, log: d.log}
	recorded, err := d.head.load(ctx)
	if err != nil {
		return err
	}
	st, err := d.stream.State(ctx)
	if err != nil {
		return err
	}
	shown, head := recorded.Size, d.ledger.Edge().Head
	if reachable := head.Seq + 1 + (st.LastSeq - head.StreamSeq); shown > reachable && !recorded.proved {
		return fmt.Errorf("the head record is of %d entries, not signed by a key of this ledger, and ledger and stream hold only %d: somebody else wrote it, or both are an old copy, restore a newer one", shown, reachable)
	} else if shown > reachable {
		return fmt.Errorf("a checkpoint of %d entries was shown to others, but ledger and stream hold only %d: both are an old copy, restore a newer one", shown, reachable)
	}
	if err := d.until(ctx, func() bool { return d.ledger.Size() >= shown }); err != nil {
		return err
	}
	return d.head.start(recorded)
}

// startServing lets clients in.
func (d *daemon) startServing(context.Context, serveFlags) (err error) {
	d.goRun("registers", d.follower.run)
	d.goRun("head record", d.head.run)
	d.goRun("memory", d.giveBack)
	d.goRun("keys", d.followKeys)
	if d.witnesses != nil {
		d.goRun("witnesses", d.witnesses.run)
	}
	if d.stamper != nil {
		d.stamper.ledger, d.stamper.publish = d.ledger, d.head.publish
		d.goRun("timestamps", d.stamper.run)
	}
	if err := d.gateway.Listen(); err != nil {
		return err
	}
	d.goRun("gateway", d.gateway.Run)
	if d.web != nil {
		d.goRun("http", d.serveHTTP)
	}
	if d.answers, err = query.Serve(d.front, d.folder.ledger, d.sources()); err != nil {
		return fmt.Errorf("serve queries: %w", err)
	}
	d.later(d.answers.Close)
	return d.serveAdmin()
}

// ready says where the daemon is: the file is there once clients are served, and
// everything that the daemon has to say at its start has been said.
func (d *daemon) ready() error {
	info := cli.DaemonFile{Ledger: d.folder.ledger, PID: os.Getpid()}
	if d.web != nil {
		info.HTTP = d.web.Addr().String()
	}
	if d.server != nil {
		info.URL = d.where
	} else if d.flags.context != "" {
		info.Context = d.flags.context
	} else {
		info.Server = d.flags.server
	}
	if err := cli.WriteDaemonFile(d.folder.dir, info); err != nil {
		return fmt.Errorf("say where the daemon is: %w", err)
	}
	d.later(func() error { cli.RemoveDaemonFile(d.folder.dir); return nil })
	return nil
}

// goRun runs a part until the daemon ends. A part that fails ends the daemon.
func (d *daemon) goRun(name string, part func(context.Context) error) {
	d.wg.Go(func() {
		if err := part(d.ended); err != nil {
			d.stop(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// until waits for something that ingest brings about. What a person has to mend first
// ends it.
func (d *daemon) until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return errors.New("interrupted while starting")
		case <-d.ended.Done():
			return context.Cause(d.ended)
		case <-tick.C:
		}
		if err := d.ingest.Err(); errors.Is(err, ledger.ErrNoSigner) && !done() {
			return explainKeys(err, d.folder.dir)
		}
	}
	return nil
}

// wait returns when the daemon is told to stop, or with the error that ended a part.
func (d *daemon) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.ended.Done():
		return context.Cause(d.ended)
	}
}

// close stops the parts, then closes the stores. Events without receipt are sent
// again by their publishers.
func (d *daemon) close() error {
	d.stop(errors.New("the daemon stops"))
	if d.answers != nil {
		d.answers.Close()
	}
	d.wg.Wait()
	var err error
	for i := len(d.closer) - 1; i >= 0; i-- {
		err = errors.Join(err, d.closer[i]())
	}
	return err
}
