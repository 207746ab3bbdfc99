package gateway_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events"
	"greffe/events/gateway"
	"greffe/events/stream"
	"greffe/events/stream/streamtest"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
)

// A system is everything between a publisher and the ledger's disk, for real.
type system struct {
	*streamtest.Server
	ledger  *ledger.Ledger
	gateway *gateway.Gateway
	dir     string

	verifier note.Verifier
}

func start(t testing.TB, o gateway.Options) *system {
	t.Helper()
	srv := streamtest.Start(t, "main")
	if _, err := srv.Users.AddPublisher("hr"); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Users.AddPublisher("crm"); err != nil {
		t.Fatal(err)
	}
	if err := srv.SetUsers(srv.Users.List()); err != nil {
		t.Fatal(err)
	}
	s := &system{Server: srv, dir: filepath.Join(srv.Dir, "ledger")}
	nc := srv.Daemon(t)
	st, err := stream.Open(t.Context(), nc, "main", stream.Options{Solo: true})
	if err != nil {
		t.Fatal(err)
	}
	vkey, signer := openGenesis(t, st)
	if s.verifier, err = chain.OpenVKey(vkey); err != nil {
		t.Fatal(err)
	}
	if s.ledger, err = ledger.Open(s.dir, ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return signer, nil }}); err != nil {
		t.Fatal(err)
	}
	publisher, err := st.Publisher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	o.Ledger, o.Secret, o.Log = "main", []byte("0123456789abcdef0123456789abcdef"), log
	s.gateway = gateway.New(nc, asked{s.ledger}, publisher, o)
	in := ingest.New(source{st}, s.ledger, ingest.Options{Ledger: "main", Log: log, Committed: func(d []ledger.Draft, p []ledger.Placed) {
		s.gateway.Committed(committed(d, p))
	}})
	if err := s.gateway.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := in.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := s.gateway.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait(); s.ledger.Close() })
	for s.ledger.Size() == 0 {
		time.Sleep(time.Millisecond)
	}
	return s
}

func openGenesis(t testing.TB, st *stream.Stream) (vkey string, signer note.Signer) {
	t.Helper()
	skey, vkey, err := chain.GenerateKey(nil, "greffe/main/00010203")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ = note.NewSigner(skey)
	ev := events.Event{ID: "00000000000000000000000001", Source: "greffe", Type: events.TypeLedgerOpened, Aggregate: "ledger/main", Actor: "system/greffe",
		OccurredAt: "2026-11-23T10:00:00+01:00", RecordedAt: "2026-11-23T10:00:00+01:00",
		Data: fmt.Appendf(nil, `{"ledger":"main","ledger_id":"000102030405060708090a0b0c0d0e0f","origin":"greffe/main/00010203","vkey":%q,"zone":"Europe/Paris","calendar":"fr","format":1}`, vkey)}
	raw, err := ev.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.PublishFirst(t.Context(), stream.Outgoing{Topic: events.EventTopic("main", "greffe", events.TypeLedgerOpened), Data: raw}); err != nil {
		t.Fatal(err)
	}
	return vkey, signer
}

