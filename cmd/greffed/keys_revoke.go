package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
)

// revokeFlags are the flags of keys revoke.
type revokeFlags struct {
	cause, compromisedAt string
	trustedTo            int64
	trustNothing         bool
}

func keysRevokeCmd(k *keysFlags) *cobra.Command {
	var o revokeFlags
	cmd := &cobra.Command{
		Use: "revoke KEY --cause TEXT {--trusted-to SIZE | --trust-nothing}", Short: "say that a key is not to be trusted beyond a size",
		Long: "Say, for ever and in the ledger, that a key's word counts for checkpoints of at most SIZE entries. KEY is a\n" +
			"verification key or its 8 digits of key hash. Who has that key alone can then verify nothing beyond SIZE, not even\n" +
			"through a rotation that the key signed later: tell auditors the newest key. The key in use cannot be revoked: rotate first.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("trusted-to") == o.trustNothing {
				return cli.Usage("keys revoke: either --trusted-to SIZE, the size of the last checkpoint to trust, or --trust-nothing")
			}
			if o.trustedTo < 0 {
				return cli.Usage("--trusted-to %d: a number of entries", o.trustedTo)
			}
			if strings.TrimSpace(o.cause) == "" || strings.ContainsFunc(o.cause, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
				return cli.Usage("--cause: one line of ASCII, so that every verifier reads it")
			}
			if o.compromisedAt != "" && !events.Instant(o.compromisedAt).Valid() {
				return cli.Usage("--compromised-at: an instant such as 2026-11-20T10:00:00+01:00")
			}
			f, id, err := k.open()
			if err != nil {
				return err
			}
			return f.revoke(cmd.Context(), cmd.OutOrStdout(), &id, args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.cause, "cause", "", "why, in ASCII; everybody who gets a bundle reads it")
	flags.Int64Var(&o.trustedTo, "trusted-to", 0, "size of the last checkpoint of this key that is to be trusted")
	flags.BoolVar(&o.trustNothing, "trust-nothing", false, "nothing that this key ever signed is to be trusted")
	flags.StringVar(&o.compromisedAt, "compromised-at", "", "since when somebody else may have the key")
	return cmd
}

func (f *folder) revoke(ctx context.Context, w io.Writer, id *identity, name string, o revokeFlags) error {
	list, err := f.keyListNow(id)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list.Keys, func(k keyPeriod) bool { return called(k.VKey, name) })
	if at < 0 {
		return cli.Hint(fmt.Errorf("%s is no key of this ledger so far", name), "see greffed keys show --dir %s", f.dir)
	}
	vkey := list.Keys[at].VKey
	if vkey == list.valid() {
		return cli.Hint(fmt.Errorf("%s signs now: once it is revoked, nobody could trust what the ledger says of it", keyHashOf(vkey)), "greffed keys rotate --dir %s, then revoke it", f.dir)
	}
	data := events.LedgerKeyRevoked{VKey: vkey, Cause: o.cause, Compromised: events.Instant(o.compromisedAt)}
	if !o.trustNothing {
		data.TrustedTo = &o.trustedTo
	}
	p, err := f.addPending(id, events.TypeKeyRevoked, data, time.Now())
	if err != nil {
		return err
	}
	done, err := f.await(ctx, &p)
	if err != nil {
		return err
	}
	if !done {
		fmt.Fprintf(w, "no daemon runs: the next start records that %s is revoked\n", keyHashOf(vkey))
		return nil
	}
	fmt.Fprintf(w, "revoked %s: its word counts for %d entries and no more\n", vkey, o.trustedTo)
	fmt.Fprintf(w, "tell auditors and witnesses the newest key, by another way than bundles: it is in %s\n", f.vkeyPath())
	return nil
}
