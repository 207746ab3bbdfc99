package witness_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/anchor/witness"
	"greffe/ledger/chain"
)

// A toy is a ledger of made-up leaves that signs whatever it is asked to.
type toy struct {
	origin   string
	signer   note.Signer
	verifier note.Verifier
	leaves   []chain.Hash
}

// newToy makes a ledger of n entries; another history after fork entries has another word.
func newToy(t testing.TB, origin string, n int) *toy {
	t.Helper()
	seed := sha256.Sum256([]byte(origin))
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(seed[:]), origin)
	if err != nil {
		t.Fatal(err)
	}
	l := &toy{origin: origin}
	l.signer, _ = note.NewSigner(skey)
	l.verifier, _ = note.NewVerifier(vkey)
	l.grow(n, "")
	return l
}

func (l *toy) grow(n int, word string) {
	for len(l.leaves) < n {
		l.leaves = append(l.leaves, chain.LeafHash(fmt.Appendf(nil, "%d%s", len(l.leaves), word)))
	}
}

// fork returns a ledger with the same key and another history from there on.
func (l *toy) fork(from, n int) *toy {
	f := &toy{origin: l.origin, signer: l.signer, verifier: l.verifier, leaves: append([]chain.Hash{}, l.leaves[:from]...)}
	f.grow(n, "otherwise")
	return f
}

// rekeyed returns the same ledger with another key.
func (l *toy) rekeyed(t testing.TB) *toy {
	t.Helper()
	next, seed := *l, sha256.Sum256([]byte("another"))
	skey, vkey, err := chain.GenerateKey(bytes.NewReader(seed[:]), l.origin)
	if err != nil {
		t.Fatal(err)
	}
	next.signer, _ = note.NewSigner(skey)
	next.verifier, _ = note.NewVerifier(vkey)
	return &next
}

func (l *toy) root(size uint64) (chain.Hash, error) {
	var f chain.Frontier
	for _, h := range l.leaves[:size] {
		f.Append(h)
	}
	return f.Root(), nil
}

func (l *toy) node(level int, n uint64) (chain.Hash, error) {
	var data []byte
	for _, h := range l.leaves[n<<level : (n+1)<<level] {
		data = append(data, h[:]...)
	}
	return chain.SubtreeHash(data), nil
}

func (l *toy) note(t testing.TB, size uint64) []byte {
	t.Helper()
	root, _ := l.root(size)
	text, err := chain.SignCheckpoint(l.origin, size, root, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (l *toy) prove(old, size uint64) ([]chain.Hash, error) {
	return chain.ProveConsistency(old, size, l.node)
}

// body is a request as tlog-witness has it.
func (l *toy) body(t testing.TB, old, size uint64) string {
	t.Helper()
	proof, err := l.prove(old, size)
	if err != nil {
		t.Fatal(err)
	}
	s := fmt.Sprintf("old %d\n", old)
	for _, h := range proof {
		s += base64.StdEncoding.EncodeToString(h[:]) + "\n"
	}
	return s + "\n" + string(l.note(t, size))
}

// A clock is set by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) set(seconds int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = time.Unix(seconds, 0)
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// open opens the witness in dir, at 1,000 seconds.
func open(t testing.TB, dir string, ledgers ...*toy) (*witness.Witness, *clock) {
	t.Helper()
	c := &clock{now: time.Unix(1000, 0)}
	var keys []note.Verifier
	for _, l := range ledgers {
		keys = append(keys, l.verifier)
	}
	w, _, err := witness.Open(dir, witness.Options{Ledgers: keys, Now: c.read})
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

// post sends a body and wants a status.
func post(t testing.TB, w *witness.Witness, body string, want int) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader(body)))
	if rec.Code != want {
		t.Helper()
		t.Errorf("answered %d %q, want %d", rec.Code, rec.Body, want)
	}
	return rec.Result()
}

func get(t testing.TB, w *witness.Witness, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Code, rec.Body.String()
}

