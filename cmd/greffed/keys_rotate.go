package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/ledger/chain"
	"greffe/ledger/hsm"
)

// keyPatience is how long a command waits for the daemon to record a change.
const keyPatience = 30 * time.Second

// rotateFlags are the flags of keys rotate.
type rotateFlags struct {
	prepare bool
	to, uri string
}

func keysRotateCmd(k *keysFlags) *cobra.Command {
	var o rotateFlags
	cmd := &cobra.Command{
		Use: "rotate", Short: "let another key sign from here on",
		Long: "Let another key sign from here on. The new key is made, kept in DIR, and the rotation, signed by both keys, is\n" +
			"recorded in the ledger by the running daemon, or by the next one that starts.\n\n" +
			"If several daemons share the ledger, each of them must have the new key before: one that does not stops when it\n" +
			"comes to the rotation. Then: keys rotate --prepare, keys export, keys import on the others, keys rotate.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, id, err := k.open()
			if err != nil {
				return err
			}
			return f.rotate(cmd.Context(), cmd.OutOrStdout(), &id, o)
		},
	}
	cmd.Flags().BoolVar(&o.prepare, "prepare", false, "make the new key and record nothing yet")
	cmd.Flags().StringVar(&o.to, "to", "", "which prepared key, by its verification key or 8 digits of key hash")
	cmd.Flags().StringVar(&o.uri, "module", "", "take a key that is in a PKCS#11 module, by its URI, instead of making one")
	return cmd
}

// A plannedRotation is a rotation that is written down.
type plannedRotation struct {
	pendingChange
	old, next string
}

// rotate can be given again after a crash or a time-out: a rotation that is written down
// already is not made a second time, nor is a key that is prepared.
func (f *folder) rotate(ctx context.Context, w io.Writer, id *identity, o rotateFlags) error {
	unlock, err := f.lockKeys()
	if err != nil {
		return err
	}
	defer func() { unlock() }()
	if o.prepare {
		return f.prepare(w, id, o)
	}
	plan, err := f.pendingRotation()
	if err == nil && plan == nil {
		plan, err = f.planRotation(id, o)
	}
	if err != nil {
		return err
	}
	if err := unlock(); err != nil {
		return err
	}
	unlock = func() error { return nil }
	done, err := f.await(ctx, &plan.pendingChange)
	if err != nil {
		return err
	}
	if !done {
		fmt.Fprintf(w, "no daemon runs: the next start records the rotation to %s\n", plan.next)
		fmt.Fprintf(w, "until then %s signs\n", plan.old)
		return nil
	}
	list, err := f.readKeyList(id)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list.Keys, func(k keyPeriod) bool { return k.VKey == plan.next })
	if at < 0 {
		return fmt.Errorf("the rotation was recorded and has no effect: see greffed keys show --dir %s", f.dir)
	}
	fmt.Fprintf(w, "rotated at seq %d: checkpoints of %d entries and more are signed by\n%s\n", list.Keys[at].From-1, list.Keys[at].From, plan.next)
	printAuditors(w, f.dir, f.vkeyPath())
	fmt.Fprintf(w, "the old private key is in %s.key and signs nothing any more: destroy it once every daemon of this ledger has passed seq %d\n", f.keyPathOf(plan.old), list.Keys[at].From-1)
	return nil
}

// pendingRotation returns the rotation that is written down and not recorded, or nil.
func (f *folder) pendingRotation() (*plannedRotation, error) {
	waiting, err := f.pending()
	if err != nil {
		return nil, err
	}
	for _, p := range waiting {
		if p.typ != events.TypeKeyRotated {
			continue
		}
		var ev struct {
			Data events.LedgerKeyRotated `json:"data"`
		}
		if err := json.Unmarshal(p.data, &ev); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", p.path, err)
		}
		return &plannedRotation{p, ev.Data.OldVKey, ev.Data.NewVKey}, nil
	}
	return nil, nil
}

// prepare makes the new key.
func (f *folder) prepare(w io.Writer, id *identity, o rotateFlags) error {
	next, err := f.newKey(id, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "prepared %s in %s.key\n", next.vkey, next.path)
	fmt.Fprintf(w, "hand it to every other daemon of this ledger: greffed keys export -f FILE --dir %s, there greffed keys import FILE\n", f.dir)
	fmt.Fprintf(w, "then: greffed keys rotate --dir %s\n", f.dir)
	return nil
}

