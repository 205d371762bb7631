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

	"out_es/plugin/filelimit"
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
	// Limit is how many bytes all segments may have, with what Reserve takes.
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
	lock    *os.File // nil where there was no room for its file
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
	// elsewhere is how much of Limit others take.
	elsewhere int64
	// awaited is how many bytes of frames are to come before Added signals, 0
	// or less where it has, or where nobody waits.
	awaited int64
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
	// Unwritten is why no checkpoint could be written, nil where it could.
	Unwritten error
}

// Open opens the spool in dir, or makes it, and takes its lock. A full disk does
// not keep it from opening: only what is sent frees room.
//
// Possible errors: ErrLocked; VersionError; those of the file system.
func Open(dir string, o Options) (*Spool, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(segmentBytes, o.Limit/segmentsALimit)
	}
	s := &Spool{dir: dir, options: o, added: make(chan struct{}, 1)}
	unlocked := s.prepare()
	if unlocked != nil && !filelimit.OutOfRoom(unlocked) {
		return nil, unlocked
	}
	if err := s.recover(); err != nil {
		_ = s.unlock()
		return nil, err
	}
	if unlocked != nil && len(s.segments) > 0 {
		return nil, unlocked // another instance may send them
	}
	return s, nil
}

// prepare makes the folder and takes its lock. Where a full disk has no room for
// them, there is nothing in the folder either: the first append tries again.
//
// Possible errors: ErrLocked; those of the file system.
func (s *Spool) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if s.options.Sync == SyncAlways {
		_ = filelimit.SyncFolder(filepath.Dir(s.dir)) // the name of the folder, where it is new
		_ = filelimit.SyncFolder(filepath.Dir(filepath.Dir(s.dir)))
	}
	lock, err := takeLock(s.dir)
	if err != nil {
		return err
	}
	s.lock = lock
	return nil
}

// unlock gives the lock back, if there is one.
func (s *Spool) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// frames is how many there are that are not done. s.mu is held.
func (s *Spool) frames() int { return int(s.sequence - s.done.sequence) }

// Recovery is what Open found.
func (s *Spool) Recovery() Recovery { return s.found }

// Dir is the spool's folder.
func (s *Spool) Dir() string { return s.dir }

// Added signals what Await asked for.
func (s *Spool) Added() <-chan struct{} { return s.added }

// Await makes Added signal once so many bytes of frames lie behind a reader, so
// that nothing wakes whoever waits for more than one of them. Each signal needs a
// call of its own.
func (s *Spool) Await(r *Reader, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.added: // of an earlier call
	default:
	}
	s.awaited = max(1, bytes)
	s.arrived(s.behind(r.at))
}

// arrived counts bytes of frames. s.mu is held.
func (s *Spool) arrived(bytes int64) {
	if s.awaited <= 0 {
		return
	}
	if s.awaited -= bytes; s.awaited > 0 {
		return
	}
	select {
	case s.added <- struct{}{}:
	default:
	}
}

// behind is how many bytes of frames lie behind a place. s.mu is held.
func (s *Spool) behind(p Place) (bytes int64) {
	for _, g := range s.segments {
		switch {
		case g.number > p.segment:
			bytes += g.end
		case g.number == p.segment:
			bytes += max(0, g.end-p.offset)
		}
	}
	return bytes
}

// Reserve takes so many bytes of the limit for others, whose frames count for it.
func (s *Spool) Reserve(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.elsewhere = bytes
}

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
	return errors.Join(err, s.unlock())
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
