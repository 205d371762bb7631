package host

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// ChunkBytes is the size at which Fluent Bit ends a chunk: it takes the event that crosses it and
// no more (FLB_INPUT_CHUNK_FS_MAX_SIZE).
const ChunkBytes = 2_048_000

// Layout is the layout of an event in a chunk.
type Layout int

const (
	Nested Layout = iota // [[time, metadata], record]: Fluent Bit 2.1 and newer
	Flat                 // [time, record]: older versions, and events from them over forward
)

// Seconds that make an event a group marker (flb_log_event.h: -1 and -2 as 32 bits).
const (
	groupStart = 0xFFFFFFFF
	groupEnd   = 0xFFFFFFFE
)

const emptyMap = 0x80

// Chunk is events in msgpack, one after another, as Fluent Bit hands them to FLBPluginFlushCtx. The
// zero value is an empty chunk in the nested layout. It is not safe for concurrent use.
type Chunk struct {
	Layout Layout
	Bytes  []byte
	Events int // without group markers
}

// Chunks makes as many chunks of records, JSON objects, as Fluent Bit would. All events have the
// same time.
func Chunks(layout Layout, at time.Time, records ...string) ([]Chunk, error) {
	var chunks []Chunk
	for _, r := range records {
		if len(chunks) == 0 || chunks[len(chunks)-1].Full() {
			chunks = append(chunks, Chunk{Layout: layout})
		}
		if err := chunks[len(chunks)-1].AddJSON(at, []byte(r)); err != nil {
			return nil, err
		}
	}
	return chunks, nil
}

// Full reports whether Fluent Bit would begin a new chunk.
func (c *Chunk) Full() bool { return len(c.Bytes) > ChunkBytes }

// AddJSON adds an event with a JSON object as its record. Error: as AppendJSON; the chunk stays
// unchanged.
func (c *Chunk) AddJSON(at time.Time, record []byte) error {
	return c.AddWithMetadata(at, []byte("{}"), record)
}

// AddWithMetadata adds an event with JSON objects as metadata and record. Errors: as AppendJSON,
// and metadata other than {} in the flat layout, which has no room for it; the chunk stays as it
// was.
func (c *Chunk) AddWithMetadata(at time.Time, metadata, record []byte) error {
	if err := c.add(uint32(at.Unix()), uint32(at.Nanosecond()), metadata, record); err != nil {
		return err
	}
	c.Events++
	return nil
}

// AddLine adds an event with the record {"log": line}, as tail does without a parser.
func (c *Chunk) AddLine(at time.Time, line []byte) {
	c.Bytes = c.appendTime(c.Bytes, uint32(at.Unix()), uint32(at.Nanosecond()))
	if c.Layout == Nested {
		c.Bytes = append(c.Bytes, emptyMap)
	}
	c.Bytes = msgp.AppendStringFromBytes(msgp.AppendString(msgp.AppendMapHeader(c.Bytes, 1), "log"), line)
	c.Events++
}

// StartGroup adds the marker that begins a group, with the JSON objects that hold for its events
// (OTLP's resource and scope are in the record). Errors: as AddWithMetadata.
func (c *Chunk) StartGroup(metadata, record []byte) error {
	return c.add(groupStart, 0, metadata, record)
}

// EndGroup adds the marker that ends a group. Error: none in the nested layout.
func (c *Chunk) EndGroup() error { return c.add(groupEnd, 0, []byte("{}"), []byte("{}")) }

func (c *Chunk) add(seconds, nanoseconds uint32, metadata, record []byte) (err error) {
	out := c.appendTime(c.Bytes, seconds, nanoseconds)
	if c.Layout == Nested {
		if out, err = AppendJSON(out, metadata); err != nil {
			return err
		}
	} else if string(metadata) != "{}" {
		return errors.New("host: the flat layout has no room for metadata: use Nested")
	}
	if out, err = AppendJSON(out, record); err != nil {
		return err
	}
	c.Bytes = out
	return nil
}

// appendTime appends the start of an event, up to its metadata or, in the flat layout, its record:
// the array headers and the time as ext type 0, seconds and nanoseconds in 4 bytes each.
func (c *Chunk) appendTime(dst []byte, seconds, nanoseconds uint32) []byte {
	dst = msgp.AppendArrayHeader(dst, 2)
	if c.Layout == Nested {
		dst = msgp.AppendArrayHeader(dst, 2)
	}
	const fixext8, timeType = 0xd7, 0
	dst = append(dst, fixext8, timeType)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, seconds), nanoseconds)
}
