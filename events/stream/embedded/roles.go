package embedded

import (
	"github.com/nats-io/nats-server/v2/server"

	"greffe/events"
	"greffe/events/stream"
)

// Roles are the users that every daemon folder has, each named after its role.
var Roles = []stream.Role{stream.RoleDPO, stream.RoleAuditor, stream.RoleOperator, stream.RoleDaemon, stream.RoleFront}

// Reserved reports whether a publisher may not be called name, because a role or
// the daemon itself publishes under it.
func Reserved(name string) bool {
	switch name {
	case "greffe", "import", string(stream.RoleDPO), string(stream.RoleAuditor), string(stream.RoleOperator), string(stream.RoleDaemon), string(stream.RoleFront):
		return true
	}
	return !events.ValidName(name)
}

// InboxPrefix returns the prefix of the inboxes on which a user receives answers
// that no other user can listen to.
func InboxPrefix(user string) string { return "_INBOX_" + user }

// permissions is the whole access table: who may publish and subscribe to what.
// What is not listed is denied.
func permissions(ledger string, role stream.Role, user string) *server.Permissions {
	query, admin := events.QueryTopic(ledger, ">"), events.AdminTopic(ledger, ">")
	submit := func(publisher string) string { return events.SubmitTopic(ledger, publisher) }
	const discovery = "$SRV.>" // nats micro ls, info, stats
	var publish []string
	inboxes := []string{InboxPrefix(user) + ".>"}
	switch role {
	case stream.RoleDaemon:
		return nil // everything
	case stream.RoleFront:
		return frontPermissions(submit("*"), query, admin, discovery, user)
	case stream.RoleDPO:
		publish = []string{query, discovery, submit("dpo"), submit("import")}
	case stream.RoleAuditor:
		publish = []string{query, discovery}
	case stream.RoleOperator:
		publish = []string{query, discovery, admin}
	case stream.RolePublisher:
		publish = []string{submit(user)}
		inboxes = append(inboxes, "_INBOX.>") // what every client uses unless told otherwise
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: inboxes},
	}
}

// frontPermissions are those of the connection that answers clients. The server does
// not check where a request wants its answer, so whoever answers must not be able to
// publish to anything but inboxes: else a request whose reply is $JS.API… or another's
// topic would be carried out with the daemon's rights.
func frontPermissions(submit, query, admin, discovery, user string) *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: []string{"greffe.>", "$JS.>", "$KV.>", "$O.>", "$SYS.>", "$SRV.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{submit, query, admin, discovery, InboxPrefix(user) + ".>"}},
	}
}
