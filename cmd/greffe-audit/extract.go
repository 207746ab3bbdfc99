package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"greffe/ledger/chain"
)

// extractSections writes what the sections hold into files that other programs read:
// checkpoints as signed notes and as the three lines that are stamped, tokens in DER.
func extractSections(dir string, sections []chain.Section) error {
	x, err := newExtract(dir)
	if err != nil {
		return err
	}
	for i, s := range sections {
		switch s.Kind {
		case chain.SectionCheckpoint:
			x.checkpoint("checkpoint", s.Data)
		case chain.SectionCosigned:
			x.checkpoint(fmt.Sprintf("cosigned-%d", i), s.Data)
		case chain.SectionTimestamp:
			x.timestamp(fmt.Sprintf("timestamp-%d", i), s.Data)
		case chain.SectionScope:
			x.write("scope.json", s.Data)
		}
	}
	return x.err
}

// extractProof writes the parts of a proof: what is hashed to the leaf, what it covers,
// and the checkpoint.
func extractProof(dir string, p *chain.TlogProof, rec *chain.Record) error {
	x, err := newExtract(dir)
	if err != nil {
		return err
	}
	x.write("header", rec.Header)
	if rec.Payload != nil {
		x.write("payload.json", rec.Payload)
	}
	x.checkpoint("checkpoint", p.Checkpoint)
	return x.err
}

// An extract writes files into a folder, until one cannot be written. It overwrites none.
type extract struct {
	dir string
	err error
}

func newExtract(dir string) (*extract, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	return &extract{dir: dir}, nil
}

func (x *extract) write(name string, data []byte) {
	if x.err != nil {
		return
	}
	f, err := os.OpenFile(filepath.Join(x.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		x.err = fmt.Errorf("extract: %w", err)
	}
}

func (x *extract) checkpoint(name string, signed []byte) {
	c, err := chain.ReadCheckpoint(signed)
	if err != nil {
		x.err = errors.Join(x.err, err)
		return
	}
	x.write(name+".note", signed)
	x.write(name+".txt", []byte(c.Text))
}

func (x *extract) timestamp(name string, body []byte) {
	t, _, err := chain.ParseTimestamp(body)
	if err != nil {
		x.err = errors.Join(x.err, err)
		return
	}
	x.write(name+".txt", []byte(t.Text))
	x.write(name+".tst", t.Token)
}
