package tool

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// linesOfProgress is the interval of progress lines where there is no terminal.
const linesOfProgress = 10 * time.Second

// progress tells how far a command is: by a bar on a terminal, else by a line now and then. Other
// lines are written around it. It is safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil without a terminal
	total int64
	began time.Time
	from  int64 // bytes and records of an earlier run
	base  int64
	told  time.Time
	shown bool
	// next writes the lines in place of this one.
	next *progress
}

// follow makes lines be written by another one, which has a bar.
func (p *progress) follow(other *progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = other
}

func newProgress(out io.Writer, total, from, records int64) *progress {
	p := &progress{out: out, total: total, began: time.Now(), told: time.Now(), from: from, base: records}
	if isTerminal(out) {
		p.bar = progressbar.NewOptions64(max(1, total-from), progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionFullWidth(), progressbar.OptionUseANSICodes(true))
	}
	return p
}

// at tells that so many bytes and records are done.
func (p *progress) at(done, records int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := time.Since(p.began)
	rate := float64(records-p.base) / max(took.Seconds(), 1e-3)
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%d records, %.0f/s", records, rate))
		_ = p.bar.Set64(min(done-p.from, max(0, p.total-p.from-1))) // it ends with finish
		p.shown = true
		return
	}
	if time.Since(p.told) < linesOfProgress {
		return
	}
	p.told = time.Now()
	rest := "unknown"
	if done > p.from && p.total >= done {
		rest = time.Duration(float64(took) * float64(p.total-done) / float64(done-p.from)).Round(time.Second).String()
	}
	fmt.Fprintf(p.out, "out-es: %d records, %.0f a second, %d %% of the bytes, time left %s\n", records, rate, 100*done/max(1, p.total), rest)
}

// finish takes the bar away.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.bar = nil
}

func (p *progress) clear() {
	if p.bar != nil && p.shown {
		_ = p.bar.Clear()
		p.shown = false
	}
}

// Write implements io.Writer for lines that are no progress.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	next := p.next
	p.mu.Unlock()
	if next != nil {
		return next.Write(text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.out.Write(text)
}
