// Package spool keeps chunks on disk until they are delivered: a queue of
// frames in segment files, and a checkpoint of how far it is done. It knows
// bytes and frames, nothing of Elasticsearch or msgpack.
//
// docs/spool.md draws the states and says for each fault what follows.
package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Sync says what an append waits for.
type Sync uint8

const (
	// SyncNever leaves it to the system when data gets to the disk: it
	// survives the death of the process, not of the machine.
	SyncNever Sync = iota
	// SyncAlways returns from Append only when the disk has it.
	SyncAlways
)

// Options of a spool.
type Options struct {
	// Limit is how many bytes all segments may have.
	Limit int64
	Sync  Sync
	// SegmentBytes is how large a segment grows, 0 for the usual.
	SegmentBytes int64
}

const (
	// segmentBytes is what is freed at a time. A restart looks into every
	// segment, and 5 GB are 320 such files.
	segmentBytes = 16 << 20
	// segmentsALimit is how many segments there are at least in Limit bytes,
	// since the one that is being delivered takes room to its end.
	segmentsALimit = 8
	// replaceBytes is how large a segment may be, at most, that is kept for
	// appending when everything in it is done.
	replaceBytes = 1 << 20
)

// The errors that Append has of its own; others are the file system's.
var (
	ErrFull   = errors.New("spool: it is full")
	ErrClosed = errors.New("spool: it is closed")
)

// Spool is one queue on disk. Append, Stats and Close are safe for concurrent
// use; one goroutine reads.
type Spool struct {
	dir     string
	options Options
	lock    *os.File
	added   chan struct{}
	found   Recovery
	// partial is what the checkpoint said of frames behind it, by sequence
	// number. It belongs to the reader.
	partial map[uint64][]byte

	mu       sync.Mutex
	segments []*segment // oldest first; of active, the last one
	active   *os.File   // nil where the next append makes a segment
	number   uint64     // of the next segment
	sequence uint64     // of the next frame
	done     Place      // its sequence number is known whenever there is a frame
	bytes    int64      // of all segments
	oldest   time.Time
	scratch  []byte
	closed   bool
}

// Stats is what a spool holds.
type Stats struct {
	// Frames are those that are not done, Bytes those of all segments, done
	// frames in them included: what Limit bounds.
	Frames int
	Bytes  int64
	// Oldest is when the oldest frame that is not done came, zero for none.
	Oldest time.Time
}

// Recovery is what Open found.
type Recovery struct {
	// Frames wait from an earlier run.
	Frames int
	// TornBytes is what was being written when the agent died: no chunk that
	// was acknowledged.
	TornBytes int64
	// Checkpoint says in words what is wrong with the checkpoint, "" for
	// nothing. Chunks may be sent twice.
	Checkpoint string
}

