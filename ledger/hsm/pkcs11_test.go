//go:build pkcs11

package hsm

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

const userPIN = "648219"

// modules are where Debian and others put SoftHSM's library.
var modules = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"}

// TestMain makes the tokens of all tests: SoftHSM looks for them when its library is
// initialised, once in a process.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("GREFFE_TEST_URI") != "" {
		return m.Run() // with the token of the test that started this process
	}
	dir, err := os.MkdirTemp("", "softhsm")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	conf := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600), os.WriteFile(filepath.Join(dir, "pin"), []byte(userPIN+"\n"), 0o600),
		os.Setenv("SOFTHSM2_CONF", filepath.Join(dir, "conf")), os.Setenv("GREFFE_TEST_PIN", filepath.Join(dir, "pin"))); err != nil {
		panic(err)
	}
	for _, label := range []string{"signing", "rotating", "refusing", "locked"} {
		out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", userPIN, "--so-pin", "9876543").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "make a token with softhsm2-util (Debian: apt-get install softhsm2): %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// module returns SoftHSM's library. This test was asked for by its build tag, so it
// fails where there is none.
func module(t *testing.T) string {
	t.Helper()
	for _, path := range modules {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("SoftHSM2 is not installed (Debian: apt-get install softhsm2)")
	return ""
}

// base is the start of URIs of a token's keys.
func base(label string) string { return "pkcs11:token=" + label + ";object=" }

func query(t *testing.T) string {
	return "?module-path=" + module(t) + "&pin-source=file:" + os.Getenv("GREFFE_TEST_PIN")
}

// generate makes an Ed25519 key in a token, as an operator would with pkcs11-tool.
func generate(t *testing.T, label, object string) {
	t.Helper()
	ctx := pkcs11.New(module(t))
	if err := ctx.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		t.Fatal(err)
	}
	slot, err := (&key{ctx: ctx}).slot(&location{token: label})
	if err != nil {
		t.Fatal(err)
	}
	session, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	defer ctx.CloseSession(session)
	if err := ctx.Login(session, pkcs11.CKU_USER, userPIN); err != nil && !is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		t.Fatal(err)
	}
	const keyPairGen = 0x1055                            // CKM_EC_EDWARDS_KEY_PAIR_GEN
	curve := append([]byte{0x13, 12}, "edwards25519"...) // PrintableString, PKCS#11 3.0 §2.3.3
	common := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, object), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{1, 2})}
	_, _, err = ctx.GenerateKeyPair(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(keyPairGen, nil)},
		append([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curve), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true)}, common...),
		append([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false)}, common...))
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, uri string) Key {
	t.Helper()
	k, err := Open(uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// A checkpoint that a module signed is one like any other.
func TestSignCheckpoint(t *testing.T) {
	const origin = "greffe/main/00010203"
	generate(t, "signing", "main")
	k := open(t, base("signing")+"main"+query(t))
	again := open(t, base("signing")+"main;id=%01%02;type=private"+query(t))
	if !again.Public().(ed25519.PublicKey).Equal(k.Public()) {
		t.Error("one key under two names has two public keys")
	}
	signer, err := chain.NewSigner(origin, k)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := chain.VKeyOf(origin, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 50 {
				text, err := chain.SignCheckpoint(origin, uint64(worker*100+i), chain.Hash{byte(i)}, signer)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := chain.OpenCheckpoint(text, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := k.Sign(nil, []byte("digest"), crypto.SHA256); err == nil {
		t.Error("it signed a digest")
	}
	// Ed25519 is deterministic: the module gives what any implementation gives, twice.
	one, err1 := k.Sign(nil, []byte("m"), crypto.Hash(0))
	two, err2 := again.Sign(nil, []byte("m"), crypto.Hash(0))
	if err1 != nil || err2 != nil || string(one) != string(two) || !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte("m"), one) {
		t.Errorf("signatures %x %v, %x %v", one, err1, two, err2)
	}
}

// A ledger can move from a key in a file to one in a module and on to another.
func TestRotation(t *testing.T) {
	const origin = "greffe/main/00010203"
	generate(t, "rotating", "second")
	module, err := chain.NewSigner(origin, open(t, base("rotating")+"second"+query(t)))
	if err != nil {
		t.Fatal(err)
	}
	skey, first, err := chain.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	file, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	second, err := chain.VKeyOf(origin, open(t, base("rotating")+"second"+query(t)).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	oldSig, err1 := chain.SignRotation(first, second, file)
	newSig, err2 := chain.SignRotation(first, second, module)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	payload := fmt.Appendf(nil, `{"data":{"new_signature":"%s","new_vkey":"%s","old_signature":"%s","old_vkey":"%s"},"type":"ledger.key_rotated.v1"}`, newSig, second, oldSig, first)
	header, err := chain.AppendEntry(nil, &chain.Entry{Seq: 4, Epoch: 1, StreamSeq: 5, Disposition: chain.Recorded, EventID: [16]byte{1},
		PayloadLen: uint32(len(payload)), PayloadHash: chain.PayloadHash(payload), Publisher: "greffe", Type: "ledger.key_rotated.v1", Aggregate: "ledger/main"})
	if err != nil {
		t.Fatal(err)
	}
	keys := chain.NewKeyHistory(chain.Genesis{Origin: origin, VKey: first})
	if change, err := keys.Apply(header, payload); err != nil || change.Rotated != second {
		t.Errorf("got %+v, %v", change, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	generate(t, "refusing", "twice")
	generate(t, "refusing", "twice")
	wrong := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(wrong, []byte("000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	lib := module(t)
	for name, uri := range map[string]string{
		"no such library": base("refusing") + "twice?module-path=/no/such/library.so",
		"no library":      base("refusing") + "twice?module-path=" + wrong,
		"no such token":   "pkcs11:token=none;object=twice" + query(t),
		"no such key":     base("refusing") + "none" + query(t),
		"two such keys":   base("refusing") + "twice" + query(t),
		"no PIN file":     base("refusing") + "twice?module-path=" + lib + "&pin-source=file:" + wrong + "x",
	} {
		k, err := Open(uri)
		if err == nil {
			k.Close()
			t.Errorf("%s was opened", name)
		} else if strings.Contains(err.Error(), userPIN) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

// The PIN is needed: a process that does not know it cannot sign. It is asked in another
// process, since a login counts for all sessions of one.
func TestPINIsNeeded(t *testing.T) {
	if os.Getenv("GREFFE_TEST_URI") != "" {
		_, err := Open(os.Getenv("GREFFE_TEST_URI"))
		fmt.Println("opened:", err)
		return
	}
	generate(t, "locked", "main")
	wrong := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(wrong, []byte("000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ uri, want string }{
		"right PIN": {base("locked") + "main" + query(t), "opened: <nil>"},
		"wrong PIN": {base("locked") + "main?module-path=" + module(t) + "&pin-source=file:" + wrong, "CKR_PIN_INCORRECT"},
		"no PIN":    {base("locked") + "main?module-path=" + module(t), "0 private Ed25519 keys"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestPINIsNeeded$", "-test.v")
		cmd.Env = append(os.Environ(), "GREFFE_TEST_URI="+c.uri)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
