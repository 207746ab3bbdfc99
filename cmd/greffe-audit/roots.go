package main

import (
	"errors"
	"fmt"

	"greffe/ledger/anchor/timestamp"
	"greffe/ledger/verify"
)

// readRoots reads the certificates of the authorities whose timestamps count, and
// returns the check of their tokens, nil without any.
func readRoots(name string) (func(text string, token []byte) (verify.Stamp, error), error) {
	if name == "" {
		return nil, nil
	}
	text, err := readSmall("certificates", name, maxRootsFile)
	if err != nil {
		return nil, err
	}
	roots, err := timestamp.ParseRoots(text)
	if err != nil {
		return nil, fmt.Errorf("read certificates %s: %w", name, err)
	}
	check := timestamp.Checker(roots)
	return func(text string, token []byte) (verify.Stamp, error) {
		at, authority, err := check(text, token)
		if errors.Is(err, timestamp.ErrUntrusted) {
			err = fmt.Errorf("%w: %w", verify.ErrUntrusted, err)
		}
		return verify.Stamp{At: at, Authority: authority}, err
	}, nil
}
