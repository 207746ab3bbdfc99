package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"greffe/ledger"
	"greffe/ledger/chain"
)

// A ring is the private keys of a folder, by the seeds of [key].
type ring map[string]note.Signer

func ringOf(t fataler, seeds ...byte) ring {
	t.Helper()
	r := ring{}
	for _, seed := range seeds {
		vkey, s, _ := key(t, seed)
		r[vkey] = s
	}
	return r
}

func (r ring) find(vkey string) (note.Signer, error) {
	if s := r[vkey]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: no key", ledger.ErrNoSigner)
}

// openWith opens the ledger that key 7 opened.
func openWith(t fataler, fs vfs.FS, keys ring, newest string) *ledger.Ledger {
	t.Helper()
	o := options(t, 7, fs)
	o.Signer, o.Newest = keys.find, newest
	l, err := ledger.Open("ledger", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// keyEvent is message n: an event of greffe about the keys.
func keyEvent(t fataler, n uint64, typ, data string) ledger.Draft {
	t.Helper()
	d := draft(t, n, "greffe", n, fmt.Sprintf(`{"data":%s,"type":"%s"}`, data, typ))
	d.Type, d.Aggregate = typ, "ledger/main"
	return d
}

// rotation is message n: the key with seed old gives way to the one with seed next.
func rotation(t fataler, n uint64, old, next byte) ledger.Draft {
	t.Helper()
	a, sa, _ := key(t, old)
	b, sb, _ := key(t, next)
	oldSig, errA := chain.SignRotation(a, b, sa)
	newSig, errB := chain.SignRotation(a, b, sb)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	return keyEvent(t, n, "ledger.key_rotated.v1", fmt.Sprintf(`{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"}`, newSig, b, oldSig, a))
}

func stage(l *ledger.Ledger, drafts ...ledger.Draft) error {
	s, err := l.Stage(drafts, ledger.Anchor{StreamCreated: 1, StreamSeq: drafts[len(drafts)-1].StreamSeq})
	if err == nil {
		err = s.Wait()
	}
	return err
}

// signedBy wants the newest checkpoint to be of that size and signed by that key.
func signedBy(t fataler, l *ledger.Ledger, size uint64, seed byte) {
	t.Helper()
	_, _, v := key(t, seed)
	cp, err := chain.OpenCheckpoint(l.Edge().Checkpoint, v)
	if err != nil || cp.Size != size {
		t.Fatalf("checkpoint of size %d, %v; want %d by key %d", cp.Size, err, size, seed)
	}
}

func TestRotationInTheMiddleOfABatch(t *testing.T) {
	fs := vfs.NewMem()
	l := openWith(t, fs, ringOf(t, 7, 8, 9, 10), "")
	appendAll(t, l, draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x"))
	signedBy(t, l, 2, 7)
	appendAll(t, l, draft(t, 3, "hr", 3, "x"), rotation(t, 4, 7, 8), draft(t, 5, "hr", 5, "x"))
	signedBy(t, l, 5, 8)
	appendAll(t, l, rotation(t, 6, 8, 9), rotation(t, 7, 9, 10), rotation(t, 8, 10, 7)) // the last is void
	signedBy(t, l, 8, 10)
	l.Close()
	l = openWith(t, fs, ringOf(t, 10), "") // older keys are not needed any more
	defer l.Close()
	appendAll(t, l, draft(t, 9, "hr", 9, "x"))
	signedBy(t, l, 9, 10)
	for size, seed := range map[uint64]byte{1: 7, 3: 7, 4: 8, 5: 8, 6: 9, 7: 10, 9: 10} {
		if got := l.Keys().Valid(size); got != vkeyOf(t, seed) {
			t.Errorf("size %d: %s, want key %d", size, got, seed)
		}
	}
	for size, want := range map[uint64][]uint64{0: nil, 3: nil, 4: {3}, 6: {3, 5}, 9: {3, 5, 6, 7}} {
		if got, err := l.KeyEvents(size); err != nil || !slices.Equal(got, want) {
			t.Errorf("key events below %d: %v, %v, want %v", size, got, err, want)
		}
	}
	if _, err := l.KeyEvents(10); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("key events of a larger ledger: %v", err)
	}
}

func TestMissingKeyStopsAndHoldsNothing(t *testing.T) {
	whole := openWith(t, vfs.NewMem(), ringOf(t, 7, 8), "")
	defer whole.Close()
	fs, keys := vfs.NewMem(), ringOf(t, 7)
	l := openWith(t, fs, keys, vkeyOf(t, 7))
	batches := [][]ledger.Draft{
		{draft(t, 1, "", 1, ""), draft(t, 2, "hr", 2, "x")},
		{draft(t, 3, "hr", 3, "x"), draft(t, 4, "hr", 3, "y"), rotation(t, 5, 7, 8), draft(t, 6, "hr", 2, "x"), draft(t, 7, "hr", 7, "z")},
		{draft(t, 8, "hr", 3, "y")},
	}
	for _, b := range batches {
		appendAll(t, whole, b...)
	}
	appendAll(t, l, batches[0]...)
	before := l.Edge()
	for range 3 {
		if err := stage(l, batches[1]...); !errors.Is(err, ledger.ErrNoSigner) || !bytes.Contains([]byte(err.Error()), []byte("rotated at seq 4")) {
			t.Fatalf("got %v", err)
		}
	}
	if l.Edge() != before || l.Size() != 2 {
		t.Fatal("something was appended")
	}
	if _, _, err := l.Find("hr", batches[1][0].ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an id of the batch that failed: %v", err)
	}
	if err := l.CanSign(); err != nil {
		t.Errorf("before the rotation: %v", err)
	}
	// what comes before the rotation can still be appended
	appendAll(t, l, batches[1][0])
	l.Close()
	l = openWith(t, fs, keys, vkeyOf(t, 7))
	if err := stage(l, batches[1][1:]...); !errors.Is(err, ledger.ErrNoSigner) {
		t.Fatalf("got %v", err)
	}
	vkey, s, _ := key(t, 8)
	keys[vkey] = s // greffed keys import
	appendAll(t, l, batches[1][1:]...)
	appendAll(t, l, batches[2]...)
	if l.Edge().Root != whole.Edge().Root || !bytes.Equal(l.Edge().Checkpoint, whole.Edge().Checkpoint) {
		t.Error("it went on as another ledger")
	}
	l.Close()
	delete(keys, vkey)
	l = openWith(t, fs, keys, vkey)
	defer l.Close()
	if err := l.CanSign(); !errors.Is(err, ledger.ErrNoSigner) {
		t.Errorf("without the key: %v", err)
	}
	if err := stage(l, draft(t, 9, "hr", 9, "x")); !errors.Is(err, ledger.ErrNoSigner) {
		t.Errorf("without the key: %v", err)
	}
}

// A folder that was made after the rotation has the new key only. It catches up without
// showing what it cannot sign.
func TestCatchingUpWithTheNewKeyAlone(t *testing.T) {
	whole := openWith(t, vfs.NewMem(), ringOf(t, 7, 8), "")
	defer whole.Close()
	fs := vfs.NewMem()
	l := openWith(t, fs, ringOf(t, 8), vkeyOf(t, 8))
	for n := uint64(1); n < 9; n++ {
		d := draft(t, n, "hr", n, "x")
		if n == 5 {
			d = rotation(t, n, 7, 8)
		}
		appendAll(t, whole, d)
		appendAll(t, l, d)
		if (l.Edge().Checkpoint == nil) != (n < 5) {
			t.Fatalf("size %d: checkpoint %q", n, l.Edge().Checkpoint)
		}
		l.Close()
		if n == 3 { // a folder that knows no newer key cannot have written that
			o := options(t, 7, fs)
			if _, err := ledger.Open("ledger", o); !errors.Is(err, ledger.ErrForeign) {
				t.Errorf("an unsigned checkpoint was taken: %v", err)
			}
		}
		l = openWith(t, fs, ringOf(t, 8), vkeyOf(t, 8))
		if l.Size() != n {
			t.Fatalf("size %d after %d", l.Size(), n)
		}
	}
	defer l.Close()
	if !bytes.Equal(l.Edge().Checkpoint, whole.Edge().Checkpoint) {
		t.Error("it caught up with another ledger")
	}
}

// Only the first event with an id changes the keys, however the messages are cut.
func TestOnlyRecordedRotationsCount(t *testing.T) {
	for _, together := range []bool{true, false} {
		l := openWith(t, vfs.NewMem(), ringOf(t, 7, 8), "")
		first := keyEvent(t, 2, "ledger.key_rotated.v1", `{}`) // void
		conflict := rotation(t, 3, 7, 8)
		conflict.ID = first.ID
		drafts := []ledger.Draft{draft(t, 1, "", 1, ""), first, conflict}
		if together {
			appendAll(t, l, drafts...)
		} else {
			for _, d := range drafts {
				appendAll(t, l, d)
			}
		}
		signedBy(t, l, 3, 7)
		appendAll(t, l, rotation(t, 4, 7, 8))
		signedBy(t, l, 4, 8)
		l.Close()
	}
}

// Whatever rotations, in whatever batches, over whatever restarts: each checkpoint is
// signed by the key that the fold over the entries says, and opens with nothing else.
func TestSigningFollowsTheHistory(t *testing.T) {
	all, opened := ringOf(t, 7, 8, 9, 10), vkeyOf(t, 7)
	rotations := map[[2]byte]ledger.Draft{}
	for old := byte(7); old < 11; old++ {
		for next := byte(7); next < 11; next++ {
			rotations[[2]byte{old, next}] = rotation(t, 1, old, next)
		}
	}
	genesis := draft(t, 1, "", 1, "")
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		l := openWith(t, fs, all, "")
		var keys *chain.KeyHistory // folded entry by entry
		folded := uint64(0)
		defer func() { l.Close() }()
		appendAll(t, l, genesis)
		n := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				var drafts []ledger.Draft
				for range rapid.IntRange(1, 5).Draw(t, "batch") {
					n++
					d := draft(t, n, "hr", rapid.Uint64Range(1, n).Draw(t, "id"), "x")
					switch rapid.IntRange(0, 3).Draw(t, "what") {
					case 0:
						d = rotations[[2]byte{byte(rapid.IntRange(7, 10).Draw(t, "old")), byte(rapid.IntRange(7, 10).Draw(t, "new"))}]
						d.StreamSeq, d.At = n, int64(n)*1000
						binary.BigEndian.PutUint64(d.ID[8:], rapid.Uint64Range(1, n).Draw(t, "id"))
					case 1:
						d = keyEvent(t, n, "ledger.key_revoked.v1", fmt.Sprintf(`{"trusted_to":%d,"vkey":"%s"}`, n, opened))
					}
					d.ContentDigest = sha256.Sum256(d.Payload)
					drafts = append(drafts, d)
				}
				appendAll(t, l, drafts...)
			},
			"reopen": func(t *rapid.T) {
				l.Close()
				l = openWith(t, fs, all, "")
			},
			"": func(t *rapid.T) {
				if err := l.Read(folded, l.Size(), func(r chain.Record) (err error) {
					if r.Entry.Seq == 0 {
						g, err := chain.OpenGenesis(r.Header, r.Payload)
						keys = chain.NewKeyHistory(g)
						return err
					}
					_, err = keys.Apply(r.Header, r.Payload)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				folded = l.Size()
				if got, want := spell(l.Keys()), spell(keys); got != want {
					t.Fatalf("keys\n%swant\n%s", got, want)
				}
				v, err := l.Verifier(l.Size())
				if err != nil || v.KeyHash() != keys.Verifier(l.Size()).KeyHash() {
					t.Fatalf("verifier %v, %v", v, err)
				}
				if cp, err := chain.OpenCheckpoint(l.Edge().Checkpoint, v); err != nil || cp.Size != n {
					t.Fatalf("checkpoint %+v, %v", cp, err)
				}
			},
		})
	})
}

func spell(keys *chain.KeyHistory) (text string) {
	for _, k := range keys.Keys() {
		text += fmt.Sprintln(k.VKey, k.From, k.Revoked, k.TrustedTo)
	}
	return text
}

// The wrong private key is found before it signs anything.
func TestWrongPrivateKey(t *testing.T) {
	_, s, _ := key(t, 8)
	o := options(t, 7, vfs.NewMem())
	o.Signer = func(string) (note.Signer, error) { return s, nil }
	l, err := ledger.Open("ledger", o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := stage(l, draft(t, 1, "", 1, "")); !errors.Is(err, ledger.ErrNoSigner) || l.Size() != 0 {
		t.Errorf("got %v, size %d", err, l.Size())
	}
}
