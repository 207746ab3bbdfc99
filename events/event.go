package events

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oklog/ulid/v2"
)

// SpecVersion is the version of CloudEvents that greffe speaks.
const SpecVersion = "1.0"

// An Event is a fact as it is published: the attributes of CloudEvents 1.0 and
// the payload (DESIGN: wire names). Its type decides what Data holds.
type Event struct {
	ID        ID     // idempotency key, unique per publisher for ever
	Source    string // publishing service and build, at most [MaxSource] bytes
	Type      string // "breach.established.v1"
	Aggregate string // wire name "subject": what the event is about, "breach/BR-2026-001"

	OccurredAt Instant   // wire name "time": when it happened in the world
	Precision  Precision // how exact OccurredAt is; empty means to the instant
	RecordedAt Instant   // when the publisher wrote it down

	Actor string // who did it, "kind/ref" or "kind/ref/role"; set by the gateway

	CorrelationID ID     // the case that the event belongs to
	CausationID   ID     // the event that caused it
	Corrects      ID     // the event that it corrects
	Reason        string // why, at most [MaxReason] characters, no personal data

	Data jsontext.Value // the payload, a JSON object

	contentType            string   // datacontenttype, if given
	unknown                []string // attributes that this build does not know
	actorStart, actorLimit int      // place of the actor member in the canonical form
}

// Limits of the envelope's texts.
const (
	MaxSource    = 80  // bytes
	MaxReason    = 500 // bytes
	MaxType      = 80  // bytes
	MaxAggregate = 96  // bytes
	MaxActor     = 128 // bytes
)

// An ID is a ULID in its canonical text: 26 characters of upper-case Crockford base 32.
type ID string

// Valid reports whether id is a ULID in canonical text, and not all zeros, which in
// the ledger means that there is none.
func (id ID) Valid() bool {
	u, err := ulid.ParseStrict(string(id))
	return err == nil && !u.IsZero() && u.String() == string(id)
}

// Bytes returns the 16 bytes of the ULID, or zeros if id is not valid.
func (id ID) Bytes() [16]byte {
	u, err := ulid.ParseStrict(string(id))
	if err != nil {
		return [16]byte{}
	}
	return u
}

// IDFromBytes returns the text of a ULID's 16 bytes.
func IDFromBytes(b [16]byte) ID { return ID(ulid.ULID(b).String()) }

// An Instant is a moment as RFC 3339 with the offset that its publisher gave.
// The offset is kept because it tells the two 02:30 of the last October Sunday apart.
type Instant string

// InstantOf returns t with its offset, to the nanosecond.
func InstantOf(t time.Time) Instant { return Instant(t.Format(time.RFC3339Nano)) }

// Time returns the moment.
func (i Instant) Time() (time.Time, error) {
	if !instantShape(string(i)) {
		return time.Time{}, errInstant
	}
	t, err := time.Parse(time.RFC3339Nano, string(i))
	if err != nil {
		return time.Time{}, errInstant
	}
	return t, nil
}

var errInstant = errors.New("not an RFC 3339 instant with offset")

// instantShape is stricter than [time.Parse]: two digits where two are due, upper-case
// T and Z, a point and not a comma, at most nanoseconds.
func instantShape(s string) bool {
	const shape = "0000-00-00T00:00:00"
	if len(s) < len(shape)+1 || len(s) > len(shape)+len(".000000000+00:00") || !sameShape(s[:len(shape)], shape) {
		return false
	}
	s = s[len(shape):]
	if s[0] == '.' {
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n < 2 || n > 10 {
			return false
		}
		s = s[n:]
	}
	if s == "Z" {
		return true
	}
	// time.Parse takes +24:00 and +23:60 as well.
	return (sameShape(s, "+00:00") || sameShape(s, "-00:00")) && s[1:3] <= "23" && s[4] <= '5'
}

