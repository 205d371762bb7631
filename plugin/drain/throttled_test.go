package drain

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
)

// throttled is a cluster that throttles item by item, until it does not any more.
type throttled struct {
	mu                sync.Mutex
	over              bool
	requests, arrived int
}

func (c *throttled) Send(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	c.requests++
	for range req.Positions() {
		if !c.over {
			each(bulk.Item{Status: 429, Type: []byte("es_rejected_execution_exception")})
			continue
		}
		c.arrived++
		each(bulk.Item{Status: 201})
	}
	return len(req.Positions()), nil
}

func (c *throttled) sent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// throttledChunks are queued.
const throttledChunks = 100

// start opens a spool to the cluster and queues chunks. again opens the same one without any.
func (c *throttled) start(t *testing.T) (r *running, again func() *running) {
	t.Helper()
	o := options(t.TempDir())
	o.Linger = time.Second
	o.Policy.InitialPause, o.Policy.MaxPause, o.Policy.Budget = 500*time.Millisecond, 30*time.Second, 5*time.Second
	o.Policy.Bytes = 200 // a request for few of them
	again = func() *running { return start(t, o, locked(&c.mu, c.Send)) }
	r = again()
	for n := range throttledChunks {
		r.flush(t, fmt.Sprint("tag", n), withTime)
	}
	return r, again
}

// A hundred queued chunks in a spool cost few requests while a cluster throttles item by item. They
// stay in order at the front, and an exit is as short as ever. Behind the throttling all arrive
// once, also across a restart.
func TestThrottledItemsCostASpoolFewRequests(t *testing.T) {
	for name, restart := range map[string]bool{"in one run": false, "across a restart": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c throttled
				r, again := c.start(t)
				time.Sleep(10*time.Second + 10*time.Minute)
				if n := c.sent(); n > 90 {
					t.Errorf("%d requests in ten minutes", n)
				}
				if frames := r.parked.Stats().Frames; frames > 0 {
					t.Errorf("%d chunks were moved to later", frames)
				}
				if restart {
					before := time.Now()
					if r.close(); time.Since(before) > closeGrace+closeLimit {
						t.Errorf("the exit took %s", time.Since(before))
					}
					r = again()
					time.Sleep(time.Minute)
				}
				c.mu.Lock()
				c.over = true
				c.mu.Unlock()
				time.Sleep(30 * time.Minute)
				r.close()
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.arrived != throttledChunks {
					t.Errorf("%d of %d records arrived", c.arrived, throttledChunks)
				}
			})
		})
	}
}

// The first ten seconds of a throttling cost at most ten requests. Pauses are random, and one run
// of 200 has eleven: so the middle one of five runs counts.
func TestThrottledItemsCostASpoolTenRequests(t *testing.T) {
	var requests []int
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			var c throttled
			r, _ := c.start(t)
			time.Sleep(10 * time.Second)
			requests = append(requests, c.sent())
			r.close()
		})
	}
	if slices.Sort(requests); requests[2] > 10 || requests[4] > 12 {
		t.Errorf("%d requests in ten seconds", requests)
	}
}
