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

// frames is how many there are that are not done. s.mu is held.
func (s *Spool) frames() int { return int(s.sequence - s.done.sequence) }

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
