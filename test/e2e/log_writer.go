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

// Line is one log line: its text in the record's log field, and its time.
type Line struct {
	Text string
	Time time.Time
}

// Format is the format of a line in its file.
type Format func(Line) string

// ContainerLine is the CRI format: time, stream, whole line, text.
func ContainerLine(l Line) string {
	return l.Time.Format("2006-01-02T15:04:05.000000000Z") + " stdout F " + l.Text + "\n"
}

// PlainLine has no time of its own.
func PlainLine(l Line) string { return l.Text + "\n" }

// lineOf makes the nth line of a file. Its time is to the millisecond: Fluent
// Bit reads a fraction as a floating-point number, in which the ninth digit is
// now and then one too small.
func lineOf(file string, n int) Line {
	filler := strings.Repeat("all is well, ", 3+n%5)
	return Line{
		Text: fmt.Sprintf("%s line %d: %s", file, n, filler),
		Time: TimeOf(n),
	}
}

// LogWriter writes log files, a burst to each every few milliseconds, until Finish.
type LogWriter struct {
	files  []*os.File
	format Format
	stop   chan struct{}
	done   sync.WaitGroup
	err    error
	lines  []Line // valid after finish
}

const (
	// burst lines every logWriterPause to each file: 1,500 lines a second and file, so that a kill
	// at any time finds chunks under way.
	burst          = 30
	logWriterPause = 20 * time.Millisecond
)

// StartLogWriter writes to so many files in dir.
func StartLogWriter(t *testing.T, dir string, files int, f Format) *LogWriter {
	t.Helper()
	s := &LogWriter{format: f, stop: make(chan struct{})}
	for i := range files {
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("file%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
	}
	s.done.Go(s.write)
	t.Cleanup(func() { s.Finish(t) })
	return s
}

func (s *LogWriter) write() {
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
		case <-time.After(logWriterPause):
		}
	}
}

// Finish ends the writing and returns every line that was written.
func (s *LogWriter) Finish(t *testing.T) []Line {
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

// Tags are the files that WriteTags writes, tagLines the lines of each.
const (
	Tags     = 100
	tagLines = 20
)

// WriteTags writes one small file for each tag.
func WriteTags(t *testing.T, dir string) []Line {
	t.Helper()
	var all []Line
	for i := range Tags {
		all = append(all, WriteLines(t, dir, fmt.Sprintf("tag%03d", i), tagLines)...)
	}
	return all
}

// WriteLines writes a file of n lines.
func WriteLines(t *testing.T, dir, name string, n int) (all []Line) {
	t.Helper()
	var text strings.Builder
	for k := range n {
		l := lineOf(name, k)
		all = append(all, l)
		text.WriteString(ContainerLine(l))
	}
	if err := os.WriteFile(filepath.Join(dir, name+".log"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return all
}
