package ingest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"greffe/events"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/ingest"
)

// A world is a stream in memory.
type world struct {
	mu       sync.Mutex
	grown    *sync.Cond
	messages []ingest.Message
	created  int64
	cut      int // readers that are older than this are gone
}

func newWorld() *world {
	w := &world{created: 1}
	w.grown = sync.NewCond(&w.mu)
	return w
}

func (w *world) publish(topic string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seq := uint64(len(w.messages) + 1)
	w.messages = append(w.messages, ingest.Message{Seq: seq, At: int64(1e18) + int64(seq)*1000, Topic: topic, Data: data})
	w.grown.Broadcast()
}

func (w *world) State(context.Context) (ingest.State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ingest.State{Created: w.created, Epoch: 1, FirstSeq: 1, LastSeq: uint64(len(w.messages))}, nil
}

func (w *world) Get(_ context.Context, seq uint64) (ingest.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq == 0 || seq > uint64(len(w.messages)) {
		return ingest.Message{}, errors.New("no such message")
	}
	return w.messages[seq-1], nil
}

func (w *world) Reader(ctx context.Context, seq uint64) (ingest.Reader, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &reader{w: w, next: seq, age: w.cut}, nil
}

// disconnect ends every reader.
func (w *world) disconnect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut++
	w.grown.Broadcast()
}

type reader struct {
	w    *world
	next uint64
	age  int
}

func (r *reader) Next(ctx context.Context, dst []ingest.Message, max int) ([]ingest.Message, error) {
	defer context.AfterFunc(ctx, func() { r.w.mu.Lock(); r.w.grown.Broadcast(); r.w.mu.Unlock() })()
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for r.next > uint64(len(r.w.messages)) {
		if ctx.Err() != nil {
			return dst, ctx.Err()
		}
		if r.age < r.w.cut {
			return dst, errors.New("the reader is gone")
		}
		r.w.grown.Wait()
	}
	if r.age < r.w.cut {
		return dst, errors.New("the reader is gone")
	}
	n := min(uint64(max), uint64(len(r.w.messages))-r.next+1)
	dst = append(dst, r.w.messages[r.next-1:r.next-1+n]...)
	r.next += n
	return dst, nil
}

func (r *reader) Close() {}

const testLedgerID = "000102030405060708090a0b0c0d0e0f"

// A key that signs the same way in every run.
func testKey(t fataler) (vkey string, signer note.Signer) {
	t.Helper()
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "greffe/main/00010203")
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return vkey, signer
}

type fataler interface {
	Helper()
	Fatal(...any)
}

// Fatal ends a test that cannot even begin.
func (w *world) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Helper implements fataler.
func (w *world) Helper() {}

func (w *world) open() {
	vkey, _ := testKey(w)
	w.event("greffe", events.TypeLedgerOpened, "ledger/main", 0, `{"calendar":"fr","format":1,"ledger":"main","ledger_id":"`+testLedgerID+`","origin":"greffe/main/00010203","vkey":"`+vkey+`","zone":"Europe/Paris"}`)
}

// event publishes event n of a publisher.
func (w *world) event(publisher, eventType, aggregate string, n uint64, data string) {
	ev := events.Event{ID: testID(n), Source: "test", Type: eventType, Aggregate: aggregate, Actor: "service/" + publisher,
		OccurredAt: "2026-11-23T10:00:00+01:00", RecordedAt: "2026-11-23T10:00:00+01:00", Data: []byte(data)}
	b, err := ev.Append(nil)
	if err != nil {
		panic(err)
	}
	w.publish(events.EventTopic("main", publisher, eventType), b)
}

func testID(n uint64) events.ID {
	var id [16]byte
	id[0] = 1
	binary.BigEndian.PutUint64(id[8:], n)
	return events.IDFromBytes(id)
}

