package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A ScopeKind says by what the entries of an excerpt were chosen.
type ScopeKind string

// The ways to choose. What is chosen by position or by time can be shown to be
// complete; what is chosen by name cannot, short of the whole ledger.
const (
	// ByRange: the entries from seq FromSeq (included) to ToSeq (excluded).
	ByRange ScopeKind = "range"
	// ByPeriod: those ledgered from From (included) to To (excluded).
	ByPeriod ScopeKind = "period"
	// ByAggregate: those about the aggregates in Names, each "kind/id".
	ByAggregate ScopeKind = "aggregate"
	// ByRegister: those that Register is folded from: about aggregates of the kinds in Names.
	ByRegister ScopeKind = "register"
	// ByPublisher: those of the publishers in Names.
	ByPublisher ScopeKind = "publisher"
)

const (
	maxScopeNames = 1000
	// maxScope bounds the text of a scope: a thousand of the longest names.
	maxScope = 128 << 10
)

// A Scope is what an excerpt claims to cover (FORMAT §5.2). Besides it, an excerpt holds the
// genesis, every event about keys, and for a period the entries next to it.
type Scope struct {
	By             ScopeKind
	FromSeq, ToSeq uint64   // of ByRange
	From, To       int64    // of ByPeriod, ns since the Unix epoch, whole seconds
	Register       string   // of ByRegister
	Names          []string // sorted, each once
}

// Chooses reports whether the scope claims the entry.
func (s *Scope) Chooses(e *Entry) bool {
	switch s.By {
	case ByRange:
		return s.FromSeq <= e.Seq && e.Seq < s.ToSeq
	case ByPeriod:
		return s.From <= e.LedgeredAt && e.LedgeredAt < s.To
	case ByAggregate:
		return s.named(e.Aggregate)
	case ByRegister:
		kind, _, _ := bytes.Cut([]byte(e.Aggregate), []byte("/"))
		return s.named(string(kind))
	case ByPublisher:
		return s.named(e.Publisher)
	}
	return false
}

func (s *Scope) named(name string) bool {
	_, found := slices.BinarySearch(s.Names, name)
	return found
}

// String says in a few words what the scope covers.
func (s *Scope) String() string {
	switch s.By {
	case ByRange:
		return fmt.Sprintf("entries %d to %d", s.FromSeq, s.ToSeq-1)
	case ByPeriod:
		return "entries ledgered from " + instantText(s.From) + " until " + instantText(s.To)
	case ByRegister:
		return "entries about " + strings.Join(s.Names, ", ") + ", called the register " + s.Register
	}
	if len(s.Names) == 1 {
		return "entries of the " + string(s.By) + " " + s.Names[0]
	}
	return fmt.Sprintf("entries of %d %ss", len(s.Names), s.By)
}

// A scopeText is the JSON form; members that its kind does not have are left out.
type scopeText struct {
	By       ScopeKind `json:"by"`
	From     any       `json:"from,omitempty"`
	Names    []string  `json:"names,omitempty"`
	Register string    `json:"register,omitempty"`
	To       any       `json:"to,omitempty"`
}

// AppendScope appends the canonical JSON of s, the body of a scope section. The error
// wraps [ErrMalformed].
func AppendScope(dst []byte, s *Scope) ([]byte, error) {
	text := scopeText{By: s.By, Names: s.Names, Register: s.Register}
	switch s.By {
	case ByRange:
		text.From, text.To = s.FromSeq, s.ToSeq
	case ByPeriod:
		text.From, text.To = instantText(s.From), instantText(s.To)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return dst, err
	}
	b.Truncate(b.Len() - 1) // the newline that Encode adds
	if _, err := ParseScope(b.Bytes()); err != nil {
		return dst, err
	}
	return append(dst, b.Bytes()...), nil
}

// ParseScope reads the body of a scope section. What it accepts, [AppendScope] writes
// again byte for byte. The error wraps [ErrMalformed].
func ParseScope(body []byte) (Scope, error) {
	bad := func(why string) (Scope, error) {
		return Scope{}, fmt.Errorf("scope: %s: %w", why, ErrMalformed)
	}
	if len(body) > maxScope {
		return bad("too long")
	}
	object, ok := canonicalASCII(body)
	if !ok {
		return bad("not canonical JSON in ASCII")
	}
	kind, _ := object["by"].(string)
	s := Scope{By: ScopeKind(kind)}
	members := 2
	switch s.By {
	case ByRange:
		from, ok1 := integer(object["from"])
		to, ok2 := integer(object["to"])
		if !ok1 || !ok2 || from >= to {
			return bad("a range goes from one seq to a larger one")
		}
		s.FromSeq, s.ToSeq, members = from, to, 3
	case ByPeriod:
		from, ok1 := instant(object["from"])
		to, ok2 := instant(object["to"])
		if !ok1 || !ok2 || from >= to {
			return bad("a period goes from one instant to a later one, in UTC and whole seconds")
		}
		s.From, s.To, members = from, to, 3
	case ByRegister:
		if s.Register, ok = object["register"].(string); !ok || !validPublisher(s.Register) {
			return bad("a register has a name")
		}
		members = 3
		fallthrough
	case ByAggregate, ByPublisher:
		if s.Names, ok = names(object["names"], s.By); !ok {
			return bad("names are of the kind that it is chosen by, sorted, each once")
		}
	default:
		return bad("chosen by something that this version does not know")
	}
	if len(object) != members {
		return bad("a member that this kind does not have")
	}
	return s, nil
}

// integer reads a number from 0 on.
func integer(v any) (uint64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return uint64(i), err == nil && i >= 0
}

const scopeInstant = "2006-01-02T15:04:05Z"

func instantText(ns int64) string { return time.Unix(0, ns).UTC().Format(scopeInstant) }

// instant reads an instant from 1970 on that a header could hold.
func instant(v any) (int64, bool) {
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(scopeInstant, s)
	return t.UnixNano(), err == nil && t.Unix() >= 0 && t.Year() < 2262 && t.Format(scopeInstant) == s
}

// names reads a list of names in strict order.
func names(v any, kind ScopeKind) ([]string, bool) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 || len(list) > maxScopeNames {
		return nil, false
	}
	valid := map[ScopeKind]func(string) bool{
		ByAggregate: validAggregate[string], ByRegister: validWord[string], ByPublisher: validPublisher[string],
	}[kind]
	var all []string
	for i, v := range list {
		name, ok := v.(string)
		if !ok || !valid(name) || i > 0 && all[i-1] >= name {
			return nil, false
		}
		all = append(all, name)
	}
	return all, true
}
