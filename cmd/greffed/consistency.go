package main

import (
	"errors"

	"greffe/ledger"
	"greffe/ledger/chain"
)

// consistency proves that the ledger of old entries is a prefix of that of size.
func consistency(l *ledger.Ledger, old, size uint64) ([]chain.Hash, error) {
	return chain.ProveConsistency(old, size, nodeOf(l))
}

// nodeOf returns the inner hashes of the ledger's tree. They are taken from complete tiles;
// of a tile that is not complete yet, from the level below.
func nodeOf(l *ledger.Ledger) chain.NodeFunc {
	return func(level int, n uint64) (chain.Hash, error) {
		tileLevel, height := level/chain.TileHeight, level%chain.TileHeight
		first := n << height // of the hashes of that tile level
		data, err := l.Tile(tileLevel, first/chain.TileWidth)
		if err == nil {
			from := first % chain.TileWidth * uint64(len(chain.Hash{}))
			return chain.SubtreeHash(data[from : from+uint64(len(chain.Hash{}))<<height]), nil
		}
		if !errors.Is(err, ledger.ErrNotFound) {
			return chain.Hash{}, err
		}
		data = make([]byte, 0, len(chain.Hash{})<<height)
		for i := first; i < first+1<<height; i++ {
			h, err := hashOf(l, tileLevel, i)
			if err != nil {
				return chain.Hash{}, err
			}
			data = append(data, h[:]...)
		}
		return chain.SubtreeHash(data), nil
	}
}

// hashOf returns hash n of a tile level that is not complete there.
func hashOf(l *ledger.Ledger, tileLevel int, n uint64) (chain.Hash, error) {
	if tileLevel == 0 {
		r, err := l.Record(n)
		if err != nil {
			return chain.Hash{}, err
		}
		return chain.LeafHash(r.Header), nil
	}
	below, err := l.Tile(tileLevel-1, n)
	if err != nil {
		return chain.Hash{}, err
	}
	return chain.SubtreeHash(below), nil
}