func openLedger(t testing.TB, fs vfs.FS) *ledger.Ledger {
	t.Helper()
	vkey, s := testKey(t)
	l, err := ledger.Open("ledger", ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return s, nil }, FS: fs, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// checkStore holds a copy of the store against itself, with the digests of its events.
func checkStore(t testing.TB, fs vfs.FS) {
	t.Helper()
	copied := vfs.NewMem()
	if _, err := vfs.Clone(fs, copied, "ledger", "ledger"); err != nil {
		t.Fatal(err)
	}
	vkey, _ := testKey(t)
	r, err := ledger.Fsck(t.Context(), "ledger", ledger.FsckOptions{VKey: vkey, FS: copied, ContentDigest: ingest.ContentDigest})
	if err != nil || !r.Sound() {
		t.Fatalf("the store is not sound: %v, %v", err, r.Faults)
	}
}

// run ingests until the ledger has size entries, then stops.
func run(t testing.TB, w *world, l *ledger.Ledger, size uint64, o ingest.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	inner := o.Committed
	o.Committed = func(d []ledger.Draft, p []ledger.Placed) {
		if inner != nil {
			inner(d, p)
		}
		if p[len(p)-1].Seq+1 >= size {
			cancel()
		}
	}
	o.Ledger, o.Log = "main", slog.New(slog.DiscardHandler)
	if l.Size() >= size {
		cancel()
	}
	if err := ingest.New(w, l, o).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if l.Size() < size {
		t.Fatalf("size %d, want %d", l.Size(), size)
	}
}

// dump returns every byte that is hashed or signed.
func dump(t testing.TB, l *ledger.Ledger) string {
	t.Helper()
	var b strings.Builder
	err := l.Read(0, l.Size(), func(r chain.Record) error {
		fmt.Fprintf(&b, "%x %x\n", r.Header, r.Payload)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(l.Edge().Checkpoint)
	return b.String()
}

// Every way in which a message can be taken, in one story.
func hostileStory(w *world) (dispositions []chain.Disposition) {
	w.open()
	dispositions = append(dispositions, chain.Recorded)
	add := func(d chain.Disposition, do func()) { do(); dispositions = append(dispositions, d) }
	add(chain.Recorded, func() { w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{"a":1}`) })
	add(chain.Duplicate, func() { w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{"a":1}`) })
	add(chain.Conflict, func() { w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{"a":2}`) })
	add(chain.Duplicate, func() { w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{"a":2}`) })
	add(chain.Conflict, func() { w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{"a":3}`) })
	add(chain.Recorded, func() { w.event("crm", "measure.verified.v1", "measure/TOM-01", 1, `{"a":1}`) })
	add(chain.Recorded, func() { w.event("hr", "never.heard_of.v7", "never/heard", 2, `{}`) })
	add(chain.Quarantined, func() { w.publish("greffe.main.event.hr.a.b.v1", []byte(`{"not":"an event"}`)) })
	add(chain.Quarantined, func() { w.publish("greffe.main.event.hr.a.b.v1", []byte(`not JSON`)) })
	add(chain.Quarantined, func() { w.publish("greffe.main.event.hr.a.b.v1", nil) })
	add(chain.Quarantined, func() { w.publish("greffe.main.event.HR", []byte(`{}`)) })
	add(chain.Quarantined, func() {
		m := w.messages[1] // a sound event on the topic of another type
		w.publish("greffe.main.event.hr.measure.adopted.v1", m.Data)
	})
	add(chain.Quarantined, func() { w.publish(w.messages[1].Topic, append([]byte(" "), w.messages[1].Data...)) })
	add(chain.Quarantined, func() {
		w.publish("greffe.main.event.hr.a.b.v1", []byte(`{"x":"`+strings.Repeat("x", events.MaxPayload)+`"}`))
	})
	add(chain.Recorded, func() { w.event("hr", "measure.verified.v1", "measure/TOM-02", 3, `{}`) })
	return dispositions
}

func TestDispositions(t *testing.T) {
	for _, batch := range []int{1, 2, 3, 1000} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			w := newWorld()
			want := hostileStory(w)
			fs := vfs.NewMem()
			l := openLedger(t, fs)
			defer l.Close()
			run(t, w, l, uint64(len(want)), ingest.Options{MaxBatch: batch})
			checkStore(t, fs)
			err := l.Read(0, l.Size(), func(r chain.Record) error {
				if r.Entry.Disposition != want[r.Entry.Seq] {
					t.Errorf("entry %d is %v, want %v", r.Entry.Seq, r.Entry.Disposition, want[r.Entry.Seq])
				}
				if (r.Payload != nil) != r.Entry.Disposition.KeepsPayload() {
					t.Errorf("entry %d (%v) has a payload: %v", r.Entry.Seq, r.Entry.Disposition, r.Payload != nil)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// M1 and the promise of the chain: batches, restarts and disconnects change no byte,
// and two daemons on one stream write the same.
func TestTwoDaemonsWriteTheSameBytes(t *testing.T) {
	w := newWorld()
	size := uint64(len(hostileStory(w)))
	for i := range uint64(300) {
		w.event("hr", "measure.verified.v1", fmt.Sprint("measure/TOM-", i%7), 100+i%250, `{"n":1}`)
		size++
	}
	one := openLedger(t, vfs.NewMem())
	defer one.Close()
	run(t, w, one, size, ingest.Options{})
	want := dump(t, one)

	fs := vfs.NewMem()
	var two *ledger.Ledger
	for n := uint64(1); ; n = min(n+41, size) {
		two = openLedger(t, fs)
		all := w.messages
		w.messages = all[:n]
		run(t, w, two, n, ingest.Options{MaxBatch: int(n%5 + 1)})
		w.messages = all
		if n == size {
			break
		}
		two.Close()
	}
	defer two.Close()
	if dump(t, two) != want {
		t.Error("another daemon wrote other bytes")
	}
}

// These bytes are frozen: a build that changes them splits every cluster of two ages.
func TestFrozenVector(t *testing.T) {
	w := newWorld()
	n := len(hostileStory(w))
	l := openLedger(t, vfs.NewMem())
	defer l.Close()
	run(t, w, l, uint64(n), ingest.Options{})
	const want = "9ac149cb131989be789283e6dca4c204e2f850c6a1f356a0077b9914162b89b6"
	if got := hex.EncodeToString(l.Edge().Leaf[:]); got != want {
		t.Errorf("the chain of the hostile story ends in\n%s, frozen is\n%s", got, want)
	}
}

func TestReconnect(t *testing.T) {
	w := newWorld()
	w.open()
	l := openLedger(t, vfs.NewMem())
	defer l.Close()
	go func() {
		for i := range uint64(50) {
			w.event("hr", "measure.verified.v1", "measure/TOM-01", i+1, `{}`)
			if i%10 == 5 {
				w.disconnect()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	run(t, w, l, 51, ingest.Options{})
}

// What the anchor notices, each on a stream that every weaker check lets pass.
func TestAnchor(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*world)
		want  string
	}{
		{"made anew", func(w *world) { w.created = 2 }, "made anew"},
		{"lost its tail", func(w *world) { w.messages = w.messages[:3] }, "lost its tail"},
		{"fell back and grew past the head", func(w *world) {
			w.messages = w.messages[:3]
			for i := range uint64(20) {
				w.event("hr", "measure.verified.v1", "measure/TOM-09", 900+i, `{}`)
			}
		}, "is not the one"},
		{"another time", func(w *world) { w.messages[len(w.messages)-1].At++ }, "is not the one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			n := uint64(len(hostileStory(w)))
			l := openLedger(t, vfs.NewMem())
			defer l.Close()
			run(t, w, l, n, ingest.Options{})
			before := dump(t, l)
			tt.spoil(w)
			err := ingest.New(w, l, ingest.Options{Ledger: "main", Log: slog.New(slog.DiscardHandler)}).Run(t.Context())
			if !errors.Is(err, ingest.ErrDiverged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrDiverged with %q", err, tt.want)
			}
			if dump(t, l) != before {
				t.Error("the ledger grew")
			}
		})
	}
	t.Run("while reading", func(t *testing.T) {
		w := newWorld()
		n := uint64(len(hostileStory(w)))
		l := openLedger(t, vfs.NewMem())
		defer l.Close()
		run(t, w, l, n, ingest.Options{})
		time.AfterFunc(20*time.Millisecond, func() { w.mu.Lock(); w.created = 2; w.mu.Unlock() })
		err := ingest.New(w, l, ingest.Options{Ledger: "main", CheckEach: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}).Run(t.Context())
		if !errors.Is(err, ingest.ErrDiverged) {
			t.Errorf("got %v, want ErrDiverged", err)
		}
	})
	t.Run("no genesis", func(t *testing.T) {
		w := newWorld()
		w.event("hr", "measure.verified.v1", "measure/TOM-01", 1, `{}`)
		l := openLedger(t, vfs.NewMem())
		defer l.Close()
		err := ingest.New(w, l, ingest.Options{Ledger: "main", Log: slog.New(slog.DiscardHandler)}).Run(t.Context())
		if !errors.Is(err, ingest.ErrDiverged) || l.Size() != 0 {
			t.Errorf("got %v and size %d, want ErrDiverged and nothing written", err, l.Size())
		}
	})
}

// M2: a crash at any moment, with any part of the unsynced data, and redelivery give
// the same ledger as none; and what was told as committed is there afterwards.
func TestCrashes(t *testing.T) {
	w := newWorld()
	size := uint64(len(hostileStory(w)))
	for i := range uint64(200) {
		w.event("hr", "measure.verified.v1", fmt.Sprint("measure/TOM-", i%7), 1000+i, `{"n":1}`)
		size++
	}
	plain := openLedger(t, vfs.NewMem())
	run(t, w, plain, size, ingest.Options{})
	want := dump(t, plain)
	plain.Close()

	for _, percent := range []int{0, 50, 100} {
		t.Run(fmt.Sprint(percent, " percent of the unsynced data survives"), func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			var crashed *vfs.MemFS
			var promised uint64
			for at := uint64(1); at < size; at += 23 {
				l := openLedger(t, fs)
				if l.Size() < promised {
					t.Fatalf("%d entries were promised, %d are there after a crash", promised, l.Size())
				}
				run(t, w, l, max(l.Size(), min(at, size)), ingest.Options{MaxBatch: 3, Committed: func(_ []ledger.Draft, p []ledger.Placed) {
					if last := p[len(p)-1].Seq; last+1 >= at-at%7 && crashed == nil {
						crashed = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: mathrand.New(mathrand.NewPCG(at, 1))})
						promised = last + 1
					}
				}})
				l.Close()
				if crashed != nil {
					checkStore(t, crashed)
					fs, crashed = crashed, nil
				}
			}
			l := openLedger(t, fs)
			defer l.Close()
			run(t, w, l, size, ingest.Options{})
			checkStore(t, fs)
			if dump(t, l) != want {
				t.Error("after crashes the ledger has other bytes")
			}
		})
	}
}

// The ledger alone: chain, tree and a signed checkpoint in each Sync, on the real disk.
func BenchmarkIngest(b *testing.B) {
	ev := events.Event{ID: testID(1), Source: "bench", Type: "measure.verified.v1", Aggregate: "measure/TOM-01", Actor: "service/bench",
		OccurredAt: "2026-11-23T10:00:00+01:00", RecordedAt: "2026-11-23T10:00:00+01:00"}
	var random [360]byte
	rand.Read(random[:])
	ev.Data = []byte(`{"evidence":["` + hex.EncodeToString(random[:]) + `"]}`)
	template, err := ev.Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	vkey, s := testKey(b)
	// window is how many messages wait for their commit: a batch holds at most that.
	for _, window := range []int{1, 64, 1000, 4000} {
		b.Run(fmt.Sprint("inflight-", window), func(b *testing.B) {
			dir := b.TempDir()
			l, err := ledger.Open(dir, ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return s, nil }, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			src := &bench{world: newWorld(), template: template, tokens: make(chan struct{}, window), total: b.N}
			src.world.open()
			for range window {
				src.tokens <- struct{}{}
			}
			ctx, cancel := context.WithCancel(b.Context())
			in := ingest.New(src, l, ingest.Options{Ledger: "main", MaxBatch: 1000, CheckEach: time.Hour, Log: slog.New(slog.DiscardHandler), Committed: func(_ []ledger.Draft, p []ledger.Placed) {
				for _, placed := range p {
					if placed.Seq > 0 { // the genesis took no token
						src.tokens <- struct{}{}
					}
				}
				if p[len(p)-1].Seq >= uint64(b.N) {
					cancel()
				}
			}})
			b.ResetTimer()
			if err := in.Run(ctx); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(folderBytes(b, dir))/float64(b.N*len(template)), "disk/payload")
		})
	}
}

func folderBytes(b *testing.B, dir string) (n int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// A bench is a stream that hands out a message for each token.
type bench struct {
	*world
	template []byte
	tokens   chan struct{}
	total    int
	given    int
}

func (s *bench) Reader(_ context.Context, seq uint64) (ingest.Reader, error) {
	return &benchReader{s}, nil
}

type benchReader struct{ *bench }

func (r *benchReader) Close() {}
func (r *benchReader) Next(ctx context.Context, dst []ingest.Message, max int) ([]ingest.Message, error) {
	if r.given == 0 {
		r.given++
		return append(dst, r.world.messages[0]), nil
	}
	for len(dst) < max && r.given <= r.total {
		if len(dst) > 0 {
			select {
			case <-r.tokens:
			default:
				return dst, nil
			}
		} else {
			select {
			case <-r.tokens:
			case <-ctx.Done():
				return dst, ctx.Err()
			}
		}
		m := ingest.Message{Topic: "greffe.main.event.bench.measure.verified.v1", Data: bytes.Clone(r.template)}
		copy(m.Data[bytes.Index(m.Data, []byte(`"id":"`))+6:], testID(uint64(r.given)))
		r.given++
		m.Seq, m.At = uint64(r.given), int64(1e18)+int64(r.given)
		dst = append(dst, m)
	}
	if len(dst) == 0 {
		<-ctx.Done()
		return dst, ctx.Err()
	}
	return dst, nil
}

// A growing is a stream that grows, and is read and synced, while it is asked for its
// state.
type growing struct {
	*world
	ledger *ledger.Ledger
}

func (g growing) State(ctx context.Context) (ingest.State, error) {
	st, err := g.world.State(ctx) // the answer leaves here
	if n := g.ledger.Size(); n > 0 {
		g.event("hr", "measure.verified.v1", "measure/TOM-01", n+10, `{"a":1}`)
		for until := time.Now().Add(200 * time.Millisecond); g.ledger.Size() == n && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
	}
	return st, err
}

// The check and the commits run side by side: growth is no divergence.
func TestGrowthIsNoDivergence(t *testing.T) {
	w := newWorld()
	w.open()
	l := openLedger(t, vfs.NewMem())
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := ingest.New(growing{w, l}, l, ingest.Options{Ledger: "main", CheckEach: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	if err != nil || l.Size() < 3 {
		t.Errorf("size %d, %v", l.Size(), err)
	}
}

// A stream that is gone under a ledger with entries is a divergence, not a pause.
func TestStreamIsGone(t *testing.T) {
	w := newWorld()
	w.open()
	l := openLedger(t, vfs.NewMem())
	defer l.Close()
	run(t, w, l, 1, ingest.Options{})
	err := ingest.New(gone{w}, l, ingest.Options{Ledger: "main", Log: slog.New(slog.DiscardHandler)}).Run(t.Context())
	if !errors.Is(err, ingest.ErrDiverged) {
		t.Errorf("got %v, want ErrDiverged", err)
	}
}

type gone struct{ *world }

func (gone) State(context.Context) (ingest.State, error) { return ingest.State{}, ingest.ErrNoStream }