// event returns event n, of about size bytes.
func event(n, size int) []byte {
	var id [16]byte
	id[0], id[12], id[13], id[14], id[15] = 1, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"test","type":"measure.adopted.v1","subject":"measure/TOM-01",`+
		`"time":"2026-11-23T10:00:00+01:00","recordedat":"2026-11-23T10:00:00+01:00","data":{"measure_id":"TOM-01","kind":"technical","topic":"audit","text":"`, events.IDFromBytes(id))
	for len(raw) < size-3 {
		raw = append(raw, "encrypted "[:min(10, size-3-len(raw))]...)
	}
	return append(raw, `"}}`...)
}

func (s *system) submit(t testing.TB, publisher string, raw []byte) gateway.Receipt {
	t.Helper()
	nc := s.Connect(t, stream.RolePublisher, publisher)
	defer nc.Close()
	r, err := gateway.NewClient(nc, "main", publisher).Submit(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if r.Disposition != gateway.Duplicate {
		rec, err := s.ledger.Record(r.Seq)
		leaf := chain.LeafHash(rec.Header)
		if err != nil || hex.EncodeToString(leaf[:]) != r.LeafHash {
			t.Errorf("receipt %+v does not name entry %d of the ledger (%v)", r, r.Seq, err)
		}
	}
	return r
}

func TestReceipts(t *testing.T) {
	s := start(t, gateway.Options{})
	first := s.submit(t, "hr", event(1, 400))
	if first.Disposition != gateway.Recorded || first.Seq != 1 || first.ID == "" {
		t.Fatalf("first: %+v", first)
	}
	size := s.ledger.Size()
	again := s.submit(t, "hr", event(1, 400))
	if again.Disposition != gateway.Duplicate || again.Seq != first.Seq || again.LeafHash != first.LeafHash || s.ledger.Size() != size {
		t.Errorf("again: %+v, want a duplicate at the first place and no new entry", again)
	}
	spaced := s.submit(t, "hr", []byte(strings.ReplaceAll(string(event(1, 400)), ",", " ,\n ")))
	if spaced.Disposition != gateway.Duplicate {
		t.Errorf("the same event with white space: %+v", spaced)
	}
	conflict := s.submit(t, "hr", event(1, 401))
	if conflict.Disposition != gateway.Conflict {
		t.Errorf("other content under the same id: %+v", conflict)
	}
	size = s.ledger.Size()
	if r := s.submit(t, "hr", event(1, 401)); r.Disposition != gateway.Conflict || r.Seq != conflict.Seq || s.ledger.Size() != size {
		t.Errorf("the conflict again: %+v, want its first place and no new entry", r)
	}
	if r := s.submit(t, "crm", event(1, 400)); r.Disposition != gateway.Recorded {
		t.Errorf("another publisher's event under the same id: %+v", r)
	}
}

// Everything that cannot be taken gets a place in the chain, once, and leaves no bytes.
func TestQuarantine(t *testing.T) {
	s := start(t, gateway.Options{})
	const canary = "Margaux Canary"
	good := string(event(7, 400))
	edit := func(old, new string) string {
		out := strings.Replace(good, old, new, 1)
		if out == good {
			t.Fatalf("edit %q did not apply", old)
		}
		return out
	}
	tests := []struct{ name, raw, code string }{
		{"malformed", `{"specversion": ` + canary, "malformed"},
		{"duplicate key", edit(`"topic":"audit"`, `"topic":"audit","topic":"`+canary+`"`), "malformed"},
		{"invalid UTF-8", edit(`"audit"`, "\"\xff"+canary+`"`), "malformed"},
		{"too deep", edit(`"audit"`, strings.Repeat("[", 40)+`"`+canary+`"`+strings.Repeat("]", 40)), "malformed"},
		{"oversize", edit(`"audit"`, `"`+canary+strings.Repeat("x", 65<<10)+`"`), "too_large"},
		{"no envelope", `{"name":"` + canary + `"}`, "bad_envelope"},
		{"unknown type", edit(`measure.adopted.v1`, `measure.imagined.v1`), "unknown_type"},
		{"wrong version", edit(`measure.adopted.v1`, `measure.adopted.v9`), "unknown_type"},
		{"reserved type", edit(`measure.adopted.v1`, `ledger.key_revoked.v1`), "reserved_type"},
		{"missing field", edit(`"topic":"audit",`, ``), "missing"},
		{"actor given", edit(`{"specversion"`, `{"actor":"`+canary+`","specversion"`), "actor_given"},
		{"clear P1", `{"specversion":"1.0","id":"01JD0000000000000000000009","source":"t","type":"processing_activity.reviewed.v1","subject":"processing_activity/FR-001","time":"2026-11-23T10:00:00Z","recordedat":"2026-11-23T10:00:00Z","data":{"outcome":"unchanged","reviewer":"` + canary + `"}}`, "clear_personal_data"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.submit(t, "hr", []byte(tt.raw))
			if r.Disposition != gateway.Quarantined || r.Seq != uint64(i+1) || len(r.Reasons) == 0 {
				t.Fatalf("got %+v, want quarantined at seq %d with reasons", r, i+1)
			}
			if tt.code != "" && !strings.HasSuffix(r.Reasons[0].Type, ":"+tt.code) {
				t.Errorf("reason %s, want %s", r.Reasons[0].Type, tt.code)
			}
			if text, _ := json.Marshal(r); strings.Contains(string(text), "Canary") {
				t.Errorf("the receipt shows what was submitted: %s", text)
			}
			if again := s.submit(t, "hr", []byte(tt.raw)); again.Seq != r.Seq || again.Disposition != gateway.Quarantined || s.ledger.Size() != uint64(i+2) {
				t.Errorf("again: %+v, size %d; want the same place and no new entry", again, s.ledger.Size())
			}
		})
	}
	if r := s.submit(t, "crm", []byte(tests[0].raw)); r.Seq != uint64(len(tests)+1) {
		t.Errorf("the same bytes of another publisher: %+v, want a place of their own", r)
	}
	filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "Canary") {
			t.Errorf("%s holds what was quarantined", path)
		}
		return nil
	})
}

