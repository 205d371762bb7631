package spool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// limitFiles makes files of this process end at so many bytes.
func limitFiles(t *testing.T, bytes uint64) (unlimit func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	unlimit = func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) }
	t.Cleanup(unlimit)
	return unlimit
}

// No write exceeds the maximum length of a file (ulimit -f): that would end the host process by a
// signal.
func TestSegmentsEndWhereFilesMust(t *testing.T) {
	const child = "OUT_ES_LIMITED"
	if os.Getenv(child) == "" { // a process of its own, since the test's own log is a file, too
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), child+"=1")
		out, err := command.CombinedOutput()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("an emulator runs the test, but not the programs that it starts")
		}
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	s := open(t, t.TempDir(), Options{Limit: 1 << 30})
	add(t, s, 0)
	unlimit := limitFiles(t, 100_000)
	for n := range 10 {
		if err := s.Append(Frame{Tag: "tag", Chunk: make([]byte, 40_000), Records: n}, WithinLimit); err != nil {
			t.Fatal(err)
		}
	}
	large := Frame{Tag: "tag", Chunk: make([]byte, 100_000), Records: 10}
	err := s.Append(large, WithinLimit)
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "RLIMIT_FSIZE") || !strings.Contains(err.Error(), "100000") {
		t.Errorf("a chunk that no file can hold: %v", err)
	}
	if n := len(files(t, s.dir)); n != 5 {
		t.Errorf("%d files for 10 frames, two of which fit in one", n)
	}
	if _, err := s.SetAside(Place{1, 0, 1}, Place{1, 200_000, 1}); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("a copy that no file can hold: %v", err)
	}
	unlimit()
	if err := s.Append(large, WithinLimit); err != nil {
		t.Errorf("without the limit: %v", err)
	}
	if got := bigFrames(t, s); !slices.Equal(got, append([]int{0}, upTo(11)...)) {
		t.Errorf("frames %v", got)
	}
}

// reads is how many calls of the system have read something for this process.
func reads(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(string(contents(t, "/proc/self/io"))) {
		if _, err := fmt.Sscanf(line, "syscr: %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("/proc/self/io does not tell")
	return 0
}

// A start looks at a few heads of each segment: Fluent Bit waits for it, and a
// spool of 1 GB may hold 250,000 chunks.
func TestAStartDoesNotReadWhatWaits(t *testing.T) {
	dir := t.TempDir()
	options := Options{Limit: 1 << 30, SegmentBytes: 5000}
	s := open(t, dir, options)
	add(t, s, upTo(3000)...)
	closeSpool(t, s)
	segments := len(files(t, dir))
	before := reads(t)
	s = open(t, dir, options)
	if n := reads(t) - before; n > 4*segments+200 {
		t.Errorf("%d reads for %d segments with 3000 frames", n, segments)
	}
	if s.Stats().Frames != 3000 {
		t.Errorf("%+v", s.Stats())
	}
	if got := readAll(t, s); !slices.Equal(got.frames, upTo(3000)) || got.damaged != 0 {
		t.Errorf("%d frames, %d damaged", len(got.frames), got.damaged)
	}
}
