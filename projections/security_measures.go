package projections

import (
	"slices"

	"greffe/events"
)

// A SecurityMeasure is one point of a self-assessment (GDPR 32). The assessment brings
// its words, the measure's own events its state; which of the two comes first makes no
// difference, so that no order of events loses a measure.
type SecurityMeasure struct {
	Base
	events.SecurityMeasureStateSet

	Framework string              `json:"framework,omitzero"`
	TopicNo   int64               `json:"topic_no,omitzero"`
	Topic     string              `json:"topic,omitzero"`
	Text      string              `json:"text,omitzero"`
	ListedIn  events.AssessmentID `json:"listed_in,omitzero" row:"derived"` // newest assessment that names it
	ListedAt  events.Instant      `json:"listed_at,omitzero" row:"derived"`
	ListedBy  events.ID           `json:"listed_by,omitzero" row:"derived"` // event of that assessment
}

func securityColumns() []Column {
	return columns("id Ref/Réf", "topic_no No/N°", "topic Topic/Thème", "text Measure/Mesure", "state State/État", "state_since Since/Depuis", "target_on Target/Échéance")
}

func foldSecurity() folder {
	m := states(`
		state                                                                     | state_set | evidence_added
		(none), unassessed, not_applicable, in_progress, enhancement, validated   | ->.       | ->.
	`)
	own := aggregates(m, setSecurityState)
	return folder{m, func(c *call) {
		switch p := c.fact.Payload.(type) {
		case *events.SecurityAssessmentOpened:
			listMeasures(c, p)
		case *events.Corrected:
			correctMeasure(c)
		default:
			if c.fact.Kind == "security_measure" {
				own.fold(c)
			}
		}
	}}
}

// correctMeasure corrects a measure, also one that no assessment has named yet.
func correctMeasure(c *call) {
	if c.fact.Kind != "security_measure" {
		return // of the assessment, which has its own row
	}
	row, _ := find[SecurityMeasure](c, c.fact.ID)
	correct(c, row, true)
}

func setSecurityState(c *call, row *SecurityMeasure) {
	p, ok := c.fact.Payload.(*events.SecurityMeasureStateSet)
	if !ok {
		return
	}
	if row.State == events.SecurityValidated && (p.State == events.SecurityUnassessed || p.State == events.SecurityInProgress) {
		c.warnAt(Regression, "state")
	}
	if p.State == events.SecurityNotApplicable && p.Comment == "" && c.fact.Event.Reason == "" {
		c.warn(Illegal) // somebody has to say why
	}
	row.SecurityMeasureStateSet = *p
}

// listMeasures makes the rows of an assessment, or brings their words up to date. Of
// two assessments the later one counts.
func listMeasures(c *call, p *events.SecurityAssessmentOpened) {
	for _, point := range p.Measures {
		row, known := find[SecurityMeasure](c, string(point.MeasureID))
		c.row = nil
		if known && !newer(c.fact.Event.OccurredAt, p.AssessmentID, row.ListedAt, row.ListedIn) {
			continue
		}
		listed := row.disown()
		row.Aggregate = "security_measure/" + row.ID
		row.describe(p.Framework, point)
		row.ListedIn, row.ListedAt, row.ListedBy = p.AssessmentID, c.fact.Event.OccurredAt, c.fact.EventID()
		if listed {
			row.stamp(c.fact)
		}
		row.derive()
		c.state.Put(c.reg, row)
	}
}

// disown makes a row that only assessments have made so far ready for its own first
// event, and reports whether it was one.
func (m *SecurityMeasure) disown() bool {
	alone := m.FirstEvent == m.ListedBy
	if alone {
		m.FirstEvent = ""
	}
	return alone
}

// describe takes the words of an assessment over, but for what was corrected.
func (m *SecurityMeasure) describe(framework string, point events.AssessedPoint) {
	corrected := func(path events.Path) bool {
		return slices.ContainsFunc(m.Corrections, func(c Correction) bool { return c.Path == path })
	}
	if !corrected("framework") {
		m.Framework = framework
	}
	if !corrected("topic_no") {
		m.TopicNo = point.TopicNo
	}
	if !corrected("topic") {
		m.Topic = point.Topic
	}
	if !corrected("text") {
		m.Text = point.Text
	}
}

// newer reports whether an assessment comes after another: by its time, then its id.
func newer(at events.Instant, id events.AssessmentID, than events.Instant, thanID events.AssessmentID) bool {
	t, err := at.Time()
	old, errOld := than.Time()
	if err != nil || errOld != nil || t.Equal(old) {
		return id > thanID
	}
	return t.After(old)
}

// derive shows the state as the status.
func (m *SecurityMeasure) derive() {
	m.MeasureID = events.SecurityMeasureID(m.ID)
	if m.State == "" {
		m.State = events.SecurityUnassessed
	}
	m.Status = string(m.State)
}
