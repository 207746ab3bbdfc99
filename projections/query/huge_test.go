package query_test

import (
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/events/stream"
	"greffe/events/stream/streamtest"
	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
	"greffe/projections/query"
)

// An excerpt of 300,000 entries takes no more memory than one of few, on either side.
func TestHugeExcerpt(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	const n, chosen = 330_000, 300_000
	l := stored(t, n)
	srv := streamtest.Start(t, "main")
	service, err := query.Serve(srv.Daemon(t), "main", query.Sources{
		Ledger:     l,
		Checkpoint: func(context.Context) ([]byte, uint64, error) { return l.Edge().Checkpoint, n, nil },
		Evidence:   func(uint64) ([]query.Statement, error) { return nil, nil },
		KeyEvents:  func(uint64) ([]uint64, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	client := query.NewClient(srv.Connect(t, stream.RoleAuditor, string(stream.RoleAuditor)), "main", 20*time.Second)

	most, before := uint64(0), heap()
	bytes := new(counter)
	w, err := client.Excerpt(t.Context(), bytes, chain.Scope{By: chain.ByPublisher, Names: []string{"hr"}}, func(done, _ uint64) {
		if done%16384 < 2 {
			most = max(most, heap())
		}
	})
	if err != nil || w.Chosen != chosen {
		t.Fatalf("%d entries are chosen, want %d, %v", w.Chosen, chosen, err)
	}
	t.Logf("%d bytes with %d more in use", *bytes, int64(most)-int64(before))
	if *bytes < 100<<20 {
		t.Errorf("%d bytes are no test of memory", *bytes)
	}
	if most > before+80<<20 {
		t.Errorf("%d bytes more are in use", most-before)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

type counter uint64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

var _ io.Writer = (*counter)(nil)

// stored is a ledger on disk. Every eleventh entry is another publisher's.
func stored(t *testing.T, n int) *ledger.Ledger {
	t.Helper()
	skey, vkey, err := chain.GenerateKey(nil, "greffe/main/00010203")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(skey)
	l, err := ledger.Open(t.TempDir(), ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return signer, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	payload := make([]byte, 200)
	for seq := 0; seq < n; {
		var drafts []ledger.Draft
		for range min(4000, n-seq) {
			d := ledger.Draft{
				Epoch: 1, StreamSeq: uint64(seq + 1), Publisher: "hr", Type: "a.b.v1", Aggregate: "a/b",
				Payload: payload, PayloadHash: chain.PayloadHash(payload),
			}
			switch {
			case seq == 0:
				d.Publisher, d.Type, d.Aggregate = "greffe", "ledger.opened.v1", "ledger/main"
				d.Payload = chaintest.Opening("main", l.Origin(), vkey, d.LedgerID)
				d.PayloadHash = chain.PayloadHash(d.Payload)
			case seq%11 == 0:
				d.Publisher = "crm"
			}
			binary.BigEndian.PutUint64(d.ID[8:], uint64(seq+1))
			drafts = append(drafts, d)
			seq++
		}
		s, err := l.Stage(drafts, ledger.Anchor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return l
}
