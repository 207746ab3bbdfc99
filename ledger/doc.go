// Package ledger is the record: a hash-chained, Merkle-hashed, signed sequence of
// entries in a Pebble store. What it holds is never changed.
//
// # Laws
//
//	L1  an entry once acknowledged is never changed or lost
//	L2  entry n's hash depends on every byte before it
//	L3  one encoding per entry
//	L4  a checkpoint never contradicts an earlier one
//	L5  the ledger holds no key and no personal data in clear
//
// # Life of an event
//
//  1. Made by a service, as one CloudEvents object. A crash here: the service's own affair.
//  2. Checked and sealed by the gateway, in memory. A crash: no receipt was given, the service sends it again.
//  3. Published: on the disk of JetStream. A crash: the message is there, and enters the ledger at the next start.
//  4. Delivered to ingest. A crash: it is delivered again, since the position is the ledger's own head.
//  5. Decoded, or quarantined when it breaks the frozen rules. Same message, same outcome, on every daemon.
//  6. Staged and appended: entry, index, tile and checkpoint in one write, one Sync. A crash before the Sync loses all of
//     them together, and step 4 happens again; a crash after it loses nothing.
//  7. Receipted. A crash before the receipt reaches the service: it sends the event again and is told `duplicate`, with
//     the first place.
//  8. Covered by a checkpoint, in the same Sync as the entry; shown once the head record has it. Witnesses cosign it
//     and authorities stamp it in the background: a crash loses their answer, and they are asked again.
//  9. Folded into registers, which can be thrown away and made again.
//  10. Exported in a bundle, an excerpt or a proof of its own, and verified by somebody else, offline.
//
// # Keys
//
// Which key signs is a function of the entries (FORMAT §4.1), and each batch is signed by
// the key valid at its last size. If the private key of that one is missing, nothing of
// the batch is appended ([ErrNoSigner]), and it can come again once the key is here. A
// folder that was made with a newer key than its ledger has come to catches up without
// signing, and shows nothing until it comes to that key.
//
// # Concurrency
//
// One goroutine appends ([Ledger.Stage], then [Staged.Wait]); any number read. A
// reader sees only what is synced.
//
// # Checking
//
// [Fsck] holds a store against itself, entries by the auditor's own rules (package
// verify), and names what is wrong by code, entry or key, and file. Its faults stand in
// one table, fsck_faults.go; who adds a key space adds a row to spaces in fsck_rows.go.
//
// # Why Pebble and not files of our own
//
// One write with one fsync holds an entry, its index, its tile and its checkpoint,
// and recovery after a crash is code that others have tested for years. The price is
// measured in the benchmarks beside this file.
package ledger
