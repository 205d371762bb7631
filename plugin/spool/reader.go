package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Reader reads a spool's frames, oldest first. It is not safe for concurrent use; a spool has one.
type Reader struct {
	spool *Spool
	at    Place
	// file is the segment that was read last.
	file   *os.File
	number uint64
	// peeks means that it looks ahead of the reader that reports damage.
	peeks bool
}

// span is the extent of a segment: the end of its last frame, and the sequence number behind that.
type span struct {
	end  int64
	next uint64
}

// NewReader starts at the checkpoint.
func (s *Spool) NewReader() *Reader { return &Reader{spool: s, at: s.done} }

// Place is the reader's position.
func (r *Reader) Place() Place { return r.at }

// Seek moves to a place, forwards or backwards.
func (r *Reader) Seek(p Place) { r.at = p }

// Damage is a part of a spool that is no frame, or missing frames. The reader's position is behind
// it.
type Damage struct {
	From, To Place
	// Frames is the number of lost frames, as far as their sequence numbers tell.
	Frames int
	// Missing means that nothing is left of them.
	Missing bool
}

func (d *Damage) Error() string {
	if d.Missing {
		return fmt.Sprintf("spool: %d chunks are missing", d.Frames)
	}
	return fmt.Sprintf("spool: segment %d is damaged from byte %d to %d, with %d chunks", d.From.segment, d.From.offset, d.To.offset, d.Frames)
}

// ErrDamaged means that a frame's tag or chunk has changed since it was written.
var ErrDamaged = errors.New("spool: the chunk is damaged")

// IsDamage reports whether an error is about the data or its disk, and not about a state that an
// operator can end.
func IsDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || slices.ContainsFunc(diskErrors(), func(e error) bool { return errors.Is(err, e) })
}

// Next returns the next frame's head and moves behind it. Load knows its settled events of the
// checkpoint.
//
// Possible errors: io.EOF for none yet; Damage, once, after which Next continues; those of the file
// system.
func (r *Reader) Next() (Entry, error) {
	e, err := r.next()
	if err != nil && !errors.Is(err, io.EOF) {
		r.Close() // a repaired segment is another file
	}
	return e, err
}

func (r *Reader) next() (Entry, error) {
	for {
		g, there, err := r.segment()
		if err != nil {
			r.forgetFile()
			return Entry{}, err
		}
		file, deleted, err := r.open(g)
		if deleted {
			missing := r.leave(g, there)
			if !r.peeks {
				r.spool.forget(g)
			}
			if missing.Missing = true; missing.Frames > 0 {
				return Entry{}, missing
			}
			continue
		}
		if err != nil {
			return Entry{}, fmt.Errorf("spool: %w", err)
		}
		e, found, err := g.inspect(file, r.at.offset, there.end)
		switch {
		case err != nil:
			return Entry{}, err
		case found == whole:
			return r.pass(e)
		case found == damaged:
			return Entry{}, r.skip(g, file, there)
		}
		r.at.offset = there.end // a torn end, which segment hides unless the file shrank
	}
}

// pass moves behind a frame, unless others should come before it.
func (r *Reader) pass(e Entry) (Entry, error) {
	if r.at.sequence != 0 && e.Sequence > r.at.sequence {
		missing := &Damage{From: r.at, To: e.Place, Frames: int(e.Sequence - r.at.sequence), Missing: true}
		r.at = e.Place
		return Entry{}, missing
	}
	r.at = e.End
	return e, nil
}

// skip moves behind damage.
func (r *Reader) skip(g *segment, file *os.File, there span) error {
	offset, err := g.search(file, r.at.offset, there.end)
	if err != nil {
		return err
	}
	if offset == there.end {
		d := r.leave(g, there)
		d.Frames = max(1, d.Frames)
		return d
	}
	d := &Damage{From: r.at, To: Place{g.number, offset, r.at.sequence + 1}, Frames: 1}
	if e, found, err := g.inspect(file, offset, there.end); err == nil && found == whole {
		d.To = e.Place
		if r.at.sequence != 0 && e.Sequence > r.at.sequence {
			d.Frames = int(e.Sequence - r.at.sequence)
		}
	}
	r.at = d.To
	return d
}

