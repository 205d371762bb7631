package spool

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const total = 9

// A spool is cut at every byte of each of its files: the frames before the cut are there, and no
// loss is silent, except for the frame at the end of the last segment. A crash leaves such a frame
// of an append that never returned.
func TestASpoolThatIsCutAtAnyByteKeepsWhatLiesBefore(t *testing.T) {
	dir := filled(t, total)
	segments := files(t, dir)
	if len(segments) < 3 {
		t.Fatalf("%d segments", len(segments))
	}
	for i, path := range segments {
		whole := contents(t, path)
		for length := range whole {
			cut := copyOf(t, dir)
			replace(t, filepath.Join(cut, filepath.Base(path)), whole[:length])
			s := open(t, cut, small)
			got := readAll(t, s)
			before := framesBefore(t, dir, i, length)
			missing := total - len(got.frames)
			if !slices.Equal(got.frames[:before], upTo(before)) || !slices.IsSorted(got.frames) {
				t.Fatalf("segment %d cut at %d: frames %v, want all before %d", i, length, got.frames, before)
			}
			if last := i == len(segments)-1; !last && got.damaged != missing || last && missing > 0 && got.damaged != 0 {
				t.Fatalf("segment %d cut at %d: %d frames missing, %d told", i, length, missing, got.damaged)
			}
			goesOn(t, s, got)
			closeSpool(t, s)
		}
	}
}

// framesBefore counts the frames that end before a length of the nth segment.
func framesBefore(t *testing.T, dir string, n, length int) int {
	t.Helper()
	s := open(t, copyOf(t, dir), small)
	defer s.Close()
	r := s.NewReader()
	defer r.Close()
	for count := 0; ; count++ {
		e, err := r.Next()
		if err != nil {
			return count
		}
		place := slices.IndexFunc(s.segments, func(g *segment) bool { return g.number == e.Place.segment })
		if place > n || place == n && e.End.offset > int64(length) {
			return count
		}
	}
}

// goesOn checks that a spool accepts and returns further frames, now and after another start.
func goesOn(t *testing.T, s *Spool, got read) {
	t.Helper()
	if err := s.Checkpoint(Progress{Done: got.last}); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Frames != 0 || !stats.Oldest.IsZero() {
		t.Fatalf("when all is read: %+v", stats)
	}
	add(t, s, 100, 101)
	closeSpool(t, s)
	again := open(t, s.dir, small)
	if stats := again.Stats(); stats.Frames != 2 || stats.Oldest.IsZero() {
		t.Fatalf("two frames are new: %+v", stats)
	}
	if next := readAll(t, again); !slices.Equal(next.frames, []int{100, 101}) || next.damaged != 0 {
		t.Fatalf("two frames later: %+v", next)
	}
	closeSpool(t, again)
}

// Every bit of every byte of every segment is flipped: its frame is reported as damaged and set
// aside, all others arrive.
func TestAFlippedBitCostsOneFrameAndIsLogged(t *testing.T) {
	dir := filled(t, total)
	for i, path := range files(t, dir) {
		whole := contents(t, path)
		for at := range whole {
			for _, mask := range []byte{1 << (at % 8), 0xff} {
				flipped := slices.Clone(whole)
				flipped[at] ^= mask
				bad := copyOf(t, dir)
				replace(t, filepath.Join(bad, filepath.Base(path)), flipped)
				s := open(t, bad, small)
				got := readAll(t, s)
				if len(got.frames) != total-1 || got.damaged != 1 || got.regions != 1 || !slices.IsSorted(got.frames) {
					t.Fatalf("segment %d, byte %d: %+v", i, at, got)
				}
				aside, _ := filepath.Glob(filepath.Join(bad, "damaged-*.bin"))
				if len(aside) != 1 || !strings.Contains(string(flipped), string(contents(t, aside[0]))) {
					t.Fatalf("segment %d, byte %d: set aside: %v", i, at, aside)
				}
				if at%16 == 0 {
					goesOn(t, s, got)
				}
				closeSpool(t, s)
			}
		}
	}
}

