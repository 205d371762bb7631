package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tests copy and read thousands of small files, so they use a file system in memory.
func TestMain(m *testing.M) {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", memory)
	}
	os.Exit(m.Run())
}

// small is a spool with segments of a few frames.
var small = Options{Limit: 1 << 20, SegmentBytes: 250}

// frameOf is the nth frame of a test, of a length of its own.
func frameOf(n int) Frame {
	return Frame{Tag: fmt.Sprintf("tag.%d", n%3), Chunk: []byte(fmt.Sprintf("chunk %d %s.", n, strings.Repeat("x", n%7))), Records: n}
}

func open(t testing.TB, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t testing.TB, s *Spool, frames ...int) {
	t.Helper()
	for _, n := range frames {
		if err := s.Append(frameOf(n), WithinLimit); err != nil {
			t.Fatal(err)
		}
	}
}

// filled is a folder with a closed spool of n frames, none of them done.
func filled(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir, small)
	add(t, s, upTo(n)...)
	closeSpool(t, s)
	return dir
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func closeSpool(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// read is a reader's result up to the end.
type read struct {
	frames  []int // by their Records
	settled map[int]string
	damaged int // number of frames reported as lost
	regions int
	last    Place
}

// readAll reads to the end and compares each frame with the written one.
func readAll(t testing.TB, s *Spool) read {
	t.Helper()
	r := s.NewReader()
	defer r.Close()
	all := read{settled: map[int]string{}}
	var buffer []byte
	for {
		e, err := r.Next()
		var damage *Damage
		switch {
		case errors.Is(err, io.EOF):
			all.last = r.Place()
			return all
		case errors.As(err, &damage):
			all.damaged += damage.Frames
			all.regions++
			if _, err := s.SetAside(damage.From, damage.To); err != nil {
				t.Fatal(err)
			}
			continue
		case err != nil:
			t.Fatal(err)
		}
		var f Frame
		f, buffer, err = r.Load(e, buffer)
		if errors.Is(err, ErrDamaged) {
			all.damaged++
			all.regions++
			if _, err := s.SetAside(e.Place, e.End); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := frameOf(f.Records); f.Tag != want.Tag || !bytes.Equal(f.Chunk, want.Chunk) {
			t.Fatalf("frame %d has tag %q and chunk %q", f.Records, f.Tag, f.Chunk)
		}
		all.frames = append(all.frames, f.Records)
		if len(f.Settled) > 0 {
			all.settled[f.Records] = string(f.Settled)
		}
	}
}

// copyOf copies a spool's folder.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "spool")
	if err := os.CopyFS(target, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return target
}

// files are a folder's segments.
func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "segment-*"))
	if err != nil || len(all) == 0 {
		t.Fatalf("segments: %v, %v", all, err)
	}
	return all
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func replace(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
