package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
)

// View reads a spool beside the instance that uses it: it takes no lock and writes nothing. It has
// the segments that existed when it was made. Its methods are safe for concurrent use.
type View struct {
	dir     string
	done    Place
	partial map[uint64][]byte
	all     []*segment
	// Doubt is the fault of the checkpoint, "" for none. With a fault, the view also shows frames
	// that were delivered.
	Doubt string
}

// OpenView returns a view of the spool in dir.
//
// Possible errors: VersionError; those of the file system.
func OpenView(dir string) (*View, error) {
	v := &View{dir: dir}
	// The checkpoint is read first: the segments that are deleted afterwards are behind a later
	// checkpoint only.
	c, doubt := readCheckpoint(dir)
	all, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	if doubt == nil {
		doubt = c.holdTo(all)
	}
	if doubt != nil {
		c = checkpoint{}
		if len(all) > 0 {
			v.Doubt = doubt.Error()
		}
	}
	v.done, v.partial = c.done, c.partial
	for _, g := range all {
		if g.number >= c.done.segment {
			v.all = append(v.all, g)
		}
	}
	return v, nil
}

// Dir is the spool's folder.
func (v *View) Dir() string { return v.dir }

// Segments is the number of segments, for Walk.
func (v *View) Segments() int { return len(v.all) }

// SegmentName is the file of a segment.
func (v *View) SegmentName(i int) string { return segmentName(v.all[i].number, v.all[i].mark) }

// SegmentBytes is the length of a segment's file.
func (v *View) SegmentBytes(i int) int64 { return v.all[i].size }

// FrameView is one frame of a walk.
type FrameView struct {
	Entry
	// Tag is valid until the next one. It is not covered by the checksum that
	// was read: Load checks it.
	Tag []byte
	// Left is the number of records that are not settled yet.
	Left int
}

// Segment is the outcome of a walk over one segment.
type Segment struct {
	// First and Next are the sequence numbers of the first frame and behind the last; both are 0
	// without a frame.
	First, Next uint64
	Damage      []*Damage
	// Torn is the number of bytes at the end that are no whole frame: an append in progress, or one
	// that the agent's death interrupted.
	Torn int64
	// Gone means that the segment was deleted meanwhile, since all of it was done.
	Gone bool
}

// windowBytes is the part of a segment that is read at a time: small frames share a read, and a
// large one costs no more than its head.
const windowBytes = 4 << 10

// window is a file that is read from its front in small steps.
type window struct {
	file  *os.File
	at    int64
	bytes []byte
	room  [windowBytes]byte
}

