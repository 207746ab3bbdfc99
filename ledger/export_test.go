package ledger

// RememberIDs makes the ledger forget ids after n, so that tests reach what happens
// after many.
func (l *Ledger) RememberIDs(n int) { l.ids.size = n }
