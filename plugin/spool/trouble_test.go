package spool

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A folder that was removed comes back with the next append, lock and all. The folder around it
// does not: that may be a volume that is not mounted.
func TestAFolderThatIsGoneComesBack(t *testing.T) {
	root := filepath.Join(t.TempDir(), "spools")
	s := open(t, filepath.Join(root, "es_go.0"), small)
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	add(t, s, 0)
	if _, err := Open(s.dir, small); !errors.Is(err, ErrLocked) {
		t.Errorf("a second instance: %v", err)
	}
	if got := readAll(t, s); len(got.frames) != 1 || got.damaged != 0 {
		t.Errorf("%+v", got)
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(frameOf(1), WithinLimit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without what the folder was in: %v", err)
	}
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	add(t, s, 1)
	if got := readAll(t, s); !slices.Equal(got.frames, []int{1}) || got.damaged != 1 {
		t.Errorf("%+v", got)
	}
}

// What is on a volume that is not mounted waits for it: the folder around the spool's is missing.
func TestAVolumeThatComesBackHasItsChunks(t *testing.T) {
	root := filepath.Join(t.TempDir(), "spools")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	options := small
	options.Root = root
	s := open(t, filepath.Join(root, "es_go.0"), options)
	later, err := OpenParkedQueues(filepath.Join(s.dir, "later"), options)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	add(t, s, 0, 1)
	r := s.NewReader()
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	r.Close()
	for range 3 {
		e, err := r.Next()
		if damage := (*Damage)(nil); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &damage) || IsDamage(err) {
			t.Errorf("%+v, %v, want a state that ends", e, err)
		}
		if _, _, err := r.Load(first, nil); !errors.Is(err, fs.ErrNotExist) || IsDamage(err) {
			t.Errorf("load: %v, want a state that ends", err)
		}
	}
	if err := later.Append("other", frameOf(2)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new queue in place of the volume: %v", err)
	}
	if dropped := s.drop(func(*segment) bool { return true }); dropped != 0 {
		t.Errorf("%d segments of the volume count as deleted", dropped)
	}
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was created in place of the volume: %v", err)
	}
	if err := os.Rename(root+".away", root); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, s); !slices.Equal(got.frames, []int{0, 1}) || got.damaged != 0 {
		t.Errorf("%+v", got)
	}
	if _, _, err := r.Load(first, nil); err != nil {
		t.Error(err)
	}
	if err := os.Remove(files(t, s.dir)[0]); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, s); got.damaged == 0 {
		t.Error("a deleted segment is not noticed any more")
	}
}

// Appends after the active file was deleted go to another one, and are safe.
func TestADeletedSegmentIsNotWrittenOn(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1 << 20})
	add(t, s, 0, 1)
	if err := os.Remove(files(t, s.dir)[0]); err != nil {
		t.Fatal(err)
	}
	add(t, s, 2)
	closeSpool(t, s)
	s = open(t, s.dir, s.options)
	if got := readAll(t, s); !slices.Equal(got.frames, []int{2}) || got.damaged != 2 {
		t.Errorf("%+v, want the third and two missing", got)
	}
}

// A try on a full disk leaves no additional file.
func TestFailedAppendsLeaveNoFiles(t *testing.T) {
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "spool"), Options{Limit: 1 << 30, SegmentBytes: 300_000, Sync: SyncAlways})
	accepted := fill(t, s, 0)
	for range 20 {
		if err := s.Append(Frame{Tag: "tag", Chunk: make([]byte, 200_000)}, WithinLimit); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if n := len(files(t, s.dir)); n > 5 || n != len(s.segments) {
		t.Errorf("%d files, %d segments", n, len(s.segments))
	}
	if got := bigFrames(t, s); !slices.Equal(got, upTo(accepted)) {
		t.Errorf("%d accepted, read %v", accepted, got)
	}
}

