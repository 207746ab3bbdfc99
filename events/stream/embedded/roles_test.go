package embedded_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"greffe/events"
	"greffe/events/stream"
	"greffe/events/stream/embedded"
	"greffe/events/stream/streamtest"
)

// Every role against every topic, publishing and subscribing. What is not in the
// table must be refused by the server.
func TestEveryRoleAgainstEveryTopic(t *testing.T) {
	srv := streamtest.Start(t, "main")
	for _, name := range []string{"hr", "crm"} {
		if _, err := srv.Users.AddPublisher(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.SetUsers(srv.Users.List()); err != nil {
		t.Fatal(err)
	}
	topics := []string{
		events.SubmitTopic("main", "hr"), events.SubmitTopic("main", "crm"), events.SubmitTopic("main", "dpo"), events.SubmitTopic("main", "import"), events.SubmitTopic("main", "greffe"),
		events.EventTopic("main", "hr", "a.b.v1"), events.EventTopic("main", "greffe", "ledger.opened.v1"),
		events.QueryTopic("main", "status"), events.AdminTopic("main", "publisher.add"),
		"$JS.API.INFO", "$JS.API.STREAM.DELETE." + events.StreamName("main"), "$KV.greffe_main_head.head", "$SRV.PING", "$SYS.REQ.SERVER.PING",
		"_INBOX.x.y", "_INBOX_hr.x", "_INBOX_crm.x", "_INBOX_dpo.x", "_INBOX_auditor.x", "_INBOX_operator.x", "anything.else",
	}
	submit := func(p string) string { return events.SubmitTopic("main", p) }
	query, admin := events.QueryTopic("main", "status"), events.AdminTopic("main", "publisher.add")
	users := []struct {
		role               stream.Role
		name               string
		publish, subscribe []string
	}{
		{stream.RolePublisher, "hr", []string{submit("hr")}, []string{"_INBOX.x.y", "_INBOX_hr.x"}},
		{stream.RolePublisher, "crm", []string{submit("crm")}, []string{"_INBOX.x.y", "_INBOX_crm.x"}},
		{stream.RoleDPO, "dpo", []string{submit("dpo"), submit("import"), query, "$SRV.PING"}, []string{"_INBOX_dpo.x"}},
		{stream.RoleAuditor, "auditor", []string{query, "$SRV.PING"}, []string{"_INBOX_auditor.x"}},
		{stream.RoleOperator, "operator", []string{query, admin, "$SRV.PING"}, []string{"_INBOX_operator.x"}},
		{stream.RoleFront, "front", slices.DeleteFunc(slices.Clone(topics), func(t string) bool { return !strings.HasPrefix(t, "_INBOX") && t != "anything.else" }),
			[]string{submit("hr"), submit("crm"), submit("dpo"), submit("import"), submit("greffe"), query, admin, "$SRV.PING"}},
		{stream.RoleDaemon, "daemon", topics, topics},
	}
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			refused := make(chan error, 10)
			nc := srv.Connect(t, u.role, u.name, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
			for _, topic := range topics {
				if got, want := allowed(t, nc, refused, func() { nc.Publish(topic, nil) }), slices.Contains(u.publish, topic); got != want {
					t.Errorf("publish to %s: allowed %v, want %v", topic, got, want)
				}
				if got, want := allowed(t, nc, refused, func() { nc.SubscribeSync(topic) }), slices.Contains(u.subscribe, topic); got != want {
					t.Errorf("subscribe to %s: allowed %v, want %v", topic, got, want)
				}
			}
			if u.role != stream.RoleDaemon && allowed(t, nc, refused, func() { nc.SubscribeSync(">") }) {
				t.Errorf("may listen to everything")
			}
		})
	}
}

// allowed runs try and reports whether the server took it: a refusal reaches the
// client before the answer to the next ping.
func allowed(t *testing.T, nc *nats.Conn, refused chan error, try func()) bool {
	t.Helper()
	try()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Fatalf("got %v, want a permission violation", err)
		}
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

func TestNobodyIsAnonymous(t *testing.T) {
	srv := streamtest.Start(t, "main")
	for name, opts := range map[string][]nats.Option{
		"no user":        nil,
		"wrong password": {nats.UserInfo("dpo", "dpo")},
		"unknown user":   {nats.UserInfo("root", "x")},
		"the hash":       {nats.UserInfo("dpo", srv.Users.List()[1].Hash)},
	} {
		if nc, err := nats.Connect(srv.URL(), opts...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: got %v, want an authorization error", name, err)
			nc.Close()
		}
	}
}

func TestPublishersComeAndGoAtOnce(t *testing.T) {
	srv := streamtest.Start(t, "main")
	if _, err := srv.Users.AddPublisher("hr"); err != nil {
		t.Fatal(err)
	}
	if err := srv.SetUsers(srv.Users.List()); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	srv.Connect(t, stream.RolePublisher, "hr", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(gone) }))
	dpo := srv.Connect(t, stream.RoleDPO, "dpo")
	if _, err := srv.Users.AddPublisher("hr"); !errors.Is(err, embedded.ErrUserExists) {
		t.Errorf("second add: got %v, want ErrUserExists", err)
	}
	for _, bad := range []string{"", "HR", "greffe", "dpo", "a.b", "../x", "import"} {
		if _, err := srv.Users.AddPublisher(bad); err == nil {
			t.Errorf("publisher %q was made", bad)
		}
	}
	if err := srv.Users.RemovePublisher("hr"); err != nil {
		t.Fatal(err)
	}
	if err := srv.SetUsers(srv.Users.List()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("a removed publisher stays connected")
	}
	if !dpo.IsConnected() {
		t.Error("another user lost its connection")
	}
}

// A daemon that starts again keeps its users, and a moved port reaches every file.
func TestUsersSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first, err := embedded.LoadUsers(dir, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.SetURL("nats://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	made, err := first.AddPublisher("hr")
	if err != nil {
		t.Fatal(err)
	}
	second, err := embedded.LoadUsers(dir, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.SetURL("nats://127.0.0.1:2"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.List(), second.List()) {
		t.Error("the users changed")
	}
	got, err := stream.ReadCredentials(stream.CredentialsPath(dir, stream.RolePublisher, "hr"))
	made.URL = "nats://127.0.0.1:2"
	if err != nil || got != made {
		t.Errorf("got %+v, %v, want %+v", got, err, made)
	}
	if made.SubmitSubject != "greffe.main.submit.hr" {
		t.Errorf("submit subject %q", made.SubmitSubject)
	}
}
