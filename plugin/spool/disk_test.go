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
	return disk(t, "size=1m")
}

// disk is a file system in memory, with options of mount.
func disk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mounting a small tmpfs needs root and the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestAFullDiskRejectsAndLosesNothing(t *testing.T) {
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "spool"), Options{Limit: 1 << 30, SegmentBytes: 100_000})
	accepted := fill(t, s, 0)
	if accepted == 0 {
		t.Fatal("nothing fitted")
	}
	// Small ones may still fit; those that did not fit have left nothing.
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
	// Delivery frees room, whether or not the checkpoint could be written.
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

// fill appends until the disk is full, and returns the number of frames.
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

// An agent starts on a full disk: only its deliveries free room.
func TestAFullDiskDoesNotKeepASpoolFromOpening(t *testing.T) {
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "spool"), Options{Limit: 1 << 30, SegmentBytes: 100_000})
	accepted := fill(t, s, 0)
	closeSpool(t, s)
	fillUp(t, filepath.Join(disk, "other"))
	s, err := Open(s.dir, s.options)
	if err != nil {
		t.Fatalf("on a full disk: %v", err)
	}
	defer closeSpool(t, s)
	if !errors.Is(s.Recovery().Unwritten, syscall.ENOSPC) {
		t.Errorf("the checkpoint that could not be written: %v", s.Recovery().Unwritten)
	}
	if got := bigFrames(t, s); !slices.Equal(got, upTo(accepted)) {
		t.Fatalf("%d were accepted, read %v", accepted, got)
	}
	r := s.NewReader()
	defer r.Close()
	var last Place
	for range accepted {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		last = e.End
	}
	if err := s.Checkpoint(Progress{Done: last}); err != nil {
		t.Errorf("a checkpoint that frees its own room: %v", err)
	}
	add(t, s, 1)
}

// An agent also starts without room for a new folder, or for its lock: the first append that finds
// room creates them.
func TestASpoolOpensWhereItsFolderHasNoRoom(t *testing.T) {
	for _, free := range []int{0, 1, 2} { // room for nothing, for the folder, for the lock, too
		disk := disk(t, "size=1m,nr_inodes=20")
		others := fillInodes(t, disk)
		for range free {
			remove(t, &others)
		}
		s, err := Open(filepath.Join(disk, "spool"), small)
		if err != nil {
			t.Fatalf("%d files fit: %v", free, err)
		}
		defer closeSpool(t, s)
		if err := s.Append(frameOf(0), WithinLimit); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d files fit, an append: %v", free, err)
		}
		for range 5 {
			remove(t, &others)
		}
		add(t, s, 0)
		if _, err := Open(s.dir, small); !errors.Is(err, ErrLocked) {
			t.Errorf("a second instance: %v", err)
		}
		if got := readAll(t, s); !slices.Equal(got.frames, []int{0}) {
			t.Errorf("%+v", got)
		}
	}
}

// fillUp writes a file until the disk is full to the byte.
func fillUp(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// fillInodes creates files until a disk has no inode left, and returns them.
func fillInodes(t *testing.T, dir string) (files []string) {
	t.Helper()
	for {
		file, err := os.CreateTemp(dir, "other")
		if errors.Is(err, syscall.ENOSPC) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		files = append(files, file.Name())
	}
}

// remove deletes the last of some files.
func remove(t *testing.T, files *[]string) {
	t.Helper()
	last := len(*files) - 1
	if err := os.Remove((*files)[last]); err != nil {
		t.Fatal(err)
	}
	*files = (*files)[:last]
}
