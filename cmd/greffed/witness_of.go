package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"greffe/cmd/internal/cli"
	"greffe/ledger/anchor/witness"
)

// maxKeyFile bounds a file of verification keys, in bytes.
const maxKeyFile = 64 << 10

// readWitnessKeys reads the keys of the other ledgers before anything is made.
func (d *daemon) readWitnessKeys(_ context.Context, f serveFlags) error {
	for _, arg := range f.witnessOf {
		keys, err := readVKeys(arg)
		if err != nil {
			return err
		}
		d.witnessKeys = append(d.witnessKeys, keys...)
	}
	return nil
}

// openWitness makes this daemon a witness of other ledgers, with a key of its own: cosigning
// and signing are different statements.
func (d *daemon) openWitness(context.Context, serveFlags) error {
	keys := d.witnessKeys
	if len(keys) == 0 {
		return nil
	}
	if slices.ContainsFunc(keys, func(v note.Verifier) bool { return v.Name() == d.id.Origin }) {
		return fmt.Errorf("--witness-of %s: that is this ledger, and nobody believes a ledger that witnesses itself", d.id.Origin)
	}
	var err error
	d.witness, _, err = witness.Open(d.folder.dir, witness.Options{Ledgers: keys, Log: d.log})
	return err
}

// readVKeys returns the verification key that arg is, or those that the file arg holds.
func readVKeys(arg string) (keys []note.Verifier, err error) {
	if v, err := note.NewVerifier(strings.TrimSpace(arg)); err == nil {
		return []note.Verifier{v}, nil
	}
	hint := "ask the other ledger's keeper for its DIR/main.vkey"
	f, err := os.Open(arg)
	if err != nil {
		return nil, cli.Hint(fmt.Errorf("--witness-of: %q is no verification key and no file of them", arg), "%s", hint)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("--witness-of: read %s: %w", arg, unwrapPath(err))
	}
	for _, word := range strings.Fields(string(text)) {
		v, err := note.NewVerifier(word)
		if err != nil {
			return nil, cli.Hint(fmt.Errorf("--witness-of: %s holds something that is no verification key of a ledger", arg), "%s", hint)
		}
		keys = append(keys, v)
	}
	if len(keys) == 0 || len(text) > maxKeyFile {
		return nil, cli.Hint(fmt.Errorf("--witness-of: %s holds no verification keys", arg), "%s", hint)
	}
	return keys, nil
}

// announceWitnesses prints who watches whom.
func (d *daemon) announceWitnesses(w io.Writer) {
	if d.witness != nil {
		fmt.Fprintf(w, "witness of other ledgers; the line for their policies, with the address that they reach:\n")
		fmt.Fprintf(w, "witness %s %s http://%s\n", d.witness.Key().Name(), d.witness.Key(), d.web.Addr())
	}
	if d.witnesses != nil {
		_, size := d.witnesses.newest()
		fmt.Fprintf(w, "asking %d witnesses; %d entries are cosigned by a quorum\n", len(d.witnesses.clients), size)
	}
}
