package ledger

import (
	"context"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/sstable/block"
)

// Rows that are neither entries nor tiles, the direct way: in whatever order the files and
// the log have them, since they are summed up. Most are written once, like entries; one
// that is there twice makes the sums differ. What is written again, the checkpoint and the
// anchor, is looked at once more by itself, and here every version of it is.

// scanFiles reads the rows of all files.
func (f *fsck) scanFiles(ctx context.Context, table *[256]*space, sum *rowSummer) error {
	var pool block.BufferPool
	pool.Init(4)
	ahead := make([]byte, readAhead)
	for _, name := range f.plan.files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t, err := f.plan.open(f.disk, name, ahead, &pool, nil)
		if err != nil {
			return err
		}
		err = f.scanFile(t, table, sum)
		if closing := t.close(); err == nil {
			err = closing
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fsck) scanFile(t *openTable, table *[256]*space, sum *rowSummer) error {
	for kv := t.it.SeekGE([]byte{spaceEntry + 1}, 0); kv != nil; {
		key := kv.K.UserKey
		if len(key) > 0 && key[0] == spaceTile {
			kv = t.it.SeekGE([]byte{spaceTile + 1}, 0)
			continue
		}
		if err := f.directRow(kv.Kind(), key, kv.InPlaceValue(), table, sum); err != nil {
			return err
		}
		kv = t.it.Next()
	}
	return t.it.Error()
}

// directRow checks one version of a row. Only what witnesses cosigned is ever deleted.
func (f *fsck) directRow(kind pebble.InternalKeyKind, key, value []byte, table *[256]*space, sum *rowSummer) error {
	if kind == pebble.InternalKeyKindDelete && len(key) > 0 && key[0] == spaceCosigned {
		return nil
	}
	if kind != pebble.InternalKeyKindSet {
		return errPlain
	}
	f.checkRow(key, value, table, sum)
	return nil
}

// logBatch checks what one batch of the log does: it changes no entry that is in a file.
// Batches that are in the files already are older than the newest there.
func (f *fsck) logBatch(batch []byte, table *[256]*space, sum *rowSummer) error {
	if len(batch) < batchrepr.HeaderLen {
		return errPlain
	}
	if uint64(batchrepr.ReadSeqNum(batch)) < f.plan.flush {
		return nil
	}
	for r := batchrepr.Read(batch); ; {
		kind, key, value, ok, err := r.Next()
		switch {
		case err != nil:
			return errPlain
		case !ok:
			return nil
		case kind == pebble.InternalKeyKindLogData:
			continue
		case len(key) == 0 || key[0] < spaceEntry:
			return errPlain
		}
		switch key[0] {
		case spaceEntry:
			if kind != pebble.InternalKeyKindSet || len(key) != 9 || binary.BigEndian.Uint64(key[1:]) < f.plan.tail {
				return errPlain
			}
		case spaceTile:
			if kind != pebble.InternalKeyKindSet {
				return errPlain
			}
		default:
			if err := f.directRow(kind, key, value, table, sum); err != nil {
				return err
			}
		}
	}
}
