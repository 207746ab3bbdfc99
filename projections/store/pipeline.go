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
	free    chan *chunk // folded ones, whose memory is used again
	err     error       // of the reader; valid once ordered is closed
}

func newPipeline(ctx context.Context, cores int) *pipeline {
	p := &pipeline{ctx: ctx, work: make(chan *chunk, cores), ordered: make(chan *chunk, cores), free: make(chan *chunk, cores)}
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
	c := p.chunk()
	p.err = l.Read(from, to, func(r chain.Record) error {
		c.add(r)
		if len(c.records) < batchEntries {
			return nil
		}
		full := c
		c = p.chunk()
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

// chunk returns an empty one.
func (p *pipeline) chunk() *chunk {
	select {
	case c := <-p.free:
		c.decoded = make(chan struct{})
		return c
	default:
		return &chunk{decoded: make(chan struct{})}
	}
}

// done takes back a chunk that was folded. Facts share no memory with their records.
func (p *pipeline) done(c *chunk) {
	clear(c.facts)
	c.records, c.facts, c.leaves, c.memory = c.records[:0], c.facts[:0], c.leaves[:0], c.memory[:0]
	select {
	case p.free <- c:
	default:
	}
}

// add copies a record, whose bytes belong to the ledger.
func (c *chunk) add(r chain.Record) {
	r.Header = c.copy(r.Header)
	if r.Payload != nil {
		r.Payload = c.copy(r.Payload)
	}
	c.records = append(c.records, r)
}

// copy puts b into the chunk's memory. When that is full a larger one is begun, and the
// old one lives on in the records.
func (c *chunk) copy(b []byte) []byte {
	if cap(c.memory)-len(c.memory) < len(b) {
		c.memory = make([]byte, 0, max(2*cap(c.memory), len(b), 1<<20))
	}
	start := len(c.memory)
	c.memory = append(c.memory, b...)
	return c.memory[start:len(c.memory):len(c.memory)]
}

func (c *chunk) decode() {
	for i := range c.records {
		c.facts = append(c.facts, projections.Read(c.records[i]))
		c.leaves = append(c.leaves, chain.LeafHash(c.records[i].Header))
	}
	clear(c.records)
	close(c.decoded)
}
