package witness

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"greffe/events/durable"
	"greffe/ledger/chain"
)

const (
	keyFile   = "witness.key"
	vkeyFile  = "witness.vkey"
	stateFile = "witness.json"
)

// A Seen is the newest checkpoint of an origin that a witness has cosigned.
type Seen struct {
	Origin string
	Size   uint64
	Root   chain.Hash
	// At is the time of the cosignature, in seconds since the Unix epoch.
	At int64
	// Note is the checkpoint with the ledger's signature and the witness' own.
	Note []byte

	mine chain.Signature
}

// A state is the file. Everything in it but the note is there for people: reading
// takes it from the note and wants it to agree.
type state struct {
	Version int         `json:"version"`
	Logs    []stateLine `json:"logs"`
}

type stateLine struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	At     int64  `json:"at"`
	Note   string `json:"note"`
}

// stateVersion is the version of the file.
const stateVersion = 1

func formatState(seen map[string]Seen) ([]byte, error) {
	s := state{Version: stateVersion, Logs: []stateLine{}}
	for _, origin := range slices.Sorted(maps.Keys(seen)) {
		v := seen[origin]
		s.Logs = append(s.Logs, stateLine{Origin: v.Origin, Size: v.Size, Root: hex.EncodeToString(v.Root[:]), At: v.At, Note: string(v.Note)})
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// writeState replaces the file.
func writeState(dir string, seen map[string]Seen) error {
	text, err := formatState(seen)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, stateFile), text, 0o600)
}

// readState reads the file. A witness that has lost it would cosign anything, so whatever
// is wrong with it is an error.
func readState(dir string, key *chain.WitnessKey) (map[string]Seen, error) {
	path := filepath.Join(dir, stateFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: without it this witness does not know what it has cosigned, restore the newest copy or make a new witness in another folder", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was cosigned: %w", err)
	}
	var s state
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || s.Version != stateVersion || dec.More() {
		return nil, fmt.Errorf("%s is damaged: restore the newest copy or make a new witness in another folder", path)
	}
	seen := map[string]Seen{}
	for _, line := range s.Logs {
		v, err := openSeen([]byte(line.Note), key)
		if err != nil || seen[v.Origin].Note != nil || v.Origin != line.Origin || v.Size != line.Size || hex.EncodeToString(v.Root[:]) != line.Root || v.At != line.At {
			return nil, fmt.Errorf("%s is damaged at %q: restore the newest copy or make a new witness in another folder", path, line.Origin)
		}
		seen[v.Origin] = v
	}
	if again, err := formatState(seen); err != nil || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("%s is not as it was written: restore the newest copy or make a new witness in another folder", path)
	}
	return seen, nil
}

// openSeen reads a note that the witness has cosigned.
func openSeen(signed []byte, key *chain.WitnessKey) (Seen, error) {
	text, sigs, err := chain.SplitNote(signed)
	if err != nil {
		return Seen{}, err
	}
	cp, err := chain.ParseCheckpoint(text)
	if err != nil {
		return Seen{}, err
	}
	for _, s := range sigs {
		if at, ok := key.Cosigned(text, s); ok {
			return Seen{Origin: cp.Origin, Size: cp.Size, Root: cp.Root, At: at, Note: signed, mine: s}, nil
		}
	}
	return Seen{}, chain.ErrSignature
}

// loadCosigner reads the key in dir, or makes one. The key is written last: until it is
// there, a start after a crash begins anew, and nothing has been cosigned.
func loadCosigner(dir, name string) (c *chain.Cosigner, made bool, err error) {
	c, err = readCosigner(dir)
	if err == nil {
		if name != "" && c.Key().Name() != name {
			return nil, false, fmt.Errorf("the witness in %s is named %s, not %s: leave the name out, or make a new one in another folder", dir, c.Key().Name(), name)
		}
		return c, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	empty, _ := formatState(nil)
	if text, err := os.ReadFile(filepath.Join(dir, stateFile)); err == nil && !bytes.Equal(text, empty) {
		return nil, false, fmt.Errorf("%s holds what a witness has cosigned and not its key: restore %s, or make a new witness in another folder", dir, keyFile)
	}
	c, err = makeCosigner(dir, name, rand.Reader)
	return c, err == nil, err
}

// readCosigner reads the key in dir. The error is fs.ErrNotExist if there is none.
func readCosigner(dir string) (*chain.Cosigner, error) {
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key of the witness: %w", err)
	}
	c, err := chain.ParseCosigner(strings.TrimSuffix(string(text), "\n"))
	if err != nil {
		return nil, fmt.Errorf("%s holds no key of a witness: restore it from your backup", path)
	}
	return c, nil
}

func makeCosigner(dir, name string, random io.Reader) (*chain.Cosigner, error) {
	c, skey, err := chain.GenerateCosigner(random, func(public []byte) string {
		if name != "" {
			return name
		}
		return "greffe-witness/" + hex.EncodeToString(public[:4])
	})
	if err != nil {
		return nil, err
	}
	if err := writeState(dir, nil); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(filepath.Join(dir, vkeyFile), []byte(c.Key().String()+"\n"), 0o644); err != nil {
		return nil, err
	}
	return c, durable.WriteFile(filepath.Join(dir, keyFile), []byte(skey+"\n"), 0o600)
}
