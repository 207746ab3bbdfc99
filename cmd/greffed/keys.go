package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/ledger"
)

// keysFlags are what the commands about keys share.
type keysFlags struct {
	dir, ledger string
}

func keysCmd() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use: "keys", Short: "the keys that sign checkpoints: show, rotate, revoke, hand on",
		Long: "The keys that sign checkpoints. Each is a file in DIR/keys, the one in use is DIR/main.key (named after the\n" +
			"ledger). A key in a PKCS#11 module is a file too, which holds its URI instead of the key.",
	}
	cmd.PersistentFlags().StringVar(&f.dir, "dir", cli.DefaultDir(), "folder of the daemon")
	cmd.PersistentFlags().StringVar(&f.ledger, "ledger", "", "name of the ledger (default: the one in DIR)")
	cmd.AddCommand(keysShowCmd(&f), keysRotateCmd(&f), keysRevokeCmd(&f), keysExportCmd(&f), keysImportCmd(&f))
	return cmd
}

// open finds the folder without locking it: the daemon may run.
func (k *keysFlags) open() (*folder, identity, error) {
	id, err := findLedger(k.dir, k.ledger)
	return &folder{dir: k.dir, ledger: string(id.Ledger)}, id, err
}

// daemonRuns reports whether a daemon has the folder.
func (f *folder) daemonRuns() (bool, error) {
	locked, err := lockFolder(f.dir, f.ledger)
	if errors.Is(err, ledger.ErrLocked) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, locked.close()
}

func keysShowCmd(k *keysFlags) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "show", Short: "the ledger's keys, what they sign, and which private keys are here",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return cli.Usage("-o %s: table or json", format)
			}
			f, id, err := k.open()
			if err != nil {
				return err
			}
			shown, err := f.showKeys(&id)
			if err != nil {
				return err
			}
			return shown.print(cmd.OutOrStdout(), format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

func keysExportCmd(k *keysFlags) *cobra.Command {
	var file, which string
	cmd := &cobra.Command{
		Use: "export -f FILE", Short: "write a private key to a file, in clear, for another daemon of this ledger",
		Long: "Write a private key to a file that its owner alone can read. The key is IN CLEAR: whoever has the file can sign\n" +
			"for the ledger. Move it by a way that nobody else reads, import it, and destroy the file.\n" +
			"Without --key it is the key that is prepared, or else the key in use.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cli.Usage("keys export: -f FILE is missing")
			}
			f, id, err := k.open()
			if err != nil {
				return err
			}
			return f.exportKey(cmd.OutOrStdout(), &id, which, file)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file to write; it must not exist")
	cmd.Flags().StringVar(&which, "key", "", "verification key, or its 8 digits of key hash")
	return cmd
}

func keysImportCmd(k *keysFlags) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "take a private key of this ledger from a file that keys export wrote; a running daemon has it at once",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, id, err := k.open()
			if err != nil {
				return err
			}
			return f.importKey(cmd.OutOrStdout(), &id, args[0])
		},
	}
}

// printAuditors says who has to be told of a new key.
func printAuditors(w io.Writer, dir, vkeyPath string) {
	fmt.Fprintf(w, "tell auditors and witnesses, by another way than bundles: the key is in %s\n", vkeyPath)
	fmt.Fprintf(w, "who has the old key alone can still verify, unless it is revoked (greffed keys revoke --dir %s)\n", dir)
}