// cosigned verifies an answer and returns its time.
func cosigned(t testing.TB, w *witness.Witness, resp *http.Response, text []byte) int64 {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	s, rest, err := chain.CutSignature(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("answered %q: %v", b, err)
	}
	body, _, _ := chain.SplitNote(text)
	at, ok := w.Key().Cosigned(body, s)
	if !ok {
		t.Fatalf("%q is no cosignature of\n%s", b, text)
	}
	return at
}

// conflict wants a 409 with that size.
func conflict(t testing.TB, w *witness.Witness, body string, size int) {
	t.Helper()
	resp := post(t, w, body, http.StatusConflict)
	b, _ := io.ReadAll(resp.Body)
	if string(b) != fmt.Sprintf("%d\n", size) || resp.Header.Get("Content-Type") != "text/x.tlog.size" {
		t.Errorf("the conflict says %q (%s), want %d", b, resp.Header.Get("Content-Type"), size)
	}
}

func TestWitnessFollowsAGrowingLedger(t *testing.T) {
	l := newToy(t, "greffe/main/1", 300)
	w, _ := open(t, t.TempDir(), l)
	old := uint64(0)
	for _, size := range []uint64{1, 2, 5, 5, 64, 255, 256, 300} {
		resp := post(t, w, l.body(t, old, size), http.StatusOK)
		if at := cosigned(t, w, resp, l.note(t, size)); at != 1000 {
			t.Errorf("cosigned at %d", at)
		}
		old = size
	}
	conflict(t, w, l.body(t, 0, 300), 300)
	conflict(t, w, l.body(t, 255, 299), 300)
	if _, names := get(t, w, "/forks"); names != "" {
		t.Errorf("an honest ledger left evidence: %s", names)
	}
	if _, seen := get(t, w, "/seen"); !strings.HasPrefix(seen, "300 ") || !strings.HasSuffix(seen, " 1970-01-01T00:16:40Z greffe/main/1\n") {
		t.Errorf("seen: %q", seen)
	}
	code, text := get(t, w, fmt.Sprintf("/seen/%x", sha256.Sum256([]byte(l.origin))))
	n, err := note.Open([]byte(text), note.VerifierList(l.verifier, w.Key()))
	if code != 200 || err != nil || len(n.Sigs) != 2 {
		t.Errorf("the newest checkpoint is %d %q (%v)", code, text, err)
	}
}

