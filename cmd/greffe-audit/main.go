// Greffe-audit verifies a bundle offline: one file and one key, no network,
// no database. It is small on purpose, so that an auditor can read it.
package main

import (
	"fmt"
	"io"
	"os"
)

// Exit codes, the same for every program of greffe.
const (
	exitSound       = 0 // sound, or done
	exitCannot      = 1 // could not do it: a file or a key cannot be read
	exitUsage       = 2 // the command line makes no sense
	exitTampering   = 3 // a readable file that is not a sound bundle
	exitUnconfirmed = 4 // the bundle claims something that cannot be shown
)

const usage = `Usage:
    greffe-audit verify FILE --key KEY [-o text|json] [--quiet]
    greffe-audit show FILE [-o text|json|ndjson]

verify checks a bundle: every hash, link and rule, and the signature by KEY.
show lists its entries, without judging them. FILE may be - for standard input.

    --key KEY     the ledger's verification key, or a file that holds it;
                  received from its keeper by another way than the bundle
    -o FORMAT     text by default
    --quiet       print nothing, exit only

Exit codes: 0 sound; 1 a file or key cannot be read; 2 usage; 3 tampering, or
no sound bundle at all; 4 unconfirmed.

Example:
    $ greffe-audit verify 2026.greffe --key main.vkey
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run does what args say and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := command{stdin: stdin, stdout: stdout, stderr: stderr}
	switch {
	case len(args) == 0:
		fmt.Fprint(stderr, usage)
		return exitUsage
	case args[0] == "verify":
		return c.verify(args[1:])
	case args[0] == "show":
		return c.show(args[1:])
	case args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
		fmt.Fprint(stdout, usage)
		return exitSound
	}
	return c.usageError(fmt.Sprintf("unknown command %q", args[0]))
}
