package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// A Timestamp is a token of an authority outside over a checkpoint of this ledger. The
// store keeps it and does not judge it: who puts it in has proved it.
type Timestamp struct {
	Size      uint64     // of the checkpoint
	Root      chain.Hash // of the checkpoint
	At        time.Time  // by the authority's clock
	Authority string     // its name, at most 255 bytes
	Token     []byte     // RFC 3161, DER, at most [MaxToken] bytes
}

// MaxToken bounds a token that is kept, in bytes: with its checkpoint it fits a section
// of a bundle, which is eight times as large.
const MaxToken = 64 << 10

// Checkpoint returns the three lines that the token is over.
func (t *Timestamp) Checkpoint(origin string) string {
	return chain.FormatCheckpoint(origin, t.Size, t.Root)
}

// ErrContradiction means that a statement about this ledger is not true of it.
var ErrContradiction = errors.New("it is not over this ledger")

// PutTimestamp keeps a timestamp, durably when it returns. It fails with
// [ErrContradiction] if the ledger has another root at that size, and with
// [ErrNotFound] if it has not reached it. The same token twice is kept once.
//
// A crash before it is synced loses the timestamp and nothing else: the checkpoint is
// stamped again.
func (l *Ledger) PutTimestamp(t Timestamp) error {
	if t.Size == 0 || t.At.Before(time.Unix(0, 0)) || t.At.After(time.Unix(0, math.MaxInt64)) || len(t.Authority) > 255 || len(t.Token) == 0 || len(t.Token) > MaxToken {
		return fmt.Errorf("keep timestamp of size %d: a field is out of its range", t.Size)
	}
	root, err := l.RootAt(t.Size)
	if err != nil {
		return fmt.Errorf("keep timestamp: %w", err)
	}
	if root != t.Root {
		return fmt.Errorf("keep timestamp of size %d: %w, its root is another", t.Size, ErrContradiction)
	}
	if err := l.db.Set(appendTimestampKey(nil, &t), appendTimestamp(nil, &t), pebble.Sync); err != nil {
		return fmt.Errorf("keep timestamp of size %d: %w", t.Size, err)
	}
	return nil
}

// Timestamps returns the timestamps over the first max entries or fewer, the newest
// first: by size, then by time. There are at most newest of them; 0 means all.
func (l *Ledger) Timestamps(max uint64, newest int) ([]Timestamp, error) {
	// A size is below 2^63, so max+1 as a bound leaves none out.
	upper := binary.BigEndian.AppendUint64([]byte{spaceTimestamp}, min(max, math.MaxInt64)+1)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceTimestamp}, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("read timestamps: %w", err)
	}
	defer it.Close()
	var out []Timestamp
	for ok := it.Last(); ok && (newest == 0 || len(out) < newest); ok = it.Prev() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read timestamps: %w", err)
		}
		t, err := cutTimestamp(it.Key(), value)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("read timestamps: %w", err)
	}
	return out, nil
}

// timestampKeySize is the space, size, time, and the start of the token's digest: two
// authorities may stamp one checkpoint in one second.
const timestampKeySize = 1 + 8 + 8 + 8

func appendTimestampKey(dst []byte, t *Timestamp) []byte {
	digest := sha256.Sum256(t.Token)
	dst = binary.BigEndian.AppendUint64(append(dst, spaceTimestamp), t.Size)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.At.UnixNano()))
	return append(dst, digest[:8]...)
}

func appendTimestamp(dst []byte, t *Timestamp) []byte {
	dst = append(append(dst, t.Root[:]...), byte(len(t.Authority)))
	return append(append(dst, t.Authority...), t.Token...)
}

// cutTimestamp copies what it returns.
func cutTimestamp(key, value []byte) (Timestamp, error) {
	var t Timestamp
	if len(key) != timestampKeySize || len(value) <= len(t.Root) || len(value) <= len(t.Root)+1+int(value[len(t.Root)]) {
		return t, fmt.Errorf("%w: a timestamp is cut short", ErrDamaged)
	}
	t.Size = binary.BigEndian.Uint64(key[1:])
	t.At = time.Unix(0, int64(binary.BigEndian.Uint64(key[9:]))).UTC()
	rest := value[copy(t.Root[:], value):]
	name := rest[1 : 1+int(rest[0])]
	t.Authority, t.Token = string(name), append([]byte(nil), rest[1+len(name):]...)
	if digest := sha256.Sum256(t.Token); string(digest[:8]) != string(key[17:]) {
		return t, fmt.Errorf("%w: the timestamp of size %d is not the one that was kept", ErrDamaged, t.Size)
	}
	return t, nil
}