func TestEmptyLedgerIsWitnessed(t *testing.T) {
	l := newToy(t, "greffe/main/1", 3)
	w, _ := open(t, t.TempDir(), l)
	post(t, w, l.body(t, 0, 0), http.StatusOK)
	wrong, err := chain.SignCheckpoint(l.origin, 0, chain.Hash{1}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	conflict(t, w, "old 0\n\n"+string(wrong), 0)
	post(t, w, l.body(t, 0, 3), http.StatusOK)
}

func TestStatusCodes(t *testing.T) {
	l, stranger := newToy(t, "greffe/main/1", 300), newToy(t, "greffe/other/2", 10)
	w, _ := open(t, t.TempDir(), l)
	post(t, w, l.body(t, 0, 100), http.StatusOK)
	impostor := newToy(t, "greffe/x/3", 200)
	impostor.origin = l.origin
	root, _ := l.root(200)
	forged, _ := note.Sign(&note.Note{Text: chain.FormatCheckpoint(l.origin, 200, root)}, &renamed{impostor.signer, l.verifier})
	unknown, _ := note.Sign(&note.Note{Text: chain.FormatCheckpoint(l.origin, 200, root)}, &renamed{impostor.signer, impostor.verifier})
	good, hash := l.body(t, 100, 200), base64.StdEncoding.EncodeToString(root[:])+"\n"
	longer := strings.Replace(good, "old 100\n", "old 100\n"+hash, 1)
	signed := func(text string) string {
		n, err := note.Sign(&note.Note{Text: text}, l.signer)
		if err != nil {
			t.Fatal(err)
		}
		return "old 100\n\n" + string(n)
	}
	tests := []struct {
		name, body string
		want       int
	}{
		{"empty", "", 400}, {"no old size", strings.Replace(good, "old 100\n", "", 1), 400}, {"old size with leading zero", strings.Replace(good, "old 1", "old 01", 1), 400},
		{"old size with plus", strings.Replace(good, "old ", "old +", 1), 400}, {"two spaces", strings.Replace(good, "old ", "old  ", 1), 400}, {"negative", strings.Replace(good, "old 1", "old -1", 1), 400},
		{"2^63", strings.Replace(good, "old 100", "old 9223372036854775808", 1), 400}, {"carriage return", strings.Replace(good, "old 100\n", "old 100\r\n", 1), 400},
		{"hash cut short", strings.Replace(good, "old 100\n", "old 100\nAAAA\n", 1), 400}, {"hash with loose bits", strings.Replace(good, "old 100\n", "old 100\n"+strings.Repeat("A", 42)+"B=\n", 1), 400},
		{"hash over two lines", strings.Replace(good, "old 100\n", "old 100\n"+hash[:20]+"\r"+hash[20:], 1), 400},
		{"64 hashes", strings.Replace(good, "old 100\n", "old 100\n"+strings.Repeat(hash, 64), 1), 400}, {"no checkpoint", "old 100\n\n", 404}, {"no signature", strings.Split(good, "\n\n")[0] + "\n\n" + chain.FormatCheckpoint(l.origin, 200, root), 400},
		{"extension line", signed(chain.FormatCheckpoint(l.origin, 200, root) + "more\n"), 400}, {"size with leading zero", signed(l.origin + "\n0200\n" + hash), 400},
		{"old larger than new", strings.Replace(l.body(t, 100, 100), "old 100", "old 101", 1), 400},
		{"loose base64 in the signature", good[:len(good)-3] + "B=\n", 400}, {"huge", good + strings.Repeat("x", 1<<20), 400},
		{"another ledger", stranger.body(t, 0, 5), 404}, {"origin with another end", strings.Replace(good, l.origin, l.origin+"2", 1), 404},
		{"signed by a stranger", "old 100\n\n" + string(unknown), 403}, {"signature that is none", "old 100\n\n" + string(forged), 403}, {"size changed", strings.Replace(good, "\n200\n", "\n201\n", 1), 403},
		{"proof too long", longer, 422}, {"no proof", strings.Replace(good, good[len("old 100\n"):strings.Index(good, "\n\n")+1], "", 1), 422}, {"63 hashes", strings.Replace(good, "old 100\n", "old 100\n"+strings.Repeat(hash, 63-strings.Count(strings.Split(good, "\n\n")[0], "\n")), 1), 422},
		{"proof of no growth", strings.Replace(l.body(t, 100, 100), "old 100\n", "old 100\n"+hash, 1), 422},
		{"good after all", good, 200}, {"proof from nothing", strings.Replace(l.body(t, 0, 300), "old 0", "old 200", 1), 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { post(t, w, tt.body, tt.want) })
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, httptest.NewRequest(method, "/add-checkpoint", strings.NewReader(good)))
		if rec.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, rec.Code)
		}
	}
}

// renamed signs under the name and id of another key.
type renamed struct {
	note.Signer
	as note.Verifier
}

func (r *renamed) Name() string    { return "greffe/main/1" }
func (r *renamed) KeyHash() uint32 { return r.as.KeyHash() }