// On a server of somebody else's a user may be let through to any topic. The daemon's
// own name, and what is no name, are refused by the gateway itself.
func TestPublishersWithoutAName(t *testing.T) {
	s := start(t, gateway.Options{})
	nc := s.Daemon(t)
	for _, publisher := range []string{"greffe", "HR", "a_b", strings.Repeat("x", 33)} {
		_, err := gateway.NewClient(nc, "main", publisher).Submit(t.Context(), event(1, 400))
		if !errors.Is(err, gateway.ErrNoReceipt) || !strings.Contains(err.Error(), "no publisher's name") {
			t.Errorf("%s: got %v, want a refusal", publisher, err)
		}
	}
	if s.ledger.Size() != 1 {
		t.Errorf("size %d, want 1: nothing may be recorded", s.ledger.Size())
	}
}

// A plain publish asks for no receipt and is recorded all the same.
func TestPublishWithoutReply(t *testing.T) {
	s := start(t, gateway.Options{})
	nc := s.Connect(t, stream.RolePublisher, "hr")
	if err := errors.Join(nc.Publish(events.SubmitTopic("main", "hr"), event(1, 400)), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if r := s.submit(t, "hr", event(1, 400)); r.Seq != 1 {
		t.Errorf("submitted again: %+v, want the place of the plain publish", r)
	}
}

// A client in any language: a socket, and nothing of ours.
func TestSubmitWithASocket(t *testing.T) {
	s := start(t, gateway.Options{})
	c, err := stream.ReadCredentials(stream.CredentialsPath(s.Dir, stream.RolePublisher, "hr"))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(s.URL())
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	body := event(1, 400)
	fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"user\":%q,\"pass\":%q}\r\nSUB _INBOX.me 1\r\nPUB %s _INBOX.me %d\r\n%s\r\n", c.User, c.Password, c.SubmitSubject, len(body), body)
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(line, "MSG") {
			continue
		}
		text, _ := in.ReadString('\n')
		var r gateway.Receipt
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Disposition != gateway.Recorded || r.Seq != 1 {
			t.Errorf("got %s (%v), want a receipt", text, err)
		}
		return
	}
}

