package drain

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
)

// A hundred queued chunks in a spool cost few requests while a cluster throttles item by item. They
// stay in order at the front, and an exit is as short as ever. Behind the throttling all arrive
// once, also across a restart.
func TestThrottledItemsCostASpoolFewRequests(t *testing.T) {
	const chunks = 100
	for name, restart := range map[string]bool{"in one run": false, "across a restart": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				throttling, requests, arrived := true, 0, 0
				sent := func() int {
					mu.Lock()
					defer mu.Unlock()
					return requests
				}
				send := locked(&mu, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
					requests++
					for range req.Positions() {
						if throttling {
							each(bulk.Item{Status: 429, Type: []byte("es_rejected_execution_exception")})
							continue
						}
						arrived++
						each(bulk.Item{Status: 201})
					}
					return len(req.Positions()), nil
				})
				o := options(t.TempDir())
				o.Linger = time.Second
				o.Policy.InitialPause, o.Policy.MaxPause, o.Policy.Budget = 500*time.Millisecond, 30*time.Second, 5*time.Second
				o.Policy.Bytes = 200 // a request for few of them
				r := start(t, o, send)
				for n := range chunks {
					r.flush(t, fmt.Sprint("tag", n), withTime)
				}
				time.Sleep(10 * time.Second)
				if n := sent(); n > 12 { // pauses are random: 8 are usual, 11 in one run of 200
					t.Errorf("%d requests in ten seconds", n)
				}
				time.Sleep(10 * time.Minute)
				if n := sent(); n > 90 {
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
					r = start(t, o, send)
					time.Sleep(time.Minute)
				}
				mu.Lock()
				throttling = false
				mu.Unlock()
				time.Sleep(30 * time.Minute)
				r.close()
				mu.Lock()
				defer mu.Unlock()
				if arrived != chunks {
					t.Errorf("%d of %d records arrived", arrived, chunks)
				}
			})
		})
	}
}
