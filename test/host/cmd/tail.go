package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"out_es/test/host"
	"out_es/test/host/classic"
)

// pollBytes is the number of bytes that are read of a file before the next one's turn.
const pollBytes = 1 << 20

// tailer reads the lines of files. It is used by one goroutine.
type tailer struct {
	inputs   []input
	recorded []host.Recorded // chunks that are delivered first
	files    []*tailed
	scanned  bool // the files that existed at the start have been found
}

// tailed is one open file.
type tailed struct {
	in   *input
	path string
	tag  string
	file *os.File
	rest []byte // of the last read: a line without its end
}

// poll looks for new files and reads a piece of each; add gets every whole line, which is valid
// until it returns. It reports whether anything was read.
func (t *tailer) poll(add func(in *input, tag string, line []byte)) (more bool) {
	t.scan()
	buffer := make([]byte, pollBytes)
	kept := t.files[:0]
	for _, f := range t.files {
		n := f.read(buffer, add)
		more = more || n > 0
		if n == 0 && f.replaced() {
			f.file.Close() // a new file of that name is found by the next scan
			more = true
			continue
		}
		kept = append(kept, f)
	}
	t.files = kept
	return more
}

// scan opens the files that match and are not open yet: at their end if they were there at the
// start, unless Read_from_Head.
func (t *tailer) scan() {
	for i := range t.inputs {
		in := &t.inputs[i]
		for _, pattern := range in.paths {
			paths, _ := filepath.Glob(pattern) // a bad pattern matches nothing, as with glob(3)
			for _, path := range paths {
				t.open(in, path)
			}
		}
	}
	t.scanned = true
}

func (t *tailer) open(in *input, path string) {
	for _, pattern := range in.excluded {
		if excluded, _ := filepath.Match(pattern, path); excluded {
			return
		}
	}
	for _, f := range t.files {
		if f.in == in && f.path == path {
			return
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return // it went again, or may become readable
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return
	}
	if !t.scanned && !in.fromHead {
		_, _ = file.Seek(0, io.SeekEnd) // of a regular file, which can seek
	}
	t.files = append(t.files, &tailed{in: in, path: path, tag: classic.TagOf(in.tag, path), file: file})
}

func (f *tailed) read(buffer []byte, add func(in *input, tag string, line []byte)) int {
	n, _ := f.file.Read(buffer)
	if n == 0 {
		f.rewindIfTruncated()
		return 0
	}
	f.rest = append(f.rest, buffer[:n]...)
	lines := f.rest
	for {
		end := bytes.IndexByte(lines, '\n')
		if end < 0 {
			break
		}
		add(f.in, f.tag, lines[:end])
		lines = lines[end+1:]
	}
	f.rest = append(f.rest[:0], lines...)
	return n
}

func (f *tailed) rewindIfTruncated() {
	at, err := f.file.Seek(0, io.SeekCurrent)
	if info, statErr := f.file.Stat(); err == nil && statErr == nil && info.Size() < at {
		_, _ = f.file.Seek(0, io.SeekStart)
		f.rest = nil
	}
}

// replaced reports whether the path is now another file, or none.
func (f *tailed) replaced() bool {
	ours, err := f.file.Stat()
	theirs, pathErr := os.Stat(f.path)
	return err != nil || pathErr != nil || !os.SameFile(ours, theirs)
}

// leftovers are the numbers of bytes, by file, that were not read because no line end follows.
func (t *tailer) leftovers() map[string]int {
	sizes := map[string]int{}
	for _, f := range t.files {
		if len(f.rest) > 0 {
			sizes[f.path] = len(f.rest)
		}
	}
	return sizes
}
