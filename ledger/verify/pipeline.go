package verify

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"greffe/ledger/chain"
)

// A job is one block on its way from the scanner to a worker to the merger.
type job struct {
	block chain.Block
	run   run
	done  chan struct{} // holds one token once run is filled
}

// A pipeline spreads the work: one goroutine cuts the file into blocks, one
// for each core checks a block at a time, and the caller merges the blocks in
// the order of the file. Jobs are used again, so memory does not grow with
// the bundle: about [chain.BlockSize] for each of 2 × workers + 2 jobs.
type pipeline struct {
	scanner *chain.Scanner
	free    chan *job
	work    chan *job
	order   chan *job
	workers sync.WaitGroup
	err     error // of the scanner; read it after order is closed
}

func newPipeline(r io.Reader, workers int) *pipeline {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	jobs := 2*workers + 2
	p := &pipeline{
		scanner: chain.NewScanner(r),
		free:    make(chan *job, jobs), work: make(chan *job, jobs), order: make(chan *job, jobs),
	}
	for range jobs {
		p.free <- &job{done: make(chan struct{}, 1)}
	}
	for range workers {
		p.workers.Go(p.check)
	}
	return p
}

// scan feeds the workers until the bundle ends or ctx does. A Read that is
// under way is not interrupted.
func (p *pipeline) scan(ctx context.Context) {
	defer close(p.order)
	defer close(p.work)
	for {
		if p.err = ctx.Err(); p.err != nil {
			return
		}
		j := <-p.free
		if p.err = p.scanner.Scan(&j.block); p.err != nil {
			return
		}
		p.order <- j
		p.work <- j
	}
}

func (p *pipeline) check() {
	for j := range p.work {
		j.run.check(&j.block)
		j.done <- struct{}{}
	}
}

// each calls merge for every block in order, and returns how the bundle ended:
// nil if it is complete, what is wrong with its framing, or a reading error.
func (p *pipeline) each(ctx context.Context, merge func(*job)) (*chain.BundleError, error) {
	go p.scan(ctx)
	for j := range p.order {
		<-j.done
		merge(j)
		p.free <- j
	}
	p.workers.Wait()
	var broken *chain.BundleError
	switch {
	case errors.Is(p.err, io.EOF):
		return nil, nil
	case errors.As(p.err, &broken):
		return broken, nil
	}
	return nil, p.err
}
