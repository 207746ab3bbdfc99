package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// dayNanos is the length of a day of ledgered_at.
const dayNanos = 24 * 60 * 60 * 1e9

// PutCosigned keeps a checkpoint of the first size entries with the cosignatures of
// witnesses. The ledger does not look at signatures. One that is not newer than the newest
// kept is dropped, unless it is of the same size and replaces it.
//
// Besides the newest, the last of each day (by the entries' ledgered_at, in UTC) is kept:
// it dates what was entered by then to the day, for as long as the ledger lives and at the
// price of one note a day; a newer checkpoint says more about everything else.
//
// A crash before the write is synced loses the note; witnesses are asked again.
func (l *Ledger) PutCosigned(size uint64, note []byte) error {
	if size == 0 || size > l.Size() {
		return fmt.Errorf("keep a cosigned checkpoint of %d entries: %w", size, ErrNotFound)
	}
	batch := l.db.NewBatch()
	defer batch.Close()
	newest, _, err := l.Cosigned(math.MaxUint64)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return err
	case newest > size:
		return nil
	case newest < size:
		same, err := l.sameDay(newest, size)
		if err != nil {
			return err
		}
		if same {
			if err := batch.Delete(appendCosignedKey(nil, newest), nil); err != nil {
				return err
			}
		}
	}
	if err := batch.Set(appendCosignedKey(nil, size), note, nil); err != nil {
		return err
	}
	if err := l.db.Apply(batch, pebble.Sync); err != nil {
		return fmt.Errorf("keep a cosigned checkpoint: %w", err)
	}
	return nil
}

// sameDay reports whether the newest entries of two sizes were entered on one day.
func (l *Ledger) sameDay(a, b uint64) (bool, error) {
	left, err := l.read(a - 1)
	if err != nil {
		return false, err
	}
	right, err := l.read(b - 1)
	if err != nil {
		return false, err
	}
	return left.Entry.LedgeredAt/dayNanos == right.Entry.LedgeredAt/dayNanos, nil
}

// Cosigned returns the newest cosigned checkpoint of at most max entries, as it was put. It
// fails with [ErrNotFound] if there is none.
func (l *Ledger) Cosigned(max uint64) (size uint64, note []byte, err error) {
	upper := []byte{spaceCosigned + 1}
	if max < math.MaxUint64 {
		upper = appendCosignedKey(nil, max+1)
	}
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceCosigned}, UpperBound: upper})
	if err != nil {
		return 0, nil, fmt.Errorf("read cosigned checkpoints: %w", err)
	}
	defer it.Close()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return 0, nil, fmt.Errorf("read cosigned checkpoints: %w", err)
		}
		return 0, nil, fmt.Errorf("a cosigned checkpoint: %w", ErrNotFound)
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, nil, fmt.Errorf("read cosigned checkpoints: %w", err)
	}
	if len(it.Key()) != 9 {
		return 0, nil, fmt.Errorf("%w: the key of a cosigned checkpoint has %d bytes", ErrDamaged, len(it.Key()))
	}
	return binary.BigEndian.Uint64(it.Key()[1:]), append([]byte(nil), value...), nil
}
