package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"greffe/events"
	"greffe/events/stream"
)

// quarantine publishes that something was submitted that cannot be taken: who, why,
// how long, and a keyed digest, but not the bytes, which may hold personal data.
//
// The event's id is derived from the bytes under the daemon's secret, so the same bad
// bytes of one publisher are quarantined once, also after a restart, and nobody
// without the secret can search for what they were.
func (g *Gateway) quarantine(publisher string, raw []byte, w waiter, problems []events.Problem) {
	w.quarantined, w.reasons = true, problems
	id := [16]byte(keyed(g.o.Secret, "quarantine id", []byte(publisher), raw))
	f := flight{publisher: events.DaemonPublisher, id: id} // no digest: the content holds the time
	if place, _, ok, err := g.led.First(f.publisher, id); err != nil {
		g.refuse(w, problemUnavailable)
		return
	} else if ok {
		g.hand(w, place, Quarantined)
		return
	}
	if g.join(f, w) {
		return
	}
	stored, err := g.quarantined(publisher, raw, events.IDFromBytes(id), problems)
	if err != nil {
		g.o.Log.Error("a quarantine event could not be made", "error", err)
		g.refuse(w, problemUnavailable)
		return
	}
	g.enqueue(&item{flight: f, waiters: []waiter{w}, out: stream.Outgoing{
		Topic: events.EventTopic(g.o.Ledger, events.DaemonPublisher, events.TypeQuarantined),
		Data:  stored,
	}})
}

// quarantined builds the event.
func (g *Gateway) quarantined(publisher string, raw []byte, id events.ID, problems []events.Problem) ([]byte, error) {
	now := events.InstantOf(g.o.Now())
	itemKey := keyed(g.o.Secret, "quarantine item", []byte(id))
	data, err := json.Marshal(map[string]any{
		"publisher":   publisher,
		"reasons":     withoutNames(problems),
		"byte_length": len(raw),
		"digest":      hex.EncodeToString(keyed(itemKey, "quarantine digest", raw)),
		"at":          now,
	})
	if err != nil {
		return nil, err
	}
	ev := events.Event{
		ID: id, Source: "greffe/gateway", Type: events.TypeQuarantined, Aggregate: "ledger/" + g.o.Ledger,
		OccurredAt: now, RecordedAt: now, Data: data,
	}
	content, err := ev.Append(nil)
	if err != nil {
		return nil, err
	}
	return withActor(content, "system/greffe"), nil
}

// withoutNames takes the names that a publisher made up out of what is stored: a
// member may be called after a person. The receipt may show them, to who sent them.
func withoutNames(problems []events.Problem) []events.Problem {
	out := slices.Clone(problems)
	for i := range out {
		if strings.HasPrefix(out[i].Code, "unknown_") {
			out[i].Pointer = out[i].Pointer[:max(0, strings.LastIndexByte(out[i].Pointer, '/'))]
		}
	}
	return out
}

// keyed is HMAC-SHA-256 over a label and length-prefixed parts.
func keyed(key []byte, label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label))
	for _, p := range parts {
		n := len(p)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		h.Write(p)
	}
	return h.Sum(nil)
}
