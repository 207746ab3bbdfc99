package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/events/stream/streamtest"
)

// withAttributes returns an event with attributes that nobody knows.
func withAttributes(n int, names ...string) []byte {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(string(event(n, 400)), "}"))
	for _, name := range names {
		fmt.Fprintf(&b, `,%q:1`, name)
	}
	return []byte(b.String() + "}")
}

// However much is wrong with an event, what is kept of it is small, it gets its
// receipt, and nobody else waits for it.
func TestThousandsOfFaults(t *testing.T) {
	s := start(t, gateway.Options{MaxInFlight: 6})
	var names []string
	for i := range 3000 {
		names = append(names, fmt.Sprint("x", i))
	}
	for i := range 6 {
		r := s.submit(t, "crm", withAttributes(i+1, names...))
		if r.Disposition != gateway.Quarantined || len(r.Reasons) > 20 {
			t.Fatalf("%s with %d reasons", r.Disposition, len(r.Reasons))
		}
		rec, err := s.ledger.Record(r.Seq)
		if err != nil || len(rec.Payload) > 8<<10 {
			t.Fatalf("%d bytes are kept (%v)", len(rec.Payload), err)
		}
	}
	if r := s.submit(t, "hr", event(99, 400)); r.Disposition != gateway.Recorded {
		t.Errorf("an honest publisher got %+v", r)
	}
}

// The name of a member may be a person's. The receipt goes to who sent it; the ledger
// keeps it out.
func TestNamesOfMembersAreNotKept(t *testing.T) {
	s := start(t, gateway.Options{})
	r := s.submit(t, "hr", withAttributes(1, "0612345678", "jeandupont"))
	inData := s.submit(t, "hr", []byte(strings.Replace(string(event(2, 400)), `"kind"`, `"jean_dupont":1,"kind"`, 1)))
	for _, seq := range []uint64{r.Seq, inData.Seq} {
		rec, err := s.ledger.Record(seq)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"0612345678", "dupont"} {
			if strings.Contains(string(rec.Payload), name) {
				t.Errorf("entry %d keeps the name: %s", seq, rec.Payload)
			}
		}
	}
}

// The server does not check where a request wants its answer. An answer to a topic of
// JetStream or of the ledger would be published with the daemon's rights.
func TestHostileReplies(t *testing.T) {
	s := start(t, gateway.Options{})
	evil := s.Connect(t, stream.RolePublisher, "crm")
	for _, reply := range []string{
		"$JS.API.STREAM.DELETE.GREFFE_main", "$JS.API.STREAM.PURGE.GREFFE_main", "$KV.greffe_main_head.head",
		"greffe.main.event.hr.measure.adopted.v1", "greffe.main.submit.hr", "greffe.main.admin.publisher.add", "$SRV.PING",
	} {
		for i, raw := range [][]byte{event(1, 400), []byte("not JSON"), nil} {
			if err := evil.PublishRequest(events.SubmitTopic("main", "crm"), reply, raw); err != nil {
				t.Fatalf("%s %d: %v", reply, i, err)
			}
		}
	}
	if err := evil.Flush(); err != nil {
		t.Fatal(err)
	}
	if r := s.submit(t, "hr", event(2, 400)); r.Seq != 1 {
		t.Errorf("the next event went to seq %d, want 1: hostile requests left entries", r.Seq)
	}
}

// A losing publisher says that everything is stored, and stores nothing.
type losing struct{}

func (losing) Publish(_ context.Context, msgs []stream.Outgoing) (int, error) { return len(msgs), nil }
func (losing) Resync(context.Context) error                                   { return nil }

type empty struct{}

func (empty) First(string, [16]byte) (gateway.Place, [32]byte, bool, error) {
	return gateway.Place{}, [32]byte{}, false, nil
}
func (empty) Conflict(string, [16]byte, [32]byte) (gateway.Place, bool, error) {
	return gateway.Place{}, false, nil
}

// An event that never becomes an entry is given up, whatever the reason: its place is
// free again, and its publisher is told to send it again.
func TestNothingWaitsForEver(t *testing.T) {
	srv := streamtest.Start(t, "main")
	nc := srv.Daemon(t)
	g := gateway.New(nc, empty{}, losing{}, gateway.Options{Ledger: "main", Secret: make([]byte, 32), MaxInFlight: 2, Patience: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err := g.Listen(); err != nil {
		t.Fatal(err)
	}
	go g.Run(t.Context())
	for i := range 3 {
		m, err := nc.Request(events.SubmitTopic("main", "hr"), event(i+1, 400), 5*time.Second)
		if err != nil || !strings.Contains(string(m.Data), "urn:greffe:problem:unavailable") {
			t.Fatalf("event %d: %v, %v; want to be told that its fate is not known", i, m, err)
		}
	}
}

// One event sent again and again by one publisher does not fill the memory, and the
// others still get in.
func TestOnePublisherDoesNotStarveTheRest(t *testing.T) {
	srv := streamtest.Start(t, "main")
	nc := srv.Daemon(t)
	g := gateway.New(nc, empty{}, losing{}, gateway.Options{Ledger: "main", Secret: make([]byte, 32), MaxInFlight: 10, Log: slog.New(slog.DiscardHandler)})
	if err := g.Listen(); err != nil {
		t.Fatal(err)
	}
	go g.Run(t.Context())
	busy := 0
	sub, _ := nc.SubscribeSync("_INBOX.flood")
	for range 100 {
		nc.PublishRequest(events.SubmitTopic("main", "evil"), "_INBOX.flood", event(1, 400))
	}
	for range 95 {
		m, err := sub.NextMsg(5 * time.Second)
		if err != nil || !strings.Contains(string(m.Data), "problem:busy") {
			t.Fatalf("%v %v", m, err)
		}
		busy++
	}
	m, err := nc.Request(events.SubmitTopic("main", "hr"), event(1, 400), 300*time.Millisecond)
	if err == nil {
		t.Errorf("another publisher got %s, want a place in the queue", m.Data)
	}
}
