package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// waitingStep is the time without output after which a step's duration is shown.
const waitingStep = 2 * time.Second

// waiting shows that a step continues: a line every waitingStep without other output through it. It
// is safe for concurrent use.
type waiting struct {
	what  string
	began time.Time

	mu    sync.Mutex // guards the fields below
	out   io.Writer
	timer *time.Timer
	ended bool
}

// newWaiting begins a step, which end ends.
func newWaiting(out io.Writer, what string) *waiting {
	w := &waiting{out: out, what: what, began: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(waitingStep, w.show)
	return w
}

// Write implements io.Writer.
func (w *waiting) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Reset(waitingStep)
	return w.out.Write(text)
}

func (w *waiting) show() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	fmt.Fprintf(w.out, "  %3.0f s   %s\n", time.Since(w.began).Seconds(), w.what)
	w.timer.Reset(waitingStep)
}

func (w *waiting) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
}
