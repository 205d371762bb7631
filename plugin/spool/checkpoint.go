package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"out_es/plugin/filelimit"
)

// checkpoint is the state of delivery, big endian:
//
//	 0  8  "out_es 1"
//	 8  8  number of the segment
//	16  8  its mark, 0 if there is no such segment
//	24  8  offset: everything before it is done
//	32  8  sequence number of the frame there
//	40  4  number of frames behind it with settled events; for each
//	       8  sequence number
//	       4  bytes of the bitmap
//	          bitmap, as in Frame.Settled
//	    4  CRC-32C of all before
type checkpoint struct {
	done    Place
	mark    uint64
	partial map[uint64][]byte
}

const (
	checkpointName  = "checkpoint.v1"
	checkpointMagic = "out_es 1"
	unfinished      = ".new"
	checkpointHead  = 44
)

// Progress is the state that a sender reports.
type Progress struct {
	// Done is the place before which all frames are done.
	Done Place
	// Partial are frames behind Done with settled events. Those of earlier checkpoints stay valid
	// until Done is behind them.
	Partial []Partial
}

// Partial is a frame with settled events.
type Partial struct {
	Sequence uint64
	Settled  []byte // as in Frame
}

// Checkpoint writes the progress and deletes the segments that are done. It is called by the
// goroutine that reads.
//
// Possible errors: those of the file system. The progress counts all the same while the process
// lives.
func (s *Spool) Checkpoint(p Progress) error {
	c := checkpoint{done: p.Done, partial: map[uint64][]byte{}}
	for sequence, settled := range s.partial { // of frames that were not read yet since the start
		if sequence >= p.Done.sequence {
			c.partial[sequence] = settled
		}
	}
	for _, frame := range p.Partial {
		c.partial[frame.Sequence] = frame.Settled
	}
	oldest := s.ageOf(p.Done)
	s.mu.Lock()
	c.mark = s.markOf(p.Done.segment)
	s.mu.Unlock()
	err := s.writeCheckpoint(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done, s.partial = p.Done, c.partial
	if s.oldest = oldest; oldest.IsZero() && s.frames() > 0 {
		s.oldest = time.Now() // all frames are newer
	}
	dropped := s.drop(func(g *segment) bool {
		return s.isDone(g) && (g.number < p.Done.segment || g.size >= min(replaceBytes, s.options.SegmentBytes))
	})
	if err != nil && dropped > 0 {
		return s.writeCheckpoint(c) // a disk that was full has room now
	}
	return err
}

// writeCheckpoint replaces the file atomically, so that there is always a whole one.
func (s *Spool) writeCheckpoint(c checkpoint) error {
	path, text := filepath.Join(s.dir, checkpointName), c.append(nil)
	if err := filelimit.Check(filelimit.MaxBytes(), int64(len(text))); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := os.WriteFile(path+unfinished, text, 0o600); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := os.Rename(path+unfinished, path); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

func (c *checkpoint) append(dst []byte) []byte {
	dst = append(dst, checkpointMagic...)
	for _, n := range [...]uint64{c.done.segment, c.mark, uint64(c.done.offset), c.done.sequence} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(c.partial)))
	for sequence, settled := range c.partial {
		dst = binary.BigEndian.AppendUint64(dst, sequence)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(settled)))
		dst = append(dst, settled...)
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli()))
}

// errDoubts is the consequence of every fault of a checkpoint.
const errDoubts = "the spool is sent from its beginning, and records sent before may be duplicated unless Generate_ID is on"

// readCheckpoint reads the file of a folder.
//
// Possible errors: it is missing; it is damaged; those of the file system.
func readCheckpoint(dir string) (c checkpoint, err error) {
	b, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no checkpoint: %s", errDoubts)
	}
	if err != nil {
		return c, fmt.Errorf("the checkpoint can't be read (%w): %s", err, errDoubts)
	}
	damage := fmt.Errorf("the checkpoint is damaged: %s", errDoubts)
	if len(b) < checkpointHead+4 || string(b[:8]) != checkpointMagic ||
		crc32.Checksum(b[:len(b)-4], castagnoli()) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return c, damage
	}
	c.done = Place{binary.BigEndian.Uint64(b[8:]), int64(binary.BigEndian.Uint64(b[24:])), binary.BigEndian.Uint64(b[32:])}
	c.mark = binary.BigEndian.Uint64(b[16:])
	count, rest := binary.BigEndian.Uint32(b[40:]), b[checkpointHead:len(b)-4]
	c.partial = map[uint64][]byte{}
	for range count {
		if len(rest) < 12 {
			return checkpoint{}, damage
		}
		sequence, length := binary.BigEndian.Uint64(rest), int64(binary.BigEndian.Uint32(rest[8:]))
		if rest = rest[12:]; int64(len(rest)) < length {
			return checkpoint{}, damage
		}
		c.partial[sequence], rest = rest[:length:length], rest[length:]
	}
	return c, nil
}

// holdTo compares a checkpoint with the segments. One that names an older segment than there is, is
// normal: that segment was deleted.
//
// Possible errors: it belongs to another spool; it is ahead of the data, in which case it is moved
// to the end of the data.
func (c *checkpoint) holdTo(all []*segment) error {
	for _, g := range all {
		switch {
		case g.number != c.done.segment:
		case g.mark != c.mark:
			return fmt.Errorf("the checkpoint belongs to other segments than there are: %s", errDoubts)
		case c.done.offset > g.size || c.done.offset < 0:
			// The end of the segment was lost, by a power cut or by hand, but all lost frames were
			// done.
			c.done.offset = g.size
		}
	}
	return nil
}

// removeUnfinished deletes the unfinished files of a process that died.
func removeUnfinished(dir string) {
	_ = os.Remove(filepath.Join(dir, checkpointName+unfinished))
}
