//go:build !pkcs11

package hsm

import (
	"errors"
	"strings"
	"testing"
)

func TestWithoutTheTag(t *testing.T) {
	_, err := Open("pkcs11:token=t;object=o?module-path=/m.so")
	if !errors.Is(err, ErrNoModule) || !strings.Contains(err.Error(), "-tags pkcs11") {
		t.Errorf("got %v", err)
	}
}
