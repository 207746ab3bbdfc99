package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/durable"
	"greffe/ledger"
	"greffe/ledger/chain"
)

// A folder is a daemon's DIR:
//
//	main.key      the signing key in use, readable by its owner only
//	main.vkey     the verification key: give it to auditors, by another way than bundles
//	keys/         signing keys that are prepared or retired, and what is to be recorded of them
//	ledger.json   what the first event of the ledger says
//	gateway.key   secret of the quarantine
//	witness.key witness.vkey witness.json   of a daemon that witnesses other ledgers
//	forks/        signed checkpoints that contradict each other
//	users.json roles/ publishers/   who may connect
//	ledger/ projections/ nats/      the stores
type folder struct {
	dir    string
	ledger string // name
	lock   *os.File
	made   bool // by this start
}

// openFolder makes the folder if need be and locks it: one daemon at a time. Only the
// start of a daemon may make one, see [findFolder].
func openFolder(dir, ledgerName string) (*folder, error) {
	if err := checkName(ledgerName); err != nil {
		return nil, err
	}
	_, err := os.Stat(dir)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w, choose a folder that can be written with --dir", dir, unwrapPath(err))
	}
	f, err := lockFolder(dir, ledgerName)
	if err == nil {
		f.made = made
	}
	return f, err
}

// findFolder locks a folder that holds a ledger, and makes nothing where none is.
func findFolder(dir, ledgerName string) (*folder, error) {
	id, err := findLedger(dir, ledgerName)
	if err != nil {
		return nil, err
	}
	return lockFolder(dir, string(id.Ledger))
}

// findLedger reads what the folder's ledger is; ledgerName "" takes whichever it is.
func findLedger(dir, ledgerName string) (identity, error) {
	if ledgerName != "" {
		if err := checkName(ledgerName); err != nil {
			return identity{}, err
		}
	}
	f := folder{dir: dir, ledger: ledgerName}
	id, err := f.readIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		return id, cli.Hint(fmt.Errorf("%s holds no ledger", dir), "the first start makes one: greffed serve --dir %s", dir)
	}
	return id, err
}

func checkName(ledgerName string) error {
	if !events.ValidName(ledgerName) {
		return cli.Usage("--ledger: a ledger's name is 1 to 32 of a-z, 0-9 and '-', and starts with a letter")
	}
	return nil
}

func lockFolder(dir, ledgerName string) (*folder, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w, choose another folder with --dir", dir, unwrapPath(err))
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", dir, ledger.ErrLocked), lock.Close())
		return nil, cli.Hint(err, "stop it, or choose another folder with --dir")
	}
	return &folder{dir: dir, ledger: ledgerName, lock: lock}, nil
}

// undo takes away what a start that failed has made: a folder that was not there, and
// that holds no ledger.
func (f *folder) undo() {
	if _, err := os.Stat(f.identityPath()); f.made && errors.Is(err, fs.ErrNotExist) {
		os.RemoveAll(f.dir)
	}
}

// unwrapPath leaves the reason of a file error without repeating its path.
func unwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (f *folder) close() error              { return f.lock.Close() }
func (f *folder) path(name string) string   { return filepath.Join(f.dir, name) }
func (f *folder) vkeyPath() string          { return f.path(f.ledger + ".vkey") }
func (f *folder) keyPath() string           { return f.path(f.ledger + ".key") }
func (f *folder) identityPath() string      { return f.path("ledger.json") }
func (f *folder) gatewaySecretPath() string { return f.path("gateway.key") }

// An identity is what a ledger's first event says, and when it was made.
type identity struct {
	events.LedgerOpened
	OpenedAt events.Instant `json:"opened_at"`
}

// genesis returns the event that opens the ledger. It is the same at every start, so
// that a crash before its publication does not open the ledger twice.
func (id *identity) genesis() ([]byte, error) {
	raw, err := id.ID()
	if err != nil {
		return nil, fmt.Errorf("ledger.json is damaged: %w", err)
	}
	raw[0] &= 0x7f // the id doubles as a ULID
	data, err := json.Marshal(id.LedgerOpened)
	if err != nil {
		return nil, err
	}
	ev := events.Event{
		ID: events.IDFromBytes(raw), Source: "greffe", Type: events.TypeLedgerOpened,
		Aggregate: "ledger/" + string(id.Ledger), Actor: "system/greffe",
		OccurredAt: id.OpenedAt, RecordedAt: id.OpenedAt, Data: data,
	}
	return ev.Append(nil)
}

