package cli

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// A Bar shows progress on a terminal's standard error, and nothing anywhere else.
type Bar struct {
	p *mpb.Progress
	b *mpb.Bar
}

// NewBar returns a bar; total 0 means that the end is not known.
func NewBar(w io.Writer, quiet bool, name string, total int) *Bar {
	if quiet || !IsTerminal(w) {
		return &Bar{}
	}
	p := mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
	b := p.AddBar(int64(total),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name+" "), decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return &Bar{p, b}
}

// Step adds n to what is done.
func (b *Bar) Step(n int) {
	if b.b != nil {
		b.b.IncrBy(n)
	}
}

// Set says how much is done.
func (b *Bar) Set(done uint64) {
	if b.b != nil {
		b.b.SetCurrent(int64(done))
	}
}

// Reach says how much is done of how much.
func (b *Bar) Reach(done, total uint64) {
	if b.b != nil {
		b.b.SetTotal(int64(total), false)
		b.b.SetCurrent(int64(done))
	}
}

// Finish takes the bar away. It may be called more than once.
func (b *Bar) Finish() {
	if b.b == nil {
		return
	}
	b.b.SetTotal(-1, true)
	b.p.Wait()
	b.b = nil
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
