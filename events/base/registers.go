package base

import (
	"strings"

	"greffe/events"
)

// Sections 1 to 4 of a base: the organisation, what it does with data, what it tells
// persons, and who else handles the data.

func (m *mapper) organisation() {
	o := m.file.Organisation
	p := events.OrganisationIdentified{
		OrganisationID: "ORG-1", TradeName: o.TradeName, LegalEntity: o.LegalEntity, Business: o.Business,
		RegistrationNumber: o.RegistrationNumber, SupervisoryAuthority: o.SupervisoryAuthority,
		AuthorityTeleservice: events.URL(m.file.Breaches.Teleservice), Domains: o.Domains,
		RepresentativeRef: o.Representative, JointControllers: o.JointControllers,
	}
	if a := o.Address; a != nil {
		p.Address = &events.Address{Street: a.Street, Postcode: a.Postcode, City: a.City, Country: events.Country(a.Country)}
	}
	m.open(fact{"organisation.identified", "ORG-1", m.undated, "", p})
}

// activities gives each row its event on the day of creation, then each its declared
// update: what was updated is not stated, so the amendment has no changes.
func (m *mapper) activities() {
	for _, a := range m.file.Activities.Items {
		p := events.ProcessingActivityRecorded{
			ActivityID: events.ActivityID(a.ID), Register: events.RegisterUndetermined, Name: events.Text{m.locale: a.Name},
			CreatedOn: a.CreatedOn, InitialStatus: events.ActivityActive, SensitiveStated: a.Sensitive.tri(),
		}
		if p.SensitiveStated == "" {
			p.SensitiveStated = events.Unknown
		}
		for _, text := range a.Purposes {
			p.Purposes = append(p.Purposes, events.Purpose{Text: text, LegalBasis: events.Undetermined})
		}
		m.open(fact{"processing_activity.recorded", a.ID, m.day(a.CreatedOn), "", p})
	}
	for _, a := range m.file.Activities.Items {
		if a.UpdatedOn == "" {
			continue
		}
		p := events.Amended{Changes: []events.Change{}, EffectiveOn: a.UpdatedOn}
		m.add(fact{"processing_activity.amended", a.ID, m.day(a.UpdatedOn), "declared update, content unknown", p})
	}
}

// documents are those that the base lists, and two that it writes out: the points of
// its data processing agreements and its procedure for requests.
func (m *mapper) documents() {
	for _, d := range m.file.Documents {
		m.open(fact{"document.published", d.ID, m.dayOr(d.EffectiveFrom), "", events.DocumentPublished{
			DocumentID: events.DocumentID(d.ID), Kind: events.DocumentKind(d.Kind), Title: d.Title,
			URL: events.URL(d.URL), Version: events.Word(d.Version), EffectiveFrom: d.EffectiveFrom,
		}})
	}
	m.clauses()
	m.procedure()
}

func (m *mapper) clauses() {
	points := m.file.Processors.ClausePoints
	if len(points) == 0 {
		return
	}
	const id = "DOC-DPA-CLAUSES"
	p := events.DocumentPublished{DocumentID: id, Kind: events.ClauseTemplate, Title: "Clauses of data processing agreements"}
	for _, c := range points {
		p.Points = append(p.Points, events.ClausePoint{
			PointID: events.Word(c.ID), Label: c.Label, Text: c.Covers, LegalRefs: words[events.Article](c.Art),
		})
	}
	m.open(fact{"document.published", id, m.undated, "", p})
	m.rows += int64(len(points)) - 1
}

func (m *mapper) procedure() {
	r := m.file.Rights
	if r == nil {
		return
	}
	const id = "DOC-RIGHTS-PROCEDURE"
	p := events.DocumentPublished{
		DocumentID: id, Kind: events.ProcedureDocument, Title: "Procedure for requests of data subjects", URL: events.URL(r.Form),
		Procedure: &events.RightsProcedure{
			Audience: r.Who, AnswerPeriod: r.Deadline.Period, AnswerFrom: r.Deadline.From, AnswerSource: r.Deadline.Basis,
			ExtensionTold: r.ExtensionMentioned.tri(), IdentityChecks: r.IdentityCheckMentioned.tri(),
		},
	}
	for _, right := range r.Named {
		p.Covers = append(p.Covers, events.Word("right:"+right))
	}
	m.open(fact{"document.published", id, m.undated, "", p})
}

