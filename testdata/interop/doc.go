// Package interop follows a log that a real greffed serves, with programs that other
// people wrote: what an auditor may use who trusts none of ours. It is a module of its
// own, knows nothing of our Go code, and is run by make interop.
//
//	golang.org/x/mod/sumdb/tlog   the tree of Go's checksum database: proofs from tiles
//	filippo.io/torchwood          its client reads every entry; its verifier reads .tlog-proof
//	tessera/client                a tracker of checkpoints, proofs of inclusion and consistency
//	tessera/fsck                  every entry and every tile, against the checkpoint
//	litewitness                   a witness that cosigns our checkpoints (torchwood's program)
//
// Each of them follows the log while it grows to 100,000 entries, follows it when it has,
// and must refuse it when somebody changes it on the way, when its keeper signs another
// tree, and when the log is a fork of the one that was followed before. What greffe prove
// writes is verified by torchwood.
//
// # Adding a client
//
// A row in clients (client_test.go): every condition above is then put to it.
//
// # Why torchwood v0.9
//
// v0.10 needs Go 1.27.
package interop
