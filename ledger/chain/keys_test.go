package chain_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"greffe/ledger/chain"
	"greffe/ledger/chain/chaintest"
)

const keysOrigin = "greffe/main/93c08259"

// namedKey is a key whose seed is the digest of its name.
func namedKey(t fataler, origin, name string) (vkey string, s note.Signer, v note.Verifier) {
	t.Helper()
	seed := sha256.Sum256([]byte("greffe key " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	vkey, err := chain.VKeyOf(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = chain.NewSigner(origin, private); err != nil {
		t.Fatal(err)
	}
	if v, err = chain.OpenVKey(vkey); err != nil {
		t.Fatal(err)
	}
	return vkey, s, v
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// keyHeader is the header of a recorded event of greffe.
func keyHeader(t fataler, seq uint64, typ string, payload []byte) chain.Header {
	t.Helper()
	h, err := chain.AppendEntry(nil, &chain.Entry{
		Seq: seq, Epoch: 1, StreamSeq: seq + 1, Disposition: chain.Recorded, EventID: [16]byte{1}, PayloadLen: uint32(max(1, len(payload))),
		PayloadHash: chain.PayloadHash(payload), Publisher: "greffe", Type: typ, Aggregate: "ledger/main",
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func keyPayload(typ, data string) []byte {
	return fmt.Appendf(nil, `{"data":%s,"id":"01KE6PYK002YEXB9WPE91PSS5Y","source":"greffe","specversion":"1.0","subject":"ledger/main","time":"2026-01-05T08:40:00Z","type":"%s"}`, data, typ)
}

const (
	rotated = "ledger.key_rotated.v1"
	revoked = "ledger.key_revoked.v1"
)

// rotation is the payload of a rotation between named keys.
func rotation(t fataler, origin, old, next string) []byte {
	t.Helper()
	a, sa, _ := namedKey(t, origin, old)
	b, sb, _ := namedKey(t, origin, next)
	sigA, errA := chain.SignRotation(a, b, sa)
	sigB, errB := chain.SignRotation(a, b, sb)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	return keyPayload(rotated, fmt.Sprintf(`{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"}`, sigB, b, sigA, a))
}

func revocation(t fataler, origin, name, trustedTo string) []byte {
	t.Helper()
	vkey, _, _ := namedKey(t, origin, name)
	if trustedTo != "" {
		trustedTo = `"trusted_to":` + trustedTo + `,`
	}
	return keyPayload(revoked, fmt.Sprintf(`{"cause":"lost",%s"vkey":"%s"}`, trustedTo, vkey))
}

func history(t fataler, first string) *chain.KeyHistory {
	t.Helper()
	vkey, _, _ := namedKey(t, keysOrigin, first)
	return chain.NewKeyHistory(chain.Genesis{Origin: keysOrigin, VKey: vkey})
}

func apply(t fataler, k *chain.KeyHistory, seq uint64, typ string, payload []byte) chain.KeyChange {
	t.Helper()
	change, err := k.Apply(keyHeader(t, seq, typ, payload), payload)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

// judge says the outcome in the words of the vectors.
func judge(t fataler, k *chain.KeyHistory, brought string, size uint64) string {
	t.Helper()
	_, _, b := namedKey(t, keysOrigin, brought)
	v, err := k.Judge(b, size)
	switch {
	case errors.Is(err, chain.ErrKeyUnknown) && errors.Is(err, chain.ErrSignature):
		return "unknown"
	case errors.Is(err, chain.ErrKeyRevoked) && errors.Is(err, chain.ErrSignature):
		return "revoked"
	case err != nil:
		t.Fatalf("judge %s %d: %v", brought, size, err)
	}
	for _, name := range strings.Split("ABCDEFGH", "") {
		_, s, candidate := namedKey(t, keysOrigin, name)
		if sig, _ := s.Sign([]byte("x")); v.KeyHash() == candidate.KeyHash() && v.Verify([]byte("x"), sig) {
			return name
		}
	}
	t.Fatalf("judge %s %d: a key of nobody", brought, size)
	return ""
}

func runKeyRotation(t *testing.T, b block) {
	f := b.fields()
	equal(t, "text", []byte(chain.RotationText(f["old_vkey"], f["new_vkey"])), f["text"])
	sigs := map[string]string{}
	for _, which := range []string{"old", "new"} {
		s, err := note.NewSigner(f[which+"_skey"])
		if err != nil {
			t.Fatal(err)
		}
		if sigs[which], err = chain.SignRotation(f["old_vkey"], f["new_vkey"], s); err != nil || sigs[which] != f[which+"_signature"] {
			t.Errorf("%s_signature: got %s, %v", which, sigs[which], err)
		}
		v, err := chain.OpenVKey(f[which+"_vkey"])
		if err != nil {
			t.Fatal(err)
		}
		// whoever has x/mod alone can check it as the note that it is
		text := string(unhex(t, f["text"])) + "\n— " + v.Name() + " " + f[which+"_signature"] + "\n"
		if _, err := note.Open([]byte(text), note.VerifierList(v)); err != nil {
			t.Errorf("%s_signature is no signed note: %v", which, err)
		}
	}
	k := chain.NewKeyHistory(chain.Genesis{Origin: keysOrigin, VKey: f["old_vkey"]})
	payload := keyPayload(rotated, fmt.Sprintf(`{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"}`,
		f["new_signature"], f["new_vkey"], f["old_signature"], f["old_vkey"]))
	if c := apply(t, k, 3, rotated, payload); c.Void != "" || k.Valid(3) != f["old_vkey"] || k.Valid(4) != f["new_vkey"] {
		t.Errorf("got %+v", c)
	}
}

func runKeyHistory(t *testing.T, b block) {
	k := history(t, "A")
	for _, line := range b.text {
		w := strings.Fields(line)
		if w[0] == "judge" {
			if got := judge(t, k, w[1], integer(t, w[2])); got != w[3] {
				t.Errorf("%s: got %s", line, got)
			}
			continue
		}
		void := w[len(w)-1] == "void"
		if void {
			w = w[:len(w)-1]
		}
		typ, payload := rotated, []byte(nil)
		if w[2] == "rotate" {
			payload = rotation(t, keysOrigin, w[3], w[4])
		} else {
			typ, payload = revoked, revocation(t, keysOrigin, w[3], strings.Join(w[4:], ""))
		}
		if c := apply(t, k, integer(t, w[1]), typ, payload); (c.Void != "") != void {
			t.Errorf("%s: got %+v", line, c)
		}
	}
}

// Every way in which a key event can be wrong leaves the keys as they were.
func TestVoidKeyEvents(t *testing.T) {
	const origin = keysOrigin
	good := rotation(t, origin, "A", "B")
	a, sa, _ := namedKey(t, origin, "A")
	b, sb, _ := namedKey(t, origin, "B")
	sign := func(old, next string, s note.Signer) string {
		sig, err := chain.SignRotation(old, next, s)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	data := func(old, next, oldSig, newSig string) []byte {
		return keyPayload(rotated, fmt.Sprintf(`{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"}`, newSig, next, oldSig, old))
	}
	key := func(vkey string) string { return strings.SplitN(vkey, "+", 3)[2] }
	hash := func(vkey string) string { return strings.Split(vkey, "+")[1] }
	respelt := func(to string) []byte { return data(a, to, sign(a, to, sa), sign(a, to, sb)) }
	flipped := []byte(sign(a, b, sa))
	flipped[40] ^= 1
	lowOrder, err := note.NewEd25519VerifierKey(origin, append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		typ     string
		payload []byte
	}{
		{"empty", rotated, []byte{}},
		{"not JSON", rotated, []byte("rotation")},
		{"white space", rotated, append(bytes.Clone(good), ' ')},
		{"of the other type", rotated, revocation(t, origin, "A", "")},
		{"not ASCII", rotated, bytes.Replace(good, []byte(`"source":"greffe"`), []byte(`"source":"gréffe"`), 1)},
		{"a member twice", rotated, bytes.Replace(good, []byte(`"old_vkey"`), []byte(`"old_signature":"x","old_vkey"`), 1)},
		{"no data", rotated, bytes.Replace(good, []byte(`"data"`), []byte(`"date"`), 1)},
		{"a rotation of another ledger", rotated, rotation(t, "greffe/other/01234567", "A", "B")},
		{"a key of another origin", rotated, func() []byte {
			x, sx, _ := namedKey(t, "greffe/other/01234567", "B")
			return data(a, x, sign(a, x, sa), sign(a, x, sx))
		}()},
		{"from a key that is not valid", rotated, rotation(t, origin, "C", "B")},
		{"to itself", rotated, rotation(t, origin, "A", "A")},
		{"signatures swapped", rotated, data(a, b, sign(a, b, sb), sign(a, b, sa))},
		{"signed by the new key only", rotated, data(a, b, sign(a, b, sb), sign(a, b, sb))},
		{"signed by the old key only", rotated, data(a, b, sign(a, b, sa), sign(a, b, sa))},
		{"no signature", rotated, data(a, b, "", sign(a, b, sb))},
		{"a bit of a signature flipped", rotated, data(a, b, string(flipped), sign(a, b, sb))},
		{"signature of another rotation", rotated, data(a, b, sign(b, a, sa), sign(b, a, sb))},
		{"signature with loose bits", rotated, data(a, b, strings.TrimSuffix(sign(a, b, sa), "=")[:90]+"R=", sign(a, b, sb))},
		{"signature in two lines", rotated, data(a, b, sign(a, b, sa)[:40]+`\n`+sign(a, b, sa)[40:], sign(a, b, sb))},
		{"key hash in upper case", rotated, respelt(origin + "+" + strings.ToUpper(hash(b)) + "+" + key(b))},
		{"key in two lines", rotated, respelt(origin + "+" + hash(b) + `+` + key(b)[:20] + `\n` + key(b)[20:])},
		{"a key of low order", rotated, respelt(lowOrder)},
		{"revoking nobody's key", revoked, revocation(t, origin, "B", "4")},
		{"revoking in no object", revoked, keyPayload(revoked, `"`+a+`"`)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := history(t, "A")
			change := apply(t, k, 5, c.typ, c.payload)
			if change.Void == "" || change.Rotated+change.Revoked != "" || change.Seq != 5 {
				t.Errorf("got %+v", change)
			}
			if len(k.Keys()) != 1 || k.Valid(1<<40) != a || judge(t, k, "A", 1<<40) != "A" {
				t.Errorf("the keys have changed: %+v", k.Keys())
			}
		})
	}
	if c := apply(t, history(t, "A"), 5, rotated, good); c.Void != "" || c.Rotated != b {
		t.Errorf("and the good one: %+v", c)
	}
}

func TestRevocationFailsClosed(t *testing.T) {
	for _, trustedTo := range []string{"", "0", "-1", `"9"`, `{}`, `[9]`, `true`} {
		k := history(t, "A")
		if c := apply(t, k, 5, revoked, revocation(t, keysOrigin, "A", trustedTo)); c.Void != "" || c.Revoked == "" {
			t.Errorf("trusted_to %s: %+v", trustedTo, c)
		}
		if got := judge(t, k, "A", 1); got != "revoked" {
			t.Errorf("trusted_to %s: %s", trustedTo, got)
		}
	}
}

func TestKeyEventsThatAreNone(t *testing.T) {
	payload := rotation(t, keysOrigin, "A", "B")
	entry := keyHeader(t, 5, rotated, payload).Entry()
	for name, edit := range map[string]func(*chain.Entry){
		"conflict":          func(e *chain.Entry) { e.Disposition = chain.Conflict },
		"duplicate":         func(e *chain.Entry) { e.Disposition = chain.Duplicate },
		"another publisher": func(e *chain.Entry) { e.Publisher = "hr" },
		"longer publisher":  func(e *chain.Entry) { e.Publisher = "greffes" },
		"another type":      func(e *chain.Entry) { e.Type = "ledger.key_rotatex.v1" },
		"another version":   func(e *chain.Entry) { e.Type = "ledger.key_rotated.v2" },
		"longer version":    func(e *chain.Entry) { e.Type = "ledger.key_rotated.v11" },
		"short":             func(e *chain.Entry) { e.Publisher, e.Type, e.Aggregate = "a", "a.b.v1", "a/b" },
		"the other text":    func(e *chain.Entry) { e.Type, e.Aggregate = "ledger.key_rotate.v1", "a/v1" },
	} {
		edit(&entry)
		h, err := chain.AppendEntry(nil, &entry)
		if err != nil {
			t.Fatal(err)
		}
		k := history(t, "A")
		if c, err := k.Apply(h, payload); chain.IsKeyEvent(h) || err != nil || c != (chain.KeyChange{}) || len(k.Keys()) != 1 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		entry = keyHeader(t, 5, rotated, payload).Entry()
	}
	k := history(t, "A")
	if _, err := k.Apply(keyHeader(t, 5, rotated, payload), nil); !errors.Is(err, chain.ErrKeyEventAbsent) || !errors.Is(err, chain.ErrMalformed) || len(k.Keys()) != 1 {
		t.Errorf("absent: %v", err)
	}
	for _, r := range chaintest.New(t, "main", 30, 300).Records {
		if chain.IsKeyEvent(r.Header) {
			t.Errorf("entry %d of a ledger without key events", r.Entry.Seq)
		}
	}
}

// A key that only has the name and hash of the one brought is another key. 32 bits can
// be searched, so somebody will.
func TestKeyHashIsNoIdentity(t *testing.T) {
	k := history(t, "A")
	apply(t, k, 3, rotated, rotation(t, keysOrigin, "A", "B"))
	_, _, a := namedKey(t, keysOrigin, "A")
	_, other, x := namedKey(t, keysOrigin, "X")
	for _, size := range []uint64{1, 3, 4, 9} {
		if v, err := k.Judge(lookalike{x, a.KeyHash()}, size); !errors.Is(err, chain.ErrKeyUnknown) {
			t.Errorf("size %d: %v, %v", size, v, err)
		}
	}
	// without a rotation no trust can go anywhere: what comes back is what was brought
	k = history(t, "A")
	v, err := k.Judge(lookalike{x, a.KeyHash()}, 9)
	sig, _ := other.Sign([]byte("m"))
	if err != nil || !v.Verify([]byte("m"), sig) {
		t.Errorf("got %v, %v", v, err)
	}
}

type lookalike struct {
	note.Verifier
	hash uint32
}

func (l lookalike) KeyHash() uint32 { return l.hash }

// A genesis may claim anything: then no key is the ledger's.
func TestGenesisWithoutKey(t *testing.T) {
	a, _, v := namedKey(t, keysOrigin, "A")
	for _, vkey := range []string{"k", "", strings.Replace(a, "main", "xain", 1), a + "A"} {
		k := chain.NewKeyHistory(chain.Genesis{Origin: keysOrigin, VKey: vkey})
		if got, err := k.Judge(v, 1); !errors.Is(err, chain.ErrKeyUnknown) || k.Verifier(1) != nil {
			t.Errorf("%q: %v, %v", vkey, got, err)
		}
		if c := apply(t, k, 3, rotated, rotation(t, keysOrigin, "A", "B")); c.Void == "" {
			t.Errorf("%q was rotated", vkey)
		}
	}
}

// Checkpoints of a ledger whose key changed, by whom they are signed and for whom.
func TestOpenCheckpointOfHistory(t *testing.T) {
	k := history(t, "A")
	apply(t, k, 3, rotated, rotation(t, keysOrigin, "A", "B"))
	apply(t, k, 5, revoked, revocation(t, keysOrigin, "A", "3"))
	_, a, va := namedKey(t, keysOrigin, "A")
	_, b, vb := namedKey(t, keysOrigin, "B")
	_, x, vx := namedKey(t, keysOrigin, "X")
	for _, c := range []struct {
		name    string
		size    uint64
		by      note.Signer
		brought note.Verifier
		want    error
	}{
		{"old key, before", 3, a, va, nil},
		{"old key, before, for who has the new", 3, a, vb, nil},
		{"new key, after", 4, b, vb, nil},
		{"new key, after, for who has the revoked old", 4, b, va, chain.ErrKeyRevoked},
		{"thief of the old key goes on", 6, a, va, chain.ErrKeyRevoked},
		{"thief of the old key, for who has the new", 6, a, vb, chain.ErrSignature},
		{"new key signs the past", 3, b, vb, chain.ErrSignature},
		{"a stranger", 6, x, vx, chain.ErrKeyUnknown},
		{"a stranger's signature", 6, x, vb, chain.ErrSignature},
	} {
		text, err := chain.SignCheckpoint(keysOrigin, c.size, chain.Hash{1}, c.by)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.OpenCheckpoint(text, c.brought); !errors.Is(err, c.want) || got.Size != c.size {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := k.OpenCheckpoint([]byte("no note"), va); !errors.Is(err, chain.ErrMalformed) || errors.Is(err, chain.ErrSignature) {
		t.Errorf("no note: %v", err)
	}
}

// modelKey is a key as the specification speaks of it.
type modelKey struct {
	name      string
	from      uint64
	trustedTo int64 // -1: never revoked
}

// Any history against a model that asks for reachability, step by step.
func TestKeyHistoryAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := strings.Split("ABCDEFGH", "")
		k, model, seq := history(t, "A"), []modelKey{{"A", 0, -1}}, uint64(1)
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			seq += rapid.Uint64Range(1, 3).Draw(t, "gap")
			one, two := rapid.SampledFrom(names).Draw(t, "one"), rapid.SampledFrom(names).Draw(t, "two")
			at := slices.IndexFunc(model, func(m modelKey) bool { return m.name == one })
			if rapid.Bool().Draw(t, "rotate") {
				if rapid.IntRange(0, 3).Draw(t, "valid") > 0 {
					one = model[len(model)-1].name
				}
				valid := one == model[len(model)-1].name && !slices.ContainsFunc(model, func(m modelKey) bool { return m.name == two })
				c := apply(t, k, seq, rotated, rotation(t, keysOrigin, one, two))
				if (c.Void == "") != valid {
					t.Fatalf("rotation of %s to %s at %d: %+v", one, two, seq, c)
				}
				if valid {
					model = append(model, modelKey{two, seq + 1, -1})
				}
				continue
			}
			to := rapid.Int64Range(0, int64(seq)+2).Draw(t, "trusted_to")
			lower := at >= 0 && (model[at].trustedTo < 0 || to < model[at].trustedTo)
			c := apply(t, k, seq, revoked, revocation(t, keysOrigin, one, fmt.Sprint(to)))
			if (c.Void == "") != lower {
				t.Fatalf("revocation of %s to %d: %+v", one, to, c)
			}
			if lower {
				model[at].trustedTo = to
			}
		}
		for _, brought := range names {
			for size := uint64(0); size < seq+4; size++ {
				if got, want := judge(t, k, brought, size), modelJudge(model, brought, size); got != want {
					t.Fatalf("judge %s %d: %s, want %s in %+v", brought, size, got, want, model)
				}
			}
		}
	})
}

func modelJudge(model []modelKey, brought string, size uint64) string {
	counts := func(m modelKey, size uint64) bool { return m.trustedTo < 0 || size <= uint64(m.trustedTo) }
	reach, valid := map[string]bool{}, model[0]
	for _, m := range model {
		if m.name == brought {
			reach[brought] = true
		}
		if m.from <= size {
			valid = m
		}
	}
	if len(reach) == 0 {
		return "unknown"
	}
	for range model {
		for i := 1; i < len(model); i++ {
			old, next := model[i-1], model[i]
			if reach[old.name] && counts(old, next.from) {
				reach[next.name] = true
			}
			if reach[next.name] && counts(next, next.from) {
				reach[old.name] = true
			}
		}
	}
	if !reach[valid.name] || !counts(valid, size) {
		return "revoked"
	}
	return valid.name
}

// FuzzKeyEvent: no payload panics; one that has an effect is the one spelling of what
// it says.
func FuzzKeyEvent(f *testing.F) {
	f.Add(true, rotation(f, keysOrigin, "A", "B"))
	f.Add(false, revocation(f, keysOrigin, "A", "9"))
	f.Add(false, keyPayload(revoked, `{"vkey":null}`))
	f.Fuzz(func(t *testing.T, rotates bool, payload []byte) {
		typ := revoked
		if rotates {
			typ = rotated
		}
		if payload == nil || len(payload) > chain.MaxPayload {
			return
		}
		c, err := history(t, "A").Apply(keyHeader(t, 5, typ, payload), payload)
		if err != nil {
			t.Fatal(err)
		}
		if c.Void != "" {
			return
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(payload))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		enc := json.NewEncoder(&again)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil || again.String() != string(payload)+"\n" {
			t.Fatalf("took effect: %q, again %q, %v", payload, &again, err)
		}
	})
}

// FuzzVKey: a key has one spelling.
func FuzzVKey(f *testing.F) {
	a, _, _ := namedKey(f, keysOrigin, "A")
	f.Add(a)
	f.Add("k+00000000+AQ==")
	f.Fuzz(func(t *testing.T, vkey string) {
		v, err := chain.OpenVKey(vkey)
		if err != nil {
			if !errors.Is(err, chain.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		raw, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2])
		if err != nil {
			t.Fatal(err)
		}
		if again, err := chain.VKeyOf(v.Name(), raw[1:]); err != nil || again != vkey {
			t.Fatalf("accepted %q, writes %q, %v", vkey, again, err)
		}
	})
}

func TestOpenVKeyRefusesOtherPoints(t *testing.T) {
	p := func(first, middle, last string) string { return first + strings.Repeat(middle, 30) + last }
	for name, point := range map[string]string{
		"x = 0":               p("01", "00", "00"),
		"x = 0, sign":         p("01", "00", "80"),
		"y = p - 1":           p("ec", "ff", "7f"),
		"y = p":               p("ed", "ff", "7f"),
		"y = 2^255 - 1, sign": p("ff", "ff", "ff"),
	} {
		raw, err := hex.DecodeString(point)
		if err != nil {
			t.Fatal(err)
		}
		vkey, err := note.NewEd25519VerifierKey(keysOrigin, raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.OpenVKey(vkey); !errors.Is(err, chain.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A brokenKey is a security module that answers nonsense.
type brokenKey struct {
	public crypto.PublicKey
	err    error
}

func (k brokenKey) Public() crypto.PublicKey { return k.public }
func (k brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return []byte("short"), k.err
}

func TestNewSigner(t *testing.T) {
	seed := sha256.Sum256([]byte("greffe key A"))
	key := ed25519.NewKeyFromSeed(seed[:])
	vkey, s, _ := namedKey(t, keysOrigin, "A")
	text, err := chain.SignCheckpoint(keysOrigin, 3, chain.Hash{1}, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.OpenCheckpoint(text, v); err != nil {
		t.Errorf("the signature does not hold: %v", err)
	}
	if _, err := chain.NewSigner("a b", key); !errors.Is(err, chain.ErrMalformed) {
		t.Errorf("an origin with a space: %v", err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.NewSigner(keysOrigin, other); err == nil {
		t.Error("an RSA key was taken")
	}
	failed := errors.New("module is locked")
	for _, want := range []error{nil, failed} {
		s, err := chain.NewSigner(keysOrigin, brokenKey{key.Public(), want})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.SignCheckpoint(keysOrigin, 3, chain.Hash{}, s); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("a broken module: %v", err)
		}
	}
}

// The bar is 100 µs.
func BenchmarkSignCheckpoint(b *testing.B) {
	_, s, _ := namedKey(b, keysOrigin, "A")
	for i := 0; b.Loop(); i++ {
		if _, err := chain.SignCheckpoint(keysOrigin, uint64(i), chain.Hash{1}, s); err != nil {
			b.Fatal(err)
		}
	}
}

// IsKeyEvent is asked of every entry that is verified.
func BenchmarkIsKeyEvent(b *testing.B) {
	l := chaintest.New(b, "main", 64, 300)
	for b.Loop() {
		for i := range l.Records {
			if chain.IsKeyEvent(l.Records[i].Header) {
				b.Fatal("a key event")
			}
		}
	}
}
