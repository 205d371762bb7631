package support

import (
	"bytes"
	"strings"
	"sync"
)

// Journal keeps a program's output, and can be read meanwhile. Its zero value is empty. It is safe
// for concurrent use.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String is all of it so far.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// Tail returns its last lines.
func (j *Journal) Tail(lines int) string { return LastLines(j.String(), lines) }

// LastLines returns the last lines of a text, without the line feeds at its end.
func LastLines(text string, lines int) string {
	all := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
