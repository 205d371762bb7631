package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// line is one log line that was written: what its record's log field says, and
// the time that it carries.
type line struct {
	text string
	time time.Time
}

// format says how a line is written.
type format func(line) string

// containerLine is the CRI format: time, stream, whole line, text.
func containerLine(l line) string {
	return l.time.Format("2006-01-02T15:04:05.000000000Z") + " stdout F " + l.text + "\n"
}

// plainLine carries no time of its own.
func plainLine(l line) string { return l.text + "\n" }

// lineOf makes the nth line of a file. Its time is to the millisecond: Fluent
// Bit reads a fraction as a floating-point number, in which the ninth digit is
// now and then one too small.
func lineOf(file string, n int) line {
	filler := strings.Repeat("all is well, ", 3+n%5)
	return line{
		text: fmt.Sprintf("%s line %d: %s", file, n, filler),
		time: timeOf(n),
	}
}

// scribe writes log files, a burst to each every few milliseconds, until it is
// told to stop.
type scribe struct {
	files  []*os.File
	format format
	stop   chan struct{}
	done   sync.WaitGroup
	err    error
	lines  []line // valid after finish
}

const (
	// burst lines every scribePause to each file: 1,500 lines a second and
	// file, so that there is something under way whenever a kill comes.
	burst       = 30
	scribePause = 20 * time.Millisecond
)

// startScribe writes to so many files in dir.
func startScribe(t *testing.T, dir string, files int, f format) *scribe {
	t.Helper()
	s := &scribe{format: f, stop: make(chan struct{})}
	for i := range files {
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("file%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
	}
	s.done.Go(s.write)
	t.Cleanup(func() { s.finish(t) })
	return s
}

func (s *scribe) write() {
	for n := 0; ; n += burst {
		for i, file := range s.files {
			var text strings.Builder
			for k := n; k < n+burst; k++ {
				l := lineOf(fmt.Sprintf("file%d", i), k)
				s.lines = append(s.lines, l)
				text.WriteString(s.format(l))
			}
			if _, err := file.WriteString(text.String()); err != nil {
				s.err = err
				return
			}
		}
		select {
		case <-s.stop:
			return
		case <-time.After(scribePause):
		}
	}
}

// finish ends the writing and returns every line that was written.
func (s *scribe) finish(t *testing.T) []line {
	t.Helper()
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.done.Wait()
	for _, file := range s.files {
		_ = file.Close()
	}
	if s.err != nil {
		t.Error(s.err)
	}
	return s.lines
}
