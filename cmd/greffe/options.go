package main

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"greffe/cmd/internal/cli"
	"greffe/events"
	"greffe/events/stream"
	"greffe/projections/query"
)

// options are the flags of every command.
type options struct {
	target  cli.Target
	output  string
	asOf    string
	knownAt string
	role    string
	wait    time.Duration
	quiet   bool
}

func (o *options) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.target.Dir, "dir", cli.DefaultDir(), "folder of a local daemon")
	flags.StringVar(&o.target.Context, "context", "", "a context of the nats command line")
	flags.StringVar(&o.target.Server, "server", "", "URL of a NATS server")
	flags.StringVar(&o.target.Ledger, "ledger", "", "name of the ledger (default: the daemon's, or main)")
	flags.StringVarP(&o.output, "output", "o", "table", "table, json, ndjson, csv or yaml")
	flags.StringVar(&o.asOf, "as-of", "", "what was true then: RFC 3339 instant or date")
	flags.StringVar(&o.knownAt, "known-at", "", "using only entries up to then: a seq, an RFC 3339 instant or a date")
	flags.StringVar(&o.role, "role", string(stream.RoleDPO), "role to read as: dpo, auditor or operator")
	flags.DurationVar(&o.wait, "timeout", 30*time.Second, "how long to wait for an answer")
	flags.BoolVar(&o.quiet, "quiet", false, "no progress")
}

// validate refuses a wrong word before anything is sent.
func (o *options) validate() error {
	switch o.output {
	case "table", "json", "ndjson", "csv", "yaml":
	default:
		return cli.Usage("-o %s: table, json, ndjson, csv or yaml", o.output)
	}
	if o.target.Ledger != "" && !events.ValidName(o.target.Ledger) {
		return cli.Usage("--ledger: a ledger's name is 1 to 32 of a-z, 0-9 and '-', and starts with a letter")
	}
	if o.asOf != "" && !moment(o.asOf) {
		return cli.Usage("--as-of is neither a date nor an RFC 3339 instant with offset, such as 2026-01-31 or 2026-01-31T10:00:00+01:00")
	}
	if _, err := strconv.ParseUint(o.knownAt, 10, 64); o.knownAt != "" && err != nil && !moment(o.knownAt) {
		return cli.Usage("--known-at is neither a seq, a date nor an RFC 3339 instant with offset, such as 145, 2026-01-31 or 2026-01-31T10:00:00+01:00")
	}
	return nil
}

// timeless refuses the flags that ask for another time, of a command that proves what is.
func (o *options) timeless(command string) error {
	if o.asOf != "" || o.knownAt != "" {
		return cli.Usage("%s: --as-of and --known-at are for registers", command)
	}
	return nil
}

// moment reports whether text is an instant or a date, in the forms that the daemon takes.
func moment(text string) bool {
	return events.Instant(text).Valid() || events.Date(text).Valid()
}

func (o *options) when() query.When { return query.When{AsOf: o.asOf, KnownAt: o.knownAt} }

// ask connects as the reading role and returns a client of the query service.
func (o *options) ask() (*query.Client, *nats.Conn, error) {
	switch stream.Role(o.role) {
	case stream.RoleDPO, stream.RoleAuditor, stream.RoleOperator:
	default:
		return nil, nil, cli.Usage("--role %s: dpo, auditor or operator", o.role)
	}
	nc, err := o.target.Connect("client", func(dir string) string {
		return stream.CredentialsPath(dir, stream.Role(o.role), o.role)
	})
	if err != nil {
		return nil, nil, err
	}
	return query.NewClient(nc, o.target.Ledger, o.wait), nc, nil
}

// submitAs connects as a publisher. The reserved ones use the DPO's credentials.
func (o *options) submitAs(publisher string) (*nats.Conn, error) {
	return o.target.Connect("publisher "+publisher, func(dir string) string {
		if publisher == "dpo" || publisher == "import" {
			return stream.CredentialsPath(dir, stream.RoleDPO, string(stream.RoleDPO))
		}
		return stream.CredentialsPath(dir, stream.RolePublisher, publisher)
	})
}
