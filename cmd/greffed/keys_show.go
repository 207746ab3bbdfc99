package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"text/tabwriter"

	"greffe/ledger"
)

// shownKeys is what keys show prints.
type shownKeys struct {
	Origin string     `json:"origin"`
	Size   uint64     `json:"size"` // of the ledger, as far as its keys are known here
	Keys   []shownKey `json:"keys"`
}

// A shownKey is one key of the ledger or of the folder.
type shownKey struct {
	VKey      string  `json:"vkey"`
	State     string  `json:"state"`          // valid, retired, prepared
	From      *uint64 `json:"from,omitempty"` // sizes of the checkpoints that it signs
	To        *uint64 `json:"to,omitempty"`
	TrustedTo *uint64 `json:"trusted_to,omitempty"` // if it was revoked
	File      string  `json:"file,omitempty"`       // of the private key, if it is here
	Module    bool    `json:"module,omitempty"`     // the file names a key in a PKCS#11 module
	Pending   bool    `json:"pending,omitempty"`    // its rotation waits to be recorded
}

// keyListNow asks the ledger, or reads what the running daemon wrote.
func (f *folder) keyListNow(id *identity) (keyList, error) {
	locked, err := lockFolder(f.dir, f.ledger)
	if errors.Is(err, ledger.ErrLocked) {
		return f.readKeyList(id)
	}
	if err != nil {
		return keyList{}, err
	}
	defer locked.close()
	if _, err := os.Stat(f.path("ledger")); err != nil {
		return f.readKeyList(id) // nothing was opened yet
	}
	o := f.ledgerOptions(id)
	o.Log = slog.New(slog.DiscardHandler)
	l, err := ledger.Open(f.path("ledger"), o)
	if err != nil {
		return keyList{}, err
	}
	defer l.Close()
	if l.Size() == 0 {
		return f.readKeyList(id)
	}
	return keyListOf(l), nil
}

func (f *folder) showKeys(id *identity) (shownKeys, error) {
	list, err := f.keyListNow(id)
	if err != nil {
		return shownKeys{}, err
	}
	held, err := f.heldKeys(id.Origin)
	if err != nil {
		return shownKeys{}, err
	}
	waiting, err := f.pendingRotation()
	if err != nil {
		return shownKeys{}, err
	}
	s := shownKeys{Origin: id.Origin, Size: list.Size}
	for i, k := range list.Keys {
		shown := shownKey{VKey: k.VKey, State: "valid", From: &k.From, TrustedTo: k.TrustedTo}
		if i+1 < len(list.Keys) {
			to := list.Keys[i+1].From - 1
			shown.State, shown.To = "retired", &to
		}
		s.Keys = append(s.Keys, shown)
	}
	for _, h := range held {
		at := slices.IndexFunc(s.Keys, func(k shownKey) bool { return k.VKey == h.vkey })
		if at < 0 {
			s.Keys = append(s.Keys, shownKey{VKey: h.vkey, State: "prepared", Pending: waiting != nil && waiting.next == h.vkey})
			at = len(s.Keys) - 1
		}
		s.Keys[at].File, s.Keys[at].Module = cmp.Or(s.Keys[at].File, h.path+".key"), h.inModule()
	}
	return s, nil
}

func (s *shownKeys) print(w io.Writer, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tSTATE\tSIGNS SIZES\tPRIVATE KEY")
	for _, k := range s.Keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.VKey, k.state(), k.sizes(), cmp.Or(k.File, "not here"))
	}
	return table.Flush()
}

func (k *shownKey) state() string {
	switch {
	case k.TrustedTo != nil && *k.TrustedTo == 0:
		return k.State + ", revoked"
	case k.TrustedTo != nil:
		return fmt.Sprintf("%s, revoked after %d", k.State, *k.TrustedTo)
	case k.Pending:
		return "rotation pending"
	}
	return k.State
}

func (k *shownKey) sizes() string {
	switch {
	case k.From == nil:
		return "none yet"
	case k.To == nil:
		return fmt.Sprintf("from %d", *k.From)
	}
	return fmt.Sprintf("%d to %d", *k.From, *k.To)
}
