package hsm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse("pkcs11:token=my%20token;object=main;id=%01%ff;type=private?module-path=/usr/lib/m.so&pin-source=file:/etc/pin")
	want := location{module: "/usr/lib/m.so", token: "my token", object: "main", id: "\x01\xff", pinFile: "/etc/pin"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if l, err := parse("pkcs11:serial=42;id=%01?module-path=/m.so"); err != nil || l.name() != "42" {
		t.Errorf("got %+v, %v", l, err)
	}
	for name, uri := range map[string]string{
		"another scheme":       "file:/etc/key",
		"no module":            "pkcs11:token=t;object=o",
		"relative module":      "pkcs11:token=t;object=o?module-path=m.so",
		"no token":             "pkcs11:object=o?module-path=/m.so",
		"no key":               "pkcs11:token=t?module-path=/m.so",
		"PIN in the URI":       "pkcs11:token=t;object=o?module-path=/m.so&pin-value=1234",
		"PIN from a program":   "pkcs11:token=t;object=o?module-path=/m.so&pin-source=|/bin/pin",
		"relative PIN file":    "pkcs11:token=t;object=o?module-path=/m.so&pin-source=file:pin",
		"unknown attribute":    "pkcs11:token=t;object=o;slot-id=1?module-path=/m.so",
		"public key":           "pkcs11:token=t;object=o;type=public?module-path=/m.so",
		"an attribute twice":   "pkcs11:token=t;token=u;object=o?module-path=/m.so",
		"an empty attribute":   "pkcs11:token=;object=o?module-path=/m.so",
		"half an escape":       "pkcs11:token=t;object=%4?module-path=/m.so",
		"module in the path":   "pkcs11:token=t;object=o;module-path=/m.so",
		"a trailing separator": "pkcs11:token=t;object=o;?module-path=/m.so",
	} {
		if l, err := parse(uri); !errors.Is(err, ErrURI) {
			t.Errorf("%s: %+v, %v", name, l, err)
		} else if strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: the error shows the PIN: %v", name, err)
		}
		if _, err := Open(uri); !errors.Is(err, ErrURI) {
			t.Errorf("open: %s: %v", name, err)
		}
	}
}

func TestPIN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(path, []byte("12 34\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pin, err := (&location{token: "t", pinFile: path}).pin(); err != nil || pin != "12 34" {
		t.Errorf("got %q, %v", pin, err)
	}
	if pin, err := (&location{token: "t"}).pin(); err != nil || pin != "" {
		t.Errorf("got %q, %v", pin, err)
	}
	if _, err := (&location{token: "t", pinFile: path + "x"}).pin(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
