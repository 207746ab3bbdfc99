package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"greffe/ledger"
	"greffe/ledger/chain"
	"greffe/ledger/verify"
)

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func key(t fataler, seed byte) (string, note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)), "greffe/main/00010203")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := note.NewSigner(skey)
	v, _ := note.NewVerifier(vkey)
	return vkey, s, v
}

// options are those of the ledger that the key with that seed opens and signs.
func options(t fataler, seed byte, fs vfs.FS) ledger.Options {
	t.Helper()
	vkey, s, _ := key(t, seed)
	return ledger.Options{VKey: vkey, Signer: func(string) (note.Signer, error) { return s, nil }, FS: fs, Log: slog.New(slog.DiscardHandler)}
}

func open(t fataler, fs vfs.FS) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open("ledger", options(t, 7, fs))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// genesis is the payload of entry 0.
func genesis(vkey string) []byte {
	return []byte(`{"actor":"system/greffe","data":{"calendar":"fr","format":1,"ledger":"main","ledger_id":"000102030405060708090a0b0c0d0e0f","origin":"greffe/main/00010203","vkey":"` + vkey + `","zone":"Europe/Paris"},"id":"00000000000000000000000001","source":"greffe","specversion":"1.0","subject":"ledger/main","time":"2026-01-01T00:00:00Z","type":"ledger.opened.v1"}`)
}

func vkeyOf(t fataler, seed byte) string {
	t.Helper()
	vkey, _, _ := key(t, seed)
	return vkey
}

// draft is message n of the stream.
func draft(t fataler, n uint64, publisher string, id uint64, content string) ledger.Draft {
	d := ledger.Draft{
		Epoch: 1, StreamSeq: n, At: int64(n) * 1000, Publisher: publisher, Type: "a.b.v1", Aggregate: "a/b",
		Payload: []byte(content), ContentDigest: sha256.Sum256([]byte(content)), PayloadHash: sha256.Sum256([]byte(content)),
	}
	binary.BigEndian.PutUint64(d.ID[8:], id)
	if n == 1 {
		d.Publisher, d.Type, d.Aggregate, d.Payload = "greffe", "ledger.opened.v1", "ledger/main", genesis(vkeyOf(t, 7))
		d.PayloadHash, d.ContentDigest = sha256.Sum256(d.Payload), sha256.Sum256(d.Payload)
		for i := range d.LedgerID {
			d.LedgerID[i] = byte(i)
		}
	}
	return d
}

// anchorOf is the anchor that ingest would write with these.
func anchorOf(drafts []ledger.Draft) ledger.Anchor {
	d := &drafts[len(drafts)-1]
	topic := "greffe.main.event." + d.Publisher + "." + d.Type
	return ledger.Anchor{StreamCreated: 1, StreamSeq: d.StreamSeq, At: d.At, Digest: ledger.AnchorDigest(topic, d.Payload)}
}

func appendAll(t fataler, l *ledger.Ledger, drafts ...ledger.Draft) []ledger.Placed {
	t.Helper()
	s, err := l.Stage(drafts, anchorOf(drafts))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
	return s.Placed
}

// checkLedger is the oracle: the whole ledger as a bundle, verified, and the store held
// against itself.
func checkLedger(t fataler, l *ledger.Ledger) {
	t.Helper()
	checkBundle(t, l)
	r, err := ledger.FsckRows(context.Background(), l.DB(), fsckOptions(t, nil))
	if err != nil || !r.Sound() || r.Size != l.Size() {
		t.Fatalf("the store is not sound: %v, %d entries, %v", err, r.Size, r.Faults)
	}
}

// checkBundle verifies the whole ledger as a bundle.
func checkBundle(t fataler, l *ledger.Ledger) {
	t.Helper()
	if l.Size() == 0 {
		return
	}
	var b bytes.Buffer
	w, err := chain.NewBundleWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Read(0, l.Size(), func(r chain.Record) error { return w.WriteRecord(r.Header, r.Payload) }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteSection(chain.SectionCheckpoint, l.Edge().Checkpoint), w.Close()); err != nil {
		t.Fatal(err)
	}
	_, _, v := key(t, 7)
	report, err := verify.Bundle(context.Background(), &b, v, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) > 0 {
		t.Fatalf("the ledger is not sound: %+v", report.Faults)
	}
}