// SkipSegment moves behind a segment that can't be read.
func (r *Reader) SkipSegment() *Damage {
	r.spool.mu.Lock()
	defer r.spool.mu.Unlock()
	g := r.spool.find(r.at.segment)
	if g == nil {
		return &Damage{From: r.at, To: r.at}
	}
	return r.leave(g, span{g.end, g.next})
}

// leave moves behind the rest of a segment, and returns the number of skipped frames.
func (r *Reader) leave(g *segment, there span) *Damage {
	d := &Damage{From: r.at, To: Place{g.number, there.end, max(there.next, r.at.sequence)}}
	if r.at.sequence != 0 {
		d.Frames = int(d.To.sequence - r.at.sequence)
	}
	r.at = d.To
	return d
}

// segment finds the reader's segment, or the next one, and its present extent.
//
// Possible errors: io.EOF.
func (r *Reader) segment() (*segment, span, error) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		switch {
		case g.number == r.at.segment && r.at.offset < g.end:
			return g, span{g.end, g.next}, nil
		case g.number > r.at.segment && g.end > 0:
			r.at.segment, r.at.offset = g.number, 0
			return g, span{g.end, g.next}, nil
		}
	}
	return nil, span{}, io.EOF
}

// forgetFile closes a file that was deleted: it occupies the disk while it is open.
func (r *Reader) forgetFile() {
	r.spool.mu.Lock()
	gone := r.spool.find(r.number) == nil
	r.spool.mu.Unlock()
	if gone {
		r.Close()
	}
}

// open returns the file of a segment, or reports that it was deleted. While the volume is missing,
// that is an error: the file may come back with it.
//
// Possible errors: those of the file system.
func (r *Reader) open(g *segment) (file *os.File, deleted bool, err error) {
	if r.file != nil && r.number == g.number {
		return r.file, false, nil
	}
	path := g.path(r.spool.dir)
	file, err = os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if missing := r.spool.options.rootMissing(); missing != nil {
			return nil, false, missing
		}
		file, err = os.Open(path) // the volume may have come back in between
		if errors.Is(err, fs.ErrNotExist) {
			return nil, true, nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	r.Close()
	r.file, r.number = file, g.number
	return file, false, nil
}

// forget removes a segment without a file from the list.
func (s *Spool) forget(gone *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, g := range s.segments {
		if g != gone {
			continue
		}
		if i == len(s.segments)-1 && s.active != nil {
			s.seal()
		}
		s.bytes -= g.size
		s.segments = append(s.segments[:i:i], s.segments[i+1:]...)
		return
	}
}

// Load reads a frame into buffer, which grows as needed, and checks it. The frame's slices are
// buffer's.
//
// Possible errors: ErrDamaged; those of the file system.
func (r *Reader) Load(e Entry, buffer []byte) (Frame, []byte, error) {
	s := r.spool
	s.mu.Lock()
	g := s.find(e.Place.segment)
	s.mu.Unlock()
	if g == nil {
		return Frame{}, buffer, fmt.Errorf("%w: its segment is gone", ErrDamaged)
	}
	file, deleted, err := r.open(g)
	if deleted {
		return Frame{}, buffer, fmt.Errorf("%w: its segment is gone", ErrDamaged)
	}
	if err != nil {
		return Frame{}, buffer, fmt.Errorf("spool: %w", err)
	}
	length := int(e.size() - headBytes)
	if cap(buffer) < length {
		buffer = make([]byte, length+length/8)
	}
	buffer = buffer[:length]
	if n, err := file.ReadAt(buffer, e.Place.offset+headBytes); n < length {
		if errors.Is(err, io.EOF) {
			return Frame{}, buffer, fmt.Errorf("%w: its segment was truncated", ErrDamaged)
		}
		r.Close()
		return Frame{}, buffer, fmt.Errorf("spool: %w", err)
	}
	f := e.cut(buffer)
	if sumOf(f.Tag, f.Settled, f.Chunk) != e.sum {
		return Frame{}, buffer, ErrDamaged
	}
	if settled, known := s.partial[e.Sequence]; known {
		f.Settled = settled
	}
	return f, buffer, nil
}

// Close closes the file that is open.
func (r *Reader) Close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}
