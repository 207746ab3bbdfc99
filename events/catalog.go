package events

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// A Label is what people read, in English and French.
type Label struct{ En, Fr string }

// A Type is one row of the catalogue: everything that greffe knows about a type of
// event. To add one, write its payload struct in the file of its aggregate and add a
// row to typeTable; `make golden` does the rest, and a test names what is forgotten.
//
// Within a version members are only added, and never required; anything else is a new
// version. A row is never removed: the ledger may hold its events.
type Type struct {
	Name      string // "processing_activity.recorded"
	Version   int    // from 1
	Aggregate string // kind of the aggregate that the events are about
	Core      bool   // of the first set (domain.md, Appendix A)
	Daemon    bool   // greffe alone publishes it
	Label     Label
	Law       string     // why the fact is kept
	Example   string     // of a payload, canonical JSON
	New       func() any // pointer to a zero payload struct

	about *Aggregate
	shape *shape // of the payload
}

// payload is what every payload struct implements.
type payload interface{ Example() string }

// of makes a row.
func of[P payload](name, aggregate, en, fr, law string) Type {
	var zero P
	return Type{Name: name, Version: 1, Aggregate: aggregate, Core: true, Label: Label{en, fr}, Law: law,
		Example: zero.Example(), New: func() any { return new(P) }}
}

// daemon marks a row whose events greffe alone publishes.
func daemon(t Type) Type {
	t.Daemon = true
	return t
}

// amended makes the row of an `amended` event; path, from and to are its example.
func amended(name, aggregate, en, fr, law, path, from, to string) Type {
	return Type{Name: name, Version: 1, Aggregate: aggregate, Core: true, Label: Label{en, fr}, Law: law,
		Example: fmt.Sprintf(`{"changes":[{"from":%s,"path":%q,"to":%s}],"effective_on":"2026-01-01"}`, from, path, to),
		New:     func() any { return new(Amended) }}
}

// corrected makes the row of an aggregate's `corrected` event.
func corrected(a *Aggregate) Type {
	return Type{Name: a.Kind + ".corrected", Version: 1, Aggregate: a.Kind, Core: true,
		Label: Label{a.Label.En + " corrected", a.Label.Fr + " : correction"}, Law: "GDPR 5(1)(d)",
		Example: `{"corrects":"01JD0000000000000000000003","path":"name.en","right_value":"Payroll","wrong_value_class":"P0"}`,
		New:     func() any { return new(Corrected) }}
}

