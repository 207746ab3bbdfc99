package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"greffe/ledger/chain"
)

// A Source is a ledger where it is kept: its entries can be read at several
// places at once.
type Source interface {
	// Size is the number of entries to check, from seq 0.
	Size() uint64
	// Reader returns a reader for one goroutine.
	Reader() (Reader, error)
}

// A Reader reads ranges of entries.
type Reader interface {
	// Read calls each for every seq from (included) to (excluded), in order.
	// The record's memory is needed only during the call. A record without a
	// header is one that cannot be read: the reader reports it in its own way,
	// and nothing is said here of it or of its link to its neighbours. each
	// returns the header if it is canonical, else nil.
	//
	// An error ends the verification; it is for what makes going on useless.
	Read(from, to uint64, each func(chain.RawRecord) chain.Header) error
	Close() error
}

// PartSize is the number of entries of a [Part] but the last: whole tiles.
const PartSize = 16 * chain.TileWidth

// A Part is what consecutive entries hash to, for the caller to hold against
// the hashes that it keeps. Its memory is used again.
type Part struct {
	First  uint64       // a multiple of PartSize
	Leaves []byte       // the leaf hashes, concatenated; zero for an entry that cannot be read
	Tiles  []chain.Hash // of each complete tile of leaves, the hash of its subtree
}

// EntriesOptions tune [Entries]. The zero value works.
type EntriesOptions struct {
	// Workers is the number of reading and checking goroutines; 0 means one a core.
	Workers int
	// Part, if set, is called for each part in order, from one goroutine.
	Part func(*Part)
	// Progress, if set, is called after each part with the entries checked so far.
	Progress func(entries uint64)
}

// Entries verifies the entries of a ledger where they are kept, by the same
// rules as those of a bundle. The report has the faults of content, and says
// nothing of a checkpoint: the caller has it, and compares size and root. Which
// keys sign is told by the history, nil if the genesis cannot be read.
func Entries(ctx context.Context, src Source, o EntriesOptions) (report Report, keys *chain.KeyHistory, err error) {
	v := verifier{}
	checks := make([]func(*job), workersOr(o.Workers))
	var readers []Reader
	defer func() {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
	}()
	for i := range checks {
		r, err := src.Reader()
		if err != nil {
			return Report{}, nil, fmt.Errorf("verify: %w", err)
		}
		readers = append(readers, r)
		checks[i] = func(j *job) { j.err = j.run.read(r, j) }
	}
	next, size := uint64(0), src.Size()
	p := newPipeline(func(j *job) error {
		if next == size {
			return io.EOF
		}
		j.from, j.to = next, min(next+PartSize, size)
		next = j.to
		return nil
	}, checks)
	part := Part{}
	_, err = p.each(ctx, func(j *job) {
		if j.from > 0 && v.last.isMissing() {
			v.faults.follow(j.from, v.last, j.run.head)
		}
		v.merge(&j.block, &j.run)
		if o.Part != nil {
			part.of(&j.run)
			o.Part(&part)
		}
		if o.Progress != nil {
			o.Progress(j.to)
		}
	})
	if err != nil {
		return Report{}, nil, fmt.Errorf("verify: %w", err)
	}
	v.report.Size, v.report.Root = v.tree.Size(), v.tree.Root()
	v.report.Faults, v.report.FaultCount = v.faults.kept, v.faults.count
	return v.report, v.keys, nil
}

// of points the part at what a run found.
func (p *Part) of(r *run) {
	p.First, p.Leaves, p.Tiles = r.first, r.leaves, p.Tiles[:0]
	for _, s := range r.subtrees {
		if s.level == chain.TileHeight {
			p.Tiles = append(p.Tiles, s.hash)
		}
	}
}

// read fills r with what can be said of a range of records alone, as check
// does for a block, while they pass.
func (r *run) read(from Reader, j *job) error {
	r.reset(j.from)
	j.block.First, j.block.Records = j.from, j.block.Records[:0]
	seq := j.from
	err := from.Read(j.from, j.to, func(rec chain.RawRecord) chain.Header {
		cur := neighbour{}
		if rec.Header != nil {
			cur = r.entry(seq, &rec)
		}
		if seq == j.from {
			r.head.keep(cur)
		} else {
			r.faults.follow(seq, r.tail, cur)
		}
		if seq == 0 { // the genesis is read as a whole once more
			j.block.Records = append(j.block.Records, chain.RawRecord{Header: r.head.header, Payload: bytes.Clone(rec.Payload)})
		}
		r.payload(seq, cur.header, rec.Payload, &payloadRule{})
		r.leaves = append(r.leaves, cur.leaf[:]...)
		r.tail.keep(cur)
		seq++
		return cur.header
	})
	if err == nil && seq != j.to {
		err = fmt.Errorf("the reader gave entries %d to %d of %d to %d", j.from, seq, j.from, j.to)
	}
	r.hashTiles()
	return err
}

// follow compares entry seq with the one before it. If that cannot be read,
// the place where this one lies says what its seq must be.
func (l *faultList) follow(seq uint64, prev, cur neighbour) {
	if prev.isMissing() && cur.header != nil && cur.header.Seq() != seq {
		l.at(badSeq, seq).set(number(seq), number(cur.header.Seq()))
	}
	compare(l, seq, prev, cur)
}

// hashTiles reduces the leaves to one hash for each complete tile, and what
// comes after the last of them to its largest subtrees.
func (r *run) hashTiles() {
	r.subtrees = r.subtrees[:0]
	data := r.leaves
	for ; len(data) >= chain.TileBytes; data = data[chain.TileBytes:] {
		r.subtrees = append(r.subtrees, subtree{chain.TileHeight, chain.SubtreeHash(data[:chain.TileBytes])})
	}
	r.subtrees = appendSubtrees(r.subtrees, r.first+uint64(len(r.subtrees))*chain.TileWidth, data)
}

// isMissing reports whether the entry could not be read: no header hashes to zero.
func (n *neighbour) isMissing() bool { return n.leaf == chain.Hash{} }
