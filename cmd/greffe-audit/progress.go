package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

// A progress draws one line on a terminal, and nothing anywhere else. A whole
// dependency for this line would be one more thing for an auditor to trust.
type progress struct {
	w     io.Writer // nil if there is no terminal
	size  int64     // of the file in bytes, 0 if unknown
	start time.Time
	last  time.Time
}

func newProgress(stderr io.Writer, size int64, quiet bool) *progress {
	p := &progress{size: size, start: time.Now()}
	if !quiet && isTerminal(stderr) {
		p.w = stderr
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show draws how far the verification has come.
func (p *progress) show(entries uint64, bytes int64) {
	now := time.Now()
	if p.w == nil || now.Sub(p.last) < barEvery {
		return
	}
	p.last = now
	perSecond := float64(entries) / max(now.Sub(p.start).Seconds(), 0.001)
	fmt.Fprintf(p.w, "\r\x1b[K%s %d entries, %.0f/s", bar(bytes, p.size), entries, perSecond)
}

// bar returns the share of size that is done, or nothing if size is unknown.
func bar(done, size int64) string {
	if size <= 0 {
		return "verifying"
	}
	part := min(float64(done)/float64(size), 1)
	full := int(part * barWidth)
	return fmt.Sprintf("[%s%s] %3.0f %%", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*part)
}

// clear takes the line away again.
func (p *progress) clear() {
	if p.w != nil && !p.last.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
