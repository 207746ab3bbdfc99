package projections

import "greffe/events"

// A Breach is one row of the breach register (GDPR 33(5)). It has no single status:
// five regions move side by side (domain.md §3.7), of which Status is the handling.
type Breach struct {
	Base
	events.BreachAssessed // all that is known, as last assessed

	BreachID      events.BreachID `json:"breach_id"`
	AwarePresumed bool            `json:"aware_presumed,omitzero" row:"derived"` // aware_at is when the first event happened: nothing else was stated
	RiskState     string          `json:"risk_state" row:"derived"`              // unassessed, none, risk, high
	Authority     string          `json:"authority_state" row:"derived"`
	Persons       string          `json:"subjects_state" row:"derived"`
	Incident      string          `json:"incident_state" row:"derived"`

	MeasuresRecorded []events.BreachMeasureRecorded    `json:"measures_recorded,omitzero"`
	Decision         *events.BreachNotificationDecided `json:"notification_decision,omitzero"` // the last one
	Notifications    []events.BreachAuthorityNotified  `json:"notification,omitzero"`
	Information      []events.BreachSubjectsInformed   `json:"subjects_information,omitzero"`
	Exemption        *events.BreachSubjectsExempted    `json:"subjects_exemption,omitzero"` // the last one
}

// The states of the regions.
const (
	riskUnassessed = "unassessed"
	riskNone       = "none"
	riskHigh       = "high"

	regionUndecided   = "undecided"
	regionDue         = "due"
	regionNotRequired = "not_required"

	authorityInitial  = "initial_sent"
	authorityComplete = "complete_sent"

	personsInformed = "informed"
	personsExempted = "exempted"

	incidentUnknown = "unknown"
)

func breachColumns() []Column {
	return columns("id Ref/Réf", "aware_at Aware/Connaissance", "risk_state Risk/Risque", "severity Severity/Gravité", "authority_state Authority/Autorité", "subjects_state Persons/Personnes", "status Status/État")
}

func foldBreach() folder {
	m := states(`
		state       | suspected   | established   | dismissed   | assessed                   | measure_recorded, notification_decided, authority_notified, controller_notified, subjects_informed, subjects_exempted, contained, resumed | authority_answered | closed          | reopened
		(none)      | ->suspected | ->established | =           | !established A-ORDER       | !established A-ORDER       | =             | !closed A-ORDER | =
		suspected   | = A-DUP     | ->established | ->dismissed | !established A-ORDER       | !established A-ORDER       | ->.           | !closed A-ORDER | =
		established | = A-DUP     | = A-DUP       | !dismissed  | ->established              | ->established              | ->.           | ->closed        | =
		dismissed   | = A-DUP     | !established  | =           | !established               | !established               | ->.           | =               | ->established
		closed      | =           | =             | =           | !established A-AFTER-CLOSE | !established A-AFTER-CLOSE | ->.           | =               | ->established
	`)
	return aggregates(m, applyBreach)
}

func applyBreach(c *call, row *Breach) {
	if row.RiskState == "" {
		row.BreachID, row.RiskState, row.Incident = events.BreachID(row.ID), riskUnassessed, incidentUnknown
		row.Authority, row.Persons = regionUndecided, regionUndecided
	}
	switch p := c.fact.Payload.(type) {
	case *events.BreachAssessed:
		aware := row.AwareAt
		row.BreachAssessed = *p
		becomeAware(c, row, aware)
		row.derive()
		assessBreach(row)
	case *events.BreachMeasureRecorded:
		row.MeasuresRecorded = append(row.MeasuresRecorded, *p)
	case *events.BreachNotificationDecided:
		row.Decision = p
		decideBreach(row, p)
	case *events.BreachAuthorityNotified:
		row.Notifications = append(row.Notifications, *p)
		notifyBreach(c, row, p)
	case *events.BreachSubjectsInformed:
		row.Information, row.Persons = append(row.Information, *p), personsInformed
	case *events.BreachSubjectsExempted:
		row.Exemption, row.Persons = p, personsExempted
	}
	if row.Status == "established" && row.AwareAt == "" {
		row.AwareAt, row.AwarePresumed = c.fact.Event.OccurredAt, true
	}
}

// becomeAware keeps the start of the clock where an assessment leaves it out, and flags
// one that lies after an earlier event of the same breach: somebody moved the clock.
func becomeAware(c *call, row *Breach, before events.Instant) {
	if row.AwareAt == "" {
		row.AwareAt = before
		return
	}
	row.AwarePresumed = false
	aware, err := row.AwareAt.Time()
	if err != nil {
		return
	}
	for _, earlier := range []events.Instant{before, row.OccurredAt} {
		if t, err := earlier.Time(); err == nil && aware.After(t) {
			c.warnAt(AwareLate, "aware_at")
			return
		}
	}
}

func (b *Breach) derive() {
	if b.Risk != "" {
		b.RiskState = string(b.Risk)
	}
}

// assessBreach re-opens duties that a higher risk brings; a lower risk takes back only
// what nobody has acted on.
func assessBreach(row *Breach) {
	switch row.Authority {
	case regionUndecided, regionDue:
		row.Authority = regionUndecided
		if row.RiskState != riskNone {
			row.Authority = regionDue
		}
	case regionNotRequired:
		if row.RiskState != riskNone {
			row.Authority = regionDue
		}
	}
	switch {
	case row.Persons == personsInformed || row.Persons == personsExempted:
	case row.RiskState == riskHigh:
		row.Persons = regionDue
	case row.RiskState == riskNone:
		row.Persons = regionNotRequired
	default:
		row.Persons = regionUndecided
	}
}

func decideBreach(row *Breach, p *events.BreachNotificationDecided) {
	if row.Authority == authorityInitial || row.Authority == authorityComplete {
		return
	}
	row.Authority = regionDue
	if p.Decision == "not_required" {
		row.Authority = regionNotRequired
	}
}

// notifyBreach moves the authority's region. A complement before the initial
// notification counts as the initial one.
func notifyBreach(c *call, row *Breach, p *events.BreachAuthorityNotified) {
	sent := row.Authority == authorityInitial || row.Authority == authorityComplete
	switch {
	case p.Kind == "complete":
		row.Authority = authorityComplete
	case p.Kind == "complementary" && sent:
		row.Authority = authorityComplete
	case p.Kind == "complementary":
		c.warn(OutOfOrder)
		row.Authority = authorityInitial
	case !sent:
		row.Authority = authorityInitial
	}
}
