package plugin

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// given counts how often a rest gives back, and plays a heap.
type given struct {
	rest
	times atomic.Int32
	heap  atomic.Uint64
}

func newGiven() *given {
	g := &given{}
	g.rest = rest{give: func() { g.times.Add(1); g.heap.Store(1 << 20) }, held: g.heap.Load}
	g.base.Store(1 << 20)
	return g
}

func (g *given) expect(t *testing.T, when string, times int32) {
	t.Helper()
	synctest.Wait()
	if got := g.times.Load(); got != times {
		t.Errorf("%s: given back %d times, not %d", when, got, times)
	}
}

func TestFreeMemoryIsGivenBackOnceAfterWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGiven()
		for range 3 {
			g.used()
		}
		time.Sleep(restEvery - time.Millisecond)
		g.expect(t, "before it is time", 0)
		time.Sleep(10 * restEvery)
		g.expect(t, "after work", 1)
		g.used()
		time.Sleep(2 * restEvery)
		g.expect(t, "after more work", 2)
	})
}

func TestFreeMemoryIsGivenBackSoonWhereTheHeapHasGrown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGiven()
		g.heap.Store(1<<20 + growth - 1)
		g.used()
		time.Sleep(growthEvery + time.Millisecond)
		g.expect(t, "grown by less", 0)
		g.heap.Store(1<<20 + growth)
		g.used()
		time.Sleep(growthEvery - time.Millisecond*2)
		g.expect(t, "grown, but just now", 0)
		time.Sleep(2 * time.Millisecond)
		g.expect(t, "grown", 1)
		g.used()
		time.Sleep(growthEvery + time.Millisecond)
		g.expect(t, "not grown again", 1)
		time.Sleep(restEvery)
		g.expect(t, "at rest", 2)
	})
}

func TestHeldHeapBytes(t *testing.T) {
	before := heldByHeap()
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	if grown := heldByHeap() - before; grown < 32<<20 {
		t.Errorf("64 MB more, and it holds %d bytes more", grown)
	}
}
