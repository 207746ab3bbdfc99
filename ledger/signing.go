package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// ErrNoSigner means that the private key that signs from here on is not at hand. Nothing
// was appended, and [Ledger.Stage] works again once it is.
var ErrNoSigner = errors.New("the ledger cannot be signed")

// A keyring is what the ledger signs with.
type keyring struct {
	find   func(vkey string) (note.Signer, error)
	newest string

	vkey   string // of signer
	signer note.Signer
}

// signer returns the private key of vkey, looked up once for as long as it is in use.
func (k *keyring) lookup(vkey string) (note.Signer, error) {
	if k.signer != nil && k.vkey == vkey {
		return k.signer, nil
	}
	if k.find == nil {
		return nil, fmt.Errorf("%w: it was opened for reading", ErrNoSigner)
	}
	s, err := k.find(vkey)
	if err != nil {
		return nil, err
	}
	if err := fits(s, vkey); err != nil {
		return nil, err
	}
	k.vkey, k.signer = vkey, s
	return s, nil
}

// fits makes sure that s is the private key of vkey: a checkpoint that nobody can verify
// would be found only by others.
func fits(s note.Signer, vkey string) error {
	v, err := chain.OpenVKey(vkey)
	if err != nil {
		return fmt.Errorf("%w: it names a key that is none: %w", ErrNoSigner, err)
	}
	const probe = "greffe key check\n"
	sig, err := s.Sign([]byte(probe))
	if err != nil {
		return fmt.Errorf("%w: its key does not sign: %w", ErrNoSigner, err)
	}
	if s.Name() != v.Name() || s.KeyHash() != v.KeyHash() || !v.Verify([]byte(probe), sig) {
		return fmt.Errorf("%w: the private key found is not that of %s", ErrNoSigner, vkey)
	}
	return nil
}

// signerAt returns who signs the checkpoint of a size, or nil if it stays unsigned: while
// a ledger catches up through entries that an older key signed, which this folder need
// not have, since it was made when a newer one signed already.
func (l *Ledger) signerAt(keys *chain.KeyHistory, size uint64) (note.Signer, error) {
	vkey := keys.Valid(size)
	s, err := l.keyring.lookup(vkey)
	if err == nil || !errors.Is(err, ErrNoSigner) {
		return s, err
	}
	if l.catchingUp(keys) {
		return nil, nil
	}
	all := keys.Keys()
	if at := slices.IndexFunc(all, func(k chain.LedgerKey) bool { return k.VKey == vkey }); at > 0 {
		return nil, fmt.Errorf("%w (its key was rotated at seq %d, the new one is %s)", err, all[at].From-1, vkey)
	}
	return nil, err
}

// catchingUp reports whether the ledger has not come yet to the key that the folder was
// made with.
func (l *Ledger) catchingUp(keys *chain.KeyHistory) bool {
	return l.keyring.newest != "" && !slices.ContainsFunc(keys.Keys(), func(k chain.LedgerKey) bool { return k.VKey == l.keyring.newest })
}

// CanSign reports, as an error of class [ErrNoSigner], that the next entry could not be
// appended. It belongs to the goroutine that appends, or to who opens the ledger.
func (l *Ledger) CanSign() error {
	keys := l.appender.edge.Keys
	if keys == nil {
		return nil // the genesis will say whose it is
	}
	_, err := l.signerAt(keys, l.appender.edge.Size+1)
	return err
}

// Keys returns the ledger's keys as far as its entries are synced, or nil while it is
// empty. It never changes.
func (l *Ledger) Keys() *chain.KeyHistory { return l.Edge().Keys }

// Verifier returns the verifier of the checkpoint of a size that the ledger has reached.
func (l *Ledger) Verifier(size uint64) (note.Verifier, error) {
	keys := l.Keys()
	if keys == nil || size > l.Size() {
		return nil, fmt.Errorf("key of size %d: %w", size, ErrNotFound)
	}
	v := keys.Verifier(size)
	if v == nil {
		return nil, fmt.Errorf("%w: its genesis names no key", ErrDamaged)
	}
	return v, nil
}

