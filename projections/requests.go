package projections

// A Request is a request of a data subject (GDPR 12(3), 15 to 22). The catalogue has no
// event about one yet, since all of them hold personal data: the register is empty, and
// an empty register is an answer.
type Request struct {
	Base
}

func requestColumns() []Column {
	return columns("id Ref/Réf", "status Status/État", "occurred_at Since/Depuis")
}

func foldRequest() folder {
	return aggregates(states("state\n(none)"), func(*call, *Request) {})
}
