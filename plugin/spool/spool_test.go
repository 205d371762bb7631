package spool

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"out_es/test/support"
)

func TestFramesComeInOrderAndToTheByte(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a", "spool"), Options{Limit: 10 << 20, SegmentBytes: 1 << 20})
	random := rand.New(rand.NewPCG(1, 1))
	var want []Frame
	for _, length := range []int{0, 1, copiedBytes - headBytes - 4, copiedBytes - headBytes - 3, copiedBytes, 300_000, 2 << 20, 5, 900_000, 7} {
		chunk := make([]byte, length)
		for i := range chunk {
			chunk[i] = byte(random.Uint32())
		}
		f := Frame{Tag: "tag", Settled: chunk[:min(length, 3)], Chunk: chunk, Records: length}
		if err := s.Append(f, WithinLimit); err != nil {
			t.Fatal(err)
		}
		want = append(want, f)
	}
	r := s.NewReader()
	defer r.Close()
	var buffer []byte
	for i, f := range want {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		var got Frame
		got, buffer, err = r.Load(e, buffer)
		if err != nil || got.Tag != f.Tag || !slices.Equal(got.Chunk, f.Chunk) || !slices.Equal(got.Settled, f.Settled) || got.Records != f.Records || e.Bytes() != len(f.Chunk) {
			t.Fatalf("frame %d is another one: %v", i, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v", err)
	}
}

// A frame is visible as soon as it is appended, also to a reader at the end.
func TestAReaderAtTheEndGoesOn(t *testing.T) {
	s := open(t, t.TempDir(), small)
	r := s.NewReader()
	defer r.Close()
	for n := range 20 {
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		add(t, s, n)
		s.Await(r, 1)
		<-s.Added()
		e, err := r.Next()
		if err != nil || e.Records != n {
			t.Fatalf("frame %d: %+v, %v", n, e, err)
		}
		if n%3 == 0 {
			if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDoneSegmentsAreDeleted(t *testing.T) {
	s := open(t, t.TempDir(), small)
	add(t, s, upTo(30)...)
	before := len(files(t, s.dir))
	r := s.NewReader()
	defer r.Close()
	for range 15 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
			t.Fatal(err)
		}
	}
	var bytes int64
	for _, path := range files(t, s.dir) {
		info, _ := os.Stat(path)
		bytes += info.Size()
	}
	if after := len(files(t, s.dir)); after > before/2+1 || s.Stats().Bytes != bytes || s.Stats().Frames != 15 {
		t.Errorf("%d of %d segments, %d bytes on disk, %+v", after, before, bytes, s.Stats())
	}
}

func TestALimitIsKeptAndGivenBack(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1000})
	n := 0
	for ; ; n++ {
		if err := s.Append(frameOf(n), WithinLimit); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if bytes := s.Stats().Bytes; bytes > 1000 || bytes < 850 {
		t.Errorf("full at %d bytes", bytes)
	}
	if err := s.Append(frameOf(n), BeyondLimit); err != nil {
		t.Errorf("a frame that moves: %v", err)
	}
	got := readAll(t, s)
	if !slices.Equal(got.frames, upTo(n+1)) {
		t.Errorf("frames %v", got.frames)
	}
	if err := s.Checkpoint(Progress{Done: got.last}); err != nil {
		t.Fatal(err)
	}
	huge := Frame{Tag: "huge", Chunk: make([]byte, 5000)}
	if err := s.Append(huge, WithinLimit); err != nil {
		t.Errorf("a frame above the limit, in an empty spool: %v", err)
	}
	if err := s.Append(huge, WithinLimit); !errors.Is(err, ErrFull) {
		t.Errorf("a second one: %v", err)
	}
}

// Whenever the process dies, acknowledged frames are there, in order, and so is the content of the
// checkpoint.
func TestRandomLivesLoseNothing(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		dir := t.TempDir()
		next, done := 0, 0
		for range 12 {
			s := open(t, dir, Options{Limit: 1500, SegmentBytes: 300})
			got := readAll(t, s)
			want := upTo(next)[done:]
			if !slices.Equal(got.frames, want) || got.damaged != 0 || s.Stats().Frames != len(want) {
				t.Fatalf("seed %d: frames %v, want %v, %+v", seed, got.frames, want, s.Stats())
			}
			r := s.NewReader()
			for range random.IntN(40) {
				if random.IntN(3) > 0 {
					if err := s.Append(frameOf(next), WithinLimit); err == nil {
						next++
					} else if !errors.Is(err, ErrFull) {
						t.Fatal(err)
					}
					continue
				}
				if e, err := r.Next(); err == nil {
					done++
					if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.Close()
			die(t, s, random)
		}
	}
}

// die leaves the files of a killed process: nothing is closed, and there may be half an append, and
// half a checkpoint.
func die(t *testing.T, s *Spool, random *rand.Rand) {
	t.Helper()
	if s.active != nil && random.IntN(2) == 0 {
		g := s.segments[len(s.segments)-1]
		e := Entry{Sequence: s.sequence, tag: 3, chunk: 100}
		half := append(appendHead(nil, g.mark, &e), make([]byte, 102)...)
		if _, err := s.active.WriteAt(half[:random.IntN(len(half))], g.end); err != nil {
			t.Fatal(err)
		}
	}
	if random.IntN(2) == 0 {
		replace(t, filepath.Join(s.dir, checkpointName+unfinished), []byte("out"))
	}
	closeSpool(t, s)
}

func TestOneInstanceASpool(t *testing.T) {
	s := open(t, t.TempDir(), small)
	if _, err := Open(s.dir, small); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "Spool_Path") {
		t.Errorf("a second instance: %v", err)
	}
	closeSpool(t, s)
	open(t, s.dir, small)
}

func TestAbandonedSpoolsAreFound(t *testing.T) {
	root := t.TempDir()
	used, own := open(t, filepath.Join(root, "used"), small), open(t, filepath.Join(root, "own"), small)
	add(t, used, 1)
	add(t, own, 1)
	left := open(t, filepath.Join(root, "left"), small)
	add(t, left, 1, 2)
	closeSpool(t, left)
	closeSpool(t, open(t, filepath.Join(root, "empty"), small))
	parked := open(t, filepath.Join(root, "waits", "parked"), small)
	add(t, parked, 1)
	closeSpool(t, parked)
	closeSpool(t, open(t, filepath.Join(root, "waits"), small))
	got, err := Abandoned(root, own.dir)
	if err != nil || len(got) != 2 || got[0].Dir != left.dir || got[0].Bytes != left.bytes ||
		got[1].Dir != filepath.Join(root, "waits") || got[1].Bytes != parked.bytes {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "spools", "es_go.0")
	s := open(t, dir, small)
	add(t, s, upTo(5)...)
	if _, err := s.SetAside(Place{1, 0, 1}, Place{1, 10, 1}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		want := map[bool]os.FileMode{true: 0o700, false: 0o600}[entry.IsDir()]
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s: %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A write that fails leaves nothing behind, and the next one succeeds.
func TestAFailedWriteLeavesNothing(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1 << 20})
	add(t, s, 0, 1)
	_ = s.active.Close() // looks like a failing disk from here
	if err := s.Append(frameOf(2), WithinLimit); err == nil {
		t.Fatal("the write did not fail")
	}
	add(t, s, 2, 3)
	if got := readAll(t, s); !slices.Equal(got.frames, upTo(4)) || got.damaged != 0 {
		t.Errorf("%+v", got)
	}
}

// Appends from several of Fluent Bit's workers, while the spool is read.
func TestAppendsMayComeAtOnce(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 10 << 20, SegmentBytes: 2000, Sync: SyncAlways})
	var group sync.WaitGroup
	const writers, each = 4, 50
	for w := range writers {
		group.Go(func() {
			for i := range each {
				if err := s.Append(frameOf(w*each+i), WithinLimit); err != nil {
					t.Error(err)
				}
			}
		})
	}
	r := s.NewReader()
	defer r.Close()
	seen := map[int]bool{}
	for deadline := time.Now().Add(20 * time.Second); len(seen) < writers*each && time.Now().Before(deadline); {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Records] = true
		if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	if len(seen) != writers*each || s.Stats().Frames != 0 {
		t.Errorf("%d frames, %+v", len(seen), s.Stats())
	}
}

func TestAnAppendAllocatesNextToNothing(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1 << 30})
	for name, bytes := range map[string]int{"small": 2000, "large": 200_000} {
		f := Frame{Tag: "kube.var.log.containers.web-0.log", Chunk: make([]byte, bytes), Records: 20}
		if n := support.Allocations(50, func() {
			if err := s.Append(f, WithinLimit); err != nil {
				t.Fatal(err)
			}
		}); n > 4 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, bytes := range map[string]int{"4K": 4 << 10, "2M": 2 << 20} {
		b.Run(name, func(b *testing.B) {
			s := open(b, b.TempDir(), Options{Limit: 8 << 30})
			f := Frame{Tag: "kube.var.log.containers.web-0.log", Chunk: make([]byte, bytes), Records: 20}
			r := s.NewReader()
			defer r.Close()
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := s.Append(f, WithinLimit); err != nil {
					b.Fatal(err)
				}
				if e, err := r.Next(); err == nil && i%100 == 0 {
					if err := s.Checkpoint(Progress{Done: e.End}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