// typeTable is THE table of event types, by aggregate.
func typeTable() []Type {
	return []Type{
		of[OrganisationIdentified]("organisation.identified", "organisation", "Organisation identified", "Organisme identifié", "GDPR 30(1)(a)"),

		of[DPODesignated]("dpo.designated", "dpo", "DPO designated", "Délégué désigné", "GDPR 37"),
		of[DPOContactPublished]("dpo.contact_published", "dpo", "Contact published", "Contact publié", "GDPR 37(7)"),
		of[DPOReplaced]("dpo.replaced", "dpo", "DPO replaced", "Délégué remplacé", "GDPR 37"),

		of[ProcessingActivityRecorded]("processing_activity.recorded", "processing_activity", "Activity recorded", "Activité inscrite", "GDPR 30(1), 30(2)"),
		amended("processing_activity.amended", "processing_activity", "Activity amended", "Activité modifiée", "GDPR 30", "purposes.0.legal_basis", `"undetermined"`, `"contract"`),
		of[ProcessingActivityReviewed]("processing_activity.reviewed", "processing_activity", "Activity reviewed", "Activité revue", "GDPR 5(2), 24(1)"),
		of[ProcessingActivityRetired]("processing_activity.retired", "processing_activity", "Activity retired", "Activité close", "GDPR 5(1)(e), 30"),

		of[DocumentPublished]("document.published", "document", "Document published", "Document publié", "GDPR 12, 24"),
		of[DocumentReviewed]("document.reviewed", "document", "Document reviewed", "Document revu", "GDPR 24"),

		of[NoticePublished]("notice.published", "notice", "Notice published", "Mention publiée", "GDPR 13, 14"),
		amended("notice.amended", "notice", "Notice amended", "Mention modifiée", "GDPR 13(3), 14(4)", "items.retention", `"missing"`, `"layer2"`),

		of[ProcessorRegistered]("processor.registered", "processor", "Processor registered", "Sous-traitant inscrit", "GDPR 28, 30(1)(d)"),
		amended("processor.amended", "processor", "Processor amended", "Sous-traitant modifié", "GDPR 28", "relationship", `"undetermined"`, `"processor"`),
		of[ProcessorOffboarded]("processor.offboarded", "processor", "Processor offboarded", "Sous-traitant sorti", "GDPR 28(3)(g)"),

		of[DPASigned]("dpa.signed", "dpa", "Agreement signed", "Contrat signé", "GDPR 28(3)"),
		amended("dpa.amended", "dpa", "Agreement amended", "Contrat modifié", "GDPR 28(3)", "valid_until", `"2026-12-31"`, `"2027-12-31"`),
		of[DPATerminated]("dpa.terminated", "dpa", "Agreement terminated", "Contrat résilié", "GDPR 28(3)"),

		of[TransferRecorded]("transfer.recorded", "transfer", "Transfer recorded", "Transfert inscrit", "GDPR 30(1)(e), 44-49"),

		of[ConsentPurposeDefined]("consent_purpose.defined", "consent_purpose", "Consent purpose defined", "Finalité définie", "GDPR 7"),
		of[ConsentPurposeAmended]("consent_purpose.amended", "consent_purpose", "Consent purpose amended", "Finalité modifiée", "GDPR 7"),

		of[TrackerDeclared]("tracker.declared", "tracker", "Tracker declared", "Traceur déclaré", "FR Act 82"),
		amended("tracker.amended", "tracker", "Tracker amended", "Traceur modifié", "FR Act 82", "lifetime", `"P13M"`, `"P6M"`),
		of[TrackerRemoved]("tracker.removed", "tracker", "Tracker removed", "Traceur retiré", "FR Act 82"),

		of[MeasureAdopted]("measure.adopted", "measure", "Measure adopted", "Mesure adoptée", "GDPR 24, 25, 32"),
		amended("measure.amended", "measure", "Measure amended", "Mesure modifiée", "GDPR 32", "topic", `"logs"`, `"logging"`),
		of[MeasureVerified]("measure.verified", "measure", "Measure verified", "Mesure vérifiée", "GDPR 32(1)(d)"),
		of[MeasureRetired]("measure.retired", "measure", "Measure retired", "Mesure retirée", "GDPR 32"),

		of[BreachAssessed]("breach.assessed", "breach", "Breach assessed", "Violation évaluée", "GDPR 33(3), 33(5)"),
		of[BreachMeasureRecorded]("breach.measure_recorded", "breach", "Measure against a breach", "Mesure prise", "GDPR 33(3)(d)"),
		of[BreachNotificationDecided]("breach.notification_decided", "breach", "Notification decided", "Notification décidée", "GDPR 33(1), 33(5)"),
		of[BreachAuthorityNotified]("breach.authority_notified", "breach", "Authority notified", "Autorité notifiée", "GDPR 33(1), 33(4)"),
		of[BreachSubjectsInformed]("breach.subjects_informed", "breach", "Persons informed", "Personnes informées", "GDPR 34"),
		of[BreachSubjectsExempted]("breach.subjects_exempted", "breach", "Persons not informed", "Personnes non informées", "GDPR 34(3)"),

		of[DPIAScreened]("dpia.screened", "dpia", "Screening done", "Analyse préalable faite", "GDPR 35(1)"),
		of[DPIAStarted]("dpia.started", "dpia", "Impact assessment started", "Analyse d'impact commencée", "GDPR 35(7)"),
		of[DPIAValidated]("dpia.validated", "dpia", "Impact assessment validated", "Analyse d'impact validée", "GDPR 35, 36"),

		of[RetentionRuleSet]("retention.rule_set", "retention_rule", "Retention rule set", "Règle de conservation fixée", "GDPR 5(1)(e), 30(1)(f)"),
		amended("retention.rule_amended", "retention_rule", "Retention rule amended", "Règle de conservation modifiée", "GDPR 5(1)(e)", "phases.0.period", `"P25D"`, `"P7D"`),

		of[DeletionRunCompleted]("deletion.run_completed", "deletion", "Deletion run completed", "Purge effectuée", "GDPR 5(1)(e), 5(2)"),

		of[SecurityAssessmentOpened]("security_assessment.opened", "security_assessment", "Self-assessment opened", "Auto-évaluation ouverte", "GDPR 24, 32"),
		of[SecurityAssessmentClosed]("security_assessment.closed", "security_assessment", "Self-assessment closed", "Auto-évaluation close", "GDPR 24, 32"),
		of[SecurityMeasureStateSet]("security_measure.state_set", "security_measure", "State of a security measure set", "État d'une mesure fixé", "GDPR 32"),

		of[FindingDailySummary]("finding.daily_summary", "finding", "Findings of the day", "Constats du jour", "GDPR 5(2)"),
		of[ImportCompleted]("import.completed", "import", "Import completed", "Import terminé", "GDPR 5(2)"),

		daemon(of[LedgerOpened]("ledger.opened", "ledger", "Ledger opened", "Registre ouvert", "GDPR 5(2)")),
		daemon(of[LedgerEpochOpened]("ledger.epoch_opened", "ledger", "Epoch opened", "Époque ouverte", "GDPR 5(2)")),
		daemon(of[LedgerKeyRotated]("ledger.key_rotated", "ledger", "Signing key rotated", "Clé de signature changée", "GDPR 32")),
		daemon(of[LedgerKeyRevoked]("ledger.key_revoked", "ledger", "Signing key revoked", "Clé de signature révoquée", "GDPR 32")),
		daemon(of[LedgerQuarantined]("ledger.quarantined", "ledger", "Submission quarantined", "Envoi mis en quarantaine", "GDPR 5(1)(f)")),
		daemon(of[QuarantineReleased]("quarantine.released", "quarantine", "Item released", "Élément libéré", "GDPR 5(2)")),
		daemon(of[QuarantineDiscarded]("quarantine.discarded", "quarantine", "Item discarded", "Élément écarté", "GDPR 5(2)")),
	}
}

