package store

import (
	"bytes"
	"encoding/binary"
)

// The key spaces.
const (
	spaceMeta    = 'm'
	spaceRow     = 'r'
	spaceCounts  = 'c'
	spaceAnomaly = 'a'
	spaceIndex   = 'i'
)

func metaKey() []byte { return []byte{spaceMeta} }

func appendRowKey(dst []byte, register, id string) []byte {
	dst = append(append(dst, spaceRow), register...)
	return append(append(dst, 0), id...)
}

// rowBounds returns the keys between which the rows after an id are.
func rowBounds(register, after string) (lower, upper []byte) {
	lower = appendRowKey(nil, register, after)
	if after != "" {
		lower = append(lower, 0) // the first key that comes after it
	}
	upper = append(append([]byte{spaceRow}, register...), 1)
	return lower, upper
}

func countsKey(register string) []byte { return append([]byte{spaceCounts}, register...) }

func appendAnomalyKey(dst []byte, seq uint64, n int) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, spaceAnomaly), seq)
	return binary.BigEndian.AppendUint16(dst, uint16(n))
}

func appendIndexKey(dst []byte, aggregate string, seq uint64) []byte {
	dst = append(append(dst, spaceIndex), aggregate...)
	return binary.BigEndian.AppendUint64(append(dst, 0), seq)
}

// historyBounds returns the keys between which the entries of one aggregate are.
func historyBounds(aggregate string) (lower, upper []byte) {
	key := append([]byte{spaceIndex}, aggregate...)
	return append(bytes.Clone(key), 0), append(key, 1)
}

// kindBounds returns the keys between which the entries of a kind are.
func kindBounds(kind string) (lower, upper []byte) {
	key := append([]byte{spaceIndex}, kind...)
	return append(bytes.Clone(key), '/'), append(key, '/'+1)
}

// seqOf returns the seq at the end of an index key.
func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
