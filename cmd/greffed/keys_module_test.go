//go:build pkcs11

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModule rotates a ledger into a key that is in a PKCS#11 module, starts on it, and
// rotates out of it again. SoftHSM2 is the module.
func TestModule(t *testing.T) {
	uri := softHSM(t)
	dir := t.TempDir()
	d := mustStart(t, dir)
	publishSome(t, d, 1, 3)
	vkeys := []string{readVKey(t, dir)}

	rotateNow(t, dir, rotateFlags{uri: uri})
	vkeys = append(vkeys, readVKey(t, dir))
	publishSome(t, d, 10, 3)
	soundFor(t, d, vkeys...)
	d.close()
	if text, err := os.ReadFile(filepath.Join(dir, "main.key")); err != nil || trim(text) != uri {
		t.Errorf("main.key holds %q, %v", text, err)
	}
	d = mustStart(t, dir)
	publishSome(t, d, 20, 3)
	soundFor(t, d, vkeys...)

	rotateNow(t, dir, rotateFlags{})
	vkeys = append(vkeys, readVKey(t, dir))
	publishSome(t, d, 30, 3)
	soundFor(t, d, vkeys...)
	if text, err := os.ReadFile(filepath.Join(dir, "main.key")); err != nil || strings.HasPrefix(trim(text), "pkcs11:") {
		t.Errorf("main.key is still in the module: %v", err)
	}

	// into another key of the module, which then is not there
	rotateNow(t, dir, rotateFlags{uri: strings.Replace(uri, "object=one", "object=two", 1)})
	d.close()
	for instead, want := range map[string]string{
		"object=three": "0 private Ed25519 keys have that name",
		"object=one":   "the private key found is not that of",
	} {
		text := strings.Replace(uri, "object=one", instead, 1)
		if err := os.WriteFile(filepath.Join(dir, "main.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := startTest(t, dir)
		if err == nil {
			d.close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", instead, err, want)
		}
	}
}

// softHSM makes a token with the keys one and two, and returns the URI of one. It is
// what an operator does.
func softHSM(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("SOFTHSM2_CONF", write("conf", "directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"))
	pin := write("pin", "648219\n")
	util := func(args ...string) {
		if out, err := exec.Command("softhsm2-util", args...).CombinedOutput(); err != nil {
			t.Fatalf("softhsm2-util (Debian: apt-get install softhsm2): %v\n%s", err, out)
		}
	}
	util("--init-token", "--free", "--label", "greffe", "--pin", "648219", "--so-pin", "9876543")
	for i, name := range []string{"one", "two"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		file := write(name, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		util("--import", file, "--token", "greffe", "--label", name, "--id", fmt.Sprintf("0%d", i+1), "--pin", "648219")
	}
	for _, module := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(module); err == nil {
			return "pkcs11:token=greffe;object=one?module-path=" + module + "&pin-source=file:" + pin
		}
	}
	t.Fatal("SoftHSM2's library was not found")
	return ""
}
