// Greffe-audit verifies evidence offline: a bundle or the proof of one event, and a key.
// No network, no database. It is small on purpose, so that an auditor can read it.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
)

// Exit codes, the same for every program of greffe.
const (
	exitSound       = 0 // sound, or done
	exitCannot      = 1 // could not do it: a file or a key cannot be read
	exitUsage       = 2 // the command line makes no sense
	exitTampering   = 3 // a readable file that is not sound
	exitUnconfirmed = 4 // something is claimed, or asked for, that cannot be shown
)

//go:embed usage.txt
var usage string

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run does what args say and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := command{stdin: stdin, stdout: stdout, stderr: stderr}
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch name, args := args[0], args[1:]; name {
	case "verify":
		return c.verify(args)
	case "show":
		return c.show(args)
	case "register":
		return c.register(args)
	case "diff":
		return c.diff(args)
	case "schema":
		fmt.Fprint(stdout, reportSchema)
		return exitSound
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitSound
	default:
		return c.usageError(fmt.Sprintf("unknown command %q", name))
	}
}
