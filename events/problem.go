package events

// A Problem is one reason why an event is not taken as it is. It becomes one
// member of a receipt's reasons, in the words of RFC 9457.
type Problem struct {
	Code    string `json:"code"`             // stable: "missing", "bad_format", "clear_personal_data" …
	Pointer string `json:"pointer,omitzero"` // where, as JSON Pointer (RFC 6901) into the event
	Detail  string `json:"detail"`           // what is wrong and what to do; never a value of the event
}
