package events

// TransferRecorded says that data leave the EEA, to where and on what ground (GDPR 44
// to 49, 30(1)(e)).
type TransferRecorded struct {
	TransferID            TransferID        `json:"transfer_id"`
	Exporter              string            `json:"exporter" max:"200"`
	Importer              string            `json:"importer" max:"200"`
	ImporterRef           ProcessorID       `json:"importer_ref,omitzero"`
	Countries             []Country         `json:"countries" min:"1"`
	ActivityRefs          []ActivityID      `json:"activity_refs,omitzero"`
	Mechanism             TransferMechanism `json:"mechanism"`
	DerogationCase        string            `json:"derogation_case,omitzero"` // what a derogation is claimed for
	SHA256                SHA256            `json:"sha256,omitzero"`
	TIARef                Word              `json:"tia_ref,omitzero"` // transfer impact assessment
	SupplementaryMeasures []string          `json:"supplementary_measures,omitzero"`
	ValidUntil            Date              `json:"valid_until,omitzero"`
}

// Example shows a payload.
func (TransferRecorded) Example() string {
	return `{"activity_refs":["FR-010"],"countries":["US"],"exporter":"Exemple SAS","importer":"Example Support Inc.","importer_ref":"PRC-0003","mechanism":"scc_commission","supplementary_measures":["encryption in transit and at rest, keys in the EEA"],"tia_ref":"TIA-2026-01","transfer_id":"TRF-0001"}`
}
