package ingest_test

import (
	"testing"

	"greffe/events"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
)

// Nothing that a stream can hold may stop the ledger: whatever the message, its draft
// is an entry that the format takes.
func FuzzEveryMessageBecomesAnEntry(f *testing.F) {
	w := newWorld()
	hostileStory(w)
	for _, m := range w.messages[:12] {
		f.Add(m.Topic, m.Data)
	}
	f.Add("greffe.main.event.hr.a.b.v1", []byte(`{"data":{},"id":"00000000000000000000000000","source":"x","specversion":"1.0","subject":"a/b","time":"2026-01-05T08:40:00Z","type":"a.b.v1"}`))
	f.Fuzz(func(t *testing.T, topic string, data []byte) {
		var c events.Canonicalizer
		d := ingest.Decode("main", 1, &ingest.Message{Seq: 2, At: 1, Topic: topic, Data: data}, &c)
		e := chain.Entry{Seq: 1, Epoch: d.Epoch, StreamSeq: d.StreamSeq, LedgeredAt: d.At, Disposition: chain.Recorded, EventID: d.ID,
			Publisher: d.Publisher, Type: d.Type, Aggregate: d.Aggregate, PayloadHash: d.PayloadHash, PayloadLen: uint32(len(d.Payload))}
		if d.Quarantined {
			e.Disposition, e.PayloadLen = chain.Quarantined, d.Length
		}
		if _, err := chain.AppendEntry(nil, &e); err != nil {
			t.Errorf("topic %q data %q: %v", topic, data, err)
		}
	})
}
