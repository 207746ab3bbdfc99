package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/mod/sumdb/note"

	"greffe/cmd/internal/cli"
	"greffe/events/durable"
	"greffe/ledger"
	"greffe/ledger/chain"
)

// ledgerOptions are how the folder's ledger is opened.
func (f *folder) ledgerOptions(id *identity) ledger.Options {
	return ledger.Options{
		VKey:   id.VKey,
		Newest: f.newest(),
		Signer: func(vkey string) (note.Signer, error) { return f.signer(id.Origin, vkey) },
	}
}

// newest is the key that the folder was last told of, or "".
func (f *folder) newest() string {
	text, err := os.ReadFile(f.vkeyPath())
	if err != nil {
		return ""
	}
	return trim(text)
}

// signer finds a private key when the ledger needs it, so that one that was imported a
// moment ago counts. Every error is of the class after which the ledger tries again:
// nothing has been written, and a person can mend each of them.
func (f *folder) signer(origin, vkey string) (note.Signer, error) {
	k, ok, err := f.heldKey(origin, vkey)
	if err == nil && !ok {
		return nil, fmt.Errorf("%w: %s does not hold the private key of %s, bring it with greffed keys import", ledger.ErrNoSigner, f.dir, keyHashOf(vkey))
	}
	var s note.Signer
	if err == nil {
		s, err = k.signer()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNoSigner, err)
	}
	return s, nil
}

// A keyList is DIR/keys/history.json: what the ledger says of its keys, for who cannot
// open its store while the daemon has it. It is written anew whenever it changes.
type keyList struct {
	Size uint64      `json:"size"` // of the ledger when it was written
	Keys []keyPeriod `json:"keys"` // as they were valid
}

// A keyPeriod is one key of the ledger.
type keyPeriod struct {
	VKey      string  `json:"vkey"`
	From      uint64  `json:"from"`                 // size of the first checkpoint that it signs
	TrustedTo *uint64 `json:"trusted_to,omitempty"` // if it was revoked
}

func keyListOf(l *ledger.Ledger) keyList {
	edge := l.Edge()
	list := keyList{Size: edge.Size}
	if edge.Keys == nil {
		return list
	}
	for _, k := range edge.Keys.Keys() {
		p := keyPeriod{VKey: k.VKey, From: k.From}
		if k.Revoked {
			p.TrustedTo = &k.TrustedTo
		}
		list.Keys = append(list.Keys, p)
	}
	return list
}

// valid is the key that signs now.
func (l *keyList) valid() string { return l.Keys[len(l.Keys)-1].VKey }

func (l *keyList) has(vkey string) bool {
	return slices.ContainsFunc(l.Keys, func(k keyPeriod) bool { return k.VKey == vkey })
}

func (f *folder) keyListPath() string { return f.path(keysFolder + "/history.json") }

func (f *folder) writeKeyList(list keyList) error {
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(f.keyListPath(), append(text, '\n'), 0o600)
}

// readKeyList reads what the daemon wrote. A ledger that was just opened has the key of
// its identity and no other.
func (f *folder) readKeyList(id *identity) (list keyList, err error) {
	text, err := os.ReadFile(f.keyListPath())
	if errors.Is(err, fs.ErrNotExist) {
		return keyList{Keys: []keyPeriod{{VKey: id.VKey}}}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil || len(list.Keys) == 0 {
		return list, fmt.Errorf("%s is damaged (%w): start the daemon, it writes it anew", f.keyListPath(), err)
	}
	return list, nil
}

// lockKeys lets one at a time change the folder's keys: commands, and the daemon when
// another key becomes the one in use.
func (f *folder) lockKeys() (unlock func() error, err error) {
	if err := os.MkdirAll(f.path(keysFolder), 0o700); err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", f.dir, unwrapPath(err))
	}
	lock, err := os.OpenFile(f.path(keysFolder+"/lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the keys: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the keys: %w", err), lock.Close())
	}
	return lock.Close, nil
}

// takeUse makes the key that the ledger says is valid the one in use: main.key and
// main.vkey. The key before it goes to DIR/keys.
//
// A crash between any two steps leaves both keys in the folder, and the next start takes
// the steps again. While main.vkey is the old one, main.key is the old one or the new.
func (f *folder) takeUse(origin string, keys *chain.KeyHistory, size uint64) error {
	unlock, err := f.lockKeys()
	if err != nil {
		return err
	}
	defer unlock()
	first, err := f.mainKey(origin)
	if err != nil {
		return err
	}
	valid, newest := keys.Valid(size), f.newest()
	known := func(vkey string) bool {
		return slices.ContainsFunc(keys.Keys(), func(k chain.LedgerKey) bool { return k.VKey == vkey })
	}
	switch {
	case newest == "":
		return durable.WriteFile(f.vkeyPath(), []byte(first.vkey+"\n"), 0o644) // lost, and not secret
	case newest == valid && first.vkey == valid:
		return f.dropSpare(valid)
	case !known(newest):
		return nil // this folder is ahead of its ledger, which catches up
	}
	next, ok, err := f.heldKey(origin, valid)
	if err != nil || !ok {
		return err // the ledger says what is missing
	}
	if first.vkey != valid {
		old := keyFile{path: f.keyPathOf(first.vkey), vkey: first.vkey, secret: first.secret}
		if _, err := os.Stat(old.path + ".key"); errors.Is(err, fs.ErrNotExist) {
			if err := old.write(); err != nil {
				return err
			}
		}
	}
	if err := durable.WriteFile(f.keyPath(), []byte(next.secret+"\n"), 0o600); err != nil {
		return err
	}
	if err := durable.WriteFile(f.vkeyPath(), []byte(valid+"\n"), 0o644); err != nil {
		return err
	}
	return f.dropSpare(valid)
}

// dropSpare removes the second copy of the key in use.
func (f *folder) dropSpare(vkey string) error {
	spare := keyFile{path: f.keyPathOf(vkey)}
	if _, err := os.Stat(spare.path + ".vkey"); errors.Is(err, fs.ErrNotExist) {
		return nil // it goes last
	}
	return spare.remove()
}

// explain adds what to do to an error about keys.
func explainKeys(err error, dir string) error {
	if errors.Is(err, ledger.ErrNoSigner) {
		return cli.Hint(err, "greffed keys export where the key is, then greffed keys import FILE --dir %s", dir)
	}
	return err
}
