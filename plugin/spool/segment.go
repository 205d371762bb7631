package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// segment is one file of frames. Its name has its number, its mark and the version of its format,
// so that the file itself has only frames: no damage can cost more than a frame.
type segment struct {
	number uint64
	// mark is a random number at the start of every frame of the segment. The author of a log line
	// can't know it, so a line can't pass for a frame during the search behind damage.
	mark uint64
	// size is the length of the file, end the end of its last whole frame.
	size, end int64
	// first is the sequence number of the first frame, from the checkpoint on, next the one behind
	// the last; both are 0 without a frame.
	first, next uint64
}

// version is that of the format of segments and of the checkpoint.
const version = 1

func segmentName(number, mark uint64) string {
	return fmt.Sprintf("segment-%020d-%016x.v%d", number, mark, version)
}

func (g *segment) path(dir string) string {
	return filepath.Join(dir, segmentName(g.number, g.mark))
}

// splitName splits a segment's name, as segmentName writes it. ok is false for other files. It does
// so without package regexp, which nothing else in the .so needs and which would be 0.2 MB of it.
func splitName(name string) (number, mark, format string, ok bool) {
	const prefix, numberDigits, markDigits = "segment-", 20, 16
	rest, isSegment := strings.CutPrefix(name, prefix)
	ids, format, hasFormat := strings.Cut(rest, ".v")
	if !isSegment || !hasFormat || len(ids) != numberDigits+len("-")+markDigits || ids[numberDigits] != '-' {
		return "", "", "", false
	}
	number, mark = ids[:numberDigits], ids[numberDigits+1:]
	ok = consistsOf(number, "0123456789") && consistsOf(mark, "0123456789abcdef") && format != "" && consistsOf(format, "0123456789")
	return number, mark, format, ok
}

// consistsOf reports whether text has no other characters than those.
func consistsOf(text, characters string) bool { return strings.Trim(text, characters) == "" }

// VersionError means that a spool was written by a version of the plugin with another format.
type VersionError struct {
	File, Version string
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has format %s, this version reads format %d: run the version that wrote it until it is delivered, or move the folder away", e.File, e.Version, version)
}

// parseName reads a segment's name. ok is false for other files.
//
// Possible errors: VersionError.
func parseName(name string) (g *segment, ok bool, err error) {
	decimal, hexadecimal, format, ok := splitName(name)
	if !ok {
		return nil, false, nil
	}
	if format != strconv.Itoa(version) {
		return nil, false, &VersionError{File: name, Version: format}
	}
	number, err := strconv.ParseUint(decimal, 10, 64)
	if err != nil {
		return nil, false, nil
	}
	mark, _ := strconv.ParseUint(hexadecimal, 16, 64)
	return &segment{number: number, mark: mark}, true, nil
}

// listSegments finds the segments of a folder, in order.
//
// Possible errors: VersionError; those of the file system.
func listSegments(dir string) ([]*segment, error) {
	files, err := os.ReadDir(dir) // sorted by name, and so by number
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []*segment
	for _, file := range files {
		g, ok, err := parseName(file.Name())
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		g.size = info.Size()
		all = append(all, g)
	}
	return all, nil
}

// segmentState is the kind of data at a place of a segment.
type segmentState uint8

const (
	// whole: a frame, at least by its head and length.
	whole segmentState = iota
	// over: the end.
	over
	// torn: the beginning of a frame that was never written to its end.
	torn
	// damaged: not a frame.
	damaged
)

// inspect reads the head at offset of a segment that ends at size.
//
// Possible errors: those of the file system.
func (g *segment) inspect(file io.ReaderAt, offset, size int64) (e Entry, found segmentState, err error) {
	if offset >= size {
		return e, over, nil
	}
	if size-offset < headBytes {
		return e, torn, nil
	}
	var head [headBytes]byte
	if _, err := file.ReadAt(head[:], offset); errors.Is(err, io.EOF) {
		return e, damaged, nil // the file was cut while it was in use
	} else if err != nil {
		return e, damaged, fmt.Errorf("spool: %w", err)
	}
	e, ok := readHead(head[:], g.mark)
	if !ok {
		return e, damaged, nil
	}
	e.Place = Place{g.number, offset, e.Sequence}
	e.End = Place{g.number, offset + e.size(), e.Sequence + 1}
	if e.End.offset > size {
		return e, torn, nil
	}
	return e, whole, nil
}

// searchBytes is the part of a segment that is searched at a time.
const searchBytes = 64 << 10

// search finds the next frame behind damage at offset, size for none.
//
// Possible errors: those of the file system.
func (g *segment) search(file io.ReaderAt, offset, size int64) (int64, error) {
	mark := binary.BigEndian.AppendUint64(nil, g.mark)
	window := make([]byte, searchBytes)
	for at := offset + 1; size-at >= headBytes; {
		n, err := file.ReadAt(window[:min(searchBytes, size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return size, fmt.Errorf("spool: %w", err)
		}
		if n < headBytes {
			break
		}
		i := bytes.Index(window[:n], mark)
		if i < 0 {
			at += int64(max(1, n-len(mark)+1))
			continue
		}
		if _, found, err := g.inspect(file, at+int64(i), size); err != nil || found == whole {
			return at + int64(i), err
		}
		at += int64(i) + 1
	}
	return size, nil
}

// firstOf is the number of the frame at offset, 0 if there is none or it is unknown.
func (g *segment) firstOf(dir string, offset int64) uint64 {
	file, err := os.Open(g.path(dir))
	if err != nil {
		return 0
	}
	defer file.Close()
	if e, found, err := g.inspect(file, offset, g.size); err == nil && found == whole {
		return e.Sequence
	}
	return 0
}

// survey reads the heads of a segment from offset to its end. sequence is the expected number of
// its first frame.
//
// Possible errors: those of the file system.
func (g *segment) survey(dir string, offset int64, sequence uint64) error {
	file, err := os.Open(g.path(dir))
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	defer file.Close()
	g.first, g.next, g.end = 0, 0, offset
	for {
		e, found, err := g.inspect(file, offset, g.size)
		switch {
		case err != nil:
			return err
		case found == over, found == torn:
			return nil
		case found == damaged:
			if offset, err = g.search(file, offset, g.size); err != nil {
				return err
			}
			if g.end = offset; offset == g.size {
				g.next = max(g.next, sequence) + 1 // damage at the end counts as a frame, as the reader does
			}
			continue
		}
		if g.first == 0 {
			g.first = e.Sequence
		}
		g.next = e.Sequence + 1
		offset = e.End.offset
		g.end = offset
	}
}