// tables are the compiled catalogue. They are made once and never changed.
type tables struct {
	types      []*Type
	byWire     map[string]*Type
	aggregates []*Aggregate
	byKind     map[string]*Aggregate
}

// catalogue compiles the tables when they are first needed (some two milliseconds).
var catalogue = sync.OnceValue(func() *tables {
	c := &tables{byWire: map[string]*Type{}, byKind: map[string]*Aggregate{}}
	rows := typeTable()
	for _, a := range aggregateTable() {
		a.id = compilePattern(a.Pattern)
		c.aggregates, c.byKind[a.Kind] = append(c.aggregates, &a), &a
		if !a.uncorrected {
			rows = append(rows, corrected(&a))
		}
	}
	for _, t := range rows {
		t.about = c.byKind[t.Aggregate]
		t.shape = shapeOf(reflect.TypeOf(t.New()).Elem(), "")
		c.types, c.byWire[t.Wire()] = append(c.types, &t), &t
		if !t.shape.has(anyValue) {
			t.about.payloads = append(t.about.payloads, t.shape)
		}
	}
	return c
})

// Wire returns the type as the envelope has it: "processing_activity.recorded.v1".
func (t *Type) Wire() string { return fmt.Sprintf("%s.v%d", t.Name, t.Version) }

// Catalog returns every type, in the order of the tables.
func Catalog() []*Type { return slices.Clone(catalogue().types) }

// Lookup returns the type that the envelope names. It reports false for a type or a
// version that this build does not know.
func Lookup(wireType string) (*Type, bool) {
	t, ok := catalogue().byWire[wireType]
	return t, ok
}

// Classes returns the classes of personal data that the payload can hold, without P0:
// for an amendment or correction, those of whatever it can change.
func (t *Type) Classes() []Class {
	out := t.shape.classes()
	if t.shape.has(anyValue) {
		for _, s := range t.about.payloads {
			out = append(out, s.classes()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
