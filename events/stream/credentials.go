package stream

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
)

// A Role is what a user of the embedded server may do. There are no other users and
// no anonymous ones.
type Role string

// The roles. Every publisher is a user of its own, of role RolePublisher.
const (
	RoleDPO       Role = "dpo"       // reads registers, publishes by hand, imports a base
	RoleAuditor   Role = "auditor"   // reads
	RoleOperator  Role = "operator"  // reads, and administers the daemon
	RoleDaemon    Role = "daemon"    // the only one that touches events, JetStream and key-value buckets
	RoleFront     Role = "front"     // the daemon towards clients: hears them, and answers to inboxes only
	RolePublisher Role = "publisher" // submits its own events
)

// Credentials are what a user needs to connect. The file is also a context of the
// nats command line: nats --context /absolute/path.json.
type Credentials struct {
	URL           string `json:"url"`
	User          string `json:"user"`
	Password      string `json:"password"`
	InboxPrefix   string `json:"inbox_prefix,omitempty"`
	SubmitSubject string `json:"submit_subject,omitempty"` // where a publisher sends its events
}

// CredentialsPath returns the file of a user's credentials in a daemon's folder.
func CredentialsPath(dir string, role Role, name string) string {
	if role == RolePublisher {
		return filepath.Join(dir, "publishers", name+".json")
	}
	return filepath.Join(dir, "roles", name+".json")
}

// ReadCredentials reads a file of credentials.
func ReadCredentials(path string) (Credentials, error) {
	var c Credentials
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read credentials: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read credentials: %s is not a credentials file: %w", path, err)
	}
	return c, nil
}

// Options returns the options with which the user connects.
func (c Credentials) Options() []nats.Option {
	opts := []nats.Option{nats.UserInfo(c.User, c.Password)}
	if c.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	return opts
}
