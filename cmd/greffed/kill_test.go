package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/note"

	"greffe/cmd/internal/cli"
	"greffe/cmd/internal/clitest"
	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
	"greffe/projections/query"
)

// TestKill kills a daemon, as kill -9 does, at random moments under load from several
// connections, and starts it again on the same folder. What a receipt said is true
// ever after; what got no receipt is sent again and is in the ledger once.
func TestKill(t *testing.T) {
	const rounds, publishers = 7, 4
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := newVictim(t, seed, publishers)
	for round := range rounds {
		if round%3 == 2 { // while it starts
			k.start()
			time.Sleep(time.Duration(k.rng.IntN(150)) * time.Millisecond)
			k.kill()
		}
		k.start()
		k.ready()
		k.check()
		load := k.load(k.rng.Uint64)
		time.Sleep(time.Duration(150+k.rng.IntN(600)) * time.Millisecond)
		k.kill()
		load.Wait()
		k.fsck()
	}
	k.start()
	k.ready()
	k.check()
	for _, p := range k.publishers {
		k.settle(p)
	}
	k.check()
	k.nothingElse()
	receipts, again := 0, 0
	for _, p := range k.publishers {
		receipts += len(p.receipts)
		again += p.again
	}
	t.Logf("%d kills, %d receipts, %d events sent again, %d entries", k.kills, receipts, again, k.size)
	if receipts < 100 {
		t.Errorf("only %d receipts: that was no load", receipts)
	}
}

// A victim is a daemon's folder, the process in it, and what its publishers know.
type victim struct {
	*testing.T
	rng        *rand.Rand
	program    string
	dir        string
	process    *exec.Cmd
	log        bytes.Buffer
	url        string
	key        note.Verifier
	publishers []*loader
	kills      int
	rotates    bool // another key may come into use; the first one is brought all the same

	size uint64 // seen last
	// recorded holds where each event of each publisher was recorded, at the last check.
	recorded map[string][]uint64
}

// A loader publishes as one publisher and remembers everything.
type loader struct {
	name     string
	sent     int      // events are numbered from 0
	open     [][]byte // sent without receipt
	receipts []gateway.Receipt
	again    int // events sent anew after a kill
}

func newVictim(t *testing.T, seed uint64, publishers int) *victim {
	v := &victim{T: t, rng: rand.New(rand.NewPCG(seed, 0)), program: clitest.Build(t, "greffed"), dir: filepath.Join(t.TempDir(), "D")}
	t.Cleanup(v.stop)
	v.start() // the first start makes the ledger, and only then can it have publishers
	v.ready()
	for i := range publishers {
		name := fmt.Sprintf("load-%d", i)
		if out, err := exec.Command(v.program, "publisher", "add", name, "--dir", v.dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		v.publishers = append(v.publishers, &loader{name: name})
	}
	v.kill()
	return v
}

func (v *victim) start() {
	v.log.Reset()
	v.process = exec.Command(v.program, "serve", "--quiet", "--dir", v.dir, "--nats-port", "-1", "--http", "127.0.0.1:0")
	v.process.Stdout, v.process.Stderr = &v.log, &v.log
	if err := v.process.Start(); err != nil {
		v.Fatal(err)
	}
}

func (v *victim) stop() {
	if v.process != nil && v.process.ProcessState == nil {
		v.process.Process.Kill()
		v.process.Wait()
	}
}

// kill ends the process at once. It must not have ended before.
func (v *victim) kill() {
	v.Helper()
	v.kills++
	v.process.Process.Signal(syscall.SIGKILL)
	v.process.Wait()
	if status, ok := v.process.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		v.Fatalf("the daemon ended by itself: %v\n%s", v.process.ProcessState, &v.log)
	}
}

// ready waits until the process serves, and learns where.
func (v *victim) ready() {
	v.Helper()
	for until := time.Now().Add(15 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		d, err := cli.ReadDaemonFile(v.dir)
		if err == nil && d.PID == v.process.Process.Pid {
			v.url = d.URL
			v.loadKey()
			return
		}
	}
	v.stop()
	v.Fatalf("the daemon does not come back after %d kills:\n%s", v.kills, &v.log)
}

// fsck holds the store and the registers that a kill left against themselves.
func (v *victim) fsck() {
	out, err := exec.Command(v.program, "fsck", "--deep", "--dir", v.dir).CombinedOutput()
	if err != nil {
		v.Fatalf("after %d kills: %v\n%s", v.kills, err, out)
	}
}

func (v *victim) loadKey() {
	text, err := os.ReadFile(filepath.Join(v.dir, "main.vkey"))
	if err != nil {
		v.Fatal(err)
	}
	key, err := note.NewVerifier(trim(text))
	if err != nil {
		v.Fatal(err)
	}
	if v.key != nil && v.rotates {
		return
	}
	if v.key != nil && (key.KeyHash() != v.key.KeyHash() || key.Name() != v.key.Name()) {
		v.Fatalf("the ledger's key is another one after %d kills", v.kills)
	}
	v.key = key
}

func (v *victim) connect(role stream.Role, name string) (*nats.Conn, error) {
	c, err := stream.ReadCredentials(stream.CredentialsPath(v.dir, role, name))
	if err != nil {
		return nil, err
	}
	return nats.Connect(v.url, append(c.Options(), nats.NoReconnect())...)
}

// load lets every publisher submit until the process dies: first what it has no
// receipt for, then new events.
func (v *victim) load(random func() uint64) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, p := range v.publishers {
		rng := rand.New(rand.NewPCG(random(), 1))
		wg.Go(func() { v.submit(p, rng) })
	}
	return &wg
}