// The race of the specification: an older and a newer checkpoint at once, from the same
// size. One wins; whatever was cosigned, the record never goes back.
func TestConcurrentRequests(t *testing.T) {
	l := newToy(t, "greffe/main/1", 400)
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	post(t, w, l.body(t, 0, 100), http.StatusOK)
	for old := uint64(100); old < 400; old += 20 {
		bodies := []string{l.body(t, old, old+10), l.body(t, old, old+20), l.body(t, old, old+15)}
		codes := make([]int, 30)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() {
				rec := httptest.NewRecorder()
				w.Handler().ServeHTTP(rec, httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader(bodies[i%3])))
				codes[i] = rec.Code
			})
		}
		wg.Wait()
		good := 0
		for _, c := range codes {
			if c == http.StatusOK {
				good++
			} else if c != http.StatusConflict {
				t.Fatalf("answers %v", codes)
			}
		}
		if good != 1 {
			t.Fatalf("%d of the racing requests were cosigned, want 1", good)
		}
		if size := w.Seen()[0].Size; size != old+20 {
			post(t, w, l.body(t, size, old+20), http.StatusOK)
		}
	}
	again, _ := open(t, dir, l)
	if s := again.Seen(); s[0].Size != 400 {
		t.Errorf("on disk is %d", s[0].Size)
	}
}

func TestForkLeavesEvidence(t *testing.T) {
	l := newToy(t, "greffe/main/1", 120)
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	post(t, w, l.body(t, 0, 100), http.StatusOK)
	forked := l.fork(60, 120)
	conflict(t, w, forked.body(t, 100, 100), 100)
	conflict(t, w, forked.body(t, 60, 100), 100) // whatever it says it comes from
	post(t, w, forked.body(t, 100, 120), http.StatusUnprocessableEntity)
	_, list := get(t, w, "/forks")
	names := strings.Fields(list)
	if len(names) != 2 || !strings.HasPrefix(names[0], "greffe_main_1-100-") || !strings.HasSuffix(names[1], "-unproven.txt") {
		t.Fatalf("evidence: %q", names)
	}
	code, text := get(t, w, "/forks/"+names[0])
	first, second := between(text, "-- first --\n", "-- second --\n"), between(text, "-- second --\n", "")
	a, err := chain.OpenCheckpoint([]byte(first), l.verifier)
	b, err2 := chain.OpenCheckpoint([]byte(second), l.verifier)
	if code != 200 || err != nil || err2 != nil || a.Size != b.Size || a.Root == b.Root {
		t.Errorf("%d: the evidence proves nothing: %v, %v\n%s", code, err, err2, text)
	}
	for _, name := range []string{"../witness.key", "..%2fwitness.key", "x", "."} {
		if code, text := get(t, w, "/forks/"+name); code == 200 {
			t.Errorf("/forks/%s: %s", name, text)
		}
	}
	post(t, w, l.body(t, 100, 110), http.StatusOK) // the history that was seen goes on
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	if to != "" {
		s, _, _ = strings.Cut(s, to)
	}
	return s
}

// Anybody can send a good checkpoint with a bad proof. Once it is proved, it is no evidence.
func TestSuspicionEndsWithAProof(t *testing.T) {
	l := newToy(t, "greffe/main/1", 500)
	w, _ := open(t, t.TempDir(), l)
	post(t, w, l.body(t, 0, 100), http.StatusOK)
	post(t, w, "old 100\n\n"+string(l.note(t, 120)), http.StatusUnprocessableEntity)
	if _, list := get(t, w, "/forks"); !strings.Contains(list, "unproven") {
		t.Errorf("evidence: %q", list)
	}
	post(t, w, l.body(t, 100, 120), http.StatusOK)
	if _, list := get(t, w, "/forks"); list != "" {
		t.Errorf("evidence against what is proved: %q", list)
	}
	for size := uint64(121); size < 300; size++ { // and it cannot fill the disk
		post(t, w, "old 120\n\n"+string(l.note(t, size)), http.StatusUnprocessableEntity)
	}
	if _, list := get(t, w, "/forks"); strings.Count(list, "\n") != 64 {
		t.Errorf("%d files of suspicion", strings.Count(list, "\n"))
	}
	conflict(t, w, l.fork(50, 120).body(t, 120, 120), 120)
	if _, list := get(t, w, "/forks"); strings.Count(list, "\n") != 65 {
		t.Error("suspicions keep out a proof")
	}
}

