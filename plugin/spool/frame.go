package spool

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// headBytes is the length of the head of a frame. A frame is a chunk with its tag in a segment, big
// endian:
//
//	 0  8  the segment's mark, which identifies a frame behind damage
//	 8  8  sequence number, one more than that of the frame before
//	16  8  time of its append, nanoseconds since 1970
//	24  4  bytes of the tag
//	28  4  bytes of the settled bitmap
//	32  4  bytes of the chunk
//	36  4  records in the chunk
//	40  4  CRC-32C of tag, bitmap and chunk
//	44  4  CRC-32C of the 44 bytes before
//	48     tag, bitmap, chunk
//
// There are two checksums: the lengths of a damaged chunk are still known, so that damage costs one
// frame and no other.
const headBytes = 48

// Frame is one chunk in the spool.
type Frame struct {
	Tag string
	// Settled has a bit for each event of the chunk that needs nothing more, the first event in the
	// lowest bit of the first byte. It may be shorter than the number of events.
	Settled []byte
	// Chunk is Fluent Bit's chunk.
	Chunk []byte
	// Records is the number of records in the chunk, and so the cost of a damaged frame.
	Records int
	// Since is the time of its append, the zero time for now. A frame that moves to the end of its
	// queue keeps its own.
	Since time.Time
}

// Entry is a frame's head, known before the frame is loaded.
type Entry struct {
	// Place is its start, End the start of the next one.
	Place, End Place
	Sequence   uint64
	Records    int
	// Appended is the time at which the chunk came into the spool.
	Appended time.Time

	tag, settled, chunk int
	sum                 uint32
}

// Bytes is the length of the chunk.
func (e *Entry) Bytes() int { return e.chunk }

// Place is a point between two frames.
type Place struct {
	segment uint64
	offset  int64
	// sequence is the number of the next frame, 0 if it is unknown.
	sequence uint64
}

// Before reports whether p lies before q.
func (p Place) Before(q Place) bool {
	return p.segment < q.segment || p.segment == q.segment && p.offset < q.offset
}

// maxFrameBytes bounds the length of a frame in its head: Fluent Bit passes a chunk's size as a C
// int.
const maxFrameBytes = math.MaxInt32

// size is the frame's length in its segment.
func (e *Entry) size() int64 {
	return headBytes + int64(e.tag) + int64(e.settled) + int64(e.chunk)
}

// appendHead appends the head of a frame.
func appendHead(dst []byte, mark uint64, e *Entry) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, mark)
	dst = binary.BigEndian.AppendUint64(dst, e.Sequence)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Appended.UnixNano()))
	for _, n := range [...]int{e.tag, e.settled, e.chunk, e.Records} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	dst = binary.BigEndian.AppendUint32(dst, e.sum)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli()))
}

// readHead reads a head. ok reports whether it is whole, belongs to this segment, and is possible.
func readHead(b []byte, mark uint64) (e Entry, ok bool) {
	if len(b) < headBytes || binary.BigEndian.Uint64(b) != mark ||
		crc32.Checksum(b[:headBytes-4], castagnoli()) != binary.BigEndian.Uint32(b[headBytes-4:]) {
		return e, false
	}
	e.Sequence = binary.BigEndian.Uint64(b[8:])
	e.Appended = time.Unix(0, int64(binary.BigEndian.Uint64(b[16:])))
	e.tag = int(binary.BigEndian.Uint32(b[24:]))
	e.settled = int(binary.BigEndian.Uint32(b[28:]))
	e.chunk = int(binary.BigEndian.Uint32(b[32:]))
	e.Records = int(binary.BigEndian.Uint32(b[36:]))
	e.sum = binary.BigEndian.Uint32(b[40:])
	return e, e.tag <= maxFrameBytes && e.settled <= maxFrameBytes && e.chunk <= maxFrameBytes
}

// sumOf is the checksum of the bytes behind a head.
func sumOf(tag string, settled, chunk []byte) uint32 {
	sum := crc32.Checksum([]byte(tag), castagnoli())
	sum = crc32.Update(sum, castagnoli(), settled)
	return crc32.Update(sum, castagnoli(), chunk)
}

// castagnoli is the polynomial of the processors' CRC instruction. The standard library makes its
// table once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// cut splits a loaded frame. b is the bytes behind the head.
func (e *Entry) cut(b []byte) Frame {
	return Frame{
		Tag: string(b[:e.tag]), Settled: b[e.tag : e.tag+e.settled], Chunk: b[e.tag+e.settled:], Records: e.Records,
	}
}

// Where returns the number of p's segment, and the offset in it.
func (p Place) Where() (segment uint64, offset int64) { return p.segment, p.offset }