// No fault of the checkpoint loses a frame: they come again.
func TestACheckpointThatIsDamagedOrMissingIsLoggedAndLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir, small)
	add(t, s, upTo(total)...)
	r := s.NewReader()
	first, _ := r.Next()
	second, _ := r.Next()
	if err := s.Checkpoint(Progress{Done: first.End, Partial: []Partial{{second.Sequence, []byte{5, 1}}}}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	closeSpool(t, s)
	good := contents(t, filepath.Join(dir, checkpointName))
	if got := readAll(t, open(t, copyOf(t, dir), small)); len(got.frames) != total-1 || got.settled[1] != "\x05\x01" {
		t.Errorf("as it is: %+v", got)
	}
	variants := map[string][]byte{"missing": nil}
	for at := range good {
		flipped := slices.Clone(good)
		flipped[at] ^= 1 << (at % 8)
		variants["flipped "+string(rune('a'+at%26))+string(rune('0'+at/26))] = flipped
		variants["cut "+string(rune('a'+at%26))+string(rune('0'+at/26))] = good[:at]
	}
	for name, b := range variants {
		bad := copyOf(t, dir)
		path := filepath.Join(bad, checkpointName)
		if replace(t, path, b); b == nil {
			_ = os.Remove(path)
		}
		s := open(t, bad, small)
		got := readAll(t, s)
		if len(got.frames) != total || len(got.settled) != 0 || got.damaged != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if trouble := s.Recovery().Checkpoint; !strings.Contains(trouble, "Generate_ID") {
			t.Errorf("%s: told %q", name, trouble)
		}
		if stats := s.Stats(); stats.Frames != total {
			t.Errorf("%s: %+v", name, stats)
		}
		goesOn(t, s, got)
	}
}

func TestACheckpointAheadOfTheDataSkipsNothingThatComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir, small)
	add(t, s, upTo(total)...)
	got := readAll(t, s)
	if err := s.Checkpoint(Progress{Done: got.last}); err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	for name, change := range map[string]func(dir string){
		"as it is":                  func(string) {},
		"the last segment is empty": func(dir string) { replace(t, files(t, dir)[0], nil) },
		"the last segment is gone":  func(dir string) { _ = os.Remove(files(t, dir)[0]) },
	} {
		bad := copyOf(t, dir)
		change(bad)
		s := open(t, bad, small)
		got := readAll(t, s)
		if len(got.frames) != 0 || got.damaged != 0 || s.Recovery().Checkpoint != "" {
			t.Errorf("%s: %+v, %+v", name, got, s.Recovery())
		}
		goesOn(t, s, got)
	}
}

func TestACheckpointOfOtherSegmentsIsNotBelieved(t *testing.T) {
	dir, other := filled(t, total), filepath.Join(t.TempDir(), "spool")
	s := open(t, other, small)
	add(t, s, upTo(2)...)
	if err := s.Checkpoint(Progress{Done: readAll(t, s).last}); err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	replace(t, filepath.Join(dir, checkpointName), contents(t, filepath.Join(other, checkpointName)))
	s = open(t, dir, small)
	if got := readAll(t, s); len(got.frames) != total || !strings.Contains(s.Recovery().Checkpoint, "other segments") {
		t.Errorf("%+v, %+v", got, s.Recovery())
	}
}

func TestASegmentThatIsDeletedByHandIsLogged(t *testing.T) {
	dir := filled(t, total)
	n := len(files(t, dir))
	for i := range n {
		bad := copyOf(t, dir)
		if err := os.Remove(files(t, bad)[i]); err != nil {
			t.Fatal(err)
		}
		s := open(t, bad, small)
		add(t, s, total)
		got := readAll(t, s)
		want := total + 1 - len(got.frames)
		if i == n-1 {
			want = 0 // without a trace of it the next number is the same
		}
		if want == 0 && i < n-1 || got.damaged != want {
			t.Errorf("segment %d: %+v, want %d told", i, got, want)
		}
		if i < n-1 {
			goesOn(t, s, got)
		}
	}
}

// The same while the spool is in use.
func TestASegmentThatIsDeletedUnderTheReaderIsLogged(t *testing.T) {
	dir := filled(t, total)
	s := open(t, dir, small)
	add(t, s, total)
	r := s.NewReader()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files(t, dir)[1]); err != nil {
		t.Fatal(err)
	}
	frames, missing := 1, 0
	for {
		_, err := r.Next()
		if damage, ok := err.(*Damage); ok {
			missing += damage.Frames
			continue
		}
		if err != nil {
			break
		}
		frames++
	}
	if missing == 0 || frames+missing != total+1 {
		t.Errorf("%d frames, %d missing", frames, missing)
	}
}

func TestAFolderOfAnotherVersionIsLeftAlone(t *testing.T) {
	for _, version := range []string{"v0", "v2", "v10"} {
		dir := filled(t, 3)
		old := files(t, dir)[0]
		name := strings.Replace(old, ".v1", "."+version, 1)
		if err := os.Rename(old, name); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, small)
		wrong, ok := err.(*VersionError)
		if !ok || !strings.Contains(wrong.Error(), "format "+version[1:]) || !strings.Contains(wrong.Error(), "move the folder away") {
			t.Errorf("%s: %v", version, err)
		}
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
		if locked(dir) {
			t.Error("the lock was kept")
		}
	}
}
