package gateway

import (
	"greffe/events"
	"greffe/events/stream"
)

// PublishOwn puts an event of the daemon itself on its way, in one order with what was
// submitted. The caller has checked it, and looks into the ledger for what became of it;
// the same event may be given again for as long as it is not there.
func (g *Gateway) PublishOwn(id [16]byte, out stream.Outgoing) {
	it := &item{flight: flight{publisher: events.DaemonPublisher, id: id}, out: out} // no digest, see quarantine
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying[it.flight] == nil {
		g.fly(it)
	}
}
