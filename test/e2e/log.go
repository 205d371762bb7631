package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Log is a file of container lines that a test appends to.
type Log struct {
	// Lines are all that were written.
	Lines []Line
	name  string
	file  *os.File
}

// NewLog makes an empty file in dir.
func NewLog(t *testing.T, dir, name string) *Log {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &Log{name: name, file: file}
}

// Append writes n more lines at once.
func (l *Log) Append(t *testing.T, n int) {
	t.Helper()
	var text strings.Builder
	for range n {
		line := lineOf(l.name, len(l.Lines))
		l.Lines = append(l.Lines, line)
		text.WriteString(ContainerLine(line))
	}
	if _, err := l.file.WriteString(text.String()); err != nil {
		t.Fatal(err)
	}
}
