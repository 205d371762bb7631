package deliver

import (
	"container/list"
	"encoding/binary"
	"sync"
	"time"

	"github.com/zeebo/xxh3"
)

const (
	// memoryChunks and memoryBytes bound a Memory: with a bit for each event, 256 chunks of 20,000
	// events take 640 KB. Evicted chunks may be duplicated, never lost.
	memoryChunks = 256
	memoryBytes  = 2 << 20
	// memoryAge is how long a chunk is remembered. Fluent Bit never tells that
	// it gave one up; its scheduler's longest wait is 2,000 s (scheduler.cap).
	memoryAge = 2 * time.Hour
)

// Memory remembers the settled events of chunks that went back to Fluent Bit, so that only the rest
// is sent at their next flush. It is safe for concurrent use.
type Memory struct {
	mu     sync.Mutex
	chunks map[Digest][]*list.Element // more than one for chunks that are the same
	order  *list.List                 // of *remembered, oldest first
	bytes  int
}

// Digest names a chunk: a 128-bit hash (XXH3) of its tag and bytes.
type Digest struct{ tag, data xxh3.Uint128 }

type remembered struct {
	digest  Digest
	settled Settled
	panics  int
	at      time.Time
}

// NewMemory returns an empty memory.
func NewMemory() *Memory { return &Memory{chunks: map[Digest][]*list.Element{}, order: list.New()} }

// DigestOf reads the chunk once.
func DigestOf(tag string, data []byte) Digest {
	return Digest{xxh3.HashString128(tag), xxh3.Hash128(data)}
}

// Event names the event at position in the chunk: a 128-bit hash.
func (d Digest) Event(position int) [16]byte {
	var input [40]byte
	for i, half := range [...]uint64{d.tag.Hi, d.tag.Lo, d.data.Hi, d.data.Lo, uint64(position)} {
		binary.BigEndian.PutUint64(input[8*i:], half)
	}
	return xxh3.Hash128(input[:]).Bytes()
}

// Recall moves the settled events of a chunk from the memory into settled, and returns the number
// of its panics. It computes the chunk's name only if the memory is not empty.
//
// It moves rather than copies, since two chunks of the same tag and bytes may be under way: the
// settled events of one must not count for both. Which of the two gets them makes no difference, as
// they are the same.
func (m *Memory) Recall(name func() Digest, settled *Settled) (panics int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	if len(m.chunks) == 0 {
		return 0
	}
	twins := m.chunks[name()]
	if len(twins) == 0 {
		return 0
	}
	known := m.forget(twins[0])
	settled.words = append(settled.words[:0], known.settled.words...)
	return known.panics
}

// Remember keeps a copy of settled for the chunk. A chunk of which there is
// nothing to know is not kept: an outage sends many back untouched, and they
// would push out those that matter.
func (m *Memory) Remember(name func() Digest, settled *Settled, panics int) {
	if !settled.Any() && panics == 0 {
		return
	}
	known := &remembered{digest: name(), panics: panics, at: time.Now()}
	known.settled.words = append(known.settled.words, settled.words...)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.chunks[known.digest] = append(m.chunks[known.digest], m.order.PushBack(known))
	m.bytes += known.size()
	for m.order.Len() > memoryChunks || m.bytes > memoryBytes {
		m.forget(m.order.Front())
	}
}

// forget removes an entry. Of twins, the one that came first is the first in
// the list and in the order, too.
func (m *Memory) forget(element *list.Element) *remembered {
	known := m.order.Remove(element).(*remembered)
	m.bytes -= known.size()
	if twins := m.chunks[known.digest]; len(twins) > 1 {
		m.chunks[known.digest] = twins[1:]
	} else {
		delete(m.chunks, known.digest)
	}
	return known
}

func (m *Memory) expire() {
	for front := m.order.Front(); front != nil && time.Since(front.Value.(*remembered).at) > memoryAge; front = m.order.Front() {
		m.forget(front)
	}
}

func (r *remembered) size() int { return 8 * len(r.settled.words) }
