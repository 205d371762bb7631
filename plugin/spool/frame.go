package spool

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// A frame is a chunk with its tag, as it lies in a segment, big endian:
//
//	 0  8  the segment's mark, by which a frame is found again behind damage
//	 8  8  sequence number, one more than the frame's before it
//	16  8  when it was appended, nanoseconds since 1970
//	24  4  bytes of the tag
//	28  4  bytes of the settled bitmap
//	32  4  bytes of the chunk
//	36  4  records in the chunk
//	40  4  CRC-32C of tag, bitmap and chunk
//	44  4  CRC-32C of the 44 bytes before
//	48     tag, bitmap, chunk
//
// Two checksums, so that the lengths can be trusted where the chunk is
// damaged: then one frame is lost and no other.
const headBytes = 48

// Frame is one chunk in the spool.
type Frame struct {
	Tag string
	// Settled has a bit for each event of the chunk that needs nothing more,
	// the first event in the lowest bit of the first byte. It may be shorter
	// than the chunk has events.
	Settled []byte
	// Chunk is what Fluent Bit handed over.
	Chunk []byte
	// Records is how many records the chunk holds, so that it is known what a
	// damaged frame costs.
	Records int
}

// Entry is a frame's head: what is known of it before it is loaded.
type Entry struct {
	// Place is where it starts, End where the next one does.
	Place, End Place
	Sequence   uint64
	Records    int
	// Appended is when the chunk came into the spool.
	Appended time.Time

	tag, settled, chunk int
	sum                 uint32
}

// Bytes is how long the chunk is.
func (e *Entry) Bytes() int { return e.chunk }

// Place is a point between two frames.
type Place struct {
	segment uint64
	offset  int64
	// sequence is the number that the next frame should have, 0 where that is
	// not known.
	sequence uint64
}

// Before says whether p lies before q.
func (p Place) Before(q Place) bool {
	return p.segment < q.segment || p.segment == q.segment && p.offset < q.offset
}

// maxFrameBytes bounds what a head may say of its frame's length: Fluent Bit
// tells a chunk's size as a C int.
const maxFrameBytes = math.MaxInt32

// size is how many bytes the frame takes in its segment.
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

// readHead reads a head. ok says that it is whole, of this segment, and
// possible.
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

// sumOf is the checksum of what follows a head.
func sumOf(tag string, settled, chunk []byte) uint32 {
	sum := crc32.Checksum([]byte(tag), castagnoli())
	sum = crc32.Update(sum, castagnoli(), settled)
	return crc32.Update(sum, castagnoli(), chunk)
}

// castagnoli is the polynomial that processors have an instruction for. The
// standard library makes its table once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// cut takes a loaded frame apart. b is what follows the head.
func (e *Entry) cut(b []byte) Frame {
	return Frame{
		Tag: string(b[:e.tag]), Settled: b[e.tag : e.tag+e.settled], Chunk: b[e.tag+e.settled:], Records: e.Records,
	}
}

// Where is the number of the segment that p lies in, and the offset there.
func (p Place) Where() (segment uint64, offset int64) { return p.segment, p.offset }
