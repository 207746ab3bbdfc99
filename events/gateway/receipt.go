package gateway

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"greffe/events"
)

// A Disposition says what became of a submitted event.
type Disposition string

// The dispositions of a receipt.
const (
	Recorded    Disposition = "recorded"
	Duplicate   Disposition = "duplicate"   // the same event is there already, at the place given
	Conflict    Disposition = "conflict"    // another event has this id; both are kept, registers ignore this one
	Quarantined Disposition = "quarantined" // it could not be taken as it is; the reasons say why
)

// A Receipt is the answer to a submission. It is given only when the ledger has
// synced the entry.
type Receipt struct {
	ID          string      `json:"id,omitempty"` // of the event, if it could be read
	Seq         uint64      `json:"seq"`
	LeafHash    string      `json:"leaf_hash"` // hexadecimal
	Disposition Disposition `json:"disposition"`
	Reasons     []Reason    `json:"reasons,omitempty"`
	Proof       string      `json:"proof,omitempty"`    // on request: C2SP tlog-proof of the entry
	Unproved    string      `json:"unproved,omitempty"` // why the proof that was asked for is not there
}

// A Reason says why an event is quarantined, in the words of RFC 9457.
type Reason struct {
	Type    string `json:"type"` // "urn:greffe:reason:" and a stable code
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Pointer string `json:"pointer,omitempty"` // JSON Pointer into the event
}

// A ProblemAnswer is the answer when no receipt can be given: nothing is recorded,
// or it is not known. It is a problem object of RFC 9457 and has no disposition.
type ProblemAnswer struct {
	Type         string `json:"type"`
	Title        string `json:"title"`
	Status       int    `json:"status"`
	Detail       string `json:"detail"`
	RetryAfterMS int    `json:"retry_after_ms"`
}

// The answers without a receipt, fixed texts so that overload costs nothing.
const (
	problemPublisher = `{"type":"urn:greffe:problem:publisher","title":"no such publisher","status":403,` +
		`"detail":"the last token of the topic is no publisher's name, nothing was recorded: publish under a name of a-z, 0-9 and '-' other than greffe","retry_after_ms":0}`
	problemBusy = `{"type":"urn:greffe:problem:busy","title":"busy","status":503,` +
		`"detail":"too many events wait for their receipt, nothing was recorded: send it again under the same id after the time given","retry_after_ms":250}`
	problemUnavailable = `{"type":"urn:greffe:problem:unavailable","title":"unavailable","status":503,` +
		`"detail":"it is not known whether the event was recorded: send it again under the same id after the time given","retry_after_ms":1000}`
)

// receipt counts a receipt and returns its text. g.mu is held.
func (g *Gateway) receipt(w waiter, p Place, d Disposition) string {
	if w.quarantined {
		d = Quarantined
	}
	switch d {
	case Recorded:
		g.counts.Recorded++
	case Duplicate:
		g.counts.Duplicate++
	case Conflict:
		g.counts.Conflict++
	case Quarantined:
		g.counts.Quarantined++
	}
	b := make([]byte, 0, 256)
	b = append(b, '{')
	if w.id != "" {
		b = append(append(append(b, `"id":"`...), w.id...), `",`...)
	}
	b = strconv.AppendUint(append(b, `"seq":`...), p.Seq, 10)
	b = hex.AppendEncode(append(b, `,"leaf_hash":"`...), p.Leaf[:])
	b = append(append(append(b, `","disposition":"`...), d...), '"')
	if len(w.reasons) > 0 {
		reasons, err := json.Marshal(reasonsOf(w.reasons))
		if err == nil {
			b = append(append(b, `,"reasons":`...), reasons...)
		}
	}
	return string(append(b, '}'))
}

func reasonsOf(problems []events.Problem) []Reason {
	out := make([]Reason, len(problems))
	for i, p := range problems {
		out[i] = Reason{Type: "urn:greffe:reason:" + p.Code, Title: titleOf(p.Code), Detail: p.Detail, Pointer: p.Pointer}
	}
	return out
}

// admit counts a request in, or reports that too many wait: of all publishers, of
// this one, or too many bytes. g.mu is held.
func (g *Gateway) admit(w waiter, size int) bool {
	if g.asked >= g.o.MaxInFlight || g.held[w.publisher] >= max(1, g.o.MaxInFlight/2) || g.bytes+size > g.o.MaxBytes {
		g.counts.Busy++
		g.send(w.reply, problemBusy)
		return false
	}
	g.asked++
	g.held[w.publisher]++
	return true
}

// reply answers a request that was admitted. g.mu is held.
func (g *Gateway) reply(w waiter, text string) {
	g.asked--
	if g.held[w.publisher]--; g.held[w.publisher] == 0 {
		delete(g.held, w.publisher)
	}
	g.send(w.reply, text)
}

// refuse answers a request that was not admitted.
func (g *Gateway) refuse(w waiter, problem string) {
	g.mu.Lock()
	g.counts.Failed++
	g.mu.Unlock()
	g.send(w.reply, problem)
}

// send sends without waiting: the client's own goroutine flushes many at once. If
// the connection is down the publisher times out and sends the event again.
func (g *Gateway) send(reply, text string) {
	if reply == "" {
		return
	}
	if err := g.nc.Publish(reply, []byte(text)); err != nil {
		g.o.Log.Warn("an answer could not be sent", "error", err)
	}
}