// The same events from many connections at once, in every overlap: each is recorded
// once, and everybody is told the same place.
func TestConcurrentRetries(t *testing.T) {
	s := start(t, gateway.Options{})
	const distinct, clients = 200, 4
	places := make([][]gateway.Receipt, clients)
	var wg sync.WaitGroup
	for c := range clients {
		nc := s.Connect(t, stream.RolePublisher, "hr")
		wg.Go(func() {
			seq := func(yield func([]byte, error) bool) {
				for i := range distinct {
					if !yield(event(1+(i+c*37)%distinct, 400), nil) {
						return
					}
				}
			}
			places[c] = make([]gateway.Receipt, distinct)
			err := gateway.NewClient(nc, "main", "hr").SubmitAll(t.Context(), seq, func(i int, r gateway.Receipt) error {
				places[c][(i+c*37)%distinct] = r
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.ledger.Size() != distinct+1 {
		t.Errorf("size %d, want %d", s.ledger.Size(), distinct+1)
	}
	for i := range distinct {
		recorded := 0
		for c := range clients {
			if places[c][i].Seq != places[0][i].Seq || places[c][i].LeafHash != places[0][i].LeafHash {
				t.Fatalf("event %d: client %d was told %+v, client 0 %+v", i, c, places[c][i], places[0][i])
			}
			if places[c][i].Disposition == gateway.Recorded {
				recorded++
			}
		}
		if recorded != 1 {
			t.Errorf("event %d was recorded %d times", i, recorded)
		}
	}
}

// Past its bound the gateway says busy at once; what it acknowledges is kept.
func TestBusy(t *testing.T) {
	s := start(t, gateway.Options{MaxInFlight: 10})
	nc := s.Connect(t, stream.RolePublisher, "hr")
	const n = 3000
	inbox := nc.NewInbox()
	sub, _ := nc.SubscribeSync(inbox)
	sub.SetPendingLimits(-1, -1)
	for i := range n {
		nc.PublishRequest(events.SubmitTopic("main", "hr"), inbox, event(i+1, 400))
	}
	var receipts, busy int
	for range n {
		m, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(string(m.Data), `"disposition":"recorded"`):
			receipts++
		case strings.Contains(string(m.Data), "urn:greffe:problem:busy"):
			busy++
		default:
			t.Fatalf("answer %s", m.Data)
		}
	}
	if busy == 0 || receipts == 0 || s.ledger.Size() != uint64(receipts+1) {
		t.Errorf("%d receipts, %d busy, size %d", receipts, busy, s.ledger.Size())
	}
}

// A client that meets a busy daemon gets all its receipts in the end, in order.
func TestClientOutlastsABusyDaemon(t *testing.T) {
	s := start(t, gateway.Options{MaxInFlight: 4})
	nc := s.Connect(t, stream.RolePublisher, "hr")
	c := gateway.NewClient(nc, "main", "hr")
	c.Window = 16
	seq := func(yield func([]byte, error) bool) {
		for i := range 14 {
			if !yield(event(i+1, 400), nil) {
				return
			}
		}
	}
	got := 0
	err := c.SubmitAll(t.Context(), seq, func(i int, r gateway.Receipt) error {
		if i != got || r.Disposition != gateway.Recorded {
			t.Errorf("receipt %d: %d %+v", got, i, r)
		}
		got++
		return nil
	})
	if err != nil || got != 14 || s.ledger.Size() != 15 {
		t.Errorf("%d receipts, size %d, %v", got, s.ledger.Size(), err)
	}
}

func BenchmarkSubmit(b *testing.B) {
	for _, inflight := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("inflight-", inflight), func(b *testing.B) {
			s := start(b, gateway.Options{})
			nc := s.Connect(b, stream.RolePublisher, "hr")
			c := gateway.NewClient(nc, "main", "hr")
			c.Window = inflight
			seq := func(yield func([]byte, error) bool) {
				for i := range b.N {
					if !yield(event(i+1, 1024), nil) {
						return
					}
				}
			}
			b.ResetTimer()
			if err := c.SubmitAll(b.Context(), seq, func(int, gateway.Receipt) error { return nil }); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}

// One submitter at 200 a second: what a service waits for.
func BenchmarkLatency(b *testing.B) {
	s := start(b, gateway.Options{})
	nc := s.Connect(b, stream.RolePublisher, "hr")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	took := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		<-tick.C
		begin := time.Now()
		if _, err := nc.Request(events.SubmitTopic("main", "hr"), event(i+1, 1024), 5*time.Second); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	quantile(b, took)
}