func (m *mapper) notices() {
	n := m.file.Notices
	for _, item := range n.Items {
		m.open(fact{"notice.published", item.ID, m.undated, "", events.NoticePublished{
			NoticeID: events.NoticeID(item.ID), CollectionPoint: item.CollectionPoint, Site: item.Site,
			Mode: events.NoticeUndetermined, PurposeText: item.Purpose, ControllerNamedAs: n.ControllerNamedAs,
			Layer2Ref: reference(n.AllReferTo),
		}})
	}
	for _, item := range n.Others {
		place := item.Feature
		if place == "" {
			place = item.URL
		}
		m.open(fact{"notice.published", item.ID, m.undated, "", events.NoticePublished{
			NoticeID: events.NoticeID(item.ID), CollectionPoint: place, URL: events.URL(item.URL),
			Mode: events.NoticeUndetermined, Mechanism: item.Mechanism, SaidToConfirm: item.SaidToConfirm,
			Layer2Ref: reference(item.Document),
		}})
	}
}

func reference(document string) *events.DocumentVersion {
	if document == "" {
		return nil
	}
	return &events.DocumentVersion{DocumentID: events.DocumentID(document)}
}

// processors registers each category as a processor without a name: that somebody
// handles the data is a fact, who it is is not stated.
func (m *mapper) processors() {
	for _, c := range m.file.Processors.Categories {
		number := strings.TrimPrefix(c.ID, "PRCAT-")
		id := "PRC-" + strings.Repeat("0", max(0, 4-len(number))) + number
		m.open(fact{"processor.registered", id, m.undated, "", events.ProcessorRegistered{
			ProcessorID: events.ProcessorID(id), Category: events.CategoryID(c.ID), CategoryText: c.Label,
			Relationship: events.RelationshipUndetermined,
		}})
	}
}

func (m *mapper) consent() {
	c := m.file.Consent
	if c == nil {
		return
	}
	p := events.ConsentPurposeDefined{
		PurposeID: "CPU-001", Label: events.Text{m.locale: c.RequiredFor}, NotRequiredFor: c.NotSystematicFor,
		AdviceToClients: c.AdviceToClients,
	}
	if c.MainBasis != "" {
		p.OtherBasis = &events.OtherBasis{
			LegalBasis: events.LegalBasis(c.MainBasis), InterestsOf: c.InterestsOf, Interests: c.Interests,
			BalancingTestClaimed: c.BalancingClaimed.tri(),
		}
	}
	if c.LegalReference.Text != "" {
		p.LegalReferences = []string{c.LegalReference.Text}
	}
	for _, t := range c.RecommendedCMPs {
		p.Tools = append(p.Tools, events.NamedAddress{Name: t.Name, URL: events.URL(t.URL)})
	}
	m.open(fact{"consent_purpose.defined", "CPU-001", m.undated, "", p})
	for _, k := range c.Cookies {
		m.cookie(k)
	}
}

func (m *mapper) cookie(k cookie) {
	id := "TRK-" + strings.ReplaceAll(k.Name, " ", "_")
	p := events.TrackerDeclared{
		TrackerID: events.TrackerID(id), Name: k.Name, Kind: events.TrackerCookie, Domain: k.Domain,
		Party: events.TrackerParty(known(k.Party)), PurposeText: k.Purpose, Description: k.Description,
		Lifetime: k.Lifetime, Exempt: k.Exempt.tri(),
	}
	if p.Exempt == "" {
		p.Exempt = events.Unknown
	}
	m.open(fact{"tracker.declared", id, m.undated, "", p})
}
