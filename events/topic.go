package events

import "strings"

// The topics (NATS subjects) of one ledger. Submissions are captured by no stream,
// so that clear personal data never reaches a disk of NATS; events are captured by
// the one stream of the ledger, and only daemons may publish them.

// StreamName returns the name of a ledger's stream.
func StreamName(ledger string) string { return "GREFFE_" + ledger }

// HeadBucket returns the name of the key-value bucket of a ledger's head record.
func HeadBucket(ledger string) string { return "greffe_" + ledger + "_head" }

// SubmitTopic returns where a publisher sends its events as requests.
func SubmitTopic(ledger, publisher string) string {
	return "greffe." + ledger + ".submit." + publisher
}

// EventTopic returns where a daemon publishes an accepted event of a publisher.
func EventTopic(ledger, publisher, eventType string) string {
	return "greffe." + ledger + ".event." + publisher + "." + eventType
}

// QueryTopic returns the topic of one endpoint of the query service.
func QueryTopic(ledger, endpoint string) string { return "greffe." + ledger + ".query." + endpoint }

// AdminTopic returns the topic of one operation of the running daemon.
func AdminTopic(ledger, operation string) string { return "greffe." + ledger + ".admin." + operation }

// CutEventTopic takes an event's topic apart. It reports false for every other topic.
func CutEventTopic(topic string) (ledger, publisher, eventType string, ok bool) {
	rest, ok := strings.CutPrefix(topic, "greffe.")
	if !ok {
		return "", "", "", false
	}
	ledger, rest, ok = strings.Cut(rest, ".")
	if !ok {
		return "", "", "", false
	}
	rest, ok = strings.CutPrefix(rest, "event.")
	if !ok {
		return "", "", "", false
	}
	publisher, eventType, ok = strings.Cut(rest, ".")
	return ledger, publisher, eventType, ok && ValidName(ledger) && ValidName(publisher) && ValidType(eventType)
}

// DaemonPublisher is the publisher under which greffe itself publishes.
const DaemonPublisher = "greffe"
