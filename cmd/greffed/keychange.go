package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"greffe/events"
	"greffe/events/durable"
	"greffe/events/stream"
	"greffe/ledger"
	"greffe/ledger/chain"
)

// How a change of the keys comes into the ledger: a command writes the whole event,
// signed, to DIR/keys/pending/ID.json; the daemon publishes it, and takes the file away
// when the ledger has it. The id makes it safe to publish it again after a crash at any
// point: the second is a duplicate. The command needs no connection, so that it works
// with any server, and its right is that it can write into the folder of keys.

// keyTick is how often the daemon looks for changes.
const keyTick = 200 * time.Millisecond

// A pendingChange is an event about the keys that is to be recorded.
type pendingChange struct {
	path string
	id   events.ID
	typ  string
	data []byte // the event, canonical
}

func (f *folder) pendingPath() string { return f.path(filepath.Join(keysFolder, "pending")) }

// refusedPath is where the daemon says why a change was not recorded.
func (p *pendingChange) refusedPath() string { return strings.TrimSuffix(p.path, ".json") + ".refused" }

// pending returns the changes that wait, in the order in which they were made.
func (f *folder) pending() (all []pendingChange, err error) {
	entries, err := os.ReadDir(f.pendingPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read pending changes of the keys: %w", err)
	}
	for _, e := range entries { // sorted by id, which begins with the time
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		p := pendingChange{path: filepath.Join(f.pendingPath(), e.Name())}
		if p.data, err = os.ReadFile(p.path); errors.Is(err, fs.ErrNotExist) {
			continue // recorded meanwhile
		} else if err != nil {
			return nil, fmt.Errorf("read pending changes of the keys: %w", err)
		}
		ev, err := events.Parse(p.data)
		if err != nil {
			return nil, fmt.Errorf("%s is damaged (%w): remove it, and give the command again", p.path, err)
		}
		p.id, p.typ = ev.ID, ev.Type
		all = append(all, p)
	}
	return all, nil
}

// addPending writes an event of greffe about the keys of its ledger, durably.
func (f *folder) addPending(id *identity, wireType string, data any, now time.Time) (pendingChange, error) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixMilli())<<16)
	if _, err := rand.Read(raw[6:]); err != nil {
		return pendingChange{}, err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return pendingChange{}, err
	}
	ev := events.Event{
		ID: events.IDFromBytes(raw), Source: "greffe/keys", Type: wireType, Aggregate: "ledger/" + string(id.Ledger), Actor: "system/greffe",
		OccurredAt: events.InstantOf(now), RecordedAt: events.InstantOf(now), Data: text,
	}
	p := pendingChange{id: ev.ID, typ: wireType, path: filepath.Join(f.pendingPath(), string(ev.ID)+".json")}
	if t, ok := events.Lookup(wireType); ok {
		if _, problems := t.Check(&ev); len(problems) > 0 {
			return p, fmt.Errorf("make the event: %s: %s", problems[0].Pointer, problems[0].Detail)
		}
	}
	if p.data, err = ev.Append(nil); err != nil {
		return p, fmt.Errorf("make the event: %w", err)
	}
	return p, durable.WriteFile(p.path, p.data, 0o600)
}

// A keyKeeper records changes of the keys, and lets the folder follow those in the ledger.
type keyKeeper struct {
	d     *daemon
	known *chain.KeyHistory // what the folder was brought up to
	sent  events.ID         // the change that is on its way
	said  string            // the last trouble, so that it is said once
}

// followKeys runs until ctx ends. What goes wrong here is said and tried again: the
// ledger signs by itself, whatever this folder's files say.
func (d *daemon) followKeys(ctx context.Context) error {
	k := &keyKeeper{d: d}
	tick := time.NewTicker(keyTick)
	defer tick.Stop()
	for {
		said := ""
		if err := errors.Join(k.take(), k.record()); err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		if said != k.said && said != "" {
			d.log.Error("the keys could not be followed", "error", said)
		}
		k.said = said
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take brings the folder up to the ledger: main.key, main.vkey, and what keys show tells.
func (k *keyKeeper) take() error {
	edge := k.d.ledger.Edge()
	if edge.Keys == k.known {
		return nil
	}
	if err := k.d.folder.takeUse(k.d.id.Origin, edge.Keys, edge.Size); err != nil {
		return err
	}
	if err := k.d.folder.writeKeyList(keyListOf(k.d.ledger)); err != nil {
		return err
	}
	for _, key := range edge.Keys.Keys() {
		if key.VKey == edge.Keys.Valid(edge.Size) && key.Revoked {
			k.d.log.Error("the key that signs is revoked, nobody can trust newer checkpoints: greffed keys rotate", "key", key.VKey)
		}
	}
	k.known = edge.Keys
	return nil
}

// record publishes what waits, one after the other, and clears what is in the ledger.
func (k *keyKeeper) record() error {
	waiting, err := k.d.folder.pending()
	if err != nil || len(waiting) == 0 {
		return err
	}
	p := &waiting[0]
	_, _, err = k.d.ledger.Find(events.DaemonPublisher, p.id.Bytes())
	switch {
	case err == nil:
		if err := k.take(); err != nil { // the command goes on when the file is gone
			return err
		}
		return durable.Remove(p.path)
	case !errors.Is(err, ledger.ErrNotFound):
		return err
	}
	if k.sent != p.id { // asking a module again and again would open it again and again
		if why := k.refuse(p); why != "" {
			if err := durable.WriteFile(p.refusedPath(), []byte(why+"\n"), 0o600); err != nil {
				return err
			}
			return durable.Remove(p.path)
		}
	}
	k.sent = p.id
	k.d.gateway.PublishOwn(p.id.Bytes(), stream.Outgoing{Topic: events.EventTopic(k.d.folder.ledger, events.DaemonPublisher, p.typ), Data: p.data})
	return nil
}

// refuse says why a change would have no effect in the ledger as it is, or would take
// from this daemon what it signs with.
func (k *keyKeeper) refuse(p *pendingChange) string {
	edge := k.d.ledger.Edge()
	header, err := chain.AppendEntry(nil, &chain.Entry{
		Seq: edge.Size, Epoch: 1, StreamSeq: 1, Disposition: chain.Recorded, EventID: p.id.Bytes(), PayloadLen: uint32(len(p.data)),
		Publisher: events.DaemonPublisher, Type: p.typ, Aggregate: "ledger/" + k.d.folder.ledger,
	})
	if err != nil || !chain.IsKeyEvent(header) {
		return "it is no event about keys"
	}
	change, err := edge.Keys.Clone().Apply(header, p.data)
	switch {
	case err != nil:
		return err.Error()
	case change.Void != "":
		return change.Void
	case change.Rotated != "":
		if _, err := k.d.folder.signer(k.d.id.Origin, change.Rotated); err != nil {
			return err.Error()
		}
	}
	return ""
}