// Open opens the spool in dir, or makes it, and takes its lock.
//
// Possible errors: ErrLocked; VersionError; those of the file system.
func Open(dir string, o Options) (*Spool, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(segmentBytes, o.Limit/segmentsALimit)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if o.Sync == SyncAlways {
		_ = syncDir(filepath.Dir(dir)) // the name of the folder, where it is new; file systems that journal have it anyhow
		_ = syncDir(filepath.Dir(filepath.Dir(dir)))
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{dir: dir, options: o, lock: lock, added: make(chan struct{}, 1)}
	if err := s.recover(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

// recover finds out what there is.
func (s *Spool) recover() error {
	removeUnfinished(s.dir)
	all, err := listSegments(s.dir)
	if err != nil {
		return err
	}
	c, trouble := readCheckpoint(s.dir)
	if trouble == nil {
		trouble = c.holdTo(all)
	}
	if trouble != nil {
		c = checkpoint{}
		if len(all) > 0 {
			s.found.Checkpoint = trouble.Error()
		}
	}
	s.done, s.partial = c.done, c.partial
	s.number, s.sequence = c.done.segment+1, max(1, c.done.sequence)
	for i, g := range all {
		s.number = max(s.number, g.number+1)
		if g.number < c.done.segment {
			s.segments, s.bytes = append(s.segments, g), s.bytes+g.size
			continue
		}
		if err := s.adopt(g, all[i+1:]); err != nil {
			return err
		}
	}
	s.drop(func(g *segment) bool { return g.number < c.done.segment }) // the process that finished them died before it could
	s.first()
	s.found.Frames = s.frames()
	s.oldest = s.ageOf(s.done)
	return s.writeCheckpoint(checkpoint{done: s.done, mark: s.markOf(s.done.segment), partial: s.partial})
}

// adopt takes a segment of an earlier run over. Where the one behind it begins as
// it should, its two first heads tell what there is of it: to look at every head
// would be to read all of a spool of small chunks, from a disk that may take
// minutes for it, while Fluent Bit waits. What is damaged or torn in it is found
// by the reader.
func (s *Spool) adopt(g *segment, behind []*segment) error {
	start := int64(0)
	if g.number == s.done.segment {
		start = s.done.offset
	}
	g.first = g.firstOf(s.dir, start)
	if len(behind) > 0 {
		g.next = behind[0].firstOf(s.dir, 0)
	}
	if _, partial := s.partial[g.next]; g.first >= s.sequence && g.next > g.first && !partial {
		g.end = g.size
	} else if err := g.survey(s.dir, start, s.sequence); err != nil {
		return err
	}
	if g.first != 0 {
		// A frame that was refused, and could not be taken back, has the number
		// of one behind it: which of them is partly settled is not known.
		maps.DeleteFunc(s.partial, func(n uint64, _ []byte) bool { return n >= g.first && n < s.sequence })
	}
	s.segments = append(s.segments, g)
	s.bytes += g.size
	s.found.TornBytes += g.size - g.end
	s.sequence = max(s.sequence, g.next)
	return nil
}

// first completes what the checkpoint does not tell of where the first frame
// is.
func (s *Spool) first() {
	if len(s.segments) > 0 && s.done.segment < s.segments[0].number {
		s.done.segment, s.done.offset = s.segments[0].number, 0
	}
	for _, g := range s.segments {
		if s.done.sequence == 0 {
			s.done.sequence = g.first
		}
	}
	if s.done.sequence == 0 {
		s.done.sequence = s.sequence
	}
}

// frames is how many there are that are not done. s.mu is held.
func (s *Spool) frames() int { return int(s.sequence - s.done.sequence) }

// ageOf returns when the first frame at or behind a place was appended, zero
// where there is none.
func (s *Spool) ageOf(p Place) time.Time {
	r := &Reader{spool: s, at: p, peeks: true}
	defer r.Close()
	for {
		e, err := r.next()
		switch {
		case err == nil:
			return e.Appended
		case !errors.As(err, new(*Damage)):
			return time.Time{}
		}
	}
}

// Recovery is what Open found.
func (s *Spool) Recovery() Recovery { return s.found }

// Dir is the spool's folder.
func (s *Spool) Dir() string { return s.dir }

// Added signals that there may be a frame that Next has not returned yet.
func (s *Spool) Added() <-chan struct{} { return s.added }

// Stats returns what the spool holds now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Frames: s.frames(), Bytes: s.bytes, Oldest: s.oldest}
}

// Close gives the files and the lock back. What is in the spool stays.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.active != nil {
		err = s.active.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// find returns the segment with that number, nil where there is none. s.mu is
// held.
func (s *Spool) find(number uint64) *segment {
	for _, g := range s.segments {
		if g.number == number {
			return g
		}
	}
	return nil
}

// markOf is the mark of a segment, 0 where there is none.
func (s *Spool) markOf(number uint64) uint64 {
	if g := s.find(number); g != nil {
		return g.mark
	}
	return 0
}

// isDone says whether all that a segment holds is done. s.mu is held.
func (s *Spool) isDone(g *segment) bool {
	return g.number < s.done.segment || g.number == s.done.segment && g.end <= s.done.offset
}

// drop deletes segments. One that can't be deleted stays, and is tried again
// with the next: it takes room. One whose file is not there was deleted by
// somebody else. s.mu is held.
func (s *Spool) drop(goes func(*segment) bool) (dropped int) {
	kept := make([]*segment, 0, len(s.segments))
	for i, g := range s.segments {
		if !goes(g) {
			kept = append(kept, g)
			continue
		}
		if s.active != nil && i == len(s.segments)-1 {
			s.seal()
		}
		if err := os.Remove(g.path(s.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			kept = append(kept, g)
			continue
		}
		s.bytes -= g.size
		dropped++
	}
	if dropped > 0 {
		s.segments = kept
	}
	return dropped
}

// syncDir makes a new name last.
func syncDir(dir string) error {
	folder, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}
