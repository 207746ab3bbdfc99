package events

import "time"

// The types of payload members. A member is required unless its tag says omitzero,
// and the type carries the rest: its format, its values or its members. See
// [Type.Decode] for all the rules, and schema.go for the same rules as JSON Schema.

// Class says what a member can tell about a person (domain.md §1.7).
type Class string

// The classes. P3 and P4 are sealed before anything is stored.
const (
	P0 Class = "P0" // no personal data
	P1 Class = "P1" // staff and roles, by pseudonym
	P2 Class = "P2" // data subjects, by random pseudonym
	P3 Class = "P3" // content about a data subject, sealed under the subject's key
	P4 Class = "P4" // free text that may name anybody, sealed under a case key
)

// Values lists the classes.
func (Class) Values() []string { return []string{"P0", "P1", "P2", "P3", "P4"} }

// A format is what a string type asks of its texts.
type format struct {
	want    string            // for people: "a date such as 2024-03-29"
	pattern string            // in the language of [pattern], also the schema's
	schema  string            // format keyword of JSON Schema, if there is one
	check   func(string) bool // beyond the pattern
	class   Class             // personal-data class; empty = P0
}

// formatted is implemented by every string type with a format.
type formatted interface{ format() format }

// A Text is one text in several languages: locale ("en", "fr-FR") → text.
type Text map[Locale]string

// Locale is a language, with a country if it matters: "fr", "fr-FR".
type Locale string

func (Locale) format() format {
	return format{want: `a locale such as "fr"`, pattern: `^[a-z]{2}$|^[a-z]{2}-[A-Z]{2}$`}
}

// Date is a civil date without a zone: "2024-03-29".
type Date string

func (Date) format() format {
	return format{want: "a date such as 2024-03-29", pattern: `^\d{4}-\d{2}-\d{2}$`, schema: "date",
		check: func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }}
}

// Valid reports whether d is a date of the calendar.
func (d Date) Valid() bool { return conforms(d) }

// Period is a length of time in one unit of ISO 8601: "P30D", "P13M", "P3Y", "PT72H".
type Period string

func (Period) format() format {
	return format{want: "a period in one unit such as P30D, P13M, P3Y or PT72H",
		pattern: `^P[1-9]\d{0,3}[DMY]$|^PT[1-9]\d{0,4}H$`}
}

// Valid reports whether p is a period.
func (p Period) Valid() bool { return conforms(p) }

func (Instant) format() format {
	return format{want: "an RFC 3339 instant with offset", schema: "date-time", pattern: `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[Z+.-][0-9:Z+.-]{0,15}$`,
		check: func(s string) bool { return Instant(s).Valid() }}
}

func (ID) format() format {
	return format{want: "a ULID", pattern: `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`}
}

// SHA256 is a digest in lower-case hexadecimal.
type SHA256 string

func (SHA256) format() format {
	return format{want: "a SHA-256 in 64 lower-case hexadecimal digits", pattern: `^[0-9a-f]{64}$`}
}

// URL is an address of the web, http or https.
type URL string

func (URL) format() format {
	return format{want: "an http or https URL", pattern: `^https://[!-~]{1,1000}$|^http://[!-~]{1,1000}$`}
}

// Country is an ISO 3166-1 alpha-2 code: "FR".
type Country string

func (Country) format() format {
	return format{want: "a country code such as FR", pattern: `^[A-Z]{2}$`}
}

// PersonRef is the pseudonym of a member of staff, "per_" and a ULID (class P1). The
// name behind it is in the vault and never in the ledger.
type PersonRef string

func (PersonRef) format() format {
	return format{want: "a staff pseudonym (per_ and a ULID)", pattern: `^per_[0-9A-HJKMNP-TV-Z]{26}$`, class: P1}
}

// Valid reports whether p is a pseudonym.
func (p PersonRef) Valid() bool { return conforms(p) }

// DataSubjectRef is the random pseudonym of a data subject, "sub_" and a ULID (class
// P2). It is never a hash of an identifier.
type DataSubjectRef string

func (DataSubjectRef) format() format {
	return format{want: "a data-subject pseudonym (sub_ and a ULID)", pattern: `^sub_[0-9A-HJKMNP-TV-Z]{26}$`, class: P2}
}

// Valid reports whether d is a pseudonym.
func (d DataSubjectRef) Valid() bool { return conforms(d) }

// Path names a member of a register row: names and list positions joined by dots, as
// in "purposes.0.legal_basis".
type Path string

func (Path) format() format {
	return format{want: "a path such as purposes.0.legal_basis", pattern: `^[A-Za-z0-9_().-]{1,200}$`}
}

// Article is a provision of law: "GDPR:33(1)", "28(3)(a)".
type Article string

func (Article) format() format {
	return format{want: "a provision such as GDPR:33(1)", pattern: `^[ -~]{1,60}$`}
}

// Word is a short name without spaces that a system gives: "api_key", "P1".
type Word string

func (Word) format() format {
	return format{want: "1 to 64 letters, digits, or any of _ . : / -", pattern: `^[A-Za-z0-9_.:/-]{1,64}$`}
}

// Count is a number that may be known in part: between Min and Max, about, or unknown.
type Count struct {
	Min     *int64 `json:"min,omitzero"`
	Max     *int64 `json:"max,omitzero"`
	Approx  bool   `json:"approx,omitzero"`
	Unknown bool   `json:"unknown,omitzero"`
}

// An Attachment is a document by its digest; the document itself is kept elsewhere.
type Attachment struct {
	SHA256    SHA256 `json:"sha256"`
	MediaType string `json:"media_type,omitzero" max:"100"`
	Bytes     *int64 `json:"bytes,omitzero"`
	Label     string `json:"label,omitzero" max:"200"`
}

// A Reference is an object of this ledger, of another system, or plain words.
type Reference struct {
	Ref  Word   `json:"ref,omitzero"`
	Text string `json:"text,omitzero"`
}

// conforms reports whether s satisfies its type's format.
func conforms[S interface {
	~string
	formatted
}](s S) bool {
	f := s.format()
	return compilePattern(f.pattern).match(string(s)) && (f.check == nil || f.check(string(s)))
}
