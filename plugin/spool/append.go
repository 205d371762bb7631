package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"out_es/plugin/filelimit"
)

// Room is the limit for an append.
type Room uint8

const (
	// WithinLimit is for new chunks.
	WithinLimit Room = iota
	// BeyondLimit is for a frame that moves to the end of the queue; its old place is freed at
	// once.
	BeyondLimit
)

// copiedBytes is the maximum length of a frame that is copied into one piece. Longer ones are
// written from their pieces.
const copiedBytes = 64 << 10

// Append writes f as the last frame of the queue. When it returns without an error the frame
// survives the process, and with SyncAlways the machine. After an error the spool is unchanged. f
// is borrowed.
//
// A frame larger than the whole limit is accepted while the spool is empty: it would never fit
// otherwise.
//
// Possible errors: ErrFull; ErrClosed; those of the file system, such as syscall.ENOSPC.
func (s *Spool) Append(f Frame, room Room) error {
	if f.Since.IsZero() {
		f.Since = time.Now()
	}
	e := Entry{
		Records: f.Records, Appended: f.Since,
		tag: len(f.Tag), settled: len(f.Settled), chunk: len(f.Chunk), sum: sumOf(f.Tag, f.Settled, f.Chunk),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if room == WithinLimit && !s.fits(e.size()) {
		s.drop(s.isDone)
		if !s.fits(e.size()) && s.bytes+s.elsewhere > 0 {
			return ErrFull
		}
	}
	if err := s.makeRoom(e.size()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	g := s.segments[len(s.segments)-1]
	e.Sequence = s.sequence
	if err := s.write(g, &e, f); err != nil {
		s.takeBack(g)
		return fmt.Errorf("spool: %w", err)
	}
	g.end += e.size()
	g.size = g.end
	s.sequence++
	g.next = s.sequence
	s.bytes += e.size()
	if s.frames() == 1 {
		s.oldest = e.Appended
	}
	s.arrived(e.size())
	return nil
}

// fits reports whether the limit has room for so many bytes. s.mu is held.
func (s *Spool) fits(bytes int64) bool { return s.bytes+s.elsewhere+bytes <= s.options.Limit }

// makeRoom begins a new segment if the active one has not enough room, or was deleted from outside:
// data in a file without a name is lost with the process.
func (s *Spool) makeRoom(size int64) error {
	most, err := s.segmentLimit(size)
	if err != nil {
		return err
	}
	if s.active != nil {
		g := s.segments[len(s.segments)-1]
		if (g.end == 0 || g.end+size <= most) && !nameless(s.active) {
			return nil
		}
		s.seal()
	}
	return s.begin()
}

// segmentLimit is the maximum length of a segment: no longer than the process may make a file,
// since a write beyond that ends it with a signal (SIGXFSZ), which a library can't handle.
//
// Possible errors: a frame of that size is too large for any file.
func (s *Spool) segmentLimit(size int64) (int64, error) {
	if limit := filelimit.MaxBytes(); limit < s.options.SegmentBytes {
		return limit, filelimit.Check(limit, size)
	}
	return s.options.SegmentBytes, nil
}

// begin creates a new active segment. It restores a removed folder, but not the folder around it:
// that may be a volume that is not mounted.
func (s *Spool) begin() error {
	if s.lock == nil {
		if err := s.options.rootMissing(); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		if err := s.prepare(); err != nil {
			return err
		}
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	g := &segment{number: s.number, mark: binary.BigEndian.Uint64(random[:])}
	file, err := g.create(s.dir)
	if errors.Is(err, fs.ErrNotExist) && s.replaceFolder() == nil {
		file, err = g.create(s.dir)
	}
	if err != nil {
		return err
	}
	s.number++
	if s.options.Sync == SyncAlways {
		if err := filelimit.SyncFolder(s.dir); err != nil {
			_ = file.Close()
			_ = os.Remove(g.path(s.dir))
			return err
		}
	}
	s.active = file
	s.segments = append(s.segments, g)
	return nil
}

func (g *segment) create(dir string) (*os.File, error) {
	return os.OpenFile(g.path(dir), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// replaceFolder creates the folder again, and takes the new one's lock.
func (s *Spool) replaceFolder() error {
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := takeLock(s.dir)
	if err != nil {
		return err
	}
	_ = s.lock.Close()
	s.lock = lock
	return nil
}

// seal ends the active segment.
func (s *Spool) seal() {
	_ = s.active.Close() // acknowledged frames were written, or synced, before
	s.active = nil
}

// write writes the frame behind the last one.
func (s *Spool) write(g *segment, e *Entry, f Frame) error {
	s.scratch = appendHead(s.scratch[:0], g.mark, e)
	s.scratch = append(append(s.scratch, f.Tag...), f.Settled...)
	var err error
	if e.size() <= copiedBytes {
		s.scratch = append(s.scratch, f.Chunk...)
		_, err = s.active.WriteAt(s.scratch, g.end)
	} else {
		err = writePieces(s.active, g.end, s.scratch, f.Chunk)
	}
	if err == nil && s.options.Sync == SyncAlways {
		err = s.active.Sync()
	}
	return err
}

// takeBack cuts off the remains of a failed write. If even that fails, they stay as a torn end, and
// a new segment follows.
//
// It does so after a failed sync, too: the system's state of the file is unknown then. A segment
// without other frames is deleted, or each further try would leave another one.
func (s *Spool) takeBack(g *segment) {
	err := s.active.Truncate(g.end)
	if err != nil || s.options.Sync == SyncAlways {
		s.seal()
		if g.end == 0 {
			s.drop(func(other *segment) bool { return other == g })
		}
	}
	if info, err := os.Stat(g.path(s.dir)); err == nil {
		s.bytes += info.Size() - g.size
		g.size = info.Size()
	}
}
