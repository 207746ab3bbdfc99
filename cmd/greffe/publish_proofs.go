package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/gateway"
)

// openProofs makes the folder for the proofs, before anything is published.
func (s *submitter) openProofs() error {
	if s.proofs == "" {
		return nil
	}
	if err := os.MkdirAll(s.proofs, 0o755); err != nil {
		return fmt.Errorf("--proofs: %w", err)
	}
	return nil
}

// keepProof writes the proof of a receipt into its file, and takes it out of the receipt.
func (s *submitter) keepProof(r *gateway.Receipt) error {
	if s.proofs == "" {
		return nil
	}
	if r.Proof == "" {
		s.unproved++
		return nil
	}
	file := filepath.Join(s.proofs, proofName(r))
	err := writeFile(file, func(w io.Writer) error {
		_, err := io.WriteString(w, r.Proof)
		return err
	})
	r.Proof = ""
	return unwritten("proof", file, err)
}

// proofName names the file of a proof. An event that was not recorded under its id does
// not take the place of the one that was.
func proofName(r *gateway.Receipt) string {
	switch {
	case r.Disposition == gateway.Quarantined || !events.ID(r.ID).Valid():
		return fmt.Sprintf("quarantined-%d%s", r.Seq, suffixProof)
	case r.Disposition == gateway.Conflict:
		return fmt.Sprintf("%s.conflict-%d%s", r.ID, r.Seq, suffixProof)
	}
	return r.ID + suffixProof
}

// proven is exit code 4 if a proof that was asked for is missing: the entries are there.
func (s *submitter) proven() error {
	if s.proofs == "" || s.unproved == 0 {
		return nil
	}
	return &cli.Error{
		Code: cli.ExitUnconfirmed,
		Err:  fmt.Errorf("every event is in the ledger, and %d have no proof yet", s.unproved),
		Hint: "ask for them by greffe prove, or publish the same events again",
	}
}
