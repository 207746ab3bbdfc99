// Greffe-witness is a witness for one or more ledgers: it cosigns their checkpoints
// as long as each proves that it only grew, and keeps both if two contradict each other.
// One folder, no database, and nothing of the ledgers but their newest checkpoint.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, the same for every program of greffe.
const (
	exitDone      = 0
	exitCannot    = 1 // a file, a key or an address cannot be used
	exitUsage     = 2
	exitTampering = 3 // show: a ledger has signed two histories
)

const usage = `Usage:
    greffe-witness --dir DIR --ledger KEY [--ledger KEY]... [--listen ADDRESS] [--name NAME] [--quiet]
    greffe-witness show --dir DIR [-o text|json]

Cosigns the checkpoints of ledgers (C2SP tlog-witness). The first start makes DIR and the key of the
witness, and prints the line for the policy of the ledger's keeper. show prints what was seen.

    --dir DIR          folder of the witness; never restore it from an old copy
    --ledger KEY       a ledger's verification key, or a file with one a line
    --listen ADDRESS   127.0.0.1:8471 by default
    --name NAME        name of the witness' key, for its first start
    --quiet            print nothing but errors

Exit codes: 0 done; 1 could not do it; 2 usage; 3 show: a ledger has signed two histories.

Example:
    $ greffe-witness --dir W --ledger main.vkey --listen 0.0.0.0:8471
`

func main() {
	syscall.Umask(0o077) // the key is nobody else's to read
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := command{stdout: stdout, stderr: stderr}
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	return c.run(ctx, args)
}
