package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxKeyFile bounds a file of keys, in bytes: a key is about 100.
const maxKeyFile = 64 << 10

// A command is one run of the program.
type command struct {
	stdout, stderr io.Writer
}

// options are the flags of both commands.
type options struct {
	dir, listen, name, format string
	ledgers                   []string
	quiet                     bool
}

func (c *command) run(ctx context.Context, args []string) int {
	show := args[0] == "show"
	if show {
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "help" {
		args = []string{"-h"}
	}
	o, err := parse(show, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(c.stdout, usage)
		return exitDone
	case err != nil:
		c.complain(err.Error(), `run "greffe-witness help"`)
		return exitUsage
	case show:
		return c.show(o)
	}
	return c.serve(ctx, o)
}

// parse reads the flags.
func parse(show bool, args []string) (o options, err error) {
	flags := flag.NewFlagSet("greffe-witness", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.dir, "dir", "", "")
	if show {
		flags.StringVar(&o.format, "o", "text", "")
	} else {
		flags.StringVar(&o.listen, "listen", "127.0.0.1:8471", "")
		flags.StringVar(&o.name, "name", "", "")
		flags.BoolVar(&o.quiet, "quiet", false, "")
		flags.Func("ledger", "", func(s string) error { o.ledgers = append(o.ledgers, s); return nil })
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is no command and no flag", flags.Arg(0))
	case o.dir == "":
		return o, errors.New("--dir is needed")
	case show && o.format != "text" && o.format != "json":
		return o, fmt.Errorf("-o %s: the formats are text and json", o.format)
	case !show && len(o.ledgers) == 0:
		return o, errors.New("--ledger is needed: the verification key of the ledger to witness, received from its keeper")
	}
	return o, nil
}

// complain prints an error and, if there is one, what to do about it.
func (c *command) complain(what, hint string) {
	fmt.Fprintf(c.stderr, "greffe-witness: error: %s\n", strings.ReplaceAll(what, "\n", "; "))
	if hint != "" {
		fmt.Fprintf(c.stderr, "greffe-witness: hint: %s\n", hint)
	}
}

// cannot reports that the work could not be done.
func (c *command) cannot(err error, hint string) int {
	c.complain(err.Error(), hint)
	return exitCannot
}

// readKeys returns the verification key that arg is, or those that the file arg holds.
func readKeys(arg string) (keys []note.Verifier, err error) {
	if v, err := note.NewVerifier(strings.TrimSpace(arg)); err == nil {
		return []note.Verifier{v}, nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, fmt.Errorf("read key: %q is no verification key and no file of them", arg)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", unwrapPath(err))
	}
	for _, word := range strings.Fields(string(text)) {
		v, err := note.NewVerifier(word)
		if err != nil {
			return nil, fmt.Errorf("read key: %s holds something that is no verification key of a ledger", arg)
		}
		keys = append(keys, v)
	}
	if len(keys) == 0 || len(text) > maxKeyFile {
		return nil, fmt.Errorf("read key: %s does not hold verification keys", arg)
	}
	return keys, nil
}

// unwrapPath leaves the reason of a file error without repeating its path.
func unwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
