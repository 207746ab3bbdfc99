package projections

import (
	"slices"
	"strings"
	"sync"

	"greffe/events"
)

// A Register is what the GDPR asks a controller to keep and show.
type Register struct {
	Name    string       // "processing-activities"
	Label   events.Label // for people
	Law     string       // provisions that ask for it
	Kinds   []string     // of aggregates that it folds; the first is its own
	Columns []Column     // of tables and CSV, in order

	fresh  func() Row // an empty row
	folder folder
}

// A folder shows facts of a register's kinds on its rows.
type folder struct {
	states *machine // of the register's own aggregates; nil if it has no table
	fold   func(c *call)
}

// A Column is one field of a row in a table: Field is its JSON path ("name.en").
type Column struct {
	Field string
	Label events.Label
}

// registerTable is THE table of registers, in the order in which they are listed.
func registerTable() []Register {
	return []Register{
		{Name: "organisation", Label: events.Label{En: "Organisation", Fr: "Organisme"}, Law: "GDPR 4(7), 24, 30(1)(a)",
			Kinds: []string{"organisation"}, Columns: organisationColumns(), fresh: empty[Organisation], folder: foldOrganisation()},
		{Name: "dpo", Label: events.Label{En: "Data protection officer", Fr: "Délégué à la protection des données"}, Law: "GDPR 37-39",
			Kinds: []string{"dpo"}, Columns: dpoColumns(), fresh: empty[DPO], folder: foldDPO()},
		{Name: "processing-activities", Label: events.Label{En: "Record of processing activities", Fr: "Registre des activités de traitement"}, Law: "GDPR 30",
			Kinds: []string{"processing_activity"}, Columns: activityColumns(), fresh: empty[Activity], folder: foldActivity()},
		{Name: "documents", Label: events.Label{En: "Policies and documents", Fr: "Politiques et documents"}, Law: "GDPR 12, 24(2)",
			Kinds: []string{"document"}, Columns: documentColumns(), fresh: empty[Document], folder: foldDocument()},
		{Name: "notices", Label: events.Label{En: "Information notices", Fr: "Mentions d'information"}, Law: "GDPR 13, 14",
			Kinds: []string{"notice"}, Columns: noticeColumns(), fresh: empty[Notice], folder: foldNotice()},
		{Name: "processors", Label: events.Label{En: "Processors", Fr: "Sous-traitants"}, Law: "GDPR 28, 30(1)(d)",
			Kinds: []string{"processor"}, Columns: processorColumns(), fresh: empty[Processor], folder: foldProcessor()},
		{Name: "dpas", Label: events.Label{En: "Data processing agreements", Fr: "Contrats de sous-traitance"}, Law: "GDPR 28(3)",
			Kinds: []string{"dpa"}, Columns: dpaColumns(), fresh: empty[DPA], folder: foldDPA()},
		{Name: "transfers", Label: events.Label{En: "Transfers to third countries", Fr: "Transferts hors de l'Union"}, Law: "GDPR 44-49, 30(1)(e)",
			Kinds: []string{"transfer"}, Columns: transferColumns(), fresh: empty[Transfer], folder: foldTransfer()},
		{Name: "consent-purposes", Label: events.Label{En: "Consent purposes", Fr: "Finalités de consentement"}, Law: "GDPR 6(1)(a), 7",
			Kinds: []string{"consent_purpose"}, Columns: consentPurposeColumns(), fresh: empty[ConsentPurpose], folder: foldConsentPurpose()},
		{Name: "trackers", Label: events.Label{En: "Cookies and trackers", Fr: "Cookies et traceurs"}, Law: "Directive 2002/58 5(3), French Act 82",
			Kinds: []string{"tracker"}, Columns: trackerColumns(), fresh: empty[Tracker], folder: foldTracker()},
		{Name: "measures", Label: events.Label{En: "Technical and organisational measures", Fr: "Mesures techniques et organisationnelles"}, Law: "GDPR 24, 25, 32, 30(1)(g)",
			Kinds: []string{"measure"}, Columns: measureColumns(), fresh: empty[Measure], folder: foldMeasure()},
		{Name: "breaches", Label: events.Label{En: "Personal data breaches", Fr: "Violations de données"}, Law: "GDPR 33(5), 34",
			Kinds: []string{"breach"}, Columns: breachColumns(), fresh: empty[Breach], folder: foldBreach()},
		{Name: "requests", Label: events.Label{En: "Data-subject requests", Fr: "Demandes d'exercice de droits"}, Law: "GDPR 12(3), 15-22",
			Kinds: []string{"dsar"}, Columns: requestColumns(), fresh: empty[Request], folder: foldRequest()},
		{Name: "dpias", Label: events.Label{En: "Impact assessments and screenings", Fr: "Analyses d'impact et analyses préalables"}, Law: "GDPR 35, 36",
			Kinds: []string{"dpia"}, Columns: dpiaColumns(), fresh: empty[DPIA], folder: foldDPIA()},
		{Name: "retention-rules", Label: events.Label{En: "Retention rules", Fr: "Durées de conservation"}, Law: "GDPR 5(1)(e), 30(1)(f)",
			Kinds: []string{"retention_rule"}, Columns: retentionColumns(), fresh: empty[RetentionRule], folder: foldRetention()},
		{Name: "deletions", Label: events.Label{En: "Deletion evidence", Fr: "Preuves de suppression"}, Law: "GDPR 5(1)(e), 5(2), 17",
			Kinds: []string{"deletion"}, Columns: deletionColumns(), fresh: empty[Deletion], folder: foldDeletion()},
		{Name: "security-assessments", Label: events.Label{En: "Security self-assessments", Fr: "Auto-évaluations de sécurité"}, Law: "GDPR 24, 32(1)(d)",
			Kinds: []string{"security_assessment"}, Columns: assessmentColumns(), fresh: empty[SecurityAssessment], folder: foldAssessment()},
		{Name: "security-measures", Label: events.Label{En: "Security measures", Fr: "Mesures de sécurité"}, Law: "GDPR 32",
			Kinds: []string{"security_measure", "security_assessment"}, Columns: securityColumns(), fresh: empty[SecurityMeasure], folder: foldSecurity()},
		{Name: quarantineRegister, Label: events.Label{En: "Quarantine", Fr: "Quarantaine"}, Law: "GDPR 5(2)",
			Kinds: []string{kindQuarantine, "ledger"}, Columns: quarantineColumns(), fresh: empty[QuarantinedItem], folder: folder{fold: foldQuarantine}},
	}
}

