package gateway

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"greffe/events"
)

// A checker holds submissions against the envelope and the catalogue. Its memory is
// used again from one event to the next.
type checker struct {
	canon     events.Canonicalizer
	canonical []byte
}

// A checked submission has either problems or an event that can be published.
type checked struct {
	id       string // if it could be read, also of an event with problems
	event    events.Event
	stored   []byte   // canonical, with the actor
	digest   [32]byte // of the content
	problems []events.Problem
}

// Codes of problems that the gateway itself finds; the others are those of package
// events.
const (
	codeTooLarge   = "too_large"
	codeMalformed  = "malformed"
	codeEnvelope   = "bad_envelope"
	codeUnknown    = "unknown_type"
	codeDaemonOnly = "reserved_type"
)

// maxProblems bounds the reasons of one event: the event that keeps them must stay
// small, whatever was submitted.
const maxProblems = 20

// titles are the short texts of reasons; a code without one is its own title.
var titles = map[string]string{
	codeTooLarge:          "the event is too large",
	codeMalformed:         "this is not acceptable JSON",
	codeEnvelope:          "the envelope is not well formed",
	codeUnknown:           "the type or version of the event is not known",
	codeDaemonOnly:        "only the daemon publishes this type",
	"clear_personal_data": "personal data in clear",
	"missing":             "a required member is missing",
	"unknown_member":      "a member is not in the schema",
	"unknown_attribute":   "an attribute is not in the envelope",
	"actor_given":         "the actor is not the publisher's to set",
}

func titleOf(code string) string {
	if t, ok := titles[code]; ok {
		return t
	}
	return strings.ReplaceAll(code, "_", " ")
}

func one(code, detail string) []events.Problem {
	return []events.Problem{{Code: code, Detail: detail}}
}

// check parses, canonicalises and validates one submission. Size and form are
// refused before anything is interpreted.
func (c *checker) check(publisher string, raw []byte) checked {
	if len(raw) > events.MaxSubmit {
		return checked{problems: one(codeTooLarge, fmt.Sprintf("%d bytes, at most %d are taken: attach documents by digest", len(raw), events.MaxSubmit))}
	}
	canonical, err := c.canon.Append(c.canonical[:0], raw)
	if err != nil {
		return checked{problems: one(codeMalformed, err.Error())}
	}
	c.canonical = canonical
	ev, err := events.Parse(canonical)
	if err != nil {
		return checked{problems: one(codeEnvelope, err.Error())}
	}
	out := checked{id: string(ev.ID), event: ev, problems: ev.Check()}
	out.problems = append(out.problems, checkType(&ev)...)
	out.problems = out.problems[:min(len(out.problems), maxProblems)]
	if len(out.problems) > 0 {
		return out
	}
	out.digest = sha256.Sum256(canonical) // no actor in it: Check refused one
	out.stored = withActor(canonical, actorOf(publisher))
	return out
}

func checkType(ev *events.Event) []events.Problem {
	t, ok := events.Lookup(ev.Type)
	if !ok {
		return one(codeUnknown, "this type is not in the catalogue of this build (greffe schema lists them)")
	}
	if t.Daemon {
		return one(codeDaemonOnly, "events of this type are made by greffe alone")
	}
	_, problems := t.Check(ev)
	return problems
}

// withActor puts the actor into a canonical event that has none. Its name sorts
// before every other attribute's.
func withActor(canonical []byte, actor string) []byte {
	out := make([]byte, 0, len(canonical)+len(actor)+12)
	out = append(out, `{"actor":"`...)
	out = append(out, actor...)
	out = append(out, `",`...)
	return append(out, canonical[1:]...)
}

// actorOf derives the actor from the authenticated publisher: a person at the
// command line, an import of a base, or a service.
func actorOf(publisher string) string {
	switch publisher {
	case "dpo":
		return "user/dpo"
	case "import":
		return "import/base"
	default:
		return "service/" + publisher
	}
}
