package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/stream"
	"greffe/events/stream/embedded"
	"greffe/ledger"
)

func publisherCmd() *cobra.Command {
	var dir, ledgerName string
	cmd := &cobra.Command{Use: "publisher", Short: "let services publish, and stop them"}
	cmd.PersistentFlags().StringVar(&dir, "dir", cli.DefaultDir(), "folder of the daemon")
	cmd.PersistentFlags().StringVar(&ledgerName, "ledger", "main", "name of the ledger")
	cmd.AddCommand(
		&cobra.Command{
			Use: "add NAME", Short: "make a publisher; its credentials go to DIR/publishers/NAME.json, at once",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := changePublishers(dir, ledgerName, opPublisherAdd, args[0]); err != nil {
					return err
				}
				path := stream.CredentialsPath(dir, stream.RolePublisher, args[0])
				fmt.Fprintf(cmd.OutOrStdout(), "publisher %s: credentials in %s, submits to %s\n", args[0], path, events.SubmitTopic(ledgerName, args[0]))
				return nil
			},
		},
		&cobra.Command{
			Use: "remove NAME", Short: "take a publisher's access away; what it published stays",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := changePublishers(dir, ledgerName, opPublisherRemove, args[0]); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "publisher %s: removed\n", args[0])
				return nil
			},
		},
		&cobra.Command{
			Use: "list", Short: "list the publishers",
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				users, err := embedded.ReadUsers(dir)
				if err != nil {
					return err
				}
				if users == nil {
					return cli.Hint(fmt.Errorf("%s holds no users", dir), "the first start makes them: greffed serve --dir %s", dir)
				}
				for _, u := range users {
					if u.Role == stream.RolePublisher {
						fmt.Fprintln(cmd.OutOrStdout(), u.Name)
					}
				}
				return nil
			},
		},
	)
	return cmd
}

// changePublishers asks the running daemon, or changes the files if none runs.
func changePublishers(dir, ledgerName, op, name string) error {
	f, err := openFolder(dir, ledgerName)
	if errors.Is(err, ledger.ErrLocked) {
		return askDaemon(dir, op, name)
	}
	if err != nil {
		return err
	}
	defer f.close()
	users, err := embedded.LoadUsers(dir, ledgerName)
	if err != nil {
		return err
	}
	if op == opPublisherRemove {
		return users.RemovePublisher(name)
	}
	_, err = users.AddPublisher(name)
	return err
}

func askDaemon(dir, op, name string) error {
	d, err := cli.ReadDaemonFile(dir)
	if err != nil {
		return err
	}
	if d.URL == "" {
		return cli.Hint(errors.New("this daemon uses an external server, whose users are kept there"),
			"give the service a user there that may publish to %s and listen to its inbox", events.SubmitTopic(d.Ledger, name))
	}
	target := cli.Target{Dir: dir}
	nc, err := target.Connect("greffed", func(dir string) string {
		return stream.CredentialsPath(dir, stream.RoleOperator, string(stream.RoleOperator))
	})
	if err != nil {
		return err
	}
	defer nc.Close()
	request, err := json.Marshal(adminRequest{Name: name})
	if err != nil {
		return err
	}
	m, err := nc.Request(events.AdminTopic(d.Ledger, op), request, 10*time.Second)
	if err != nil {
		if errors.Is(err, nats.ErrNoResponders) {
			return errors.New("the daemon is still starting, try again")
		}
		return cli.Denied(nc, fmt.Errorf("ask the daemon: %w", err))
	}
	var answer adminAnswer
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}