// blocked replaces each segment by something that can't be deleted, and returns a function to end
// that.
func blocked(t *testing.T, s *Spool) (unblock func()) {
	t.Helper()
	paths := files(t, s.dir)
	for _, path := range paths {
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(path, "in it"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, path := range paths {
			if os.RemoveAll(path) != nil || os.Rename(path+".away", path) != nil {
				t.Errorf("%s does not come back", path)
			}
		}
	}
}

// A segment that can't be deleted counts against Limit until a later try deletes it.
func TestFailedDeletionsAreRetried(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 2000, SegmentBytes: 300})
	n := 0
	for s.Append(frameOf(n), WithinLimit) == nil {
		n++
	}
	got := readAll(t, s)
	unblock := blocked(t, s)
	if err := s.Checkpoint(Progress{Done: got.last}); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(frameOf(n), WithinLimit); !errors.Is(err, ErrFull) || s.Stats().Bytes < 1800 {
		t.Errorf("%v, %+v", err, s.Stats())
	}
	unblock()
	add(t, s, n)
	if left := files(t, s.dir); len(left) != 1 || s.Stats().Bytes > 300 || s.Stats().Frames != 1 {
		t.Errorf("%d files, %+v", len(left), s.Stats())
	}
}

// A frame whose sync failed, and that could not be cut off, is there after a restart, and the frame
// after it has the same number. The checkpoint's settled events of one are not applied to the
// other.
func TestTwoFramesOfOneNumberLoseNothing(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1 << 20})
	add(t, s, 0, 1)
	g, f := s.segments[0], frameOf(5)
	e := Entry{Sequence: s.sequence, Records: f.Records, tag: len(f.Tag), chunk: len(f.Chunk), sum: sumOf(f.Tag, nil, f.Chunk)}
	if err := s.write(g, &e, f); err != nil {
		t.Fatal(err)
	}
	s.seal()
	add(t, s, 2)
	if err := s.Checkpoint(Progress{Done: s.done, Partial: []Partial{{Sequence: 1, Settled: []byte{1}}, {Sequence: 3, Settled: []byte{1}}}}); err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	got := readAll(t, open(t, s.dir, s.options))
	if !slices.Equal(got.frames, []int{0, 1, 5, 2}) || got.damaged != 0 {
		t.Errorf("%+v", got)
	}
	if len(got.settled) != 1 || got.settled[0] == "" {
		t.Errorf("settled: %v", got.settled)
	}
}

// A frame that is appended while the reader handles damage before it is not part of the damage.
func TestDamageEndsWhereItWasSeen(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1 << 20})
	add(t, s, 0)
	path := files(t, s.dir)[0]
	text := contents(t, path)
	text[0] ^= 1
	replace(t, path, text)
	r := s.NewReader()
	defer r.Close()
	g, there, err := r.segment()
	if err != nil {
		t.Fatal(err)
	}
	file, _, err := r.open(g)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, 1) // between a look at the segment and its consequence
	var damage *Damage
	if err := r.skip(g, file, there); !errors.As(err, &damage) || damage.Frames != 1 {
		t.Errorf("%v", err)
	}
	if e, err := r.Next(); err != nil || e.Records != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}

// A look at the age of the first frame hides nothing from the reader that reports.
func TestAMissingSegmentIsLoggedThoughItWasNoticedBefore(t *testing.T) {
	s := open(t, t.TempDir(), small)
	add(t, s, upTo(6)...)
	all := files(t, s.dir)
	r := s.NewReader()
	defer r.Close()
	var e Entry
	var err error
	for e.End.offset < s.segments[0].end {
		if e, err = r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range all[1:] {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for {
		_, err := r.Next()
		var damage *Damage
		if !errors.As(err, &damage) {
			break
		}
		missing += damage.Frames
	}
	if missing != 6-e.Records-1 {
		t.Errorf("%d frames are told to be missing, want %d", missing, 6-e.Records-1)
	}
}

// A deleted file occupies the disk while it is open.
func TestAReaderAtTheEndHoldsNoDeletedFile(t *testing.T) {
	s := open(t, t.TempDir(), small)
	add(t, s, upTo(6)...)
	r := s.NewReader()
	defer r.Close()
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Checkpoint(Progress{Done: r.Place()}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if r.file != nil && s.find(r.number) == nil {
		t.Error("the deleted segment is open")
	}
	add(t, s, 6)
	if e, err := r.Next(); err != nil || e.Records != 6 {
		t.Errorf("%+v, %v", e, err)
	}
}
