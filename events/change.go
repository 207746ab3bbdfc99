package events

import "github.com/go-json-experiment/json/jsontext"

// A Change is one member of a row that is no longer what it was. Without From the
// member was not there; without To it is gone.
type Change struct {
	Path Path           `json:"path"`
	From jsontext.Value `json:"from,omitzero"`
	To   jsontext.Value `json:"to,omitzero"`
}

// Amended is the payload of `amended` events: the world changed, and the row with it.
// No changes say that somebody declared an update without telling what it was.
type Amended struct {
	Changes     []Change `json:"changes"`
	EffectiveOn Date     `json:"effective_on,omitzero"`
}

// Amendment returns the changes and the date from which they hold, if it was given.
func (a *Amended) Amendment() ([]Change, Date) { return a.Changes, a.EffectiveOn }

// An Amender is a payload that changes a row by paths.
type Amender interface {
	Amendment() (changes []Change, effectiveOn Date)
}

// Corrected is the payload of `corrected` events: an entry was wrong from the start
// (domain.md §1.6). The old entry stays, the row shows the right value, and the
// history shows both.
type Corrected struct {
	Corrects        ID             `json:"corrects"`
	Path            Path           `json:"path"`
	WrongValueClass Class          `json:"wrong_value_class"`
	RightValue      jsontext.Value `json:"right_value,omitzero"` // absent: the member should not be there
}
