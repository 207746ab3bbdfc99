package verify

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"greffe/ledger/chain"
)

// A job is consecutive records on their way from the reader to a worker to the merger.
type job struct {
	block   chain.Block // of a bundle: the records; of a store: seq 0 alone
	from    uint64      // of a store: the range to be read, to is excluded
	to      uint64
	run     run
	excerpt *excerpt      // nil: of a whole ledger
	err     error         // of reading the range
	done    chan struct{} // holds one token once run is filled
}

// A pipeline spreads the work: one goroutine hands out the jobs, one for each
// core checks a job at a time, and the caller merges them in order. A bundle is
// cut by the goroutine that hands out; a store is read by those that check.
// Jobs are used again, so memory does not grow with what is read.
type pipeline struct {
	next    func(*job) error // prepares a job; io.EOF after the last
	free    chan *job
	work    chan *job
	order   chan *job
	workers sync.WaitGroup
	stop    chan struct{} // closed when merging ended before the jobs
	err     error         // of next; read it after order is closed
}

// newPipeline starts a worker for each of checks.
func newPipeline(next func(*job) error, checks []func(*job)) *pipeline {
	jobs := 2*len(checks) + 2
	p := &pipeline{
		next: next, stop: make(chan struct{}),
		free: make(chan *job, jobs), work: make(chan *job, jobs), order: make(chan *job, jobs),
	}
	for range jobs {
		p.free <- &job{done: make(chan struct{}, 1)}
	}
	for _, check := range checks {
		p.workers.Go(func() {
			for j := range p.work {
				check(j)
				j.done <- struct{}{}
			}
		})
	}
	return p
}

// newBundlePipeline checks what scanner cuts off, in about [chain.BlockSize]
// bytes for each of 2 × workers + 2 jobs.
func newBundlePipeline(scanner *chain.Scanner, workers int, rule *payloadRule) *pipeline {
	checks := make([]func(*job), workersOr(workers))
	for i := range checks {
		checks[i] = func(j *job) {
			if j.excerpt != nil {
				j.run.checkExcerpt(&j.block, j.excerpt)
				return
			}
			j.run.check(&j.block, rule)
		}
	}
	var excerpt *excerpt
	return newPipeline(func(j *job) error {
		err := scanner.Scan(&j.block)
		if err == nil && excerpt == nil && scanner.Version() == chain.ExcerptVersion {
			excerpt = newExcerpt(scanner.Sections())
		}
		j.excerpt = excerpt
		return err
	}, checks)
}

// workersOr returns n, or one worker for each core if n is 0.
func workersOr(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// feed hands out jobs until they end or ctx does. A Read that is under way is
// not interrupted.
func (p *pipeline) feed(ctx context.Context) {
	defer close(p.order)
	defer close(p.work)
	for {
		if p.err = ctx.Err(); p.err != nil {
			return
		}
		var j *job
		select {
		case j = <-p.free:
		case <-p.stop:
			return
		}
		if p.err = p.next(j); p.err != nil {
			return
		}
		p.order <- j
		p.work <- j
	}
}

// each calls merge for every job in order, and returns how they ended: nil if
// all were read, what is wrong with a bundle's framing, or a reading error.
func (p *pipeline) each(ctx context.Context, merge func(*job)) (*chain.BundleError, error) {
	go p.feed(ctx)
	var failed error
	for j := range p.order {
		<-j.done
		switch {
		case failed != nil: // drain
		case j.err != nil:
			failed = j.err
			close(p.stop)
		default:
			merge(j)
		}
		p.free <- j
	}
	p.workers.Wait()
	var broken *chain.BundleError
	switch {
	case failed != nil:
		return nil, failed
	case errors.Is(p.err, io.EOF):
		return nil, nil
	case errors.As(p.err, &broken):
		return broken, nil
	}
	return nil, p.err
}
