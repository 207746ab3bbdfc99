package events

import "slices"

// An Aggregate is a kind of thing that events are about; the part of an event's
// subject before the slash.
type Aggregate struct {
	Kind    string // "breach"
	Label   Label
	Pattern string // of the id: "^BR-\d{4}-\d{3,}$"
	IDField string // member of payloads that repeats the id, if there is one

	uncorrected bool // facts of greffe itself, which nobody corrects
	id          *pattern
	payloads    []*shape // of its types, but for those that change rows by paths
}

// ids of aggregates with a type of their own use that type's pattern.
func idOf(f formatted) string { return f.format().pattern }

// aggregateTable is THE table of aggregates (domain.md §1.4), in the order of the registers.
func aggregateTable() []Aggregate {
	return []Aggregate{
		{Kind: "organisation", Label: Label{"Organisation", "Organisme"}, Pattern: idOf(OrganisationID("")), IDField: "organisation_id"},
		{Kind: "dpo", Label: Label{"Data protection officer", "Délégué à la protection des données"}, Pattern: idOf(DPOID("")), IDField: "dpo_id"},
		{Kind: "processing_activity", Label: Label{"Processing activity", "Activité de traitement"}, Pattern: idOf(ActivityID("")), IDField: "activity_id"},
		{Kind: "document", Label: Label{"Document", "Document"}, Pattern: idOf(DocumentID("")), IDField: "document_id"},
		{Kind: "notice", Label: Label{"Information notice", "Mention d'information"}, Pattern: idOf(NoticeID("")), IDField: "notice_id"},
		{Kind: "processor", Label: Label{"Processor", "Sous-traitant"}, Pattern: idOf(ProcessorID("")), IDField: "processor_id"},
		{Kind: "dpa", Label: Label{"Data processing agreement", "Contrat de sous-traitance"}, Pattern: idOf(DPAID("")), IDField: "dpa_id"},
		{Kind: "transfer", Label: Label{"Transfer", "Transfert"}, Pattern: idOf(TransferID("")), IDField: "transfer_id"},
		{Kind: "consent_purpose", Label: Label{"Consent purpose", "Finalité de consentement"}, Pattern: idOf(ConsentPurposeID("")), IDField: "purpose_id"},
		{Kind: "tracker", Label: Label{"Tracker", "Traceur"}, Pattern: idOf(TrackerID("")), IDField: "tracker_id"},
		{Kind: "measure", Label: Label{"Measure", "Mesure"}, Pattern: idOf(MeasureID("")), IDField: "measure_id"},
		{Kind: "breach", Label: Label{"Breach", "Violation"}, Pattern: idOf(BreachID("")), IDField: "breach_id"},
		{Kind: "dpia", Label: Label{"Impact assessment", "Analyse d'impact"}, Pattern: idOf(DPIAID("")), IDField: "dpia_id"},
		{Kind: "retention_rule", Label: Label{"Retention rule", "Règle de conservation"}, Pattern: idOf(RuleID("")), IDField: "rule_id"},
		{Kind: "deletion", Label: Label{"Deletion", "Suppression"}, Pattern: idOf(DeletionID("")), IDField: "deletion_id"},
		{Kind: "security_assessment", Label: Label{"Security self-assessment", "Auto-évaluation de sécurité"}, Pattern: idOf(AssessmentID("")), IDField: "assessment_id"},
		{Kind: "security_measure", Label: Label{"Security measure", "Mesure de sécurité"}, Pattern: idOf(SecurityMeasureID("")), IDField: "measure_id"},
		{Kind: "finding", Label: Label{"Finding", "Constat"}, Pattern: `^F-[A-Z]{2,4}-\d{2}-[0-9a-f]{10}$|^F-DAILY-\d{4}-\d{2}-\d{2}$`},
		{Kind: "import", Label: Label{"Import", "Import"}, Pattern: `^IMP-[0-9a-f]{16}$`},
		{Kind: "ledger", Label: Label{"Ledger", "Registre"}, Pattern: `^[a-z][a-z0-9-]{0,31}$`, uncorrected: true},
		{Kind: "quarantine", Label: Label{"Quarantined item", "Élément en quarantaine"}, Pattern: idOf(ID("")), uncorrected: true},
	}
}

// Aggregates returns the table of aggregates, in the order of the registers.
func Aggregates() []*Aggregate { return slices.Clone(catalogue().aggregates) }