// calendar names the public holidays of a new ledger: those of France.
const calendar = "fr"

// loadIdentity reads the identity and looks at the keys; fresh reports that there is
// none.
func (f *folder) loadIdentity() (id identity, fresh bool, err error) {
	id, err = f.readIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		return id, true, nil
	}
	if err != nil {
		return id, false, err
	}
	_, err = f.heldKeys(id.Origin)
	return id, false, err
}

// readIdentity reads ledger.json. The error is fs.ErrNotExist if there is none; a
// folder that was told its ledger's name takes no other.
func (f *folder) readIdentity() (id identity, err error) {
	text, err := os.ReadFile(f.identityPath())
	if err != nil {
		return id, fmt.Errorf("read identity: %w", err)
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return id, fmt.Errorf("read identity: %s is damaged: %w", f.identityPath(), err)
	}
	if f.ledger != "" && string(id.Ledger) != f.ledger {
		return id, fmt.Errorf("%s holds ledger %s, not %s: start with --ledger %s or another --dir", f.dir, id.Ledger, f.ledger, id.Ledger)
	}
	return id, nil
}

func trim(b []byte) string {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return string(b)
}

// createIdentity makes a ledger's id and keys. The identity is written last: until it
// is there, a start after a crash begins anew and nothing has been published.
//
// A key that is there already is never overwritten: without ledger.json it signed
// nothing, unless the folder is a broken copy, and then it must not be lost.
func (f *folder) createIdentity(now time.Time, zone string) (identity, error) {
	if err := f.keepOldKey(now); err != nil {
		return identity{}, err
	}
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return identity{}, err
	}
	id := identity{OpenedAt: events.InstantOf(now), LedgerOpened: events.LedgerOpened{
		Ledger: events.LedgerName(f.ledger), LedgerID: events.LedgerID(hex.EncodeToString(raw[:])),
		Origin: fmt.Sprintf("greffe/%s/%x", f.ledger, raw[:4]), Zone: zone, Calendar: calendar, Format: 1,
	}}
	skey, vkey, err := chain.GenerateKey(rand.Reader, id.Origin)
	if err != nil {
		return id, err
	}
	id.VKey = vkey
	text, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return id, err
	}
	for _, file := range []struct {
		path, text string
		mode       os.FileMode
	}{
		{f.keyPath(), skey + "\n", 0o600},
		{f.vkeyPath(), vkey + "\n", 0o644},
		{f.identityPath(), string(text) + "\n", 0o644},
	} {
		if err := durable.WriteFile(file.path, []byte(file.text), file.mode); err != nil {
			return id, err
		}
	}
	return id, nil
}

func (f *folder) keepOldKey(now time.Time) error {
	if _, err := os.Stat(f.path("ledger")); err == nil {
		return fmt.Errorf("%s holds a ledger and no ledger.json: restore ledger.json from your backup", f.dir)
	}
	if _, err := os.Stat(f.keyPath()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.Rename(f.keyPath(), fmt.Sprintf("%s.kept-%s", f.keyPath(), now.UTC().Format("20060102T150405.000000000")))
}

// gatewaySecret returns the secret of the quarantine, and makes it on first use.
func (f *folder) gatewaySecret() ([]byte, error) {
	text, err := os.ReadFile(f.gatewaySecretPath())
	if err == nil {
		secret, err := hex.DecodeString(trim(text))
		if err != nil || len(secret) != 32 {
			return nil, fmt.Errorf("%s is damaged, restore it from your backup", f.gatewaySecretPath())
		}
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the gateway's secret: %w", err)
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	return secret, durable.WriteFile(f.gatewaySecretPath(), []byte(hex.EncodeToString(secret)+"\n"), 0o600)
}