// The register of quarantined items is the ledger's own: it is counted, and not one
// of those that the law asks for.
const (
	quarantineRegister = "quarantine"
	kindQuarantine     = "quarantine"
)

// A registry is the table with its indexes.
type registry struct {
	all    []*Register // with the quarantine, which is last
	byName map[string]*Register
	byKind map[string][]*Register // the kind's own register first
}

// table makes the registry when it is first asked for; nothing changes it afterwards.
var table = sync.OnceValue(func() *registry {
	t := &registry{byName: map[string]*Register{}, byKind: map[string][]*Register{}}
	rows := registerTable()
	for i := range rows {
		r := &rows[i]
		t.all = append(t.all, r)
		t.byName[r.Name] = r
		for n, kind := range r.Kinds {
			if n == 0 {
				t.byKind[kind] = slices.Insert(t.byKind[kind], 0, r)
			} else {
				t.byKind[kind] = append(t.byKind[kind], r)
			}
		}
	}
	return t
})

// Registers returns the registers in the order of the table.
func Registers() []*Register {
	all := table().all
	return slices.Clone(all[:len(all)-1])
}

// Lookup returns the register with a name, and reports whether there is one.
func Lookup(name string) (*Register, bool) {
	r, ok := table().byName[name]
	return r, ok && name != quarantineRegister
}

// folding returns the registers that facts about a kind of aggregate are folded into.
func folding(kind string) []*Register { return table().byKind[kind] }

// empty returns a new row.
func empty[T any, P interface {
	*T
	Row
}]() Row {
	return P(new(T))
}

// fixed reports whether a path leads to the id of the row, which never changes.
func (r *Register) fixed(path events.Path) bool {
	first, _, _ := strings.Cut(string(path), ".")
	for _, a := range events.Aggregates() {
		if a.Kind == r.Kinds[0] {
			return a.IDField == first
		}
	}
	return false
}

// columns reads "field English/Français" lines.
func columns(lines ...string) []Column {
	list := make([]Column, len(lines))
	for i, line := range lines {
		field, label, _ := strings.Cut(line, " ")
		en, fr, _ := strings.Cut(label, "/")
		list[i] = Column{field, events.Label{En: en, Fr: fr}}
	}
	return list
}

// CountAnomalies returns how many anomalies a view has in all.
func CountAnomalies(v View) (int, error) {
	total := 0
	for _, name := range append([]string{""}, names()...) {
		c, err := v.Counts(name)
		if err != nil {
			return 0, err
		}
		total += c.Anomalies
	}
	return total, nil
}

func names() []string {
	var list []string
	for _, r := range table().all {
		list = append(list, r.Name)
	}
	return list
}
