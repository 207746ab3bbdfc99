package interop_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// witnessed: torchwood's witness cosigns our checkpoints one after the other, with the
// consistency proofs that our tiles give, and refuses what does not continue them. A
// policy that demands the witness then takes a checkpoint and a proof, and none without.
func witnessed(t *testing.T, d *daemon) {
	w := startWitness(t, d.remote)
	text, err := get(t.Context(), d.url+"checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(text, d.remote)
	if err != nil {
		t.Fatal(err)
	}
	tiles := newSumdbTiles(t.Context(), d.remote)
	hashes := tlog.TileHashReader(tree, tiles)
	key := trueKey(t, d)

	var known int64
	for _, size := range []int64{1, 1000, 65536, 65537, logSize - 1} {
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			t.Fatal(err)
		}
		cp := sign(t, d.remote, tlog.Tree{N: size, Hash: root}, key)
		if status, answer := w.add(t, known, consistency(t, hashes, known, size), cp); status != http.StatusOK {
			t.Fatalf("from %d to %d: %d %s", known, size, status, answer)
		}
		known = size
	}
	proof := consistency(t, hashes, known, tree.N)
	fork := tree
	fork.Hash[0] ^= 1
	for _, c := range []struct {
		name   string
		old    int64
		cp     []byte
		status int
	}{
		{"a fork", known, sign(t, d.remote, fork, key), http.StatusUnprocessableEntity},
		{"from another size", 1000, text, http.StatusConflict},
		{"another key", known, sign(t, d.remote, tree, otherKey(t, d.remote)), http.StatusForbidden},
	} {
		if status, answer := w.add(t, c.old, proof, c.cp); status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, status, answer, c.status)
		}
	}
	status, cosignature := w.add(t, known, proof, text)
	if status != http.StatusOK {
		t.Fatalf("the newest checkpoint: %d %s", status, cosignature)
	}
	w.demanded(t, d.remote, tree, hashes, text, append(bytes.Clone(text), cosignature...))
}

// consistency proves a tree from an older size; nothing is to be proved from 0.
func consistency(t *testing.T, hashes tlog.HashReader, old, size int64) tlog.TreeProof {
	t.Helper()
	if old == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(size, old, hashes)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// A witness is a litewitness that runs.
type witness struct {
	url, vkey string
}

// startWitness builds and starts one for a log. Its operator would keep the key in an
// ssh-agent, and tell its database of the log by another program; here both are made
// by hand.
func startWitness(t *testing.T, log remote) witness {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so the witness cannot be told of the log")
	}
	dir, err := os.MkdirTemp("", "w") // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	run(t, dir, []string{"GOBIN=" + dir}, "go", "install", "filippo.io/torchwood/cmd/litewitness@v0.9.0")
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := torchwood.NewCosignatureSigner("interop.example/witness", key)
	if err != nil {
		t.Fatal(err)
	}
	w := witness{url: "http://" + freeAddress(t) + "/", vkey: signer.Verifier().String()}
	cmd := exec.Command(filepath.Join(dir, "litewitness"), "-name", signer.Name(), "-db", filepath.Join(dir, "db"),
		"-ssh-agent", serveAgent(t, dir, key), "-key", fingerprint(t, key), "-listen", strings.Trim(w.url, "htp:/"))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("litewitness said:\n%s", &said)
		}
	})
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(w.url); err == nil {
			resp.Body.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatal("litewitness is not ready")
		}
	}
	name := log.verifier().Name()
	run(t, dir, nil, python, "-c", `import sqlite3, sys
db = sqlite3.connect("db", timeout=10)
db.execute("INSERT INTO log VALUES (?, 0, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')", (sys.argv[1],))
db.execute("INSERT INTO key VALUES (?, ?)", (sys.argv[1], sys.argv[2]))
db.commit()`, name, log.vkey)
	return w
}

// run runs a program that must succeed.
func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, args[0], err, out)
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveAgent is an ssh-agent that holds one key. It returns its socket.
func serveAgent(t *testing.T, dir string, key ed25519.PrivateKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	return socket
}

func fingerprint(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(public)
}

// add asks for a cosignature (C2SP tlog-witness, add-checkpoint).
func (w witness) add(t *testing.T, old int64, proof tlog.TreeProof, checkpoint []byte) (int, string) {
	t.Helper()
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, hash := range proof {
		body = fmt.Appendf(body, "%s\n", hash)
	}
	body = append(append(body, '\n'), checkpoint...)
	resp, err := http.Post(w.url+"add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// demanded holds a checkpoint, bare and cosigned, against a policy that demands the witness.
func (w witness) demanded(t *testing.T, log remote, tree tlog.Tree, hashes tlog.HashReader, bare, cosigned []byte) {
	policy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness w %s\nquorum w\n", log.vkey, w.vkey))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveRecord(tree.N, 0, hashes)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := hashes.ReadHashes([]int64{0})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		checkpoint []byte
		sound      bool
	}{"cosigned": {cosigned, true}, "bare": {bare, false}} {
		_, _, errCheckpoint := torchwood.VerifyCheckpoint(c.checkpoint, policy)
		errProof := torchwood.VerifyProof(policy, leaf[0], torchwood.FormatProof(0, proof, c.checkpoint))
		var unsigned *note.UnverifiedNoteError
		for what, err := range map[string]error{"checkpoint": errCheckpoint, "proof": errProof} {
			if c.sound && err != nil || !c.sound && !errors.As(err, &unsigned) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}
