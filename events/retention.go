package events

// RuleKind is what a retention rule counts.
type RuleKind string

// Values lists the kinds.
func (RuleKind) Values() []string { return []string{"time", "count", "event", "until_condition"} }

// RetentionRuleSet says how long data are kept (GDPR 5(1)(e), 30(1)(f)).
type RetentionRuleSet struct {
	RuleID         RuleID         `json:"rule_id"`
	DataText       string         `json:"data_text"`
	StatedText     string         `json:"stated_text,omitzero"` // the rule in the words of its source
	DataCategories []DataCategory `json:"data_categories,omitzero"`
	ActivityRefs   []ActivityID   `json:"activity_refs,omitzero"`
	Kind           RuleKind       `json:"kind"`
	Phases         []Phase        `json:"phases" min:"1"`
	EndAction      EndAction      `json:"end_action"`
	Default        bool           `json:"default"` // the stated period is a default that may be changed
	Customisable   bool           `json:"customisable"`
	ByWhom         string         `json:"by_whom,omitzero" max:"200"`
	MinPeriod      Period         `json:"min_period,omitzero"`
	MaxPeriod      Period         `json:"max_period,omitzero"`
	Condition      string         `json:"condition,omitzero"` // the rule holds only then
	Otherwise      RuleID         `json:"otherwise,omitzero"` // and else this one
	LegalSource    string         `json:"legal_source,omitzero"`
	ImpactDatabase bool           `json:"impact_database"`
	ImpactStorage  bool           `json:"impact_storage"`
	Run            *RetentionRun  `json:"run,omitzero"`
}

// A Phase is a stage in the life of data (CNIL: active base, intermediate archive,
// final archive). A phase without period and without count has no limit, which is a
// finding.
type Phase struct {
	Phase     PhaseName `json:"phase"`
	Period    Period    `json:"period,omitzero"`
	KeepLast  *int64    `json:"keep_last,omitzero" min:"1"`
	Per       Word      `json:"per,omitzero"` // what is counted apart: "api_key"
	Anchor    Anchor    `json:"anchor,omitzero"`
	Store     Store     `json:"store,omitzero"`
	StoreText string    `json:"store_text,omitzero" max:"200"`
	Access    []string  `json:"access,omitzero" max:"200"`
}

// PhaseName is the stage.
type PhaseName string

// The stages that an import needs.
const (
	PhaseActive       PhaseName = "active"
	PhaseUndetermined PhaseName = "undetermined"
)

// Values lists the stages.
func (PhaseName) Values() []string {
	return []string{"active", "intermediate_archive", "final_archive", "undetermined"}
}

// Anchor is the moment from which a period runs.
type Anchor string

// Values lists the anchors.
func (Anchor) Values() []string {
	return []string{"created", "collected", "last_usage", "last_contact", "contract_end", "closed", "invoice_year_end", "call_end", "uploaded"}
}

// Store is where data lie.
type Store string

// Values lists the stores.
func (Store) Values() []string {
	return []string{"database", "file_storage", "object_storage", "backup", "paper", "other"}
}

// EndAction is what happens when the last phase is over.
type EndAction string

// EndUndetermined is the end action when none was stated.
const EndUndetermined EndAction = "undetermined"

// Values lists the actions.
func (EndAction) Values() []string {
	return []string{"erase", "anonymise", "sort_then_erase", "transfer_to_archives", "undetermined"}
}

// A RetentionRun is how a rule is carried out.
type RetentionRun struct {
	Mode  RunMode `json:"mode"`
	Every Period  `json:"every,omitzero"`
}

// RunMode says whether somebody has to start a run.
type RunMode string

// Values lists the modes.
func (RunMode) Values() []string { return []string{"automatic", "manual"} }

// Example shows a payload.
func (RetentionRuleSet) Example() string {
	return `{"activity_refs":["FR-011"],"by_whom":"the client","customisable":true,"data_text":"recordings of calls","default":true,"end_action":"erase","impact_database":false,"impact_storage":true,"kind":"time","max_period":"P6M","phases":[{"anchor":"call_end","period":"P25D","phase":"active","store":"object_storage"}],"rule_id":"RET-05","run":{"every":"P1D","mode":"automatic"}}`
}
