package projections

import "greffe/events"

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
		if p, ok := c.fact.Payload.(*events.SecurityAssessmentOpened); ok {
			listMeasures(c, p)
		} else if c.fact.Kind == "security_measure" {
			own.fold(c)
		}
	}}
}

func setSecurityState(c *call, row *SecurityMeasure) {
	if row.FirstEvent == row.ListedBy { // nothing but the assessment so far
		row.FirstEvent = ""
	}
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
		listed := row.FirstEvent == row.ListedBy // by assessments alone
		row.Aggregate, row.MeasureID = "security_measure/"+row.ID, point.MeasureID
		row.Framework, row.TopicNo, row.Topic, row.Text = p.Framework, point.TopicNo, point.Topic, point.Text
		row.ListedIn, row.ListedAt, row.ListedBy = p.AssessmentID, c.fact.Event.OccurredAt, c.fact.EventID()
		if listed {
			row.FirstEvent = ""
			row.stamp(c.fact)
		}
		row.derive()
		c.state.Put(c.reg, row)
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
	if m.State == "" {
		m.State = events.SecurityUnassessed
	}
	m.Status = string(m.State)
}