// What strangers have added to a checkpoint is neither kept nor cosigned.
func TestStrangersLinesAreDropped(t *testing.T) {
	l := newToy(t, "greffe/main/1", 10)
	w, _ := open(t, t.TempDir(), l)
	junk := string(chain.AppendSignature(nil, chain.Signature{Name: "junk", KeyHash: 7, Value: bytes.Repeat([]byte("x"), 500)}))
	post(t, w, l.body(t, 0, 5)+strings.Repeat(junk, 90), http.StatusOK)
	if n := w.Seen()[0].Note; bytes.Contains(n, []byte("junk")) || len(n) > 500 {
		t.Errorf("kept %s", n)
	}
}

func TestClockBackwards(t *testing.T) {
	l := newToy(t, "greffe/main/1", 50)
	dir := t.TempDir()
	w, c := open(t, dir, l)
	ask := func(old, size uint64, want int64) {
		t.Helper()
		if at := cosigned(t, w, post(t, w, l.body(t, old, size), http.StatusOK), l.note(t, size)); at != want {
			t.Errorf("size %d is cosigned at %d, want %d", size, at, want)
		}
	}
	ask(0, 10, 1000)
	c.set(500)
	ask(10, 20, 1000)
	ask(20, 20, 1000)
	w, c = open(t, dir, l)
	c.set(-7)
	ask(20, 30, 1000)
	c.set(2000)
	ask(30, 30, 2000) // it may be said again, later
	w, c = open(t, dir, l)
	c.set(1500)
	ask(30, 40, 2000)
}

func TestManyLedgers(t *testing.T) {
	var ledgers []*toy
	for i := range 50 {
		ledgers = append(ledgers, newToy(t, fmt.Sprintf("greffe/l%d/1", i), 30))
	}
	dir := t.TempDir()
	w, _ := open(t, dir, ledgers...)
	var wg sync.WaitGroup
	for i, l := range ledgers {
		wg.Go(func() {
			post(t, w, l.body(t, 0, uint64(i%10)+1), http.StatusOK)
			post(t, w, l.body(t, uint64(i%10)+1, uint64(i%10)+11), http.StatusOK)
		})
	}
	wg.Wait()
	w, _ = open(t, dir, ledgers[:3]...) // what is no longer witnessed is not forgotten
	if len(w.Seen()) != 50 {
		t.Fatalf("%d ledgers are known", len(w.Seen()))
	}
	for i, l := range ledgers {
		want := http.StatusNotFound
		if i < 3 {
			want = http.StatusOK
		}
		post(t, w, l.body(t, uint64(i%10)+11, 30), want)
	}
	w, _ = open(t, dir, ledgers...)
	conflict(t, w, ledgers[7].body(t, 0, 5), 18)
}

// Two keys of one ledger are both believed: it may have changed its key.
func TestTwoKeysOfOneLedger(t *testing.T) {
	l := newToy(t, "greffe/main/1", 20)
	next := l.rekeyed(t)
	w, _ := open(t, t.TempDir(), l, next)
	post(t, w, l.body(t, 0, 10), http.StatusOK)
	post(t, w, next.body(t, 10, 20), http.StatusOK)
}

