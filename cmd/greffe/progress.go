package main

import (
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A bar shows progress on a terminal's standard error, and nothing anywhere else.
type bar struct {
	p *mpb.Progress
	b *mpb.Bar
}

// newBar returns a bar; total 0 means that the end is not known.
func newBar(w io.Writer, quiet bool, name string, total int) *bar {
	if quiet || !isTerminal(w) {
		return &bar{}
	}
	p := mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
	b := p.AddBar(int64(total),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name+" "), decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return &bar{p, b}
}

func (b *bar) step() { b.set(1) }

// set adds n steps.
func (b *bar) set(n int) {
	if b.b != nil {
		b.b.IncrBy(n)
	}
}

func (b *bar) finish() {
	if b.b == nil {
		return
	}
	b.b.SetTotal(-1, true)
	b.p.Wait()
}