func (w *window) ReadAt(p []byte, offset int64) (int, error) {
	if len(p) > windowBytes {
		return w.file.ReadAt(p, offset)
	}
	if offset < w.at || offset+int64(len(p)) > w.at+int64(len(w.bytes)) {
		n, err := w.file.ReadAt(w.room[:], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		w.at, w.bytes = offset, w.room[:n]
	}
	n := copy(p, w.bytes[offset-w.at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Walk visits the frames of a segment that are not done. It reads heads and tags, and skips the
// chunks.
//
// Possible errors: those of visit and of the file system.
func (v *View) Walk(i int, visit func(FrameView) error) (s Segment, err error) {
	g := v.all[i]
	file, err := os.Open(g.path(v.dir))
	if errors.Is(err, fs.ErrNotExist) {
		s.Gone = true
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("spool: %w", err)
	}
	defer file.Close()
	w := &window{file: file}
	offset := int64(0)
	if g.number == v.done.segment {
		offset = v.done.offset
	}
	var tag []byte
	for {
		e, found, err := g.inspect(w, offset, g.size)
		switch {
		case err != nil:
			return s, err
		case found == over:
			return s, nil
		case found == torn:
			s.Torn = g.size - offset
			return s, nil
		case found == damaged:
			next, err := g.search(file, offset, g.size)
			if err != nil {
				return s, err
			}
			s.Damage = append(s.Damage, &Damage{From: Place{g.number, offset, s.Next}, To: Place{g.number, next, 0}})
			offset = next
			continue
		}
		if last := len(s.Damage) - 1; last >= 0 && s.Damage[last].To.sequence == 0 {
			d := s.Damage[last]
			if d.To.sequence = e.Sequence; d.From.sequence != 0 {
				d.Frames = int(e.Sequence - d.From.sequence)
			}
		}
		if s.First == 0 {
			s.First = e.Sequence
		}
		s.Next = e.Sequence + 1
		tag = append(tag[:0], make([]byte, e.tag)...)
		if _, err := w.ReadAt(tag, offset+headBytes); err != nil {
			return s, fmt.Errorf("spool: %w", err)
		}
		left, err := v.left(w, &e)
		if err != nil {
			return s, err
		}
		if err := visit(FrameView{Entry: e, Tag: tag, Left: left}); err != nil {
			return s, err
		}
		offset = e.End.offset
	}
}

// left is the number of records of a frame that are not settled.
func (v *View) left(file io.ReaderAt, e *Entry) (int, error) {
	settled, known := v.partial[e.Sequence]
	if !known {
		return e.Records, nil // a frame that moved to a queue counts its remaining records only
	}
	before := 0
	if e.settled > 0 {
		bitmap := make([]byte, e.settled)
		if _, err := file.ReadAt(bitmap, e.Place.offset+headBytes+int64(e.tag)); err != nil {
			return 0, fmt.Errorf("spool: %w", err)
		}
		before = ones(bitmap)
	}
	return max(0, e.Records-max(0, ones(settled)-before)), nil
}

func ones(bitmap []byte) (n int) {
	for _, b := range bitmap {
		n += bits.OnesCount8(b)
	}
	return n
}

// Load reads a frame into buffer, as Reader.Load does.
//
// Possible errors: ErrDamaged; those of the file system.
func (v *View) Load(e Entry, buffer []byte) (Frame, []byte, error) {
	for _, g := range v.all {
		if g.number != e.Place.segment {
			continue
		}
		r := &Reader{spool: &Spool{dir: v.dir, segments: []*segment{g}, partial: v.partial}}
		defer r.Close()
		return r.Load(e, buffer)
	}
	return Frame{}, buffer, fmt.Errorf("%w: its segment is gone", ErrDamaged)
}

// Passed reports whether the instance has settled everything before a place since the view was
// made: then it may be deleted.
func (v *View) Passed(p Place) bool {
	c, err := readCheckpoint(v.dir)
	return err == nil && !c.done.Before(p)
}

// PassedAll reports whether all frames before a sequence number are passed, as Passed does for one.
func (v *View) PassedAll(sequence uint64) bool {
	c, err := readCheckpoint(v.dir)
	return err == nil && c.done.sequence >= sequence
}

// Behind is the sequence number of the first frame that is not done, 0 if the checkpoint doesn't
// have it.
func (v *View) Behind() uint64 { return v.done.sequence }

// DamagedFiles lists the files of damage that was set aside.
func (v *View) DamagedFiles() ([]string, error) {
	return filepath.Glob(filepath.Join(v.dir, asidePrefix+"*"+asideSuffix))
}

// InUse reports whether an instance uses the spool. It must be able to read the
// lock's file, and else reports false.
func (v *View) InUse() bool { return locked(v.dir) }

// Spools finds the spools in a folder: the folder itself, or its folders that are spools.
//
// Possible errors: those of the file system.
func Spools(dir string) ([]string, error) {
	if isSpool(dir) {
		return []string{dir}, nil
	}
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []string
	for _, folder := range folders {
		if path := filepath.Join(dir, folder.Name()); folder.IsDir() && isSpool(path) {
			all = append(all, path)
		}
	}
	return all, nil
}

func isSpool(dir string) bool {
	files, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, file := range files {
		if name := file.Name(); name == checkpointName || name == lockName || isSegment(name) {
			return true
		}
	}
	return false
}

// HeldQueue is a queue of a Later on disk.
type HeldQueue struct {
	Dir string
	// Key is the destination, "" for the queue that several share.
	Key string
	// Reason is the last reason that the instance noted, "" for none.
	Reason string
}

// HeldQueues finds the queues of a Later in dir, which may be missing.
//
// Possible errors: those of the file system.
func HeldQueues(dir string) ([]HeldQueue, error) {
	folders, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []HeldQueue
	for _, folder := range folders {
		if !folder.IsDir() || !strings.HasPrefix(folder.Name(), queuePrefix) {
			continue
		}
		q := HeldQueue{Dir: filepath.Join(dir, folder.Name()), Key: keyOf(folder.Name())}
		if why, err := os.ReadFile(filepath.Join(q.Dir, reasonFile)); err == nil {
			q.Reason = strings.TrimSpace(string(why))
		}
		all = append(all, q)
	}
	return all, nil
}

func isSegment(name string) bool {
	_, _, _, ok := splitName(name)
	return ok
}