func (v *victim) submit(p *loader, rng *rand.Rand) {
	nc, err := v.connect(stream.RolePublisher, p.name)
	if err != nil {
		return // killed already
	}
	defer nc.Close()
	client := gateway.NewClient(nc, "main", p.name)
	client.Window = 1 + rng.IntN(64)
	ctx, cancel := context.WithTimeout(v.Context(), 10*time.Second)
	defer cancel()
	again := slices.Clone(p.open)
	p.again += len(again)
	err = client.SubmitAll(ctx, func(yield func([]byte, error) bool) {
		for _, raw := range again {
			if !yield(raw, nil) {
				return
			}
		}
		for {
			raw := event(p.name, p.sent)
			p.sent++
			p.open = append(p.open, raw)
			if !yield(raw, nil) {
				return
			}
		}
	}, func(_ int, r gateway.Receipt) error { return p.take(r) })
	if err == nil || ctx.Err() != nil {
		v.Errorf("%s: %v although the daemon was killed", p.name, err)
	}
}

// take keeps a receipt. Receipts come in the order of events.
func (p *loader) take(r gateway.Receipt) error {
	if r.Disposition != gateway.Recorded && r.Disposition != gateway.Duplicate {
		return fmt.Errorf("receipt %+v", r)
	}
	p.receipts = append(p.receipts, r)
	p.open = p.open[1:]
	return nil
}

// settle sends what has no receipt until there is none without.
func (v *victim) settle(p *loader) {
	v.Helper()
	nc, err := v.connect(stream.RolePublisher, p.name)
	if err != nil {
		v.Fatal(err)
	}
	defer nc.Close()
	p.again += len(p.open)
	raws := slices.Clone(p.open)
	err = gateway.NewClient(nc, "main", p.name).SubmitAll(v.Context(), func(yield func([]byte, error) bool) {
		for _, raw := range raws {
			if !yield(raw, nil) {
				return
			}
		}
	}, func(_ int, r gateway.Receipt) error { return p.take(r) })
	if err != nil || len(p.open) > 0 {
		v.Fatalf("%s: %d events without receipt: %v", p.name, len(p.open), err)
	}
}

// event is event n of a publisher: the same bytes whenever it is sent.
func event(publisher string, n int) []byte {
	id := fmt.Sprintf("01JD0000000000000%09d", n)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"%s","type":"measure.adopted.v1","subject":"measure/TOM-90","time":"2026-11-23T10:00:00Z",`+
		`"recordedat":"2026-11-23T10:00:00Z","data":{"measure_id":"TOM-90","kind":"technical","topic":"backup","text":"number %d"}}`, id, publisher, n)
}

// check reads the whole ledger: an auditor finds it sound, it has not shrunk, every
// receipt is true, and no event is in it twice.
func (v *victim) check() {
	v.Helper()
	nc, err := v.connect(stream.RoleDPO, string(stream.RoleDPO))
	if err != nil {
		v.Fatal(err)
	}
	defer nc.Close()
	var bundle bytes.Buffer
	client := query.NewClient(nc, "main", 10*time.Second)
	cp, err := client.Bundle(v.Context(), &bundle, nil)
	if err != nil {
		v.Fatalf("bundle after %d kills: %v\n%s", v.kills, err, &v.log)
	}
	if cp.Size < v.size {
		v.Fatalf("the ledger has %d entries after %d kills and had %d", cp.Size, v.kills, v.size)
	}
	v.size = cp.Size
	report, err := verify.Bundle(v.Context(), &bundle, v.key, verify.Options{})
	if err != nil || report.Outcome() != verify.Sound || report.Size != cp.Size {
		v.Fatalf("after %d kills: %v, size %d of %d, faults %v, error %v", v.kills, report.Outcome(), report.Size, cp.Size, report.Faults, err)
	}
	v.recorded = map[string][]uint64{}
	leaves := make([]string, cp.Size)
	err = client.Entries(v.Context(), 0, cp.Size, func(r chain.Record) error {
		leaf := chain.LeafHash(r.Header)
		leaves[r.Entry.Seq] = hex.EncodeToString(leaf[:])
		if r.Entry.Disposition == chain.Recorded {
			key := r.Entry.Publisher + " " + string(events.IDFromBytes(r.Entry.EventID))
			v.recorded[key] = append(v.recorded[key], r.Entry.Seq)
		}
		return nil
	})
	if err != nil {
		v.Fatal(err)
	}
	v.checkReceipts(leaves)
}

func (v *victim) checkReceipts(leaves []string) {
	v.Helper()
	for key, seqs := range v.recorded {
		if len(seqs) != 1 {
			v.Errorf("event %s is recorded %d times, at %v", key, len(seqs), seqs)
		}
	}
	for _, p := range v.publishers {
		for _, r := range p.receipts {
			switch at := v.recorded[p.name+" "+r.ID]; {
			case len(at) == 0:
				v.Fatalf("%s: event %s has a receipt for seq %d and is lost after %d kills", p.name, r.ID, r.Seq, v.kills)
			case at[0] != r.Seq || leaves[r.Seq] != r.LeafHash:
				v.Fatalf("%s: event %s has a receipt for seq %d, leaf %s; it is at %d, leaf %s", p.name, r.ID, r.Seq, r.LeafHash, at[0], leaves[at[0]])
			}
		}
	}
}

// nothingElse wants exactly the events that were sent, and the genesis.
func (v *victim) nothingElse() {
	v.Helper()
	sent := 1
	for _, p := range v.publishers {
		sent += p.sent
		if len(p.receipts) != p.sent {
			v.Errorf("%s: %d receipts for %d events", p.name, len(p.receipts), p.sent)
		}
	}
	if len(v.recorded) != sent {
		v.Errorf("%d events are recorded, %d were sent", len(v.recorded), sent)
	}
}
