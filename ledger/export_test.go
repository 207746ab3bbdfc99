package ledger

// RememberIDs makes the ledger forget ids after n, so that tests reach what happens
// after many.
func (l *Ledger) RememberIDs(n int) { l.ids.size = n }

// KeepTiles makes the ledger keep at most n expanded tiles, so that tests reach what
// happens in a larger one.
func (l *Ledger) KeepTiles(n int) { l.tiles.max = n }

// KeptTiles returns how many it keeps.
func (l *Ledger) KeptTiles() int { return len(l.tiles.tiles) }
