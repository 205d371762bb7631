package spool

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// smallDisk is a file system of a megabyte, or skips the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mounting a small tmpfs needs root and the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "spool"), Options{Limit: 1 << 30, SegmentBytes: 100_000})
	accepted := fill(t, s, 0)
	if accepted == 0 {
		t.Fatal("nothing fitted")
	}
	// Small ones may still fit; none of those that did not left anything.
	got := bigFrames(t, s)
	if !slices.Equal(got, upTo(accepted)) {
		t.Fatalf("%d accepted, read %v", accepted, got)
	}
	// A restart while the disk is full.
	closeSpool(t, s)
	s = open(t, s.dir, s.options)
	if got := bigFrames(t, s); !slices.Equal(got, upTo(accepted)) || s.Stats().Frames != accepted {
		t.Fatalf("after a restart: %v, %+v", got, s.Stats())
	}
	// Delivering gives room, whether or not the checkpoint could be written.
	r := s.NewReader()
	defer r.Close()
	var last Place
	for range accepted / 2 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		last = e.End
	}
	if err := s.Checkpoint(Progress{Done: last}); err != nil {
		t.Errorf("a checkpoint that frees its own room: %v", err)
	}
	more := fill(t, s, accepted)
	if more == 0 {
		t.Fatal("nothing fitted though half was done")
	}
	closeSpool(t, s)
	s = open(t, s.dir, s.options)
	if got := bigFrames(t, s); !slices.Equal(got, upTo(accepted + more)[accepted/2:]) {
		t.Fatalf("in the end: %v", got)
	}
}

// fill appends until the disk is full, and returns how many fitted.
func fill(t *testing.T, s *Spool, from int) int {
	t.Helper()
	for n := 0; ; n++ {
		err := s.Append(Frame{Tag: "tag", Chunk: make([]byte, 30_000+n%2*50_000), Records: from + n}, WithinLimit)
		if errors.Is(err, syscall.ENOSPC) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(s.segments[len(s.segments)-1].path(s.dir)); err != nil || info.Size() != s.segments[len(s.segments)-1].end {
			t.Fatalf("the segment has %v bytes, %v", info, err)
		}
	}
}

func bigFrames(t *testing.T, s *Spool) (all []int) {
	t.Helper()
	r := s.NewReader()
	defer r.Close()
	var buffer []byte
	for {
		e, err := r.Next()
		if err != nil {
			return all
		}
		if _, buffer, err = r.Load(e, buffer); err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Records)
	}
}
