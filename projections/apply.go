package projections

import (
	"cmp"

	"greffe/events"
	"greffe/ledger/chain"
)

// A State holds the rows of every register while facts are folded into it. It belongs
// to one goroutine. A state that cannot read a row says so to its owner, who then
// throws away what was folded since: Apply does not look at errors.
type State interface {
	// Get returns the row with this id. The caller may change it and then Puts it.
	Get(r *Register, id string) (Row, bool)
	// Put keeps a new or changed row under its id.
	Put(r *Register, row Row)
	// Flag keeps an anomaly.
	Flag(a Anomaly)
}

// Apply folds one fact into the registers. Facts must come in the order of the ledger.
func Apply(s State, frame Frame, f *Fact) {
	registers := folding(f.Kind)
	if f.Entry.Disposition == chain.Quarantined {
		registers = folding(kindQuarantine)
	}
	for i, r := range registers {
		c := call{state: s, frame: frame, reg: r, fact: f, first: i == 0}
		c.run()
	}
	if len(registers) == 0 {
		c := call{state: s, frame: frame, reg: &Register{}, fact: f, first: true}
		c.run()
	}
}

// A call is the folding of one fact into one register.
type call struct {
	state  State
	frame  Frame
	reg    *Register
	fact   *Fact
	first  bool // of the registers that this fact is folded into
	row    Row  // that the fact is about, once known
	effect Effect
	flags  []Anomaly
}

func (c *call) run() {
	c.effect = KeptNotApplied
	switch {
	case c.fact.Entry.Disposition == chain.Quarantined:
		c.reg.folder.fold(c)
	case c.fact.Entry.Disposition == chain.Duplicate:
		return
	case c.fact.Entry.Disposition == chain.Conflict || c.fact.Fault != "":
		if c.first {
			c.flagAt(cmp.Or(c.fact.Fault, IDReuse), c.fact.Pointer)
		}
	case c.reg.folder.fold != nil:
		c.effect = Applied
		c.reg.folder.fold(c)
	default: // known to the catalogue, shown by no register
		c.effect = Applied
	}
	if c.first && c.fact.imported() {
		c.flag(Imported)
	}
	c.finish()
}

// finish hands the anomalies over, with the effect that the fact had in the end.
func (c *call) finish() {
	for _, a := range c.flags {
		a.Effect = c.effect
		if c.row != nil {
			a.Row = c.row.base().ID
		}
		c.state.Flag(a)
	}
}

func (c *call) flag(code Code) { c.flagAt(code, "") }

func (c *call) flagAt(code Code, path string) {
	c.flags = append(c.flags, Anomaly{
		Seq: c.fact.Entry.Seq, EventID: c.fact.EventID(), Register: c.reg.Name, Row: c.fact.ID, Code: code, Path: path,
	})
}

// keep leaves the fact to the history: the row does not show it.
func (c *call) keep(code Code) {
	c.effect = KeptNotApplied
	c.flag(code)
}

// warn flags a fact that is shown all the same.
func (c *call) warn(code Code) { c.warnAt(code, "") }

func (c *call) warnAt(code Code, path string) {
	if c.effect == Applied {
		c.effect = AppliedFlagged
	}
	c.flagAt(code, path)
}

// aggregates makes the fold of a register whose rows are aggregates: it takes the
// step that the table of states names and lets apply show the payload on the row.
// apply finds the next state in row.Status and may set another one.
func aggregates[T any, P interface {
	*T
	Row
}](m *machine, apply func(c *call, row P)) folder {
	return folder{m, func(c *call) {
		row, known := find[T, P](c, c.fact.ID)
		if correct(c, row, known) {
			return
		}
		state := none
		if known {
			state = row.base().Status
		}
		s := m.step(state, c.fact.Verb)
		if s.effect == KeptNotApplied {
			c.keep(s.code)
			return
		}
		if s.effect == AppliedFlagged {
			c.warn(s.code)
		}
		if s.to != "" {
			row.base().Status = s.to
		}
		if p, ok := c.fact.Payload.(events.Amender); ok {
			changes, _ := p.Amendment()
			c.change(row, changes)
		}
		apply(c, row)
		c.put(row)
	}}
}

// find returns the row with this id, or a new one that is not yet kept.
func find[T any, P interface {
	*T
	Row
}](c *call, id string) (row P, known bool) {
	if have, ok := c.state.Get(c.reg, id); ok {
		c.row = have
		return have.(P), true
	}
	row = new(T)
	row.base().ID, row.base().Aggregate = id, c.fact.Entry.Aggregate
	return row, false
}

// put keeps a row that the fact changed.
func (c *call) put(row Row) {
	if listed, ok := row.(interface{ disown() bool }); ok {
		listed.disown()
	}
	row.base().stamp(c.fact)
	if d, ok := row.(deriver); ok {
		d.derive()
	}
	c.row = row
	c.state.Put(c.reg, row)
}

// correct folds <aggregate>.corrected, which is legal in every state that there is. It
// reports whether the fact was one.
func correct(c *call, row Row, known bool) bool {
	p, ok := c.fact.Payload.(*events.Corrected)
	if !ok {
		return false
	}
	if !known {
		c.keep(UnknownAgg)
		return true
	}
	e := edit{to: p.RightValue, blind: true}
	if c.reg.fixed(p.Path) || setPath(row, p.Path, &e) != nil {
		c.effect = KeptNotApplied
		c.flagAt(Conflict, string(p.Path))
		return true
	}
	row.base().Corrections = append(row.base().Corrections, Correction{Seq: c.fact.Entry.Seq, Path: p.Path, Of: p.Corrects})
	c.put(row)
	return true
}

// change makes the edits of an amended event. An edit that started from an old value
// is made and flagged; one that leads nowhere is left out and flagged.
func (c *call) change(row Row, changes []events.Change) {
	for _, ch := range changes {
		e := edit{to: ch.To, from: ch.From}
		switch {
		case c.reg.fixed(ch.Path) || setPath(row, ch.Path, &e) != nil:
			c.warnAt(Conflict, string(ch.Path))
		case e.stale:
			c.warnAt(StaleEdit, string(ch.Path))
		}
	}
}

// day returns the civil day of the fact in the ledger's zone.
func (c *call) day() events.Date { return events.Date(c.frame.civilDate(c.fact.Event.OccurredAt)) }
