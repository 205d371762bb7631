// Package chunk reads the msgpack events that Fluent Bit hands to an output, in the layout of
// fluent-bit's src/flb_log_event_decoder.c.
//
// Nothing is copied: every returned slice points into the chunk, which belongs to Fluent Bit and is
// valid until the flush returns.
package chunk

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/tinylib/msgp/msgp"
)

// ErrNotAnEvent reports a whole msgpack value that is not an event: no array of two, an invalid
// time, or a record that is no map. The reader continues behind it.
var ErrNotAnEvent = errors.New("chunk: the value is not an event")

// Kind distinguishes events from the markers that bracket a group of them.
type Kind uint8

const (
	// Log is an event with a record.
	Log Kind = iota
	// GroupStart opens a group: its record and metadata hold the shared fields of the group's
	// events, such as OTLP's resource and scope.
	GroupStart
	// GroupEnd closes it.
	GroupEnd
)

// Seconds of the two markers (flb_log_event.h: FLB_LOG_EVENT_GROUP_START is
// -1, FLB_LOG_EVENT_GROUP_END is -2, in the 32 bits of an event time).
const (
	groupStartSeconds = 0xFFFFFFFF
	groupEndSeconds   = 0xFFFFFFFE
)

// Time is the moment of an event: seconds since 1970 and nanoseconds
// [0, 999,999,999].
type Time struct {
	Seconds int64
	Nanos   uint32
}

// Event is one event of the chunk.
type Event struct {
	Kind Kind
	Time Time
	// Metadata is the msgpack map beside the time, nil in the old layout.
	Metadata []byte
	// Record starts at the record's msgpack map. It extends to the chunk's end until Reader.Bound
	// cuts it.
	Record []byte
	// Group is the record of the marker that opened the event's group, a non-empty map; nil for
	// none.
	Group []byte
	// Position counts events, markers and malformed values from 0. It identifies the event within
	// its chunk.
	Position int
}

// Reader reads one chunk. It is not safe for concurrent use.
type Reader struct {
	data []byte
	// next is the offset of the next event; -1 while the end of the current record is unknown.
	next     int
	record   int
	position int
	group    []byte // the reader is inside this group
}

// NewReader starts at the first event of data, which is borrowed.
func NewReader(data []byte) Reader { return Reader{data: data} }

// Place is a position of a Reader between two events.
type Place struct {
	offset, position int
	group            []byte
}

// Position is the number of values before the place.
func (p Place) Position() int { return p.position }

// Place returns the reader's position, for Seek.
func (r *Reader) Place() (Place, error) {
	err := r.findEnd()
	return Place{r.next, r.position, r.group}, err
}

// Seek moves to a place of the same chunk, forwards or backwards.
func (r *Reader) Seek(p Place) { r.next, r.position, r.group = p.offset, p.position, p.group }

// Remaining is how many bytes of the chunk lie behind a place.
func (r *Reader) Remaining(p Place) int { return len(r.data) - p.offset }

// Position is the number of values read so far.
func (r *Reader) Position() int { return r.position }

// Next reads the head of the next event into e and leaves the reader at its record, so that an
// encoder can walk the record and report its end to Done: one pass instead of two. Without Done,
// the following call walks it.
//
// Possible errors: io.EOF at the end; ErrNotAnEvent, after which the reader continues behind the
// value; ErrTruncated, after which nothing can be read.
func (r *Reader) Next(e *Event) error {
	if err := r.findEnd(); err != nil {
		return err
	}
	if r.next >= len(r.data) {
		return io.EOF
	}
	start := r.data[r.next:]
	e.Position = r.position
	r.position++
	body, ok := commonHead(e, start)
	if !ok {
		body, ok = r.head(e, start)
	}
	if !ok {
		rest, err := Skip(start)
		if err != nil {
			return err
		}
		r.Done(rest)
		return ErrNotAnEvent
	}
	e.Record = body
	r.record = len(r.data) - len(body)
	r.next = -1
	if e.Kind != Log {
		return r.readMarker(e)
	}
	e.Group = r.group
	return nil
}

// readMarker handles a marker: the following events are in its group, or in none.
func (r *Reader) readMarker(e *Event) error {
	e.Group, r.group = nil, nil
	if err := r.findEnd(); err != nil {
		return err
	}
	if n, _, err := msgp.ReadMapHeaderBytes(e.Record); e.Kind == GroupStart && err == nil && n > 0 {
		r.group = r.data[r.record:r.next:r.next]
	}
	return nil
}

// Done tells the reader the rest of the chunk behind the current record.
func (r *Reader) Done(rest []byte) { r.next = len(r.data) - len(rest) }

// Bound walks the current record and cuts e.Record to its exact bytes.
//
// Possible errors: ErrTruncated.
func (r *Reader) Bound(e *Event) error {
	if err := r.findEnd(); err != nil {
		return err
	}
	e.Record = r.data[r.record:r.next:r.next]
	return nil
}

