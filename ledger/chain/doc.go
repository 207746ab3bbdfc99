// Package chain holds the bytes that greffe proves: entries, their hashes, the
// Merkle tree over them, signed checkpoints, and the bundle handed to an auditor.
//
// It guarantees one encoding per entry: [CutEntry] accepts exactly the bytes
// that [AppendEntry] writes, so that two people who hold the same entry hold
// the same hash. Everything here is pure: no clock, no file, no network, and
// nothing outside the standard library and golang.org/x/mod/sumdb.
//
//	header, err := chain.AppendEntry(nil, &entry) // validated, canonical bytes
//	leaf := chain.LeafHash(header)                // the next entry's Prev
//	tree.Append(leaf, storeTile)                  // RFC 6962, tlog-tiles
//	text, err := chain.SignCheckpoint(origin, tree.Size(), tree.Root(), signer)
//
// # Format
//
// ledger/FORMAT.md is normative; section numbers in comments are its own.
//
//	+-----+-------+-----+--------+-------+------------+-----------+- - -
//	| 01  | disp. | seq |  prev  | epoch | stream seq | ledgered  |
//	| 1 B |  1 B  | 8 B |  32 B  |  4 B  |    8 B     |    8 B    |
//	+-----+-------+-----+--------+-------+------------+-----------+- - -
//	- - -+----------------+-------------+----------+-----------+------+-----------+
//	     | payload digest | payload len | event id | publisher | type | aggregate |
//	     |      32 B      |     4 B     |   16 B   |  1+n B    | 1+n  |   1+n     |
//	- - -+----------------+-------------+----------+-----------+------+-----------+
//
// A checkpoint is a C2SP signed note of three lines:
//
//	greffe/main/93c08259
//	3
//	IK/kZlWoSISpfNVOTvopFg7GG+Gy0gTAVjOan5yNM0M=
//
//	— greffe/main/93c08259 lZXKQcY2mZrBm23YeomNjz0zo8d1YroPMEc0Yn+oTaV+KQUulUUh27fEF6tKYd9TffbmLMNgtJOv7suWNgwh00kt2gA=
//
// # Concurrency
//
// Functions are safe to call from anywhere. A [Tree], a [Frontier], a writer or
// a reader belongs to one goroutine at a time.
//
// # Why
//
// The header carries the leaf hash of the entry before it, so one hash is both
// the link of the chain and the leaf of the tree: there is one proof system and
// no gap between two. A payload is covered by its digest in the header, so it
// can be absent without breaking either.
package chain
