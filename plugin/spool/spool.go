// Package spool keeps chunks on disk until they are delivered: a queue of frames in segment files,
// and a checkpoint of the delivery. It handles bytes and frames, and is independent of
// Elasticsearch and msgpack.
//
// docs/spool.md has the states, and the consequence of each fault.
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

// Sync is the durability that an append waits for.
type Sync uint8

const (
	// SyncNever leaves it to the system when data is written to the disk: it survives the death of
	// the process, not of the machine.
	SyncNever Sync = iota
	// SyncAlways returns from Append only when the disk has it.
	SyncAlways
)

// Options of a spool.
type Options struct {
	// Limit is the maximum length of all segments, including the reserve, in bytes.
	Limit int64
	Sync  Sync
	// SegmentBytes is the maximum length of a segment, 0 for the usual one.
	SegmentBytes int64
	// Root is a folder above the spool's that may be on a volume of its own, "" for none. If it is
	// missing later than at the start, nothing is created in its place, and no file counts as
	// deleted.
	Root string
}

// rootMissing is the reason why the folder above can't be used, nil if it is there.
func (o Options) rootMissing() error {
	if o.Root == "" {
		return nil
	}
	_, err := os.Stat(o.Root)
	return err
}

const (
	// segmentBytes is the unit of disk that is freed at a time. A restart looks into every segment,
	// and 5 GB are 320 such files.
	segmentBytes = 16 << 20
	// segmentsALimit is the minimum number of segments in Limit bytes, since the one that is being
	// delivered occupies the disk to its end.
	segmentsALimit = 8
	// replaceBytes is the maximum length of a segment that is kept for appends when all of its
	// frames are done.
	replaceBytes = 1 << 20
)

// Append's own errors; others are the file system's.
var (
	ErrFull   = errors.New("spool: it is full")
	ErrClosed = errors.New("spool: it is closed")
)

// Spool is one queue on disk. Append, Stats and Close are safe for concurrent
// use; one goroutine reads.
type Spool struct {
	dir     string
	options Options
	lock    *os.File // nil if there was no room for its file
	added   chan struct{}
	found   Recovery
	// partial are the settled events of frames behind the checkpoint, by sequence number. They
	// belong to the reader.
	partial map[uint64][]byte

	mu       sync.Mutex
	segments []*segment // oldest first; of active, the last one
	active   *os.File   // nil if the next append begins a segment
	number   uint64     // of the next segment
	sequence uint64     // of the next frame
	done     Place      // its sequence number is known whenever there is a frame
	bytes    int64      // of all segments
	oldest   time.Time
	scratch  []byte
	closed   bool
	// elsewhere is the part of Limit that is used elsewhere.
	elsewhere int64
	// awaited is the number of bytes of frames after which Added signals, 0 or less if it has
	// signalled or is not awaited.
	awaited int64
}

// Stats describe the content of a spool.
type Stats struct {
	// Frames counts those that are not done. Bytes is the length of all segments, including done
	// frames, which Limit bounds.
	Frames int
	Bytes  int64
	// Oldest is the time of the oldest frame that is not done, zero for none.
	Oldest time.Time
}

// Recovery is the result of Open.
type Recovery struct {
	// Frames is the number of waiting frames of an earlier run.
	Frames int
	// TornBytes is the length of an unfinished append when the agent died: its chunk was not
	// acknowledged.
	TornBytes int64
	// Checkpoint is the fault of the checkpoint, "" for none. Chunks may be sent twice.
	Checkpoint string
	// Unwritten is the error of a checkpoint that could not be written, nil for none.
	Unwritten error
}

// Open opens or creates the spool in dir, and takes its lock. It succeeds on a full disk: only
// deliveries free room.
//
// Possible errors: ErrLocked; VersionError; those of the file system.
func Open(dir string, o Options) (*Spool, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(segmentBytes, o.Limit/segmentsALimit)
	}
	s := &Spool{dir: dir, options: o, added: make(chan struct{}, 1)}
	unlocked := s.prepare()
	if unlocked != nil && !filelimit.IsDiskFull(unlocked) {
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

// prepare creates the folder and takes its lock. Without room for them on a full disk, the folder
// is empty, and the first append tries again.
//
// Possible errors: ErrLocked; those of the file system.
func (s *Spool) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if s.options.Sync == SyncAlways {
		_ = filelimit.SyncFolder(filepath.Dir(s.dir)) // the name of the folder, if it is new
		_ = filelimit.SyncFolder(filepath.Dir(filepath.Dir(s.dir)))
	}
	lock, err := takeLock(s.dir)
	if err != nil {
		return err
	}
	s.lock = lock
	return nil
}

// unlock releases the lock, if there is one.
func (s *Spool) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// frames is the number of frames that are not done. s.mu is held.
func (s *Spool) frames() int { return int(s.sequence - s.done.sequence) }

// Recovery is the result of Open.
func (s *Spool) Recovery() Recovery { return s.found }

// Dir is the spool's folder.
func (s *Spool) Dir() string { return s.dir }

// Added signals the event that Await asked for.
func (s *Spool) Added() <-chan struct{} { return s.added }

// Await makes Added signal once that many bytes of frames are behind a reader, so that each frame
// does not wake a waiting sender. Each signal needs a call of its own.
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

// behind is the number of bytes of frames behind a place. s.mu is held.
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

// Reserve sets the part of the limit that is used elsewhere.
func (s *Spool) Reserve(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.elsewhere = bytes
}

// Stats returns the present content of the spool.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Frames: s.frames(), Bytes: s.bytes, Oldest: s.oldest}
}

// Close closes the files and releases the lock. The spool's content stays.
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

// find returns the segment with that number, nil for none. s.mu is held.
func (s *Spool) find(number uint64) *segment {
	for _, g := range s.segments {
		if g.number == number {
			return g
		}
	}
	return nil
}

// markOf is the mark of a segment, 0 for none.
func (s *Spool) markOf(number uint64) uint64 {
	if g := s.find(number); g != nil {
		return g.mark
	}
	return 0
}

// isDone reports whether all frames of a segment are done. s.mu is held.
func (s *Spool) isDone(g *segment) bool {
	return g.number < s.done.segment || g.number == s.done.segment && g.end <= s.done.offset
}

// drop deletes segments. One that can't be deleted stays, since it occupies the disk, and is tried
// again with the next. One without a file was deleted from outside. s.mu is held.
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
		if err := os.Remove(g.path(s.dir)); err != nil && (!errors.Is(err, fs.ErrNotExist) || s.options.rootMissing() != nil) {
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