// Whatever comes, in whatever batches and over whatever restarts: the first event
// under an id is recorded, the same is a duplicate, other content a conflict, once.
// The oracle is a map.
func TestDispositionsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type name struct {
			publisher string
			id        uint64
		}
		fs := vfs.NewMem()
		l := open(t, fs)
		defer func() { l.Close() }()
		window := rapid.IntRange(5, 9).Draw(t, "window") // a batch at least
		l.RememberIDs(window)
		firsts := map[name]string{}
		places := map[name]uint64{}
		conflicts := map[name]map[string]uint64{}
		n := uint64(1)
		appendAll(t, l, draft(t, n, "", 1, ""))
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				var drafts []ledger.Draft
				var want []string
				for range rapid.IntRange(1, 5).Draw(t, "batch") {
					n++
					who := name{rapid.SampledFrom([]string{"hr", "crm", "h"}).Draw(t, "publisher"), rapid.Uint64Range(1, 12).Draw(t, "id")}
					content := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "content")
					drafts = append(drafts, draft(t, n, who.publisher, who.id, content))
					seq := n - 1
					first, seen := firsts[who]
					_, again := conflicts[who][content]
					switch {
					case !seen:
						firsts[who], places[who] = content, seq
						conflicts[who] = map[string]uint64{}
						want = append(want, fmt.Sprint("recorded ", seq))
					case first == content:
						want = append(want, fmt.Sprint("duplicate ", places[who]))
					case again:
						want = append(want, fmt.Sprint("duplicate ", conflicts[who][content]))
					default:
						conflicts[who][content] = seq
						want = append(want, fmt.Sprint("conflict ", places[who]))
					}
				}
				for i, p := range appendAll(t, l, drafts...) {
					if got := fmt.Sprint(p.Disposition, " ", p.First); got != want[i] {
						t.Fatalf("message %d: %s, want %s", drafts[i].StreamSeq, got, want[i])
					}
				}
			},
			"reopen": func(t *rapid.T) {
				l.Close()
				l = open(t, fs)
				l.RememberIDs(window)
			},
			"find": func(t *rapid.T) {
				for who, content := range firsts {
					d := draft(t, 2, who.publisher, who.id, content)
					seq, digest, err := l.Find(d.Publisher, d.ID)
					if err != nil || seq != places[who] || digest != d.ContentDigest {
						t.Fatalf("find %v: %d, %v, want %d", who, seq, err, places[who])
					}
				}
				if _, _, err := l.Find("nobody", [16]byte{15: 1}); !errors.Is(err, ledger.ErrNotFound) {
					t.Fatalf("an id that nobody used: %v", err)
				}
			},
			"": func(t *rapid.T) { checkLedger(t, l) },
		})
	})
}

// The tree over many entries, across restarts at every kind of edge, against the
// reference implementation.
func TestTreeAgainstTheReference(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs)
	var reference []tlog.Hash
	hashes := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = reference[x]
		}
		return out, nil
	})
	n := uint64(0)
	for _, batch := range []int{1, 1, 253, 1, 1, 255, 256, 257, 1000, 30000, 30000, 65536 - 62025, 1, 300} {
		var drafts []ledger.Draft
		for range batch {
			n++
			drafts = append(drafts, draft(t, n, "hr", n, "x"))
		}
		for _, p := range appendAll(t, l, drafts...) {
			more, err := tlog.StoredHashesForRecordHash(int64(p.Seq), p.Leaf, hashes)
			if err != nil {
				t.Fatal(err)
			}
			reference = append(reference, more...)
		}
		for _, size := range []uint64{1, n / 2, n} {
			if size == 0 {
				continue
			}
			want, err := tlog.TreeHash(int64(size), hashes)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := l.RootAt(size); err != nil || got != want {
				t.Fatalf("root at %d of %d: %v, %v, want %v", size, n, got, err, want)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, fs)
	}
	checkLedger(t, l)
	l.Close()
}

// A store that was changed, or that another key signed, does not open.
func TestOpenRefuses(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs)
	appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x"), draft(t, 3, "hr", 3, "y"))

	if _, err := ledger.Open("ledger", options(t, 7, fs)); err == nil {
		t.Error("the store was opened twice")
	}
	l.Close()
	if _, err := ledger.Open("ledger", options(t, 8, fs)); !errors.Is(err, ledger.ErrForeign) {
		t.Errorf("another key: %v, want ErrForeign", err)
	}
	again := open(t, fs)
	checkLedger(t, again)
	if _, err := again.Record(3); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("beyond the end: %v, want ErrNotFound", err)
	}
	if r, err := again.Record(1); err != nil || !strings.HasPrefix(string(r.Payload), "x") {
		t.Errorf("entry 1: %v, %v", r, err)
	}
	again.Close()
}
