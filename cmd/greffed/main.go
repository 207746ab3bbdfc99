// Greffed is the daemon of a ledger: it takes events, keeps the chain, and answers.
//
//	greffed serve --dir DIR                 run it
//	greffed publisher add NAME --dir DIR    let a service publish
//	greffed keys rotate --dir DIR           let another key sign from here on
//	greffed rebuild --dir DIR               make the registers anew
//	greffed fsck --dir DIR                  check the store and the registers
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // results must not depend on the host

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
)

func main() {
	syscall.Umask(0o077) // what the daemon writes is nobody else's to read
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "greffed",
		Short:         "the daemon of a GDPR audit ledger",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.Usage("%w", err) })
	root.AddCommand(serveCmd(), publisherCmd(), keysCmd(), rebuildCmd(), fsckCmd(), cli.ManCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := cli.Arguments(root.ExecuteContext(ctx))
	if err != nil {
		cli.Report(stderr, "greffed", err)
	}
	return cli.ExitCode(err)
}
