package events

// ImportCompleted says where imported events come from and what their source leaves
// open. It is the last event of an import.
type ImportCompleted struct {
	FileSHA256     SHA256          `json:"file_sha256"`     // of the imported file, byte for byte
	MappingVersion Word            `json:"mapping_version"` // of the program that turned rows into events
	Rows           int64           `json:"rows"`
	Events         int64           `json:"events"` // this one included
	Source         *ImportSource   `json:"source,omitzero"`
	Warnings       []ImportWarning `json:"warnings"`
	ImportedBy     PersonRef       `json:"imported_by,omitzero" pii:"P1"`
}

// An ImportSource is the document behind the imported file.
type ImportSource struct {
	File      string `json:"file,omitzero" max:"200"`
	SHA256    SHA256 `json:"sha256,omitzero"`
	Title     string `json:"title,omitzero"`
	Language  string `json:"language,omitzero" max:"200"`
	PageDate  Date   `json:"page_date,omitzero"`
	NotBefore Date   `json:"not_before,omitzero"` // latest date inside: it is not older
}

// An ImportWarning is an ambiguity, a gap or a mistake of the source.
type ImportWarning struct {
	ID    Word   `json:"id"`
	Where string `json:"where" max:"200"`
	Kind  Word   `json:"kind"`
	Text  string `json:"text" max:"1000"`
}

// Example shows a payload.
func (ImportCompleted) Example() string {
	return `{"events":145,"file_sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","mapping_version":"gdpr-base/1","rows":128,"source":{"file":"base.txt","language":"en","not_before":"2024-03-29","title":"GDPR compliance"},"warnings":[{"id":"SQ-04","kind":"gap","text":"controller and processor records are not separated","where":"section 1"}]}`
}
