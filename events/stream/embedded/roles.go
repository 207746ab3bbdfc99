package embedded

import (
	"github.com/nats-io/nats-server/v2/server"

	"greffe/events"
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
	RolePublisher Role = "publisher" // submits its own events
)

// Roles are the users that every daemon folder has, each named after its role.
var Roles = []Role{RoleDPO, RoleAuditor, RoleOperator, RoleDaemon}

// Reserved reports whether a publisher may not be called name, because a role or
// the daemon itself publishes under it.
func Reserved(name string) bool {
	switch name {
	case "greffe", "import", string(RoleDPO), string(RoleAuditor), string(RoleOperator), string(RoleDaemon):
		return true
	}
	return !events.ValidName(name)
}

// InboxPrefix returns the prefix of the inboxes on which a user receives answers
// that no other user can listen to.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// permissions is the whole access table: who may publish and subscribe to what.
// What is not listed is denied.
func permissions(ledger string, role Role, user string) *server.Permissions {
	query, admin := events.QueryTopic(ledger, ">"), events.AdminTopic(ledger, ">")
	submit := func(publisher string) string { return events.SubmitTopic(ledger, publisher) }
	const discovery = "$SRV.>" // nats micro ls, info, stats
	var publish []string
	inboxes := []string{InboxPrefix(user) + ".>"}
	switch role {
	case RoleDaemon:
		return nil // everything
	case RoleDPO:
		publish = []string{query, discovery, submit("dpo"), submit("import")}
	case RoleAuditor:
		publish = []string{query, discovery}
	case RoleOperator:
		publish = []string{query, discovery, admin}
	case RolePublisher:
		publish = []string{submit(user)}
		inboxes = append(inboxes, "_INBOX.>") // what every client uses unless told otherwise
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: inboxes},
	}
}
