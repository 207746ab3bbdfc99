package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	cmd.PersistentFlags().StringVar(&ledgerName, "ledger", "", "name of the ledger (default: the one in DIR)")
	cmd.AddCommand(
		&cobra.Command{
			Use: "add NAME", Short: "make a publisher; its credentials go to DIR/publishers/NAME.json, at once",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := changePublishers(dir, ledgerName, opPublisherAdd, args[0])
				if err != nil {
					return err
				}
				printAdded(cmd.OutOrStdout(), dir, c)
				return nil
			},
		},
		&cobra.Command{
			Use: "remove NAME", Short: "take a publisher's access away; what it published stays",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if _, err := changePublishers(dir, ledgerName, opPublisherRemove, args[0]); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "publisher %s: removed\n", args[0])
				return nil
			},
		},
		&cobra.Command{
			Use: "list", Short: "list the publishers",
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return listPublishers(cmd.OutOrStdout(), dir, ledgerName) },
		},
	)
	return cmd
}

// printAdded says where the credentials are. They name no server if no daemon was there
// to say where it listens; the next start writes it into the file.
func printAdded(w io.Writer, dir string, c stream.Credentials) {
	path := stream.CredentialsPath(dir, stream.RolePublisher, c.User)
	fmt.Fprintf(w, "publisher %s: credentials in %s, submits to %s\n", c.User, path, c.SubmitSubject)
	if c.URL == "" {
		fmt.Fprintf(w, "no daemon runs: its url is still missing in %s, the next start writes it; hand the file over after that\n", path)
	}
}

func listPublishers(w io.Writer, dir, ledgerName string) error {
	if _, err := findLedger(dir, ledgerName); err != nil {
		return err
	}
	users, err := usersOf(dir)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Role == stream.RolePublisher {
			fmt.Fprintln(w, u.Name)
		}
	}
	return nil
}

// usersOf returns the users of a folder. One whose daemon has always used an external
// server holds none, and shall get none that could connect nowhere.
func usersOf(dir string) ([]embedded.User, error) {
	users, err := embedded.ReadUsers(dir)
	if err == nil && users == nil {
		return nil, cli.Hint(fmt.Errorf("%s holds no users", dir),
			"an external server keeps its own; a daemon that brings its server makes them when it starts: greffed serve --dir %s", dir)
	}
	return users, err
}

// changePublishers asks the running daemon, or changes the files if none runs. It
// returns the credentials of a publisher that was added.
func changePublishers(dir, ledgerName, op, name string) (stream.Credentials, error) {
	f, err := findFolder(dir, ledgerName)
	if errors.Is(err, ledger.ErrLocked) {
		return askDaemon(dir, op, name)
	}
	if err != nil {
		return stream.Credentials{}, err
	}
	defer f.close()
	if _, err := usersOf(dir); err != nil {
		return stream.Credentials{}, err
	}
	users, err := embedded.LoadUsers(dir, f.ledger)
	if err != nil {
		return stream.Credentials{}, err
	}
	if op == opPublisherRemove {
		return stream.Credentials{}, users.RemovePublisher(name)
	}
	return users.AddPublisher(name)
}

func askDaemon(dir, op, name string) (c stream.Credentials, err error) {
	d, err := cli.ReadDaemonFile(dir)
	if err != nil {
		return c, err
	}
	if d.URL == "" {
		return c, cli.Hint(errors.New("this daemon uses an external server, whose users are kept there"),
			"give the service a user there that may publish to %s and listen to its inbox", events.SubmitTopic(d.Ledger, name))
	}
	target := cli.Target{Dir: dir}
	nc, err := target.Connect("greffed", func(dir string) string {
		return stream.CredentialsPath(dir, stream.RoleOperator, string(stream.RoleOperator))
	})
	if err != nil {
		return c, err
	}
	defer nc.Close()
	request, err := json.Marshal(adminRequest{Name: name})
	if err != nil {
		return c, err
	}
	m, err := nc.Request(events.AdminTopic(d.Ledger, op), request, 10*time.Second)
	if err != nil {
		if errors.Is(err, nats.ErrNoResponders) {
			return c, errors.New("the daemon is still starting, try again")
		}
		return c, cli.Denied(nc, fmt.Errorf("ask the daemon: %w", err))
	}
	var answer adminAnswer
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return c, fmt.Errorf("read the daemon's answer: %w", err)
	}
	if answer.Error != "" {
		return c, errors.New(answer.Error)
	}
	if answer.Credentials != nil {
		c = *answer.Credentials
	}
	return c, nil
}
