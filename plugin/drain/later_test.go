package drain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_es/plugin/bulk"
)

// cluster is an Elasticsearch in which some indices can't be written. It records the content of
// each request.
type cluster struct {
	mu       sync.Mutex
	held     map[string]bool
	accepted map[string]int
	rejected int
	requests int
	slow     chan bool // a request for a held index waits for it, nil for no wait
}

func newCluster(held ...string) *cluster {
	c := &cluster{held: map[string]bool{}, accepted: map[string]int{}}
	for _, name := range held {
		c.held[name] = true
	}
	return c
}

var actionIndex = regexp.MustCompile(`(?m)^\{"create":\{"_index":"([^"]*)"`)

func (c *cluster) send(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	body, err := req.Seal()
	if err != nil {
		panic(err)
	}
	indices := actionIndex.FindAllStringSubmatch(string(body), -1)
	if len(indices) != len(req.Positions()) {
		panic(fmt.Sprintf("%d actions for %d items", len(indices), len(req.Positions())))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	for _, match := range indices {
		if c.held[match[1]] {
			if c.slow != nil {
				c.mu.Unlock()
				<-c.slow
				c.mu.Lock()
			}
			c.rejected++
			each(bulk.Item{Status: 403, Type: []byte("security_exception"), Reason: []byte("no")})
			continue
		}
		c.accepted[match[1]]++
		each(bulk.Item{Status: 201})
	}
	return len(indices), nil
}

func (c *cluster) hold(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[name] = true
}

func (c *cluster) free(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, name)
}

func (c *cluster) has(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted[name]
}

