package deliver

import (
	"sync"
	"time"
)

// maxWaiting bounds the chunks that are known to wait for held destinations:
// twice the tasks that Fluent Bit has, 40 bytes each.
const maxWaiting = 4096

// Waiting knows how many documents wait in Fluent Bit for destinations that are
// held, and since when. It is safe for concurrent use.
type Waiting struct {
	mu        sync.Mutex
	chunks    map[uint64]waiter
	documents int
}

type waiter struct {
	since, seen time.Time
	documents   int
}

// NewWaiting returns one without chunks.
func NewWaiting() *Waiting { return &Waiting{chunks: map[uint64]waiter{}} }

func (d Digest) sum() uint64 { return d.tag.Lo ^ d.data.Lo }

// Take forgets a chunk that came again, and returns since when it was held, the
// zero time where it was not. The chunk is named only where any wait.
func (w *Waiting) Take(name func() Digest) (since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.chunks) == 0 {
		return time.Time{}
	}
	return w.take(name().sum()).since
}

func (w *Waiting) take(sum uint64) waiter {
	known := w.chunks[sum]
	delete(w.chunks, sum)
	w.documents -= known.documents
	return known
}

// Add notes that a chunk goes back with documents that a destination holds. since is the result of
// Take.
func (w *Waiting) Add(name func() Digest, since time.Time, documents int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if since.IsZero() {
		since = now
	}
	if len(w.chunks) >= maxWaiting {
		w.makeRoom()
	}
	sum := name().sum()
	w.take(sum) // a chunk of the same bytes
	w.chunks[sum] = waiter{since, now, documents}
	w.documents += documents
}

// Documents is how many wait.
func (w *Waiting) Documents() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.documents
}

// makeRoom forgets the chunks that Fluent Bit seems to have given up, and else
// the one that was seen longest ago. w.mu is held.
func (w *Waiting) makeRoom() {
	var oldest uint64
	var at time.Time
	for sum, known := range w.chunks {
		if time.Since(known.seen) > memoryAge {
			w.take(sum)
			continue
		}
		if at.IsZero() || known.seen.Before(at) {
			oldest, at = sum, known.seen
		}
	}
	if len(w.chunks) >= maxWaiting {
		w.take(oldest)
	}
}
