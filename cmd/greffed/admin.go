package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"greffe/events"
	"greffe/events/stream"
)

// An adminRequest is what the operator asks of the running daemon.
type adminRequest struct {
	Name string `json:"name"`
}

// An adminAnswer is its answer: an error's text, or what was made.
type adminAnswer struct {
	Error       string              `json:"error,omitempty"`
	Credentials *stream.Credentials `json:"credentials,omitempty"`
}

// Operations of the running daemon.
const (
	opPublisherAdd    = "publisher.add"
	opPublisherRemove = "publisher.remove"
)

// serveAdmin answers the operator. Users of an external server are not ours to change.
func (d *daemon) serveAdmin() error {
	if d.server == nil {
		return nil
	}
	for op, do := range map[string]func(string) (*stream.Credentials, error){
		opPublisherAdd:    d.addPublisher,
		opPublisherRemove: d.removePublisher,
	} {
		_, err := d.front.Subscribe(events.AdminTopic(d.folder.ledger, op), func(m *nats.Msg) {
			if !strings.HasPrefix(m.Reply, "_INBOX") {
				return // the answer would go where only the daemon may publish
			}
			var req adminRequest
			var answer adminAnswer
			err := json.Unmarshal(m.Data, &req)
			if err == nil {
				answer.Credentials, err = do(req.Name)
			}
			if err != nil {
				answer.Error = err.Error()
			}
			text, err := json.Marshal(answer)
			if err == nil {
				err = m.Respond(text)
			}
			if err != nil {
				d.log.Error("the operator could not be answered", "error", err)
			}
		})
		if err != nil {
			return fmt.Errorf("serve the operator: %w", err)
		}
	}
	return d.front.Flush()
}

func (d *daemon) addPublisher(name string) (*stream.Credentials, error) {
	d.usersMu.Lock()
	defer d.usersMu.Unlock()
	c, err := d.users.AddPublisher(name)
	if err != nil {
		return nil, err
	}
	return &c, d.server.SetUsers(d.users.List())
}

func (d *daemon) removePublisher(name string) (*stream.Credentials, error) {
	d.usersMu.Lock()
	defer d.usersMu.Unlock()
	return nil, errors.Join(d.users.RemovePublisher(name), d.server.SetUsers(d.users.List()))
}
