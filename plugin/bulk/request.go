package bulk

import (
	"fmt"

	"github.com/klauspost/compress/gzip"
)

// Compression says how a request's body travels.
type Compression uint8

// The ways that Elasticsearch's HTTP layer takes: as it is, or as gzip.
const (
	Plain Compression = iota
	Gzip
)

const (
	// pieceBytes is the size of the NDJSON pieces for compression: two of deflate's 32 KB windows.
	// The compressor runs less often than once a document, and the uncompressed body never exists
	// as a whole.
	pieceBytes = 64 << 10
	// keepBytes is the largest buffer that is kept for the next request: two
	// chunks of Fluent Bit's 2 MB grown by a fourth. A larger one was needed
	// for a rare document and goes back to the collector.
	keepBytes = 5 << 20
	// growBytes is how much larger than expected a buffer of uncompressed lines is
	// made: the document that does not fit any more is written first.
	growBytes = 256 << 10
	// keepUnasked is how many requests the memory of a second one is kept for that
	// none of them asks for.
	keepUnasked = 100
	// keepPositions does the same for positions: keepBytes of items of 40
	// bytes, which is less than the shortest action takes.
	keepPositions = keepBytes / 40
)

// Request is one bulk request in the making. It is filled through Buffer and
// Commit, sealed by Seal, and used again after Reset. It is not safe for
// concurrent use, and must not be touched while a transport reads the body.
type Request struct {
	compression Compression
	plain       []byte // NDJSON; under gzip only the piece not compressed yet
	packed      writeBuffer
	gzip        *gzip.Writer
	size        int
	positions   []int32
	base        int
	expected    int
	// second is for a concurrent request, nil until it is requested; unasked counts the requests
	// since then.
	second  *Request
	unasked int
	wait    Wait
}

// Wait is how long a server waits for an unassigned shard.
type Wait uint8

// FullWait is the bulk timeout, ShortWait a tenth of it: for a shard that was
// waited for already.
const (
	FullWait Wait = iota
	ShortWait
)

// SetWait says how long the server shall wait for shards, until Reset.
func (r *Request) SetWait(w Wait) { r.wait = w }

// Wait is the value of SetWait.
func (r *Request) Wait() Wait { return r.wait }

// NewRequest returns an empty request.
func NewRequest(c Compression) *Request { return &Request{compression: c} }

// Expect says how large requests become. A buffer of that size is made once and kept. One that
// grows in steps would be copied each time, and beyond keepBytes released with each request.
func (r *Request) Expect(bytes int) { r.expected = bytes }

// Reset empties the request and keeps its memory within bounds.
func (r *Request) Reset() {
	r.plain, r.packed = r.kept(r.plain), writeBuffer(r.kept(r.packed))
	if cap(r.positions) > keepPositions {
		r.positions = nil
	}
	r.positions = r.positions[:0]
	r.size, r.base, r.wait = 0, 0, FullWait
	if r.unasked++; r.unasked > keepUnasked {
		r.second = nil
	}
}

// Second returns another request of the same form, which is r's own and the same
// each time. Its memory is given back when nothing asks for it any more.
func (r *Request) Second() *Request {
	if r.second == nil {
		r.second = NewRequest(r.compression)
		r.second.Expect(r.expected)
	}
	r.unasked = 0
	return r.second
}

// Shift makes the positions of the items that follow count from base, where a
// request holds several chunks.
func (r *Request) Shift(base int) { r.base = base }

func (r *Request) kept(b []byte) []byte {
	if cap(b) > max(keepBytes, r.expected+2*growBytes) {
		return nil
	}
	return b[:0]
}

// Buffer returns the buffer for the next item's lines. They count only after Commit.
func (r *Request) Buffer() []byte { return r.plain }

// Added returns how many bytes grown has more than the request.
func (r *Request) Added(grown []byte) int { return len(grown) - len(r.plain) }

// Commit takes grown, which is Buffer with one more item's lines behind it,
// as the item of the event at position in its chunk.
//
// Possible errors: those of the compressor, which has none of its own.
func (r *Request) Commit(grown []byte, position int) error {
	r.size += r.Added(grown)
	r.plain = grown
	r.positions = append(r.positions, int32(r.base+position))
	if whole := r.expected + growBytes; len(grown) > r.expected/2 && cap(grown) < whole && r.compression == Plain {
		r.plain = append(make([]byte, 0, whole), grown...)
	}
	if r.compression == Gzip && len(r.plain) >= pieceBytes {
		return r.pack()
	}
	return nil
}

// Keep returns a buffer that has grown for a discarded item, so that its memory is used again.
func (r *Request) Keep(grown []byte) { r.plain = grown[:len(r.plain)] }

// Size is the number of uncompressed bytes, which Elasticsearch's http.max_content_length limits.
func (r *Request) Size() int { return r.size }

// Sent is the number of bytes of the sealed body.
func (r *Request) Sent() int {
	if r.compression == Gzip {
		return len(r.packed)
	}
	return len(r.plain)
}

// Positions are the events of the request's items, in order. The slice is the request's own.
func (r *Request) Positions() []int32 { return r.positions }

// Compression says how Seal's bytes are encoded.
func (r *Request) Compression() Compression { return r.compression }

// Seal ends the body and returns its bytes, which stay the request's own and
// are valid until Reset.
func (r *Request) Seal() ([]byte, error) {
	if r.compression == Plain {
		return r.plain, nil
	}
	if err := r.pack(); err != nil {
		return nil, err
	}
	if err := r.gzip.Close(); err != nil {
		return nil, fmt.Errorf("bulk: gzip: %w", err)
	}
	return r.packed, nil
}

// pack compresses the collected bytes. The first piece of a body starts it.
func (r *Request) pack() error {
	if r.gzip == nil {
		r.gzip, _ = gzip.NewWriterLevel(&r.packed, gzip.BestSpeed)
	}
	if len(r.packed) == 0 {
		r.gzip.Reset(&r.packed)
	}
	if _, err := r.gzip.Write(r.plain); err != nil {
		return fmt.Errorf("bulk: gzip: %w", err)
	}
	r.plain = r.kept(r.plain)
	return nil
}

// writeBuffer is an append-only io.Writer that never fails.
type writeBuffer []byte

func (b *writeBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
