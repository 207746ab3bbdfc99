package ledger

import (
	"encoding/binary"
)

// The store's keys. The first byte names the space; numbers are big endian, so that
// they sort. Never reuse a letter.
//
// Entries sort before everything else. New ones are always the largest of their
// space, so the files that Pebble writes of them never overlap older ones and are
// never rewritten, unless a file that begins with a smaller key ends among them.
//
//	E seq              → u16 header length, header, payload (nothing when absent)
//	i publisher 0 id   → seq of the first entry with that id, its content digest
//	c publisher 0 id digest → seq of the conflict entry with that content
//	t level n          → a complete tile: 256 hashes
//	k                  → the newest checkpoint: a signed note, or its text alone while a
//	                     ledger catches up through what an older key signed
//	w size             → a checkpoint of that size with cosignatures of witnesses
//	s size ns digest   → an RFC 3161 timestamp over the checkpoint of that size: root,
//	                     u8 length, authority, token; the digest is 8 bytes of the token's
//	y seq              → nothing: the entry is a key event (FORMAT §4.1)
//	a                  → the anchor: what the stream held at the newest entry
//	v                  → the version of this layout
const (
	spaceEntry      = 'E'
	spaceID         = 'i'
	spaceConflict   = 'c'
	spaceTile       = 't'
	spaceCheckpoint = 'k'
	spaceCosigned   = 'w'
	spaceTimestamp  = 's'
	spaceAnchor     = 'a'
	spaceVersion    = 'v'
	spaceKeyEvent   = 'y'
)

// layoutVersion is the value at spaceVersion.
const layoutVersion = "greffe store 1"

func appendEntryKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceEntry), seq)
}

func appendKeyEventKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceKeyEvent), seq)
}

func appendIDKey(dst []byte, publisher string, id [16]byte) []byte {
	dst = append(append(dst, spaceID), publisher...)
	return append(append(dst, 0), id[:]...)
}

func appendConflictKey(dst []byte, publisher string, id [16]byte, digest [32]byte) []byte {
	dst = append(append(dst, spaceConflict), publisher...)
	return append(append(append(dst, 0), id[:]...), digest[:]...)
}

func appendTileKey(dst []byte, level int, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceTile, byte(level)), n)
}

func appendCosignedKey(dst []byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceCosigned), size)
}
