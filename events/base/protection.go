package base

import (
	"fmt"
	"strings"

	"greffe/events"
)

// Sections 6 to 12 of a base: how data are protected, how long they are kept, and whom
// persons can ask.

func (m *mapper) measures() {
	for _, t := range m.file.Measures.Items {
		m.open(fact{"measure.adopted", t.ID, m.undated, "", events.MeasureAdopted{
			MeasureID: events.MeasureID(t.ID), Kind: events.MeasureKind(t.Kind), Topic: t.Topic, Text: t.Text,
			Documented: m.file.Measures.DocumentedInternally.tri(),
		}})
	}
}

// screening says what the base decided about an impact assessment. What such a decision
// needs and this one lacks (date, author, criteria, advice) stays out.
func (m *mapper) screening() {
	d := m.file.DPIA
	if d == nil {
		return
	}
	outcomes := map[string]events.ScreeningOutcome{"necessary": "required", "not_necessary": "not_required", "unclear": "unclear"}
	outcome, ok := outcomes[d.Decision]
	if !ok {
		m.err = fmt.Errorf("dpia.decision: must be necessary, not_necessary or unclear")
		return
	}
	id := "SCR-" + slug(d.Scope)
	m.open(fact{"dpia.screened", id, m.dayOr(d.DecidedOn), "", events.DPIAScreened{
		DPIAID: events.DPIAID(id), Scope: events.DPIAScope{Service: d.Scope}, Outcome: outcome, Justification: d.Reasons,
		DecidedOn: d.DecidedOn, DecidedBy: events.PersonRef(d.DecidedBy), DPOOpinion: d.DPOAdvice,
	}})
}

// slug names a service in an id: "call-tracking service" → "CALL-TRACKING-SERVICE".
func slug(s string) string {
	out := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToUpper(s))
	return strings.Trim(out[:min(len(out), 30)], "-")
}

func (m *mapper) retention() {
	run := m.retentionRun()
	for _, r := range m.file.Retention.Items {
		m.open(fact{"retention.rule_set", r.ID, m.undated, "", events.RetentionRuleSet{
			RuleID: events.RuleID(r.ID), DataText: r.Data, StatedText: r.Text, Kind: events.RuleKind(r.Rule.Kind),
			Phases: phases(r.Rule), EndAction: events.EndUndetermined, Default: r.Rule.Default, Customisable: r.Customisable,
			Condition: r.Rule.Condition, Otherwise: events.RuleID(known(r.Rule.Otherwise)),
			ImpactDatabase: r.ImpactDatabase, ImpactStorage: r.ImpactStorage, Run: run,
		}})
	}
}

// phases returns the active phase, and the one after it if the rule moves the data on.
func phases(r rule) []events.Phase {
	out := []events.Phase{{
		Phase: events.PhaseActive, Period: r.Period, KeepLast: r.KeepLast, Per: events.Word(r.Per),
		Anchor: events.Anchor(known(r.Anchor)),
	}}
	if t := r.Then; t != nil {
		out = append(out, events.Phase{Phase: events.PhaseUndetermined, Period: t.Period, StoreText: t.To})
	}
	return out
}

func (m *mapper) retentionRun() *events.RetentionRun {
	a := m.file.Retention.Automation
	if a.Automated == nil {
		return nil
	}
	run := &events.RetentionRun{Mode: "manual"}
	if *a.Automated {
		run.Mode = "automatic"
	}
	every := map[string]events.Period{"": "", "unknown": "", "daily": "P1D", "weekly": "P7D", "monthly": "P1M", "yearly": "P1Y"}
	period, ok := every[a.Frequency]
	if !ok && m.err == nil {
		m.err = fmt.Errorf("retention.automation.frequency: must be daily, weekly, monthly or yearly")
	}
	run.Every = period
	return run
}

// security opens the assessment with every measure, and gives a state to those that
// have one: the others stay unassessed instead of being given one.
func (m *mapper) security() {
	s := m.file.Security
	if s == nil {
		return
	}
	assessed, reason := s.AssessedOn, ""
	if assessed == "" && m.options.AssumeAssessedOn != "" {
		assessed, reason = m.options.AssumeAssessedOn, "day of assessment assumed, the base states none"
	}
	when := m.dayOr(assessed)
	id := events.AssessmentID("SA-" + string(when.at)[:4])
	p := events.SecurityAssessmentOpened{AssessmentID: id, Framework: s.Framework, Measures: []events.AssessedPoint{}}
	for _, t := range s.Topics {
		for i, pair := range t.Measures {
			p.Measures = append(p.Measures, events.AssessedPoint{
				MeasureID: securityMeasureID(t.N, i), TopicNo: int64(t.N), Topic: t.Title, Text: pair[0],
			})
		}
	}
	m.add(fact{"security_assessment.opened", string(id), when, reason, p})
	for _, t := range s.Topics {
		for i, pair := range t.Measures {
			m.rows++
			state := securityStates[pair[1]]
			if state == "" {
				continue
			}
			measure := securityMeasureID(t.N, i)
			m.add(fact{"security_measure.state_set", string(measure), when, reason, events.SecurityMeasureStateSet{
				MeasureID: measure, AssessmentID: id, State: state, StateSince: assessed,
			}})
		}
	}
}

func securityMeasureID(topic, measure int) events.SecurityMeasureID {
	return events.SecurityMeasureID(fmt.Sprintf("SEC-%02d.%d", topic, measure+1))
}

func (m *mapper) contact() {
	c := m.file.Contact
	if c == nil {
		return
	}
	p := events.DPOContactPublished{
		DPOID: "DPO-1", Channels: []events.Channel{}, Heading: c.Heading, Designated: c.DesignationStated.tri(),
		PersonRef: events.PersonRef(c.NamedPerson), RelatedDocument: c.RelatedArticle,
	}
	for _, ch := range c.Channels {
		value := ch.Address
		if value == "" {
			value = ch.Text
		}
		p.Channels = append(p.Channels, events.Channel{Kind: events.ChannelKind(ch.Kind), Value: value, Recipient: ch.Recipient, Label: ch.Label})
	}
	if c.Email != "" {
		p.Channels = append(p.Channels, events.Channel{Kind: "email", Value: c.Email})
	}
	if c.Phone != "" {
		p.Channels = append(p.Channels, events.Channel{Kind: "phone", Value: c.Phone})
	}
	m.open(fact{"dpo.contact_published", "DPO-1", m.undated, "", p})
	m.rows += int64(len(p.Channels)) - 1
}

// completed closes the import: which file, which rules, how much, and what it leaves
// open.
func (m *mapper) completed() {
	s := m.file.Source
	p := events.ImportCompleted{
		FileSHA256: events.SHA256(m.sha256), MappingVersion: MappingVersion,
		Rows: m.rows, Events: int64(len(m.out)) + 1, Warnings: []events.ImportWarning{},
		Source: &events.ImportSource{
			File: s.File, SHA256: events.SHA256(s.SHA256), Title: s.Title, Language: s.Language,
			PageDate: s.PageDate, NotBefore: s.NotBefore,
		},
	}
	for _, w := range m.file.Issues {
		p.Warnings = append(p.Warnings, events.ImportWarning{ID: events.Word(w.ID), Where: w.Where, Kind: events.Word(w.Kind), Text: w.Text})
	}
	m.add(fact{"import.completed", "IMP-" + m.sha256[:16], m.recorded, "", p})
}
