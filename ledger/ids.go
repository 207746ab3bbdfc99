package ledger

import (
	"bytes"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// recentSize is how many ids are remembered in memory: about 5 MB. It bounds a batch,
// whose own ids cannot be looked up in the store before it is applied.
const recentSize = 1 << 15

// An idKey names an event: ids are unique for each publisher.
type idKey struct {
	publisher string
	id        [16]byte
}

// A first is what the index holds of an id: where it came first, and with what.
type first struct {
	seq    uint64
	digest [32]byte
}

// recentIDs answers for almost every new event that its id is new, without a disk
// read. ULIDs grow with time, so what has left the window is older than what comes:
// an id above everything forgotten of its publisher is either in the window or new.
// Ids in any other order cost a look into the store and nothing else.
type recentIDs struct {
	mu    sync.Mutex
	known map[idKey]first
	size  int     // how many are remembered
	ring  []idKey // the keys of known, oldest at next once it is full
	next  int
	floor map[string][16]byte // the largest id that was forgotten, by publisher
}

func newRecentIDs() *recentIDs {
	return &recentIDs{size: recentSize, known: make(map[idKey]first), floor: make(map[string][16]byte)}
}

// lookup returns what is known of an id; certain is false if only the store can tell.
func (r *recentIDs) lookup(key idKey) (f first, found, certain bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, found = r.known[key]; found {
		return f, true, true
	}
	floor, ok := r.floor[key.publisher]
	return first{}, false, ok && bytes.Compare(key.id[:], floor[:]) > 0
}

// add remembers an id and forgets the oldest.
func (r *recentIDs) add(key idKey, f first) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[key] = f
	if len(r.ring) < r.size {
		r.ring = append(r.ring, key)
		return
	}
	old := r.ring[r.next]
	delete(r.known, old)
	r.raise(old.publisher, old.id)
	r.ring[r.next] = key
	r.next = (r.next + 1) % r.size
}

// raise says that ids of a publisher up to id may be in the store only. r.mu is held.
func (r *recentIDs) raise(publisher string, id [16]byte) {
	floor, ok := r.floor[publisher]
	if !ok || bytes.Compare(id[:], floor[:]) > 0 {
		r.floor[publisher] = id
	}
}

// find returns what the ledger has under an id, staged entries included.
func (l *Ledger) find(key idKey) (first, bool, error) {
	f, found, certain := l.ids.lookup(key)
	if found || certain {
		return f, found, nil
	}
	if err := l.loadFloor(key.publisher); err != nil {
		return first{}, false, err
	}
	f, err := l.findFirst(key.publisher, key.id)
	if errors.Is(err, ErrNotFound) {
		return first{}, false, nil
	}
	return f, err == nil, err
}

// loadFloor looks up the largest stored id of a publisher once.
func (l *Ledger) loadFloor(publisher string) error {
	l.ids.mu.Lock()
	defer l.ids.mu.Unlock()
	if _, ok := l.ids.floor[publisher]; ok {
		return nil
	}
	lower := appendIDKey(nil, publisher, [16]byte{})
	prefix := len(lower) - 16
	upper := append(bytes.Clone(lower[:prefix-1]), 1)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	var largest [16]byte
	if it.Last() {
		copy(largest[:], it.Key()[prefix:])
	}
	l.ids.raise(publisher, largest)
	return it.Error()
}