// sameShape reports whether s has a digit where shape has one and else its bytes.
func sameShape(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		if shape[i] == '0' && !isDigit(s[i]) || shape[i] != '0' && s[i] != shape[i] {
			return false
		}
	}
	return true
}

// Valid reports whether i is an RFC 3339 instant with offset.
func (i Instant) Valid() bool {
	_, err := i.Time()
	return err == nil
}

// Precision says how exactly an instant is known.
type Precision string

// The precisions; the empty one means [PrecisionInstant].
const (
	PrecisionInstant Precision = "instant"
	PrecisionHour    Precision = "hour"
	PrecisionDay     Precision = "day"
	PrecisionMonth   Precision = "month"
	PrecisionYear    Precision = "year"
	PrecisionUnknown Precision = "unknown"
)

// Values lists the precisions.
func (Precision) Values() []string {
	return []string{"instant", "hour", "day", "month", "year", "unknown"}
}

// ValidName reports whether s can name a ledger or a publisher: ^[a-z][a-z0-9-]{0,31}$.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, b := range []byte(s) {
		if !isLower(b) && !isDigit(b) && b != '-' {
			return false
		}
	}
	return true
}

// ValidType reports whether s has the form of a type: words of lower-case letters,
// digits and underscores joined by dots, then a version such as ".v1".
func ValidType(s string) bool {
	if len(s) > MaxType {
		return false
	}
	words := strings.Split(s, ".")
	last := len(words) - 1
	for i, w := range words {
		if i < last && !validWord(w) {
			return false
		}
	}
	return last >= 2 && validVersion(words[last])
}

func validWord(w string) bool {
	if w == "" || !isLower(w[0]) {
		return false
	}
	for _, b := range []byte(w) {
		if !isLower(b) && !isDigit(b) && b != '_' {
			return false
		}
	}
	return true
}

// validVersion reports whether w is v1 to v9999.
func validVersion(w string) bool {
	if len(w) < 2 || len(w) > 5 || w[0] != 'v' || w[1] == '0' {
		return false
	}
	for _, b := range []byte(w[1:]) {
		if !isDigit(b) {
			return false
		}
	}
	return true
}

// ValidAggregate reports whether s has the form kind/id: the kind a word, the id
// visible ASCII without quote and backslash.
func ValidAggregate(s string) bool {
	kind, id, ok := strings.Cut(s, "/")
	if !ok || len(s) > MaxAggregate || id == "" || !validWord(kind) {
		return false
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// Kind returns the kind of the aggregate, "breach" for "breach/BR-2026-001".
func (e *Event) Kind() string {
	kind, _, _ := strings.Cut(e.Aggregate, "/")
	return kind
}

// AggregateID returns the id within the kind, "BR-2026-001" for "breach/BR-2026-001".
func (e *Event) AggregateID() string {
	_, id, _ := strings.Cut(e.Aggregate, "/")
	return id
}

// ContentDigest returns SHA-256 of the canonical event without its actor, which
// the gateway sets: two submissions with equal digests are the same fact.
// canonical must be what e was parsed from.
func (e *Event) ContentDigest(canonical []byte) [32]byte {
	if e.actorLimit == 0 {
		return sha256.Sum256(canonical)
	}
	h := sha256.New()
	h.Write(canonical[:e.actorStart])
	h.Write(canonical[e.actorLimit:])
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// Append appends the canonical form of e. It fails if Data is not acceptable JSON.
func (e *Event) Append(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	var err error
	for _, a := range attributes {
		if a.name == "data" {
			if dst, err = AppendCanonical(appendName(dst, start, a.name), e.Data); err != nil {
				return dst[:start], fmt.Errorf("data: %w", err)
			}
			continue
		}
		if v := a.get(e); v != "" {
			dst = appendString(appendName(dst, start, a.name), v)
		}
	}
	return append(dst, '}'), nil
}

func appendName(dst []byte, start int, name string) []byte {
	if len(dst) > start+1 {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}