// keysAfter returns the keys after the drafts, without touching anything: who signs must
// be known before the first of them is placed, so that nothing is left half done.
func (l *Ledger) keysAfter(drafts []Draft) (*chain.KeyHistory, error) {
	keys := l.appender.edge.Keys
	for i := range drafts {
		d, seq := &drafts[i], l.appender.edge.Size+uint64(i)
		if seq > 0 && !mayBeKeyEvent(d) {
			continue
		}
		if recorded, err := l.willRecord(d, drafts[:i]); err != nil {
			return nil, err
		} else if !recorded {
			continue
		}
		e := d.entry(seq)
		e.Disposition, e.PayloadLen, e.PayloadHash = chain.Recorded, uint32(len(d.Payload)), d.PayloadHash
		header, err := chain.AppendEntry(nil, &e)
		if err != nil {
			return nil, fmt.Errorf("append entry %d: %w", seq, err)
		}
		if keys, err = foldKeys(keys, header, d.Payload); err != nil {
			return nil, fmt.Errorf("append entry %d: %w", seq, err)
		}
	}
	if keys == nil {
		return nil, errors.New("append nothing to an empty ledger")
	}
	return keys, l.checkOpened(keys)
}

// mayBeKeyEvent is cheap and says yes too often.
func mayBeKeyEvent(d *Draft) bool {
	return d.Publisher == "greffe" && strings.HasPrefix(d.Type, "ledger.") && !d.Quarantined
}

// willRecord reports whether a draft will be the first with its id.
func (l *Ledger) willRecord(d *Draft, before []Draft) (bool, error) {
	same := func(other Draft) bool {
		return other.ID == d.ID && other.Publisher == d.Publisher && !other.Quarantined
	}
	if d.Quarantined || slices.ContainsFunc(before, same) {
		return false, nil
	}
	_, known, err := l.find(idKey{d.Publisher, d.ID})
	return !known, err
}

// foldKeys returns the keys after one entry: the same, or a changed copy.
func foldKeys(keys *chain.KeyHistory, header chain.Header, payload []byte) (*chain.KeyHistory, error) {
	if header.Seq() == 0 {
		g, err := chain.OpenGenesis(header, payload)
		if err != nil {
			return nil, err
		}
		return chain.NewKeyHistory(g), nil
	}
	if !chain.IsKeyEvent(header) {
		return keys, nil
	}
	keys = keys.Clone()
	_, err := keys.Apply(header, payload)
	return keys, err
}

// checkOpened makes sure that the genesis names the key that this ledger was opened with.
func (l *Ledger) checkOpened(keys *chain.KeyHistory) error {
	if keys.Valid(0) != l.opened || keys.Verifier(0) == nil {
		return fmt.Errorf("%w: it was opened with the key %q, this folder's ledger with %s", ErrForeign, keys.Valid(0), l.opened)
	}
	return nil
}

// loadKeys reads the genesis and every key event through their index.
func (l *Ledger) loadKeys() (*chain.KeyHistory, error) {
	opening, err := l.read(0)
	if err != nil {
		return nil, err
	}
	keys, err := foldKeys(nil, opening.Header, opening.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := l.checkOpened(keys); err != nil {
		return nil, err
	}
	seqs, err := l.keyEvents(math.MaxInt64)
	if err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		r, err := l.read(seq)
		if err != nil {
			return nil, err
		}
		if keys, err = foldKeys(keys, r.Header, r.Payload); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return keys, nil
}

// KeyEvents returns the seqs below size of the events about the ledger's keys (FORMAT
// §4.1), in order. It fails with [ErrNotFound] if the ledger is not that large.
func (l *Ledger) KeyEvents(size uint64) ([]uint64, error) {
	if synced := l.Size(); size > synced {
		return nil, fmt.Errorf("events about keys below %d: %w, it holds %d entries", size, ErrNotFound, synced)
	}
	return l.keyEvents(size)
}

// keyEvents reads the index.
func (l *Ledger) keyEvents(size uint64) (seqs []uint64, err error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceKeyEvent}, UpperBound: appendKeyEventKey(nil, size)})
	if err != nil {
		return nil, fmt.Errorf("read the ledger's keys: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) != 9 {
			return nil, fmt.Errorf("%w: the key of a key event has %d bytes", ErrDamaged, len(it.Key()))
		}
		seqs = append(seqs, binary.BigEndian.Uint64(it.Key()[1:]))
	}
	return seqs, it.Error()
}
