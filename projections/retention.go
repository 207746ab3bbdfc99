package projections

import "greffe/events"

// A RetentionRule says how long data are kept and what follows (GDPR 5(1)(e)).
type RetentionRule struct {
	Base
	events.RetentionRuleSet
}

func retentionColumns() []Column {
	return columns("id Ref/Réf", "data_text Data/Données", "kind Kind/Nature", "stated_text Rule/Règle", "end_action Then/Ensuite", "customisable Customisable/Modifiable", "status Status/État")
}

func foldRetention() folder {
	m := states(`
		state   | rule_set | rule_amended | rule_retired
		(none)  | ->set    | !set         | =
		set     | = A-DUP  | ->set        | ->retired
		retired | = A-DUP  | !retired     | =
	`)
	return aggregates(m, func(c *call, row *RetentionRule) {
		if p, ok := c.fact.Payload.(*events.RetentionRuleSet); ok {
			row.RetentionRuleSet = *p
		}
	})
}