// ValidID reports whether id has the form that ids of this kind have.
func (a *Aggregate) ValidID(id string) bool { return a.id.match(id) }

// The ids of aggregates. A reference to one has the type of its id.

// OrganisationID is such as "ORG-1".
type OrganisationID string

func (OrganisationID) format() format {
	return format{want: "an id such as ORG-1", pattern: `^ORG-\d{1,4}$`}
}

// DPOID is such as "DPO-1".
type DPOID string

func (DPOID) format() format { return format{want: "an id such as DPO-1", pattern: `^DPO-\d{1,4}$`} }

// ActivityID is such as "FR-001": never used again, and kept after retirement.
type ActivityID string

func (ActivityID) format() format {
	return format{want: "an id such as FR-001", pattern: `^[A-Z]{2,4}-\d{3,4}$`}
}

// DocumentID is such as "DOC-PRIVACY-POLICY". Versions are inside.
type DocumentID string

func (DocumentID) format() format {
	return format{want: "an id such as DOC-PRIVACY-POLICY", pattern: `^DOC-[A-Z0-9-]{2,40}$`}
}

// NoticeID is such as "NOT-001".
type NoticeID string

func (NoticeID) format() format {
	return format{want: "an id such as NOT-001", pattern: `^NOT-[A-Z0-9]{3,8}$`}
}

// ProcessorID is such as "PRC-0001".
type ProcessorID string

func (ProcessorID) format() format {
	return format{want: "an id such as PRC-0001", pattern: `^PRC-\d{4}$`}
}

// DPAID is such as "DPA-0001". An agreement belongs to one processor.
type DPAID string

func (DPAID) format() format { return format{want: "an id such as DPA-0001", pattern: `^DPA-\d{4}$`} }

// TransferID is such as "TRF-0001".
type TransferID string

func (TransferID) format() format {
	return format{want: "an id such as TRF-0001", pattern: `^TRF-\d{4}$`}
}

// ConsentPurposeID is such as "CPU-001".
type ConsentPurposeID string

func (ConsentPurposeID) format() format {
	return format{want: "an id such as CPU-001", pattern: `^CPU-\d{3,4}$`}
}

// TrackerID is "TRK-" and the tracker's own name, as in "TRK-mgt_visitor".
type TrackerID string

func (TrackerID) format() format {
	return format{want: "an id such as TRK-session_id", pattern: `^TRK-[A-Za-z0-9_.-]{1,64}$`}
}

// MeasureID is such as "TOM-01".
type MeasureID string

func (MeasureID) format() format {
	return format{want: "an id such as TOM-01", pattern: `^TOM-\d{2,3}$`}
}

// BreachID is such as "BR-2026-001", with the year of awareness in the ledger's zone.
type BreachID string

func (BreachID) format() format {
	return format{want: "an id such as BR-2026-001", pattern: `^BR-\d{4}-\d{3,9}$`}
}

// DPIAID is such as "DPIA-001", or "SCR-FR-011" for a screening, which is named after
// its activity or service.
type DPIAID string

func (DPIAID) format() format {
	return format{want: "an id such as DPIA-001 or SCR-FR-011", pattern: `^DPIA-\d{3}$|^SCR-[A-Z0-9-]{3,30}$`}
}

// RuleID is the id of a retention rule, such as "RET-01".
type RuleID string

func (RuleID) format() format {
	return format{want: "an id such as RET-01", pattern: `^RET-\d{2,4}$`}
}

// DeletionID is "DEL-" and the name that the deleting system gives to the run.
type DeletionID string

func (DeletionID) format() format {
	return format{want: "an id such as DEL-2026-11-22-RET-05", pattern: `^DEL-[A-Za-z0-9_.-]{1,80}$`}
}

// AssessmentID is such as "SA-2026".
type AssessmentID string

func (AssessmentID) format() format {
	return format{want: "an id such as SA-2026", pattern: `^SA-\d{4}$|^SA-\d{4}-\d{1,2}$`}
}

// SecurityMeasureID is "SEC-", the topic and the measure: "SEC-04.3".
type SecurityMeasureID string

func (SecurityMeasureID) format() format {
	return format{want: "an id such as SEC-04.3", pattern: `^SEC-\d{2}\.\d{1,2}$`}
}

// AuthorityCaseID is such as "AUT-2026-001".
type AuthorityCaseID string

func (AuthorityCaseID) format() format {
	return format{want: "an id such as AUT-2026-001", pattern: `^AUT-\d{4}-\d{3}$`}
}
