package projections

import "greffe/events"

// A Code names a kind of anomaly. Codes are stable: scripts filter by them
// (domain.md §6).
type Code string

// The anomalies that this rule set finds.
const (
	Illegal         Code = "A-ILLEGAL"          // not legal in the state of the aggregate
	OutOfOrder      Code = "A-ORDER"            // before a step that it rests on
	Dup             Code = "A-DUP"              // opens an aggregate that is open
	IDReuse         Code = "A-ID-REUSE"         // an id that was used for another event
	UnknownAgg      Code = "A-UNKNOWN-AGG"      // the aggregate was never opened
	Backdated       Code = "A-BACKDATED"        // takes effect before it was made known
	Regression      Code = "A-REGRESSION"       // the state goes backwards
	StaleEdit       Code = "A-STALE-EDIT"       // edited from a value that is not the current one
	Conflict        Code = "A-CONFLICT"         // cannot be true together with what is known
	Overlap         Code = "A-OVERLAP"          // two of what there may be one of at a time
	AfterClose      Code = "A-AFTER-CLOSE"      // about a case that was closed, which reopens it
	CloseIncomplete Code = "A-CLOSE-INCOMPLETE" // closes a case with duties left
	AwareLate       Code = "A-AWARE-LATE"       // moves the start of a legal clock forward
	NoDPO           Code = "A-NO-DPO"           // decided without the opinion of the DPO
	Imported        Code = "A-IMPORTED"         // written by an importer from another record
	UnknownType     Code = "A-UNKNOWN-TYPE"     // a type that this build does not know
	Schema          Code = "A-SCHEMA"           // recorded by another build, not readable by this one
)

// An Effect is what became of an event in a register (domain.md §1.5).
type Effect string

// The effects.
const (
	Applied        Effect = "applied"          // the row shows it
	AppliedFlagged Effect = "applied_flagged"  // the row shows it although it does not fit
	KeptNotApplied Effect = "kept_not_applied" // only the history shows it
)

// An Anomaly is one event that does not fit. It never holds a value of the event.
type Anomaly struct {
	Seq      uint64    `json:"seq"`
	EventID  events.ID `json:"event_id,omitzero"`
	Register string    `json:"register"`
	Row      string    `json:"row,omitzero"` // id of the row concerned
	Code     Code      `json:"code"`
	Effect   Effect    `json:"effect"`
	Path     string    `json:"path,omitzero"` // of the field concerned
}
