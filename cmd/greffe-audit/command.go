package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxKeyFile bounds a key file, in bytes: a key is about 100.
const maxKeyFile = 4096

// A command is one run of the program.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// options are the flags of both commands.
type options struct {
	file   string
	key    string
	format string
	quiet  bool
}

// errHelp asks for the usage text and no more.
var errHelp = errors.New("help")

// parse reads the one file name and the flags, which may stand before or after it.
func parse(name string, args, formats []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.format, "o", "text", "")
	if name == "verify" {
		flags.StringVar(&o.key, "key", "", "")
		flags.BoolVar(&o.quiet, "quiet", false, "")
	}
	var files []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return o, errHelp
		} else if err != nil {
			return o, err
		}
		if flags.NArg() == 0 {
			break
		}
		files, args = append(files, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(files) != 1:
		return o, fmt.Errorf("%s takes one file, got %d", name, len(files))
	case !slices.Contains(formats, o.format):
		return o, fmt.Errorf("-o %s: the formats of %s are %s", o.format, name, strings.Join(formats, ", "))
	case name == "verify" && o.key == "":
		return o, errors.New("verify needs --key; a key inside a bundle proves nothing")
	}
	o.file = files[0]
	return o, nil
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

// open opens the bundle; size is 0 if it is not known beforehand.
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

// readKey returns the verification key that arg is, or that the file arg holds.
func readKey(arg string) (note.Verifier, error) {
	if v, err := note.NewVerifier(strings.TrimSpace(arg)); err == nil {
		return v, nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil || len(text) > maxKeyFile {
		return nil, fmt.Errorf("read key: %s does not hold one verification key", arg)
	}
	return v, nil
}
