package base

import "greffe/events"

// The file as it is written. A member with the tag base:"required" must be there and
// not null; every other may be missing. See strict.go.

type file struct {
	Schema       string       `yaml:"schema" base:"required"`
	Source       source       `yaml:"source" base:"required"`
	Organisation organisation `yaml:"organisation" base:"required"`
	Sections     []section    `yaml:"sections"`
	Activities   activities   `yaml:"processing_activities"`
	Documents    []document   `yaml:"documents"`
	Notices      notices      `yaml:"information_notices"`
	Processors   processors   `yaml:"processors"`
	Consent      *consent     `yaml:"consent_cookies"`
	Measures     measures     `yaml:"measures"`
	Breaches     breaches     `yaml:"breach_register"`
	Rights       *rights      `yaml:"data_subject_rights"`
	DPIA         *dpia        `yaml:"dpia"`
	Retention    retention    `yaml:"retention"`
	Security     *security    `yaml:"security_self_assessment"`
	Contact      *contact     `yaml:"dpo_contact"`
	Issues       []Warning    `yaml:"issues"`
}

type source struct {
	File      string      `yaml:"file"`
	SHA256    string      `yaml:"sha256"`
	Title     string      `yaml:"title"`
	Language  string      `yaml:"language" base:"required"` // a locale, then words
	PageDate  events.Date `yaml:"page_date"`
	NotBefore events.Date `yaml:"not_before" base:"required"`
}

type organisation struct {
	TradeName            string   `yaml:"trade_name"`
	LegalEntity          string   `yaml:"legal_entity" base:"required"`
	Address              *address `yaml:"address"`
	Business             string   `yaml:"business"`
	SupervisoryAuthority string   `yaml:"supervisory_authority"`
	Domains              []string `yaml:"domains"`
	RegistrationNumber   string   `yaml:"registration_number"`
	Representative       string   `yaml:"representative"`
	JointControllers     []string `yaml:"joint_controllers"`
}

type address struct {
	Street   string `yaml:"street"`
	Postcode string `yaml:"postcode"`
	City     string `yaml:"city"`
	Country  string `yaml:"country" base:"required"`
}

type section struct {
	N              int    `yaml:"n"`
	Key            string `yaml:"key"`
	HeadingPresent bool   `yaml:"heading_present"`
	Note           string `yaml:"note"`
}

type activities struct {
	Stated struct {
		ClaimsRecordContains []string `yaml:"claims_record_contains"`
		ColumnsPublished     []string `yaml:"columns_actually_published"`
		DatasheetExists      bool     `yaml:"detailed_internal_datasheet_exists"`
	} `yaml:"stated"`
	Count *int       `yaml:"count"`
	Items []activity `yaml:"items"`
}

type activity struct {
	ID        string      `yaml:"id" base:"required"`
	Name      string      `yaml:"name" base:"required"`
	CreatedOn events.Date `yaml:"created_on" base:"required"`
	UpdatedOn events.Date `yaml:"updated_on"`
	Purposes  []string    `yaml:"purposes" base:"required"`
	Sensitive answer      `yaml:"sensitive"`
}

type document struct {
	ID            string      `yaml:"id" base:"required"`
	Kind          string      `yaml:"kind" base:"required"`
	Title         string      `yaml:"title" base:"required"`
	URL           string      `yaml:"url"`
	Version       string      `yaml:"version"`
	EffectiveFrom events.Date `yaml:"effective_from"`
}

type notices struct {
	ControllerNamedAs string        `yaml:"controller_named_as"`
	AllReferTo        string        `yaml:"all_refer_to"`
	Items             []notice      `yaml:"items"`
	Others            []otherNotice `yaml:"other_collection_points"`
}

type notice struct {
	ID              string `yaml:"id" base:"required"`
	CollectionPoint string `yaml:"collection_point" base:"required"`
	Site            string `yaml:"site"`
	Purpose         string `yaml:"purpose"`
}

type otherNotice struct {
	ID            string   `yaml:"id" base:"required"`
	URL           string   `yaml:"url"`
	Feature       string   `yaml:"feature"`
	Mechanism     string   `yaml:"mechanism"`
	Document      string   `yaml:"document"`
	SaidToConfirm []string `yaml:"said_to_confirm"`
}

type processors struct {
	Named        nothing       `yaml:"named_processors"`
	Categories   []category    `yaml:"categories"`
	ClausePoints []clausePoint `yaml:"dpa_clause_points"`
	NotListed    []string      `yaml:"art_28_3_points_not_listed"`
	Note         string        `yaml:"note"`
}

type category struct {
	ID    string `yaml:"id" base:"required"`
	Label string `yaml:"label" base:"required"`
}

type clausePoint struct {
	ID     string   `yaml:"id" base:"required"`
	Label  string   `yaml:"label" base:"required"`
	Covers string   `yaml:"covers"`
	Art    []string `yaml:"art"`
}

type consent struct {
	NotSystematicFor string   `yaml:"consent_not_systematic_for"`
	MainBasis        string   `yaml:"main_legal_basis_stated"`
	InterestsOf      []string `yaml:"legitimate_interests_of"`
	Interests        []string `yaml:"interests"`
	BalancingClaimed answer   `yaml:"balancing_assessment_claimed"`
	RequiredFor      string   `yaml:"consent_required_for" base:"required"`
	LegalReference   citation `yaml:"legal_reference_cited"`
	AdviceToClients  []string `yaml:"advice_to_clients"`
	Cookies          []cookie `yaml:"cookies"`
	RecommendedCMPs  []tool   `yaml:"recommended_cmps"`
}

