// Package store keeps the registers on disk between restarts, in a Pebble database
// of its own, so that a daemon starts without folding the whole ledger again.
//
// It guarantees that what it answers is what folding the ledger's first Size entries
// gives, byte for byte. Rows, anomalies, index and position are written in one batch.
//
//	st, err := store.Open(dir, store.Options{})
//	err = st.Catchup(ctx, ledger)    // fold what the ledger has and the store has not
//	view, err := st.View()           // a snapshot; package projections says what it answers
//
// # Crashes
//
// Batches are not synced. A crash loses the last of them and nothing else: the
// position goes back with the rows, and the next Catchup folds the entries again.
// The ledger is the record; this folder can be deleted at any time.
//
// A store is thrown away by itself if another schema or rule set built it, if it
// belongs to another ledger, or if it holds what the ledger does not (a ledger that
// was restored from a backup).
//
// # Concurrency
//
// One goroutine at a time folds; others wait for it. Views can be opened and read by
// anybody at any time.
//
// # Format
//
// Keys begin with one byte; integers are big endian. Nothing outside reads this.
//
//	m                       meta: schema, ledger id, position, leaf hash at the position
//	r  register 00 id       a row, canonical JSON
//	c  register             its counts, JSON
//	a  seq(8) n(2)          an anomaly, JSON
//	i  aggregate 00 seq(8)  an entry about the aggregate, no value
package store
