package chain

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// genesisLabel separates the genesis' previous hash from every other use of SHA-256.
const genesisLabel = "greffe genesis v1"

// LeafHash returns SHA-256(0x00 || header), the RFC 6962 §2.1 hash of a leaf
// and the previous hash of the next entry. It does not allocate.
func LeafHash(header []byte) Hash {
	if len(header) > MaxHeader {
		return tlog.RecordHash(header)
	}
	var buf [1 + MaxHeader]byte // buf[0] is the leaf prefix 0x00
	n := copy(buf[1:], header)
	return sha256.Sum256(buf[:1+n])
}

// GenesisPrev returns SHA-256("greffe genesis v1" || ledgerID), the previous
// hash of seq 0: two ledgers never share an entry, even an equal first one.
func GenesisPrev(ledgerID [16]byte) Hash {
	return sha256.Sum256(append([]byte(genesisLabel), ledgerID[:]...))
}

// PayloadHash returns the SHA-256 of a payload.
func PayloadHash(payload []byte) Hash { return sha256.Sum256(payload) }
