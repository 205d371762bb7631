package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// lines polls until no more lines come, and returns all of them.
func (t *tailer) lines() (got []string) {
	for t.poll(func(_ *input, tag string, line []byte) { got = append(got, string(line)) }) {
	}
	return got
}

func wantLines(t *testing.T, tail *tailer, want ...string) {
	t.Helper()
	if got := tail.lines(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTail(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.log")
	appendTo(t, path, "old\n")
	appendTo(t, filepath.Join(folder, "skip.log"), "skipped\n")
	tail := &tailer{inputs: []input{{paths: []string{folder + "/*.log", folder}, excluded: []string{folder + "/skip*"}}}}

	wantLines(t, tail) // existing lines are not new
	appendTo(t, path, "one\ntw")
	wantLines(t, tail, "one")
	appendTo(t, path, "o\n")
	wantLines(t, tail, "two")

	appendTo(t, filepath.Join(folder, "b.log"), "of a new file\n")
	wantLines(t, tail, "of a new file")

	appendTo(t, path, "before rotation\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "after rotation\n")
	wantLines(t, tail, "before rotation", "after rotation")

	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	wantLines(t, tail)
	appendTo(t, path, "new\nrest")
	wantLines(t, tail, "new")
	if left := tail.leftovers(); len(left) != 1 || left[path] != 4 {
		t.Errorf("left %v", left)
	}
}
