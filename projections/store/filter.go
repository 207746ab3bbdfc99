package store

import "hash/maphash"

// A filter remembers which rows a store that began empty has been given, so that a
// rebuild need not look on disk for each new row: half of its time went there. It may
// say yes to a row that is not there, and never no to one that is. 4 MiB keep wrong
// answers under 1 in 50 up to four million rows.
type filter struct {
	seed maphash.Seed
	bits []uint64
}

const filterWords = 1 << 19 // 2^25 bits

func newFilter() *filter {
	return &filter{seed: maphash.MakeSeed(), bits: make([]uint64, filterWords)}
}

// add notes a key.
func (f *filter) add(key []byte) {
	for _, at := range f.places(key) {
		f.bits[at/64] |= 1 << (at % 64)
	}
}

// has reports whether a key may have been added.
func (f *filter) has(key []byte) bool {
	for _, at := range f.places(key) {
		if f.bits[at/64]&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

func (f *filter) places(key []byte) (at [4]uint64) {
	h := maphash.Bytes(f.seed, key)
	step := h>>32 | 1
	for i := range at {
		at[i] = (h + uint64(i)*step) % (filterWords * 64)
	}
	return at
}
