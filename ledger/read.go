package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"greffe/ledger/chain"
)

// Record reads one entry. It fails with [ErrNotFound] beyond the ledger's size.
func (l *Ledger) Record(seq uint64) (chain.Record, error) {
	if seq >= l.Size() {
		return chain.Record{}, fmt.Errorf("entry %d: %w", seq, ErrNotFound)
	}
	return l.read(seq)
}

func (l *Ledger) read(seq uint64) (chain.Record, error) {
	value, err := l.get(appendEntryKey(nil, seq))
	if err != nil {
		return chain.Record{}, fmt.Errorf("entry %d: %w", seq, err)
	}
	return cutRecord(seq, value)
}

// Read calls fn for the entries from (included) to (excluded), which is cut to the
// ledger's size. The record's bytes are valid only during the call.
func (l *Ledger) Read(from, to uint64, fn func(chain.Record) error) error {
	return l.readRaw(from, to, func(seq uint64, value []byte) error {
		record, err := cutRecord(seq, value)
		if err != nil {
			return err
		}
		return fn(record)
	})
}

// Headers calls fn for the headers of the entries from (included) to (excluded), which is
// cut to the ledger's size: nothing of them is decoded. They are valid only during the
// call.
func (l *Ledger) Headers(from, to uint64, fn func(chain.Header) error) error {
	return l.readRaw(from, to, func(seq uint64, value []byte) error {
		if len(value) < 2 || len(value) < 2+int(binary.BigEndian.Uint16(value)) {
			return fmt.Errorf("%w: entry %d is cut short", ErrDamaged, seq)
		}
		h, rest, err := chain.CutHeader(value[2 : 2+int(binary.BigEndian.Uint16(value))])
		if err != nil || len(rest) != 0 || h.Seq() != seq {
			return fmt.Errorf("%w: entry %d has no valid header", ErrDamaged, seq)
		}
		return fn(h)
	})
}

// readRaw calls fn for the stored values of entries.
func (l *Ledger) readRaw(from, to uint64, fn func(seq uint64, value []byte) error) error {
	to = min(to, l.Size())
	if from >= to {
		return nil
	}
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: appendEntryKey(nil, from), UpperBound: appendEntryKey(nil, to)})
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	defer it.Close()
	seq := from
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read entry %d: %w", seq, err)
		}
		if key := it.Key(); len(key) != 9 || binary.BigEndian.Uint64(key[1:]) != seq {
			return fmt.Errorf("%w: entry %d is missing", ErrDamaged, seq)
		}
		if err := fn(seq, value); err != nil {
			return err
		}
		seq++
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read entry %d: %w", seq, err)
	}
	if seq != to {
		return fmt.Errorf("%w: entry %d is missing", ErrDamaged, seq)
	}
	return nil
}

// cutRecord takes a stored value apart. A payload of length 0 and an absent one are
// told apart by the header.
func cutRecord(seq uint64, value []byte) (chain.Record, error) {
	if len(value) < 2 || len(value) < 2+int(binary.BigEndian.Uint16(value)) {
		return chain.Record{}, fmt.Errorf("%w: entry %d is cut short", ErrDamaged, seq)
	}
	n := 2 + int(binary.BigEndian.Uint16(value))
	r := chain.Record{Header: value[2:n:n]}
	entry, rest, err := chain.CutEntry(r.Header)
	if err != nil || len(rest) != 0 || entry.Seq != seq {
		return chain.Record{}, fmt.Errorf("%w: entry %d has no valid header", ErrDamaged, seq)
	}
	r.Entry = entry
	if len(value) > n {
		r.Payload = value[n:]
	}
	return r, nil
}

// Tile returns a complete tile of the tree: 256 hashes (C2SP tlog-tiles).
func (l *Ledger) Tile(level int, n uint64) ([]byte, error) {
	tile, err := l.get(appendTileKey(nil, level, n))
	if err != nil {
		return nil, fmt.Errorf("tile %d of level %d: %w", n, level, err)
	}
	return tile, nil
}

// leaf returns the leaf hash of a stored entry.
func (l *Ledger) leaf(seq uint64) (chain.Hash, error) {
	r, err := l.read(seq)
	if err != nil {
		return chain.Hash{}, err
	}
	return chain.LeafHash(r.Header), nil
}

// Find returns the seq and content digest of the first entry that a publisher made
// under an event id. It fails with [ErrNotFound].
func (l *Ledger) Find(publisher string, id [16]byte) (seq uint64, digest [32]byte, err error) {
	f, ok, err := l.find(idKey{publisher, id})
	if err == nil && (!ok || f.seq >= l.Size()) {
		err = ErrNotFound // what is staged and not yet synced is no promise
	}
	return f.seq, f.digest, err
}

// FindConflict returns the seq of the conflict entry with that id and content. It
// fails with [ErrNotFound].
func (l *Ledger) FindConflict(publisher string, id [16]byte, digest [32]byte) (uint64, error) {
	seq, err := l.findConflict(publisher, id, digest)
	if err == nil && seq >= l.Size() {
		err = ErrNotFound
	}
	return seq, err
}

func (l *Ledger) findFirst(publisher string, id [16]byte) (first, error) {
	value, err := l.get(appendIDKey(make([]byte, 0, 64), publisher, id))
	if err != nil {
		return first{}, err
	}
	if len(value) != 8+32 {
		return first{}, fmt.Errorf("%w: an index value has %d bytes", ErrDamaged, len(value))
	}
	f := first{seq: binary.BigEndian.Uint64(value)}
	copy(f.digest[:], value[8:])
	return f, nil
}

func appendFirst(dst []byte, seq uint64, digest [32]byte) []byte {
	return append(binary.BigEndian.AppendUint64(dst, seq), digest[:]...)
}

func (l *Ledger) findConflict(publisher string, id [16]byte, digest [32]byte) (uint64, error) {
	value, err := l.get(appendConflictKey(nil, publisher, id, digest))
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: an index value has %d bytes", ErrDamaged, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// get returns a copy of a value, or [ErrNotFound].
func (l *Ledger) get(key []byte) ([]byte, error) {
	value, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}
