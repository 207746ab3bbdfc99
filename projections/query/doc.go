// Package query answers questions about a ledger over NATS: what registers show, what
// an aggregate went through, what a bundle needs. It is both halves: [Serve] for the
// daemon, [Client] for everybody who asks.
//
// The service is a NATS micro service named "greffe", so `nats micro info greffe`
// finds it. Its endpoints stand under greffe.<ledger>.query.:
//
//	status             the daemon and its ledger
//	registers          every register with its counts and digest
//	register.list      the rows of one, now or in the past
//	register.show      one row and its anomalies
//	register.history   the entries behind one row
//	event.show         one entry and its anomalies
//	event.prove        the proof file of one event (FORMAT §5.3)
//	checkpoint.consistency  the proof that the ledger only grew between two sizes
//	bundle.checkpoint  a signed checkpoint over all that was receipted
//	bundle.entries     entries as bytes, by ranges
//	bundle.select      which entries an excerpt holds
//	bundle.records     entries as bytes, with what proves them
//	bundle.evidence    what others said of the ledger, as sections of a bundle
//
// A request is a small JSON object; unknown members are refused. An answer is JSON,
// in several messages if it is long: all but the last carry the header Greffe-More: 1
// and the bytes are simply joined. A question that cannot be answered has the headers
// Nats-Service-Error and Nats-Service-Error-Code and one line that says why.
//
// # Concurrency
//
// A handler of a micro service blocks the next one of its endpoint, so handlers only
// queue the request; a fixed number of workers answers. A full queue is answered with
// code 503 at once.
//
// # Why
//
// Both halves live in one package because they share every name on the wire. Neither
// imports a database: the daemon passes in what it reads from, so a client that
// imports this package holds no Pebble.
package query
