package events

// Criterion is one of the nine criteria of WP248 that speak for an impact assessment.
type Criterion string

// Values lists the criteria.
func (Criterion) Values() []string {
	return []string{"evaluation_scoring", "automated_decision", "systematic_monitoring", "sensitive_or_highly_personal", "large_scale", "matching", "vulnerable_subjects", "innovative_use", "blocks_right_or_service"}
}

// A CriterionAnswer is whether a criterion is met, and why.
type CriterionAnswer struct {
	Answer  Tri    `json:"answer"`
	Comment string `json:"comment,omitzero"`
}

// ScreeningOutcome is what a screening decided.
type ScreeningOutcome string

// Values lists the outcomes.
func (ScreeningOutcome) Values() []string { return []string{"required", "not_required", "unclear"} }

// A DPIAScope is what a screening or assessment is about.
type DPIAScope struct {
	ActivityIDs []ActivityID `json:"activity_ids,omitzero"`
	Service     string       `json:"service,omitzero" max:"200"`
}

// DPIAScreened says whether an impact assessment is needed, and why (GDPR 35(1), (2)).
// A decision counts only with its date, author, criteria and reasons; what is missing
// stays out and becomes a finding.
type DPIAScreened struct {
	DPIAID        DPIAID                        `json:"dpia_id"`
	Scope         DPIAScope                     `json:"scope"`
	Criteria      map[Criterion]CriterionAnswer `json:"criteria,omitzero"` // absent = unknown
	Outcome       ScreeningOutcome              `json:"outcome"`
	Justification []string                      `json:"justification,omitzero" max:"1000"`
	DecidedOn     Date                          `json:"decided_on,omitzero"`
	DecidedBy     PersonRef                     `json:"decided_by,omitzero" pii:"P1"`
	DPOOpinion    string                        `json:"dpo_opinion,omitzero" max:"1000"`
}

// DPIAStarted opens an impact assessment with what is known of it (GDPR 35(7)).
type DPIAStarted struct {
	DPIAID                   DPIAID       `json:"dpia_id"`
	ActivityRefs             []ActivityID `json:"activity_refs" min:"1"`
	ScreeningRef             DPIAID       `json:"screening_ref,omitzero"`
	Description              string       `json:"description,omitzero" max:"4000"`
	NecessityProportionality string       `json:"necessity_proportionality,omitzero" max:"4000"`
	Risks                    []DPIARisk   `json:"risks,omitzero"`
	SubjectsViews            string       `json:"subjects_views,omitzero" max:"4000"`
	Owner                    PersonRef    `json:"owner,omitzero" pii:"P1"`
}

// FearedEvent is what a risk of an impact assessment ends in.
type FearedEvent string

// Values lists the feared events.
func (FearedEvent) Values() []string {
	return []string{"illegitimate_access", "unwanted_change", "disappearance"}
}

// A DPIARisk is a risk, before and after the measures.
type DPIARisk struct {
	Source             string      `json:"source"`
	FearedEvent        FearedEvent `json:"feared_event"`
	Severity           Severity    `json:"severity"`
	Likelihood         Severity    `json:"likelihood"`
	Measures           []Reference `json:"measures,omitzero"`
	ResidualSeverity   Severity    `json:"residual_severity,omitzero"`
	ResidualLikelihood Severity    `json:"residual_likelihood,omitzero"`
}

// DPIADecision is what the one who validates decided.
type DPIADecision string

// Values lists the decisions.
func (DPIADecision) Values() []string {
	return []string{"accept", "accept_with_actions", "refuse", "consult_authority"}
}

// ResidualRisk is what is left after the measures.
type ResidualRisk string

// Values lists the residual risks.
func (ResidualRisk) Values() []string { return []string{"none", "low", "high"} }

// DPIAValidated ends an impact assessment with a decision (GDPR 35, 36).
type DPIAValidated struct {
	Decision   DPIADecision `json:"decision"`
	Residual   ResidualRisk `json:"residual"`
	Validator  PersonRef    `json:"validator,omitzero" pii:"P1"`
	DPOOpinion string       `json:"dpo_opinion,omitzero" max:"1000"`
	ReviewOn   Date         `json:"review_on,omitzero"`
	Actions    []string     `json:"actions,omitzero"`
}

// Example shows a payload.
func (DPIAScreened) Example() string {
	return `{"criteria":{"large_scale":{"answer":"yes","comment":"200,000 calls a month"},"vulnerable_subjects":{"answer":"unknown"}},"decided_by":"per_01JD0000000000000000000000","decided_on":"2026-02-01","dpia_id":"SCR-FR-011","dpo_opinion":"do it","justification":["content of communications at large scale"],"outcome":"required","scope":{"activity_ids":["FR-011"]}}`
}

// Example shows a payload.
func (DPIAStarted) Example() string {
	return `{"activity_refs":["FR-011"],"description":"recording of calls","dpia_id":"DPIA-001","owner":"per_01JD0000000000000000000000","risks":[{"feared_event":"illegitimate_access","likelihood":"limited","measures":[{"ref":"TOM-08"}],"residual_likelihood":"negligible","severity":"significant","source":"outside attacker"}],"screening_ref":"SCR-FR-011"}`
}

// Example shows a payload.
func (DPIAValidated) Example() string {
	return `{"actions":["shorten retention to 7 days"],"decision":"accept_with_actions","dpo_opinion":"in favour","residual":"low","review_on":"2027-02-01","validator":"per_01JD0000000000000000000000"}`
}