// findEnd finds the end of the current record, unless it is known.
func (r *Reader) findEnd() error {
	if r.next >= 0 {
		return nil
	}
	rest, err := Skip(r.data[r.record:])
	if err != nil {
		return err
	}
	r.Done(rest)
	return nil
}

// commonHead is head for the layout that Fluent Bit itself has written since 2.1, for an event
// without metadata: [[fixext 8, {}], {. ok is false for any other.
func commonHead(e *Event, b []byte) (record []byte, ok bool) {
	const size = 13
	if len(b) <= size || binary.BigEndian.Uint32(b) != 0x9292d700 || b[size-1] != 0x80 || b[size]&0xf0 != 0x80 {
		return nil, false
	}
	e.Kind = Log
	readTimeBytes(b[4:12], e)
	e.Metadata = b[size-1 : size]
	return b[size:], true
}

// head reads [[time, metadata], or [time, and returns the rest, the record, which must be a map.
func (r *Reader) head(e *Event, b []byte) (record []byte, ok bool) {
	if b, ok = readPair(b); !ok {
		return nil, false
	}
	inner, nested := readPair(b)
	if nested {
		b = inner
	}
	e.Kind = Log
	b, ok = readTime(b, e)
	if !ok {
		return nil, false
	}
	e.Metadata = nil
	if nested {
		rest, err := Skip(b)
		if err != nil {
			return nil, false
		}
		if isMap(b) {
			e.Metadata = b[:len(b)-len(rest)]
		}
		b = rest
	}
	return b, isMap(b)
}

// readPair skips the header of an array of two. Fluent Bit writes the shortest of its forms, a
// client of the forward input any of them.
func readPair(b []byte) (rest []byte, ok bool) {
	switch {
	case len(b) > 0 && b[0] == 0x92:
		return b[1:], true
	case len(b) >= 3 && b[0] == 0xdc && binary.BigEndian.Uint16(b[1:]) == 2: // array 16
		return b[3:], true
	case len(b) >= 5 && b[0] == 0xdd && binary.BigEndian.Uint32(b[1:]) == 2: // array 32
		return b[5:], true
	}
	return nil, false
}

// IsEmpty reports whether metadata is an empty map, in any of its three forms.
func IsEmpty(metadata []byte) bool {
	n, _, err := msgp.ReadMapHeaderBytes(metadata)
	return err != nil || n == 0
}

func isMap(b []byte) bool {
	return len(b) > 0 && (b[0]&0xf0 == 0x80 || b[0] == 0xde || b[0] == 0xdf)
}

// readTime reads an event time in any of its forms: ext type 0 with seconds
// and nanoseconds of 32 bits each, an integer, or a float of seconds.
func readTime(b []byte, e *Event) (rest []byte, ok bool) {
	switch {
	case len(b) >= 10 && b[0] == 0xd7 && b[1] == 0: // fixext 8, type 0
		readTimeBytes(b[2:10], e)
		return b[10:], true
	case len(b) >= 11 && b[0] == 0xc7 && b[1] == 8 && b[2] == 0: // ext 8 of 8 bytes, type 0
		readTimeBytes(b[3:11], e)
		return b[11:], true
	}
	switch msgp.NextType(b) {
	case msgp.IntType, msgp.UintType:
		seconds, rest, err := msgp.ReadInt64Bytes(b)
		e.Time = Time{Seconds: seconds}
		return rest, err == nil && seconds >= -maxSeconds && seconds <= maxSeconds
	case msgp.Float64Type, msgp.Float32Type:
		seconds, rest, err := msgp.ReadFloat64Bytes(b)
		if err != nil {
			return nil, false
		}
		return rest, floatTime(seconds, &e.Time)
	}
	return nil, false
}

// readTimeBytes reads the eight bytes of an event time. Only this form can mark a group.
func readTimeBytes(b []byte, e *Event) {
	seconds, nanos := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if nanos == 0 { // otherwise it is no marker to Fluent Bit either (flb_log_event_decoder.c)
		switch seconds {
		case groupStartSeconds:
			e.Kind = GroupStart
		case groupEndSeconds:
			e.Kind = GroupEnd
		}
	}
	// A sender can write any nanoseconds; whole seconds among them are carried over.
	e.Time = Time{Seconds: int64(seconds) + int64(nanos/1e9), Nanos: nanos % 1e9}
}

// maxSeconds is the largest number of seconds, on either side of 1970, for which the formatted year
// has at most four digits.
const maxSeconds = 253402300799 // 9999-12-31T23:59:59Z

func floatTime(seconds float64, t *Time) bool {
	if math.IsNaN(seconds) || math.Abs(seconds) > maxSeconds {
		return false
	}
	whole := math.Floor(seconds)
	*t = Time{Seconds: int64(whole), Nanos: min(uint32((seconds-whole)*1e9), 999_999_999)}
	return true
}
