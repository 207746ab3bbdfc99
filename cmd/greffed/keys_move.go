package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"greffe/cmd/internal/cli"
	"greffe/ledger/chain"
	"greffe/ledger/hsm"
)

// maxExport bounds an exported key, in bytes.
const maxExport = 16 << 10

// exportKey writes a private key as two lines: the verification key, and the secret or
// the URI of the module that has it.
func (f *folder) exportKey(w io.Writer, id *identity, which, file string) error {
	list, err := f.keyListNow(id)
	if err != nil {
		return err
	}
	held, err := f.heldKeys(id.Origin)
	if err != nil {
		return err
	}
	if which == "" {
		which = list.valid()
		prepared := slices.DeleteFunc(slices.Clone(held), func(k keyFile) bool { return list.has(k.vkey) })
		if len(prepared) > 1 {
			return cli.Hint(fmt.Errorf("%d keys are prepared in %s", len(prepared), f.dir), "say which with --key, see greffed keys show --dir %s", f.dir)
		}
		if len(prepared) == 1 {
			which = prepared[0].vkey
		}
	}
	at := slices.IndexFunc(held, func(k keyFile) bool { return called(k.vkey, which) })
	if at < 0 {
		return cli.Hint(fmt.Errorf("%s does not hold the private key of %s", f.dir, which), "see greffed keys show --dir %s", f.dir)
	}
	k := held[at]
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten", file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, unwrapPath(err))
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", k.vkey, k.secret)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(file))
	}
	if k.inModule() {
		fmt.Fprintf(w, "wrote %s: the key stays in its module, the file says where\n", file)
		return nil
	}
	fmt.Fprintf(w, "wrote the private key %s to %s, IN CLEAR: whoever reads it can sign for %s; destroy it after the import\n", keyHashOf(k.vkey), file, id.Origin)
	return nil
}

// importKey takes a private key of this ledger. A key that the ledger does not name yet
// waits for its rotation.
func (f *folder) importKey(w io.Writer, id *identity, file string) error {
	k, err := readExport(file)
	if err != nil {
		return err
	}
	v, err := chain.OpenVKey(k.vkey)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if v.Name() != id.Origin {
		return fmt.Errorf("%s is a key of %s, this folder's ledger is %s", file, v.Name(), id.Origin)
	}
	if err := k.check(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	unlock, err := f.lockKeys()
	if err != nil {
		return err
	}
	defer unlock()
	held, err := f.heldKeys(id.Origin)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(held, func(h keyFile) bool { return h.vkey == k.vkey }); at >= 0 {
		fmt.Fprintf(w, "%s is in %s.key already\n", k.vkey, held[at].path)
		return nil
	}
	k.path = f.keyPathOf(k.vkey)
	if err := k.write(); err != nil {
		return err
	}
	fmt.Fprintf(w, "imported %s into %s.key: it signs when the ledger says so; destroy %s\n", k.vkey, k.path, file)
	return nil
}

// check makes sure that the secret is that of the verification key, by signing.
func (k *keyFile) check() error {
	s, err := k.signer()
	if err != nil {
		return err
	}
	v, err := chain.OpenVKey(k.vkey)
	if err != nil {
		return err
	}
	const probe = "greffe key check\n"
	sig, err := s.Sign([]byte(probe))
	if err != nil {
		return err
	}
	if !v.Verify([]byte(probe), sig) {
		return errors.New("the private key is not that of the verification key")
	}
	return nil
}

func readExport(file string) (k keyFile, err error) {
	in, err := os.Open(file)
	if err != nil {
		return k, fmt.Errorf("read %s: %w", file, unwrapPath(err))
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxExport+1))
	if err != nil {
		return k, fmt.Errorf("read %s: %w", file, unwrapPath(err))
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(text) > maxExport || len(lines) != 2 || !strings.HasPrefix(lines[1], "PRIVATE+KEY+") && !hsm.IsURI(lines[1]) {
		return k, cli.Hint(fmt.Errorf("%s is no key that greffed keys export wrote", file), "greffed keys export -f FILE, on a daemon that has the key")
	}
	return keyFile{vkey: lines[0], secret: lines[1]}, nil
}
