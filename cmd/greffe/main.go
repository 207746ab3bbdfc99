// Greffe is the client of services, DPO and operators: it publishes, imports, and
// reads registers over NATS. It holds no database and no server.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := &options{}
	root := &cobra.Command{
		Use:   "greffe",
		Short: "read and feed a GDPR audit ledger",
		Long: "Read and feed a GDPR audit ledger.\n\nExit codes: 0 done, 1 could not do it, 2 usage, 3 tampering, 4 unconfirmed,\n" +
			"5 the answer is no (a conflict, a quarantine).",
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return o.validate() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.Usage("%w", err) })
	o.register(root.PersistentFlags())
	root.AddCommand(publishCmd(o), importCmd(o), registerCmd(o), statusCmd(o), bundleCmd(o), proveCmd(o), eventCmd(o), schemaCmd(o), cli.ManCommand())
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := cli.Arguments(root.ExecuteContext(ctx))
	if err != nil {
		cli.Report(stderr, "greffe", err)
	}
	return cli.ExitCode(err)
}
