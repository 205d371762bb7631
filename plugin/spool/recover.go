package spool

import (
	"errors"
	"io/fs"
	"maps"
	"time"
)

// recover reads the spool's state, and writes a new checkpoint. A disk without room for it does not
// stop the sender: the older checkpoint says the same, or is found to be damaged again.
func (s *Spool) recover() error {
	removeUnfinished(s.dir)
	all, err := listSegments(s.dir)
	if s.lock == nil && errors.Is(err, fs.ErrNotExist) {
		err = nil // a full disk had no room for the folder
	}
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
	s.found.Unwritten = s.writeCheckpoint(checkpoint{done: s.done, mark: s.markOf(s.done.segment), partial: s.partial})
	return nil
}

// adopt opens a segment of an earlier run. If the one behind it begins as expected, their two first
// heads determine its frames: to read every head would be to read all of a spool of small chunks,
// while Fluent Bit waits. The reader finds damage in it.
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
		// A frame after a failed append that could not be undone has the number of one behind it:
		// the settled events may be those of either.
		maps.DeleteFunc(s.partial, func(n uint64, _ []byte) bool { return n >= g.first && n < s.sequence })
	}
	s.segments = append(s.segments, g)
	s.bytes += g.size
	s.found.TornBytes += g.size - g.end
	s.sequence = max(s.sequence, g.next)
	return nil
}

// first completes the place of the first frame.
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

// ageOf returns the time of the first append at or behind a place, zero for none.
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