type citation struct {
	Text       string `yaml:"text"`
	Status     string `yaml:"status"`
	ReplacedBy string `yaml:"replaced_by"`
}

type cookie struct {
	Name        string        `yaml:"name" base:"required"`
	Description string        `yaml:"description"`
	Lifetime    events.Period `yaml:"lifetime"`
	Domain      string        `yaml:"domain"`
	Party       string        `yaml:"party"`
	Purpose     string        `yaml:"purpose"`
	Exempt      answer        `yaml:"exempt_from_consent"`
}

type tool struct {
	Name string `yaml:"name" base:"required"`
	URL  string `yaml:"url"`
}

type measures struct {
	DocumentedInternally answer    `yaml:"documented_internally"`
	Count                *int      `yaml:"count"`
	Items                []measure `yaml:"items"`
}

type measure struct {
	ID    string `yaml:"id" base:"required"`
	Kind  string `yaml:"kind" base:"required"`
	Topic string `yaml:"topic" base:"required"`
	Text  string `yaml:"text" base:"required"`
}

type breaches struct {
	State                string    `yaml:"state"`
	Entries              []nothing `yaml:"entries"`
	Authority            string    `yaml:"authority"`
	Teleservice          string    `yaml:"teleservice"`
	SubjectsInformedWhen string    `yaml:"subjects_informed_when"`
	DocumentationPoints  []string  `yaml:"documentation_points"`
	NotListed            []string  `yaml:"not_listed_but_required_by_art_33_5"`
}

type rights struct {
	Named    []string `yaml:"rights_named" base:"required"`
	NotNamed []string `yaml:"rights_not_named"`
	Form     string   `yaml:"form"`
	Who      string   `yaml:"who"`
	Deadline struct {
		Period events.Period `yaml:"period"`
		From   string        `yaml:"from"`
		Basis  string        `yaml:"basis"`
	} `yaml:"deadline"`
	ExtensionMentioned     answer `yaml:"extension_mentioned"`
	IdentityCheckMentioned answer `yaml:"identity_check_mentioned"`
}

type dpia struct {
	Decision  string      `yaml:"decision" base:"required"`
	Scope     string      `yaml:"scope" base:"required"`
	Reasons   []string    `yaml:"reasons"`
	DecidedOn events.Date `yaml:"decided_on"`
	DecidedBy string      `yaml:"decided_by"`
	DPOAdvice string      `yaml:"dpo_advice"`
	Criteria  nothing     `yaml:"criteria_screening"`
}

type retention struct {
	Automation struct {
		Automated *bool  `yaml:"automated"`
		Frequency string `yaml:"frequency"`
	} `yaml:"automation"`
	Count *int            `yaml:"count"`
	Items []retentionItem `yaml:"items"`
}

type retentionItem struct {
	ID             string `yaml:"id" base:"required"`
	Data           string `yaml:"data" base:"required"`
	Text           string `yaml:"text"`
	Rule           rule   `yaml:"rule" base:"required"`
	Customisable   bool   `yaml:"customisable" base:"required"`
	ImpactDatabase bool   `yaml:"impact_database" base:"required"`
	ImpactStorage  bool   `yaml:"impact_storage" base:"required"`
}

type rule struct {
	Kind      string        `yaml:"kind" base:"required"`
	Period    events.Period `yaml:"period"`
	Anchor    string        `yaml:"anchor"`
	Default   bool          `yaml:"default"`
	KeepLast  *int64        `yaml:"keep_last"`
	Per       string        `yaml:"per"`
	Condition string        `yaml:"condition"`
	Otherwise string        `yaml:"otherwise"`
	Then      *nextPhase    `yaml:"then"`
}

type nextPhase struct {
	Action string        `yaml:"action"`
	To     string        `yaml:"to"`
	Period events.Period `yaml:"period"`
}

type security struct {
	Framework  string            `yaml:"framework" base:"required"`
	AssessedOn events.Date       `yaml:"assessed_on"`
	Legend     map[string]string `yaml:"states_legend"`
	Counts     map[string]int    `yaml:"counts"`
	Topics     []topic           `yaml:"topics" base:"required"`
}

type topic struct {
	N        int        `yaml:"n" base:"required"`
	Title    string     `yaml:"title" base:"required"`
	Measures [][]string `yaml:"measures" base:"required"` // pairs of text and state
}

type contact struct {
	Heading           string    `yaml:"heading"`
	NamedPerson       string    `yaml:"named_person"`
	DesignationStated answer    `yaml:"designation_stated"`
	Channels          []channel `yaml:"channels" base:"required"`
	Email             string    `yaml:"email"`
	Phone             string    `yaml:"phone"`
	RelatedArticle    string    `yaml:"related_article"`
}

type channel struct {
	Kind      string `yaml:"kind" base:"required"`
	Recipient string `yaml:"recipient"`
	Address   string `yaml:"address"`
	Label     string `yaml:"label_in_source"`
	Text      string `yaml:"text"`
}

// A Warning is an ambiguity, a gap or a mistake that the base's transcriber found.
type Warning struct {
	ID    string `yaml:"id" json:"id" base:"required"`
	Where string `yaml:"where" json:"where" base:"required"`
	Kind  string `yaml:"kind" json:"kind" base:"required"`
	Text  string `yaml:"text" json:"text" base:"required"`
}
