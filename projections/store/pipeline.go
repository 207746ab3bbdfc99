package store

import (
	"context"

	"greffe/ledger/chain"
	"greffe/projections"
)

// A chunk is one batch on its way: first the records, copied, then what they say.
type chunk struct {
	records []chain.Record
	memory  []byte // that the records share
	facts   []projections.Fact
	leaves  []chain.Hash
	decoded chan struct{} // closed once facts are there
}

// A pipeline reads and decodes ahead of the fold. At most a few chunks are under way,
// which bounds its memory.
type pipeline struct {
	ctx     context.Context
	work    chan *chunk
	ordered chan *chunk // the same chunks, as the ledger has them
	err     error       // of the reader; valid once ordered is closed
}

func newPipeline(ctx context.Context, cores int) *pipeline {
	p := &pipeline{ctx: ctx, work: make(chan *chunk, cores), ordered: make(chan *chunk, cores)}
	for range cores {
		go func() {
			for c := range p.work {
				c.decode()
			}
		}()
	}
	return p
}

// read fills chunks with the entries from (included) to (excluded).
func (p *pipeline) read(l Ledger, from, to uint64) {
	defer close(p.ordered)
	defer close(p.work)
	c := newChunk()
	p.err = l.Read(from, to, func(r chain.Record) error {
		c.add(r)
		if len(c.records) < batchEntries {
			return nil
		}
		full := c
		c = newChunk()
		return p.send(full)
	})
	if p.err == nil && len(c.records) > 0 {
		p.err = p.send(c)
	}
}

func (p *pipeline) send(c *chunk) error {
	select {
	case p.work <- c:
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
	select {
	case p.ordered <- c:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// end stops the reader, waits for it and returns err.
func (p *pipeline) end(stop context.CancelFunc, err error) error {
	stop()
	for range p.ordered {
	}
	return err
}

func newChunk() *chunk {
	return &chunk{records: make([]chain.Record, 0, batchEntries), decoded: make(chan struct{})}
}

// add copies a record, whose bytes belong to the ledger.
func (c *chunk) add(r chain.Record) {
	r.Header = c.copy(r.Header)
	if r.Payload != nil {
		r.Payload = c.copy(r.Payload)
	}
	c.records = append(c.records, r)
}

// copy puts b into the chunk's memory. When that is full a new piece is begun and the
// old one lives on in the records.
func (c *chunk) copy(b []byte) []byte {
	const piece = 1 << 20
	if cap(c.memory)-len(c.memory) < len(b) {
		c.memory = make([]byte, 0, max(piece, len(b)))
	}
	start := len(c.memory)
	c.memory = append(c.memory, b...)
	return c.memory[start:len(c.memory):len(c.memory)]
}

func (c *chunk) decode() {
	c.facts = make([]projections.Fact, len(c.records))
	c.leaves = make([]chain.Hash, len(c.records))
	for i := range c.records {
		c.facts[i] = projections.Read(c.records[i])
	}
	if n := len(c.records); n > 0 { // only the position's own leaf is kept
		c.leaves[n-1] = chain.LeafHash(c.records[n-1].Header)
	}
	c.records, c.memory = nil, nil
	close(c.decoded)
}
