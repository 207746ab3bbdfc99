// Package witness is both ends of C2SP tlog-witness: a [Witness] cosigns the checkpoints
// of ledgers as long as each proves that it only grew, and a [Client] asks for that.
//
// It guarantees that of one origin no two contradicting checkpoints are ever cosigned,
// across restarts and crashes, and that cosignatures of one origin never go back in time.
//
//	w, _, err := witness.Open(dir, witness.Options{Ledgers: keys})
//	http.Serve(listener, w.Handler())
//
// A ledger that shows the witness another history than before gets no cosignature, and the
// witness keeps both signed checkpoints as evidence (forks/ in its folder).
//
// # Crashes
//
// What is cosigned is on disk before the cosignature leaves. A crash between the two
// costs the ledger one answer; it asks again and learns the size that the witness has.
// A witness whose folder is restored from an old copy has forgotten what came after, and
// nobody can tell: do not restore it, make a new one.
//
// # Format
//
// The folder of a witness holds witness.key (secret), witness.vkey (to be given to those who
// believe this witness), witness.json (the newest checkpoint of each origin, with this
// witness' own cosignature in it) and forks/.
//
//	POST /add-checkpoint   C2SP tlog-witness
//	GET  /seen             one line for each ledger: size, root, time, origin
//	GET  /seen/<id>        the newest cosigned checkpoint; id is the SHA-256 of the origin
//	GET  /forks            names of the files of evidence, one a line
//	GET  /forks/<name>     one of them
//
// # Why
//
// One file for all origins, rewritten whole: it is small, and one rename decides. The
// read-only paths are ours: a ledger that is told that the witness has seen more can fetch
// the checkpoint that says so, signed by its own key, and need not take anybody's word.
package witness