func segments(t *testing.T, dir string) int {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "segment-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// One destination that takes nothing never stops deletion of segments, is not
// re-read with each request, and grows no checkpoint.
func TestTheFrontMovesThoughOneDestinationTakesNothing(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Limit, o.Linger = 16<<20, time.Millisecond
	o.Policy.InitialPause, o.Policy.MaxPause = 20*time.Millisecond, 50*time.Millisecond
	r := start(t, o, c.send)
	const others = 700
	large := "\x92\x00\x81\xa1t\xda\x40\x00" + strings.Repeat("x", 1<<14)
	for n := range others {
		if n%100 == 0 {
			r.flush(t, "held", withTime)
		}
		r.flush(t, fmt.Sprint("free", n%7), large)
	}
	waitFor(t, "the others arrive", func() bool {
		n := 0
		for i := range 7 {
			n += c.has(fmt.Sprint("app-free", i))
		}
		return n == others
	})
	waitFor(t, "the front is empty", func() bool { return r.fresh.Stats().Frames == 0 })
	if got := r.parked.Stats().Frames; got != others/100 {
		t.Errorf("%d frames wait, want %d", got, others/100)
	}
	if n := segments(t, o.Dir); n > 2 {
		t.Errorf("%d segments are left", n)
	}
	if info, err := os.Stat(filepath.Join(o.Dir, "checkpoint.v1")); err != nil || info.Size() > 200 {
		t.Errorf("the checkpoint: %v, %v", info.Size(), err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "later", "q-app-held")); err != nil {
		t.Error(err)
	}
	// It waits with backoff, and a restart knows of it.
	c.mu.Lock()
	before := c.requests
	c.mu.Unlock()
	time.Sleep(300 * time.Millisecond)
	c.mu.Lock()
	if tries := c.requests - before; tries == 0 || tries > 20 {
		t.Errorf("%d requests in 300 ms", tries)
	}
	c.mu.Unlock()
	r.close()
	r = start(t, o, c.send)
	c.free("app-held")
	waitFor(t, "what waited arrives", func() bool { return c.has("app-held") == others/100 })
	waitFor(t, "its queue is removed", func() bool { _, err := os.Stat(filepath.Join(o.Dir, "later", "q-app-held")); return err != nil })
	r.close()
	if got := c.has("app-held"); got != others/100 {
		t.Errorf("%d arrived, want %d", got, others/100)
	}
}

// A destination that answers slowly holds up no other's chunks.
func TestTwoBatchesDoNotHoldEachOtherUp(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Linger = 0
	r := start(t, o, c.send)
	r.flush(t, "held", withTime)
	waitFor(t, "it is moved out of the way", func() bool { return r.parked.Stats().Frames == 1 })
	slow := make(chan bool)
	c.mu.Lock()
	c.slow = slow
	c.mu.Unlock()
	for range 20 {
		time.Sleep(2 * time.Millisecond) // the retrier is in its request by then
		r.flush(t, "free", withTime)
	}
	waitFor(t, "the others arrive", func() bool { return c.has("app-free") == 20 })
	close(slow)
	r.close()
}

// A destination that has its share gets no more of the spool. Others do, a chunk
// that holds records of others does, too, and all arrive in the end.
func TestAHeldDestinationHasAShareOfTheSpool(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Limit, o.HeldShare, o.Linger = 16<<20, 25, time.Millisecond
	r := start(t, o, c.send)
	large := []byte("\x92\x00\x81\xa1t\xdb\x00\x04\x00\x00" + strings.Repeat("x", 1<<18))
	taken := 0
	for {
		err := r.Enqueue("held", large)
		if errors.Is(err, ErrNotSpooled) {
			break
		}
		if taken++; err != nil || taken > 64 {
			t.Fatalf("%v after %d chunks", err, taken)
		}
		waitFor(t, "it waits", func() bool { return r.parked.Stats().Frames == taken })
	}
	// Chunks that are retried in between move to the end of their queue, and are in its segments
	// twice until those are deleted: the bound is on accepted chunks.
	if bytes := r.parked.Stats().Bytes; bytes < 4<<20 || taken*len(large) > 5<<20 {
		t.Errorf("%d chunks were taken, %d bytes wait, a quarter of 16 MB is its share", taken, bytes)
	}
	for range 20 {
		r.flush(t, "free", string(large))
		if err := r.Enqueue("held", large); !errors.Is(err, ErrNotSpooled) {
			t.Fatalf("beyond its share: %v", err)
		}
	}
	r.instance.Service()
	told := 0
	for _, line := range r.host.Lines() {
		if strings.Contains(line.Text, "Spool_Held_Share") && strings.Contains(line.Text, "app-held") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %v", told, r.host.Lines())
	}
	waitFor(t, "the others arrive", func() bool { return c.has("app-free") == 20 })
	c.free("app-held")
	waitFor(t, "what waited arrives", func() bool { return c.has("app-held") == taken })
	waitFor(t, "chunks are taken again", func() bool { return r.Enqueue("held", large) == nil })
	r.close()
	r.instance.Service()
}

// Memory does not grow with the number of chunks that wait, however small they
// are, nor while they are sent.
func TestManyTinyChunksTakeConstantMemory(t *testing.T) {
	const chunks, allowed = 60_000, 6 << 20
	c := newCluster()
	var away atomic.Bool
	away.Store(true)
	o := options(t.TempDir())
	o.Linger = time.Millisecond
	o.Policy.InitialPause, o.Policy.MaxPause = 5*time.Millisecond, 10*time.Millisecond
	r := start(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		if away.Load() {
			return 0, &bulk.Failure{Class: bulk.Unavailable, Status: 503}
		}
		return c.send(req, each)
	})
	r.flush(t, "tag", withTime)
	before := heap()
	for range chunks - 1 {
		if err := r.Enqueue("tag", []byte(withTime)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > allowed {
		t.Errorf("%d bytes more with %d chunks that wait", grown, chunks)
	}
	away.Store(false)
	worst := 0
	waitFor(t, "all arrive", func() bool {
		worst = max(worst, heap()-before)
		time.Sleep(20 * time.Millisecond)
		return c.has("app-tag") == chunks
	})
	if worst > allowed {
		t.Errorf("%d bytes more while they were sent", worst)
	}
	waitFor(t, "the spool is empty", func() bool { return r.fresh.Stats().Frames == 0 })
	r.close()
}

// heap is the number of allocated bytes in use.
func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// Whatever panics outside of a delivery, the senders go on, and nothing is lost
// or duplicated.
func TestNoPanicEndsASender(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Linger = time.Millisecond
	r := prepare(t, o, c.send)
	var panics atomic.Int64
	sometimes := func(f func()) func() {
		var calls atomic.Int64
		return func() {
			f()
			if n := calls.Add(1); n%3 == 1 && n < 10 {
				panics.Add(1)
				panic("a fault")
			}
		}
	}
	r.worked, r.publish, r.moved = sometimes(r.worked), sometimes(r.publish), sometimes(r.moved)
	r.sender.fresh.reader = nil // reading ahead panics until there is a new one
	r.begin()
	for range 30 {
		r.flush(t, "free", withTime)
		r.flush(t, "held", withTime)
		time.Sleep(time.Millisecond)
	}
	waitFor(t, "the others arrive", func() bool { return c.has("app-free") == 30 })
	c.free("app-held")
	waitFor(t, "all arrive", func() bool { return c.has("app-held") == 30 })
	waitFor(t, "nothing waits", func() bool { return r.fresh.Stats().Frames+r.parked.Stats().Frames == 0 })
	r.close()
	if c.has("app-free") != 30 || c.has("app-held") != 30 {
		t.Errorf("%v", c.accepted)
	}
	if panics.Load() < 6 {
		t.Errorf("%d panics: the test shows nothing", panics.Load())
	}
}

// A queue that an older version left comes along.
func TestAnOlderVersionsQueueIsTakenOver(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Linger = time.Millisecond
	r := start(t, o, c.send)
	r.flush(t, "held", withTime)
	waitFor(t, "it is moved out of the way", func() bool { return r.parked.Stats().Frames == 1 })
	r.close()
	later := filepath.Join(o.Dir, "later")
	if err := errors.Join(os.Rename(filepath.Join(later, "q-app-held"), filepath.Join(o.Dir, "parked")), os.Remove(later)); err != nil {
		t.Fatal(err)
	}
	c.free("app-held")
	r = start(t, o, c.send)
	waitFor(t, "it arrives", func() bool { return c.has("app-held") == 1 })
	r.close()
}

// A destination that takes half a chunk and is held again is tried again for the
// other half.
func TestADestinationThatIsHeldAgainIsTriedAgain(t *testing.T) {
	const chunks = 5
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Linger = time.Millisecond
	o.Policy.Bytes = 1 // a request for each record
	taken := 0
	r := start(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		items, failure := c.send(req, each)
		if now := c.has("app-held"); now > taken {
			taken = now
			c.hold("app-held")
			time.AfterFunc(20*time.Millisecond, func() { c.free("app-held") })
		}
		return items, failure
	})
	for range chunks {
		r.flush(t, "held", withTime+withTime)
	}
	waitFor(t, "they wait", func() bool { return r.parked.Stats().Frames == chunks })
	c.free("app-held")
	waitFor(t, "all arrive", func() bool { return c.has("app-held") == 2*chunks })
	waitFor(t, "nothing waits", func() bool { return r.fresh.Stats().Frames+r.parked.Stats().Frames == 0 })
	r.close()
	if c.has("app-held") != 2*chunks {
		t.Errorf("%d documents, want %d", c.has("app-held"), 2*chunks)
	}
}
