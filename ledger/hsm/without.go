//go:build !pkcs11

package hsm

// Open finds the key that a URI names. This build was made without the tag pkcs11, so it
// checks the URI and fails with [ErrNoModule].
func Open(uri string) (Key, error) {
	if _, err := parse(uri); err != nil {
		return nil, err
	}
	return nil, ErrNoModule
}
