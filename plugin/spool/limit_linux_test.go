package spool

import (
	"errors"
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

// No write goes beyond what a file may have (ulimit -f): that would end the
// process, which is somebody else's, by a signal.
func TestSegmentsEndWhereFilesMust(t *testing.T) {
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