func TestFolderOfAWitness(t *testing.T) {
	l := newToy(t, "greffe/main/1", 20)
	dir := filepath.Join(t.TempDir(), "w")
	w, made, err := witness.Open(dir, witness.Options{Ledgers: []note.Verifier{l.verifier}, Name: "dpo.example/w"})
	if err != nil || !made || w.Key().Name() != "dpo.example/w" {
		t.Fatal(w.Key(), made, err)
	}
	post(t, w, l.body(t, 0, 10), http.StatusOK)
	for name, mode := range map[string]os.FileMode{"witness.key": 0o600, "witness.json": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	reopen := func(name string) error {
		again, made, err := witness.Open(dir, witness.Options{Ledgers: []note.Verifier{l.verifier}, Name: name})
		if err == nil && len(again.Seen()) == 1 && (again.Seen()[0].Size != 10 || again.Seen()[0].Root != w.Seen()[0].Root || again.Seen()[0].At != w.Seen()[0].At) {
			t.Errorf("it believes another past of size %d", again.Seen()[0].Size)
		}
		if err == nil && (made || again.Key().String() != w.Key().String()) {
			t.Error("another start has another key")
		}
		return err
	}
	if err := reopen("dpo.example/w"); err != nil {
		t.Error(err)
	}
	if err := reopen("other"); err == nil || !strings.Contains(err.Error(), "is named dpo.example/w") {
		t.Errorf("another name: %v", err)
	}
	state := filepath.Join(dir, "witness.json")
	good, _ := os.ReadFile(state)
	theirs := bytes.Index(good, []byte("— greffe/main/1")) // the ledger's own line is only kept
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		os.WriteFile(state, bad, 0o600)
		if err := reopen(""); err == nil && (i < theirs || i > theirs+150) {
			t.Errorf("byte %d (%q) can be changed", i, good[i])
		}
	}
	for _, name := range []string{"witness.json", "witness.key"} {
		os.WriteFile(state, good, 0o600)
		text, _ := os.ReadFile(filepath.Join(dir, name))
		os.Remove(filepath.Join(dir, name))
		if err := reopen(""); err == nil || !strings.Contains(err.Error(), "restore") {
			t.Errorf("without %s: %v", name, err)
		}
		os.WriteFile(filepath.Join(dir, name), text, 0o600)
	}
	if err := reopen(""); err != nil {
		t.Error(err)
	}
	key, seen, _, err := witness.Look(dir)
	if err != nil || key.String() != w.Key().String() || len(seen) != 1 || seen[0].Size != 10 {
		t.Errorf("looked at: %v %v %v", key, seen, err)
	}
}

// A first start that was interrupted at any file begins anew.
func TestFirstStartIsInterrupted(t *testing.T) {
	for _, missing := range [][]string{{"witness.key"}, {"witness.key", "witness.vkey"}, {"witness.key", "witness.vkey", "witness.json"}} {
		dir := t.TempDir()
		open(t, dir)
		for _, name := range missing {
			os.Remove(filepath.Join(dir, name))
		}
		w, _ := open(t, dir)
		vkey, _ := os.ReadFile(filepath.Join(dir, "witness.vkey"))
		if string(vkey) != w.Key().String()+"\n" {
			t.Errorf("without %v: witness.vkey is another key", missing)
		}
	}
}

// If the disk fails, nothing is said, and nothing is believed that was not written.
func TestNothingIsSaidBeforeItIsWritten(t *testing.T) {
	l := newToy(t, "greffe/main/1", 30)
	w, _ := open(t, t.TempDir(), l)
	post(t, w, l.body(t, 0, 10), http.StatusOK)
	w.SetWrite(func(string, map[string]witness.Seen) error { return os.ErrPermission })
	resp := post(t, w, l.body(t, 10, 20), http.StatusInternalServerError)
	if b, _ := io.ReadAll(resp.Body); bytes.Contains(b, []byte("—")) || bytes.Contains(b, []byte("permission")) {
		t.Errorf("answered %q", b)
	}
	conflict(t, w, l.body(t, 20, 30), 10)
}

func FuzzRequest(f *testing.F) {
	l := newToy(f, "greffe/main/1", 30)
	f.Add([]byte(l.body(f, 0, 30)))
	f.Add([]byte(l.body(f, 7, 30)))
	w, _ := open(f, f.TempDir(), l)
	f.Fuzz(func(t *testing.T, body []byte) {
		if again, err := witness.ParseRequest(body); err == nil && !bytes.Equal(again, body) {
			t.Fatalf("accepted %q, writes %q", body, again)
		}
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, httptest.NewRequest("POST", "/add-checkpoint", bytes.NewReader(body)))
		switch rec.Code {
		case 200, 400, 403, 404, 409, 422:
		default:
			t.Fatalf("%q is answered %d", body, rec.Code)
		}
	})
}