// planRotation signs the rotation with both keys and writes it down. The new key is in
// the folder before, so that no daemon ever reads a rotation to a key that was lost.
func (f *folder) planRotation(id *identity, o rotateFlags) (*plannedRotation, error) {
	list, err := f.keyListNow(id)
	if err != nil {
		return nil, err
	}
	old, ok, err := f.heldKey(id.Origin, list.valid())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the key valid now is %s, and %s does not hold its private key: rotate where it is", list.valid(), f.dir)
	}
	next, err := f.nextKey(id, &list, o)
	if err != nil {
		return nil, err
	}
	data := events.LedgerKeyRotated{OldVKey: old.vkey, NewVKey: next.vkey}
	if data.OldSignature, err = signRotation(&data, &old); err != nil {
		return nil, err
	}
	if data.NewSignature, err = signRotation(&data, &next); err != nil {
		return nil, err
	}
	p, err := f.addPending(id, events.TypeKeyRotated, data, time.Now())
	return &plannedRotation{p, old.vkey, next.vkey}, err
}

func signRotation(data *events.LedgerKeyRotated, k *keyFile) (string, error) {
	s, err := k.signer()
	if err != nil {
		return "", err
	}
	return chain.SignRotation(data.OldVKey, data.NewVKey, s)
}

// nextKey is the prepared key, or a new one.
func (f *folder) nextKey(id *identity, list *keyList, o rotateFlags) (keyFile, error) {
	prepared, err := f.preparedKeys(id, list)
	if err != nil {
		return keyFile{}, err
	}
	if o.to != "" {
		at := slices.IndexFunc(prepared, func(k keyFile) bool { return called(k.vkey, o.to) })
		if at < 0 {
			return keyFile{}, cli.Hint(fmt.Errorf("no key %s is prepared in %s", o.to, f.dir), "see greffed keys show --dir %s", f.dir)
		}
		return prepared[at], nil
	}
	if o.uri != "" || len(prepared) == 0 {
		return f.newKey(id, o)
	}
	if len(prepared) > 1 {
		return keyFile{}, cli.Hint(fmt.Errorf("%d keys are prepared in %s", len(prepared), f.dir), "say which with --to, see greffed keys show --dir %s", f.dir)
	}
	return prepared[0], nil
}

// preparedKeys are the private keys that the ledger does not name.
func (f *folder) preparedKeys(id *identity, list *keyList) ([]keyFile, error) {
	held, err := f.heldKeys(id.Origin)
	return slices.DeleteFunc(held, func(k keyFile) bool { return list.has(k.vkey) }), err
}

// called reports whether name is a vkey, or its key hash.
func called(vkey, name string) bool { return vkey == name || keyHashOf(vkey) == name }

// newKey makes a key, or finds it in its module, and keeps it in the folder, durably.
func (f *folder) newKey(id *identity, o rotateFlags) (k keyFile, err error) {
	if o.uri == "" {
		if k.secret, k.vkey, err = chain.GenerateKey(rand.Reader, id.Origin); err != nil {
			return k, err
		}
	} else if k, err = moduleKey(id.Origin, o.uri); err != nil {
		return k, err
	}
	k.path = f.keyPathOf(k.vkey)
	if _, err := os.Stat(k.path + ".key"); !errors.Is(err, fs.ErrNotExist) {
		return k, fmt.Errorf("%s.key is there already, and is not overwritten", k.path)
	}
	return k, k.write()
}

func moduleKey(origin, uri string) (keyFile, error) {
	k := keyFile{secret: uri}
	key, err := hsm.Open(uri)
	if err != nil {
		return k, err
	}
	defer key.Close()
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return k, errors.New("the key in the module is not Ed25519")
	}
	k.vkey, err = chain.VKeyOf(origin, public)
	return k, err
}

// await waits until the running daemon has recorded the change; done is false if none
// runs. The change stays written down in any case, so nothing is lost by not waiting.
func (f *folder) await(ctx context.Context, p *pendingChange) (done bool, err error) {
	until := time.Now().Add(keyPatience)
	for {
		if _, err := os.Stat(p.path); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return false, err
		}
		if runs, err := f.daemonRuns(); err != nil || !runs {
			return false, err
		}
		if time.Now().After(until) {
			return false, fmt.Errorf("the daemon has not recorded it yet, see greffe status: it is kept in %s and will be; give the command again to wait on", filepath.Dir(p.path))
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	why, err := os.ReadFile(p.refusedPath())
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, errors.Join(fmt.Errorf("the daemon refused it: %s", trim(why)), os.Remove(p.refusedPath()))
}
