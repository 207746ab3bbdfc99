package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/gateway"
	"greffe/events/stream/embedded"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

// rotateNow gives the command to the folder of a running daemon.
func rotateNow(t *testing.T, dir string, o rotateFlags) {
	t.Helper()
	f, id, err := (&keysFlags{dir: dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.rotate(t.Context(), io.Discard, &id, o); err != nil {
		t.Fatal(err)
	}
}

// handOn brings the key that is prepared, or else in use, from one folder to another.
func handOn(t *testing.T, from, to string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	f, id, err := (&keysFlags{dir: from}).open()
	if err == nil {
		err = f.exportKey(io.Discard, &id, "", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	g, id, err := (&keysFlags{dir: to}).open()
	if err == nil {
		err = g.importKey(io.Discard, &id, file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readVKey(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "main.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	return trim(text)
}

// soundFor wants an auditor who brings vkey to find the whole ledger sound.
func soundFor(t *testing.T, d *daemon, vkeys ...string) {
	t.Helper()
	text, size, err := d.head.publish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bundle bytes.Buffer
	w, err := chain.NewBundleWriter(&bundle)
	if err == nil {
		err = d.ledger.Read(0, size, func(r chain.Record) error { return w.WriteRecord(r.Header, r.Payload) })
	}
	if err == nil {
		err = errors.Join(w.WriteSection(chain.SectionCheckpoint, text), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, vkey := range vkeys {
		key, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		report, err := verify.Bundle(t.Context(), bytes.NewReader(bundle.Bytes()), key, verify.Options{})
		if err != nil || report.Outcome() != verify.Sound {
			t.Errorf("with %s: %v, %+v, %v", vkey, report.Outcome(), report.Faults, err)
		}
	}
}

// The key changes while events come in: each receipt is true, and the ledger is sound for
// who has any of its keys.
func TestRotationUnderLoad(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	defer func() { d.close() }()
	vkeys := []string{readVKey(t, dir)}
	stop := make(chan struct{})
	var receipts []gateway.Receipt
	var wg sync.WaitGroup
	wg.Go(func() {
		err := gateway.NewClient(d.nc, "main", "dpo").SubmitAll(t.Context(), func(yield func([]byte, error) bool) {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !yield(event("dpo", i), nil) {
					return
				}
			}
		}, func(_ int, r gateway.Receipt) error {
			receipts = append(receipts, r)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		rotateNow(t, dir, rotateFlags{})
		vkeys = append(vkeys, readVKey(t, dir))
		soundFor(t, d, vkeys...)
	}
	close(stop)
	wg.Wait()
	if len(receipts) < 100 {
		t.Errorf("only %d receipts: that was no load", len(receipts))
	}
	for _, r := range receipts {
		got, err := d.ledger.Record(r.Seq)
		leaf := chain.LeafHash(got.Header)
		if err != nil || r.Disposition != gateway.Recorded || r.LeafHash != fmt.Sprintf("%x", leaf[:]) {
			t.Fatalf("receipt %+v, entry %+v, %v", r, got.Entry, err)
		}
	}
	if slices.Sort(vkeys); len(slices.Compact(vkeys)) != 4 {
		t.Errorf("keys %v", vkeys)
	}
	soundFor(t, d, vkeys...)
	d.close()
	d = mustStart(t, dir)
	publishSome(t, d, 9000, 3)
	soundFor(t, d, vkeys...)
}

// TestKillWhileRotating kills the daemon and the command, as kill -9 does, at random
// moments of rotations under load. No receipt is lost, the ledger can always be signed
// again, and whoever has the first key finds it sound.
func TestKillWhileRotating(t *testing.T) {
	const rounds = 6
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := newVictim(t, seed, 2)
	k.rotates = true
	rotate := func() *exec.Cmd {
		cmd := exec.Command(k.program, "keys", "rotate", "--dir", k.dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	for round := range rounds {
		k.start()
		k.ready()
		k.check()
		load := k.load(k.rng.Uint64)
		cmd := rotate()
		time.Sleep(time.Duration(k.rng.IntN(300)) * time.Millisecond)
		if round%3 == 0 {
			cmd.Process.Signal(syscall.SIGKILL)
		}
		k.kill()
		load.Wait()
		cmd.Wait() // without a daemon it does not wait
	}
	k.start()
	k.ready()
	if err := rotate().Wait(); err != nil {
		t.Errorf("the last rotation: %v\n%s", err, &k.log)
	}
	k.check()
	for _, p := range k.publishers {
		k.settle(p)
	}
	first := k.key
	k.rotates, k.key = false, nil
	k.loadKey()
	if k.key.KeyHash() == first.KeyHash() {
		t.Error("nothing was rotated")
	}
	k.check()
	f, id, err := (&keysFlags{dir: k.dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	shown, err := f.showKeys(&id)
	if err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, key := range shown.Keys {
		if key.File == "" {
			t.Errorf("the private key of %s was lost", key.VKey)
		}
		if key.State == "valid" {
			valid++
		}
	}
	if valid != 1 || len(shown.Keys) > rounds+2 {
		t.Errorf("keys %+v", shown.Keys)
	}
	t.Logf("%d kills, %d entries, %d keys", k.kills, k.size, len(shown.Keys))
}

// A crash between any two writes of a rotation leaves a folder that starts, signs with
// the key that is valid, and has both keys.
func TestRotationIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	publishSome(t, d, 1, 3)
	rotateNow(t, dir, rotateFlags{prepare: true})
	files := func(dir string) map[string]string {
		all := map[string]string{}
		for _, pattern := range []string{"main.*key", "keys/*.*key", "keys/pending/*"} {
			paths, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				name, _ := filepath.Rel(dir, path)
				all[name] = string(text)
			}
		}
		return all
	}
	before := files(dir)
	rotateNow(t, dir, rotateFlags{})
	after := files(dir)
	d.close()
	oldVKey, newVKey := trim([]byte(before["main.vkey"])), trim([]byte(after["main.vkey"]))
	old, next := "keys/"+keyHashOf(oldVKey), "keys/"+keyHashOf(newVKey)
	type edit struct{ name, text string } // "" removes
	steps := []edit{
		{old + ".vkey", after[old+".vkey"]}, {old + ".key", after[old+".key"]}, {"main.key", after["main.key"]},
		{"main.vkey", after["main.vkey"]}, {next + ".key", ""}, {next + ".vkey", ""},
	}
	for done := range len(steps) + 1 {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			from := dir
			dir := filepath.Join(t.TempDir(), "D")
			copyFolder(t, from, dir)
			state := maps.Clone(before)
			for _, s := range steps[:done] {
				state[s.name] = s.text
			}
			for name := range files(dir) {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range state {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d := mustStart(t, dir)
			publishSome(t, d, 10, 3)
			soundFor(t, d, oldVKey, newVKey)
			eventually(t, "main.key is the new one", func() bool {
				got := files(dir)
				return got["main.key"] == after["main.key"] && got["main.vkey"] == after["main.vkey"] && got[next+".vkey"] == ""
			})
			d.close()
			if got := files(dir); !maps.Equal(got, after) {
				t.Errorf("the folder holds %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(after)))
			}
			d = mustStart(t, dir)
			defer d.close()
			publishSome(t, d, 20, 3)
			soundFor(t, d, oldVKey, newVKey)
		})
	}
}

// A command that was killed between its writes is given again, and makes one rotation.
func TestRotateIsGivenAgain(t *testing.T) {
	for _, left := range []string{"a verification key alone", "a key", "a rotation that is written down"} {
		t.Run(left, func(t *testing.T) {
			dir := t.TempDir()
			d := mustStart(t, dir)
			publishSome(t, d, 1, 3)
			d.close() // nothing is recorded while the command is at work
			f, id, err := (&keysFlags{dir: dir}).open()
			if err != nil {
				t.Fatal(err)
			}
			switch left {
			case "a rotation that is written down":
				_, err = f.planRotation(&id, rotateFlags{})
			default:
				var k keyFile
				k, err = f.newKey(&id, rotateFlags{})
				if left != "a key" {
					err = errors.Join(err, os.Remove(k.path+".key"))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			old := readVKey(t, dir)
			d = mustStart(t, dir)
			defer d.close()
			rotateNow(t, dir, rotateFlags{})
			if keys := d.ledger.Keys().Keys(); len(keys) != 2 || keys[1].VKey != readVKey(t, dir) {
				t.Errorf("keys %+v", keys)
			}
			soundFor(t, d, old, readVKey(t, dir))
		})
	}
}

// Two daemons share a ledger. One that does not have the new key stops appending and says
// so, goes on once it is imported, and one that comes later needs the new key alone.
func TestTwoDaemonsRotate(t *testing.T) {
	srv, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Port: -1, Ledger: "main", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	first := filepath.Join(t.TempDir(), "first")
	a := startOn(t, first, srv.URL())
	second := copyKeys(t, first)
	b := startOn(t, second, srv.URL())
	vkeys := []string{readVKey(t, first)}

	// the key is handed on before it signs: nobody stops
	rotateNow(t, first, rotateFlags{prepare: true})
	handOn(t, first, second)
	rotateNow(t, first, rotateFlags{})
	vkeys = append(vkeys, readVKey(t, first))
	submitTo(t, srv.URL(), 0, 20)
	sameChain(t, a, b)
	eventually(t, "the other daemon follows", func() bool { return readVKey(t, second) == vkeys[1] })

	// the key is not handed on
	rotateNow(t, first, rotateFlags{})
	vkeys = append(vkeys, readVKey(t, first))
	size := b.ledger.Size()
	eventually(t, "the other daemon stops", func() bool { return errors.Is(b.ingest.Err(), ledger.ErrNoSigner) })
	if trouble := b.ingest.Trouble(); !strings.Contains(trouble, "rotated at seq") || !strings.Contains(trouble, "greffed keys import") || b.ledger.Size() != size {
		t.Errorf("trouble %q, size %d", trouble, b.ledger.Size())
	}
	if v, err := b.follower.view(t.Context()); err != nil {
		t.Errorf("it answers no more: %v", err)
	} else {
		v.Close()
	}
	mustClose(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = startDaemon(ctx, serveFlags{dir: second, ledger: "main", server: srv.URL(), replicas: 1, zone: "Europe/Paris"}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ledger.ErrNoSigner) {
		t.Fatalf("it starts without the key that signed what was shown: %v", err)
	}
	handOn(t, first, second)
	b = startOn(t, second, srv.URL())
	submitTo(t, srv.URL(), 20, 20)
	sameChain(t, a, b)

	// it is imported while the daemon waits for it
	rotateNow(t, first, rotateFlags{})
	vkeys = append(vkeys, readVKey(t, first))
	eventually(t, "the other daemon stops", func() bool { return errors.Is(b.ingest.Err(), ledger.ErrNoSigner) })
	handOn(t, first, second)
	eventually(t, "the other daemon goes on", func() bool { return b.ingest.Err() == nil && readVKey(t, second) == vkeys[3] })
	submitTo(t, srv.URL(), 40, 20)
	sameChain(t, a, b)

	third := copyKeys(t, first) // main.key and main.vkey as they are now
	c := startOn(t, third, srv.URL())
	sameChain(t, a, c)
	soundFor(t, c, vkeys...)
	if got := readVKey(t, third); got != vkeys[3] {
		t.Errorf("the third daemon's key is %s", got)
	}
	for _, d := range []*daemon{a, b, c} {
		mustClose(t, d)
	}
}

// What the ledger would not follow is refused before it is recorded.
func TestUselessChangesAreRefused(t *testing.T) {
	dir := t.TempDir()
	d := mustStart(t, dir)
	defer d.close()
	publishSome(t, d, 1, 3)
	size := d.ledger.Size()
	f, id, err := (&keysFlags{dir: dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := f.planRotation(&id, rotateFlags{})
	if err != nil {
		t.Fatal(err)
	}
	// its private key is gone before the daemon looks
	if err := os.Remove(f.keyPathOf(plan.next) + ".key"); err != nil {
		t.Fatal(err)
	}
	if done, err := f.await(t.Context(), &plan.pendingChange); done || err == nil || !strings.Contains(err.Error(), "does not hold the private key") {
		t.Errorf("got %v, %v", done, err)
	}
	if d.ledger.Size() != size {
		t.Errorf("%d entries, want %d", d.ledger.Size(), size)
	}
	if left, err := os.ReadDir(f.pendingPath()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
