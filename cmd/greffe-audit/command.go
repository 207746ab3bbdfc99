package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"greffe/ledger/chain"
)

// Limits on what is read whole, in bytes.
const (
	maxKeyFile    = 4096 // a key is about 100
	maxPolicyFile = 64 << 10
	maxRootsFile  = 4 << 20
)

// A command is one run of the program.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// options are the flags of all commands; each has some of them.
type options struct {
	files    []string // one or two, and for register its name
	key      string
	format   string
	quiet    bool
	policy   string
	tsaRoots string
	since    string
	from, to string
	knownAt  string
	digest   string
	extract  string
}

// errHelp asks for the usage text and no more.
var errHelp = errors.New("help")

// A spec says what one command takes.
type spec struct {
	name     string
	formats  []string
	least    int // how many files and names
	most     int
	keyed    bool
	declared func(*flag.FlagSet, *options)
}

// parse reads the file names and the flags, which may stand before or after them.
func parse(s spec, args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(s.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.format, "o", "text", "")
	if s.keyed {
		flags.StringVar(&o.key, "key", "", "")
	}
	if s.declared != nil {
		s.declared(flags, &o)
	}
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return o, errHelp
		} else if err != nil {
			return o, err
		}
		if flags.NArg() == 0 {
			break
		}
		o.files, args = append(o.files, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(o.files) < s.least || len(o.files) > s.most:
		return o, fmt.Errorf("%s takes %s, got %d", s.name, takes(s), len(o.files))
	case !slices.Contains(s.formats, o.format):
		return o, fmt.Errorf("-o %s: the formats of %s are %s", o.format, s.name, strings.Join(s.formats, ", "))
	case s.keyed && o.key == "":
		return o, fmt.Errorf("%s needs --key; a key inside a bundle proves nothing", s.name)
	}
	return o, nil
}

func takes(s spec) string {
	switch {
	case s.least == 2:
		return "two files"
	case s.most == 2:
		return "one file and at most one name"
	}
	return "one file"
}

// parseError says what is wrong with the command line, or prints the usage.
func (c *command) parseError(err error) int {
	if errors.Is(err, errHelp) {
		fmt.Fprint(c.stdout, usage)
		return exitSound
	}
	return c.usageError(err.Error())
}

func (c *command) usageError(what string) int {
	c.complain(what, `run "greffe-audit help"`)
	return exitUsage
}

// complain prints an error and what to do about it.
func (c *command) complain(what, hint string) {
	fmt.Fprintf(c.stderr, "greffe-audit: error: %s\n", what)
	fmt.Fprintf(c.stderr, "greffe-audit: hint: %s\n", hint)
}

// cannot reports that the work could not be done.
func (c *command) cannot(err error, hint string) int {
	c.complain(err.Error(), hint)
	return exitCannot
}

// cannotRead reports that the evidence could not be opened.
func (c *command) cannotRead(err error) int {
	return c.cannot(err, "check the name and the permissions of the file")
}

// cannotUse reports that a key could not be read.
func (c *command) cannotUse(err error) int {
	return c.cannot(err, "give the key itself, or a file that holds it in one line; a daemon keeps its own as DIR/<ledger>.vkey")
}

// open opens the evidence; size is 0 if it is not known beforehand.
func (c *command) open(name string) (r io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(c.stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

// A secondReading is a file that was judged and is read once more: what is made of it is
// worth nothing if it is another one by now.
type secondReading struct {
	io.Reader
	io.Closer
	sum    hash.Hash
	digest []byte // SHA-256 of the file as it was judged
}

var errChanged = errors.New("the file is not the one that was verified a moment ago")

// reopen opens a file that was judged for the second time.
func (c *command) reopen(name string, digest []byte) (*secondReading, error) {
	f, _, err := c.open(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	return &secondReading{io.TeeReader(f, sum), f, sum, digest}, nil
}

// same reads what is left, and fails unless it was the same file.
func (s *secondReading) same() error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if !bytes.Equal(s.sum.Sum(nil), s.digest) {
		return errChanged
	}
	return nil
}

// readKey returns the verification key that arg is, or that the file arg holds.
func readKey(arg string) (note.Verifier, error) {
	if v, err := note.NewVerifier(strings.TrimSpace(arg)); err == nil {
		return v, nil
	}
	text, err := readSmall("key", arg, maxKeyFile)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("read key: %s does not hold one verification key", arg)
	}
	return v, nil
}

// readPolicy reads a policy file, nil without one.
func readPolicy(name string) (*chain.Policy, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readSmall("policy", name, maxPolicyFile)
	if err != nil {
		return nil, err
	}
	p, err := chain.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("read policy %s: %w", name, err)
	}
	return p, nil
}

// readSince reads the checkpoint that the auditor kept, nil without one: by itself, or in
// the proof of an event or a bundle received earlier.
func readSince(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64)
	start, _ := in.Peek(len(chain.BundleMagic))
	if string(start) == chain.BundleMagic {
		return checkpointOf(name, chain.NewBundleReader(in))
	}
	text, err := io.ReadAll(io.LimitReader(in, chain.MaxTlogProof+1))
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	if chain.IsTlogProof(text) {
		p, err := chain.ParseTlogProof(text)
		return p.Checkpoint, err
	}
	return text, nil
}

// checkpointOf returns the checkpoint of a bundle.
func checkpointOf(name string, r *chain.BundleReader) ([]byte, error) {
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read checkpoint of %s: %w", name, err)
		}
	}
	for _, s := range r.Sections() {
		if s.Kind == chain.SectionCheckpoint {
			return s.Data, nil
		}
	}
	return nil, fmt.Errorf("read checkpoint: the bundle %s has none", name)
}

// readSmall reads a file that has a bound.
func readSmall(what, name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("read %s: %s is larger than any %s", what, name, what)
	}
	return text, nil
}
