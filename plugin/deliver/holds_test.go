package deliver_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

var blockedItem = item(403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];")

// turns gives documents to the destinations in turn.
func turns(names ...string) func(n int) string {
	return func(n int) string { return names[n%len(names)] }
}

// answering answers each document by its destination; those without an answer
// are accepted.
func answering(src *list, by map[string]bulk.Item) func(int, request) reply {
	return func(_ int, r request) reply {
		answer := accepted(r)
		for i, document := range r.documents {
			if special, ok := by[string(src.Destination(document))]; ok {
				answer.items[i] = special
			}
		}
		return answer
	}
}

// everyOther are the numbers below n that leave rest when halved.
func everyOther(n, rest int) (all []int) {
	for i := rest; i < n; i += 2 {
		all = append(all, i)
	}
	return all
}

func TestABlockedDestinationHoldsUpNoOther(t *testing.T) {
	src := newList(2000)
	src.target = turns("healthy", "blocked")
	p := policy
	p.Bytes = 4000 // 100 documents a request
	by := map[string]bulk.Item{"blocked": blockedItem}
	bubble(t, p, answering(src, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		err := flush(t, d, src)
		held, ok := errors.AsType[*deliver.Held](err)
		if !errors.Is(err, deliver.ErrLeft) || !ok || held.Destination != "blocked" || held.Scope() != bulk.DestinationScope || held.Why.Remedy == "" {
			t.Errorf("got %v", err)
		}
		if left := src.left(); !slices.Equal(left, everyOther(2000, 1)) {
			t.Errorf("%d left", len(left))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
		// A thousand documents at 95 a request, and one request that met the block.
		if len(s.requests) > 12 {
			t.Errorf("%d requests", len(s.requests))
		}
		if len(s.held) != 1 || len(s.released) != 0 {
			t.Errorf("told of %+v and %+v", s.held, s.released)
		}
		if d.HeldDestinations() != 1 || d.HeldUntil("blocked").IsZero() || !d.HeldUntil("healthy").IsZero() {
			t.Error("the wrong destinations are held")
		}
	})
}

// A chunk that has nothing but events for a held destination costs no request
// until it is time to probe; the probe holds no other events.
func TestAHeldDestinationIsProbedAlone(t *testing.T) {
	src := newList(1)
	src.target = turns("blocked")
	by := map[string]bulk.Item{"blocked": blockedItem}
	bubble(t, policy, answering(src, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		_ = flush(t, d, src)
		s.requests = nil
		if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) || len(s.requests) != 0 {
			t.Errorf("%v after %d requests while it is held", err, len(s.requests))
		}
		time.Sleep(policy.MaxPause)
		mixed := newList(10)
		mixed.target = turns("healthy", "blocked")
		s.script = answering(mixed, by)
		_ = flush(t, d, mixed)
		if sent := s.sent(); len(sent) != 2 || !slices.Equal(sent[0], everyOther(10, 0)) || !slices.Equal(sent[1], everyOther(10, 1)) {
			t.Errorf("sent %v, want the healthy ones, then the probe", sent)
		}
		if len(s.held) != 2 || !s.held[1].Since.Equal(s.held[0].Since) {
			t.Errorf("told of %+v", s.held)
		}
	})
}

func TestAHeldDestinationIsReleasedByAProbe(t *testing.T) {
	src := newList(300)
	src.target = turns("healthy", "blocked")
	p := policy
	p.Bytes = 800
	by := map[string]bulk.Item{"blocked": blockedItem}
	bubble(t, p, answering(src, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		_ = flush(t, d, src)
		time.Sleep(p.MaxPause)
		delete(by, "blocked")
		if err := flush(t, d, src); err != nil {
			t.Errorf("after the repair: %v", err)
		}
		onceEach(t, src)
		if len(s.released) != 1 || s.released[0].Destination != "blocked" || d.HeldDestinations() != 0 {
			t.Errorf("told of %+v, %d are held", s.released, d.HeldDestinations())
		}
		src = newList(10)
		src.target = turns("healthy", "blocked")
		if err := flush(t, d, src); err != nil {
			t.Error(err)
		}
	})
}

// The pause doubles with each probe that fails, with full jitter, up to
// Retry_Max: 30 s between two probes at the most.
func TestProbesOfAHeldDestinationBackOff(t *testing.T) {
	src := newList(1)
	src.target = turns("blocked")
	bubble(t, policy, answering(src, map[string]bulk.Item{"blocked": blockedItem}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			_ = flush(t, d, src)
		}
		if n := len(s.requests); n < 20 || n > 80 {
			t.Errorf("%d probes in ten minutes", n)
		}
		for i := range len(s.requests) - 1 {
			if pause := s.requests[i+1].at.Sub(s.requests[i].at); pause > policy.MaxPause+time.Second {
				t.Errorf("probe %d came %s after the one before", i+1, pause)
			}
		}
	})
}

// A server waits for a missing shard before it answers, and the whole request waits with it. That
// happens once: probes ask for a shorter wait, except for other faults, which may have to create an
// index first.
func TestProbesDoNotWaitForAShardAgain(t *testing.T) {
	for kind, want := range map[string]bulk.Wait{"unavailable_shards_exception": bulk.ShortWait, "process_cluster_event_timeout_exception": bulk.FullWait} {
		bubble(t, policy, func(n int, r request) reply {
			if n < 3 {
				return reply{items: slices.Repeat([]bulk.Item{item(503, kind, "Timeout: [5s]")}, len(r.documents))}
			}
			return accepted(r)
		}, func(t *testing.T, d *deliver.Deliverer, s *server) {
			src := newList(4)
			for flush(t, d, src) != nil {
				time.Sleep(time.Second)
			}
			if len(s.requests) != 4 || s.requests[0].wait != bulk.FullWait || s.requests[1].wait != want || s.requests[3].wait != want {
				t.Errorf("%s: %+v", kind, s.requests)
			}
			src = newList(1)
			if err := flush(t, d, src); err != nil || s.requests[4].wait != bulk.FullWait {
				t.Errorf("after it: %v, wait %d", err, s.requests[4].wait)
			}
		})
	}
}

// Retry_Budget 0 means one request a flush, and no more: held documents are delivered all the same,
// when they can be.
func TestHeldDocumentsWithoutABudget(t *testing.T) {
	src := newList(4)
	src.target = turns("healthy", "blocked")
	p := policy
	p.Budget = 0
	by := map[string]bulk.Item{"blocked": blockedItem}
	bubble(t, p, answering(src, by), func(t *testing.T, d *deliver.Deliverer, _ *server) {
		for range 10 {
			if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
				t.Errorf("got %v", err)
			}
			time.Sleep(time.Minute)
		}
		delete(by, "blocked")
		if err := flush(t, d, src); err != nil {
			t.Error(err)
		}
		onceEach(t, src)
	})
}

// Settings keep single destinations out, too: one line each, with the remedy.
func TestSettingsHoldTheirDestination(t *testing.T) {
	for name, answer := range map[string]bulk.Item{
		"a missing privilege": item(403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized for user [u]"),
		"401":                 item(401, "security_exception", "missing authentication credentials"),
		"a missing pipeline":  item(400, "illegal_argument_exception", "pipeline with id [p] does not exist"),
		"no create":           item(400, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams"),
	} {
		t.Run(name, func(t *testing.T) {
			src := newList(10)
			src.target = turns("healthy", "shut")
			bubble(t, policy, answering(src, map[string]bulk.Item{"shut": answer}), func(t *testing.T, d *deliver.Deliverer, s *server) {
				err := flush(t, d, src)
				held, ok := errors.AsType[*deliver.Held](err)
				if !ok || held.Scope() != bulk.SettingsScope || held.Why.Remedy == "" || len(s.requests) != 1 || len(src.left()) != 5 {
					t.Errorf("%v after %d requests, left %v", err, len(s.requests), src.left())
				}
			})
		})
	}
}

// Twice as many destinations are blocked as there is room for: none of their
// documents is lost, and the healthy ones arrive.
func TestMoreHeldDestinationsThanThereIsRoomFor(t *testing.T) {
	const n = 1200
	src := newList(n)
	down := true
	src.target = func(n int) string {
		if n%2 == 0 {
			return "healthy"
		}
		return fmt.Sprintf("blocked-%d", n)
	}
	script := func(_ int, r request) reply {
		answer := accepted(r)
		for i, document := range r.documents {
			if document%2 == 1 && down {
				answer.items[i] = blockedItem
			}
		}
		return answer
	}
	p := policy
	p.Budget = 0
	bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		for range 20 {
			if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if left := src.left(); !slices.Equal(left, everyOther(n, 1)) || d.HeldDestinations() > 256 {
			t.Errorf("%d left, %d destinations are held", len(left), d.HeldDestinations())
		}
		down = false
		for try := 0; flush(t, d, src) != nil; try++ {
			if try == 1000 {
				t.Fatalf("%d never arrived", len(src.left()))
			}
			time.Sleep(time.Minute)
		}
		onceEach(t, src)
	})
}

// throttledItem is how Elasticsearch usually throttles.
var throttledItem = item(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")

// A hundred queued chunks before a cluster that throttles item by item: no more
// requests, and no more of the worker's time, than where it throttles whole
// requests.
func TestThrottledItemsCostAsLittleAsAThrottledRequest(t *testing.T) {
	for name, target := range map[string]func(chunk int) func(int) string{
		"one destination":       func(int) func(int) string { return turns("logs") },
		"one a chunk":           func(chunk int) func(int) string { return turns(fmt.Sprintf("logs-%d", chunk)) },
		"several in each chunk": func(int) func(int) string { return turns("a", "b", "c") },
	} {
		t.Run(name, func(t *testing.T) {
			throttling := false
			script := func(_ int, r request) reply {
				answer := accepted(r)
				if throttling {
					answer.items = slices.Repeat([]bulk.Item{throttledItem}, len(r.documents))
				}
				return answer
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				for chunk := range 100 { // a good day
					src := newList(3)
					src.target = target(chunk)
					if err := flush(t, d, src); err != nil {
						t.Fatal(err)
					}
				}
				throttling, s.requests, s.attempts = true, nil, nil
				began := time.Now()
				for chunk := range 100 {
					src := newList(3)
					src.target = target(chunk)
					if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
						t.Errorf("chunk %d: %v", chunk, err)
					}
				}
				if took := time.Since(began); len(s.requests) > 10 || took > 10*time.Second {
					t.Errorf("%d requests, %s of the worker's time", len(s.requests), took)
				}
				for i, a := range s.attempts {
					if !a.Throttled || a.Failure != nil && a.Failure.Class != bulk.Throttled {
						t.Errorf("request %d was observed as %+v", i, a)
					}
				}
			})
		})
	}
}

// A shard that is too busy holds its own index up, and no other.
func TestABusyDestinationHoldsUpNoOther(t *testing.T) {
	by := map[string]bulk.Item{"busy": throttledItem}
	src := newList(100)
	src.target = turns("healthy", "busy")
	bubble(t, policy, answering(src, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) || !slices.Equal(src.left(), everyOther(100, 1)) {
			t.Errorf("%v, left %v", err, src.left())
		}
		only := newList(10)
		only.target = turns("busy")
		s.script = answering(only, by)
		for range 20 { // alone, with a request of its own
			_ = flush(t, d, only)
			healthy := newList(10)
			healthy.target = turns("healthy")
			s.script = answering(healthy, by)
			if err := flush(t, d, healthy); err != nil {
				t.Fatalf("a healthy chunk: %v", err)
			}
			s.script = answering(only, by)
			time.Sleep(time.Second)
		}
		delete(by, "busy")
		time.Sleep(policy.MaxPause)
		if err := flush(t, d, only); err != nil {
			t.Error(err)
		}
	})
}

// Ten minutes of throttling item by item: a hundred chunks come back again and again, all on the
// engine's thread, as without Workers. It is held up for the budget of one flush, and no more.
func TestThrottlingHoldsUpTheEngineForOneBudget(t *testing.T) {
	for name, p := range map[string]deliver.Policy{"the usual budget": policy, "no budget": {
		Bytes: policy.Bytes, RequestTimeout: policy.RequestTimeout, InitialPause: policy.InitialPause, MaxPause: policy.MaxPause,
	}} {
		t.Run(name, func(t *testing.T) {
			script := func(_ int, r request) reply {
				return reply{items: slices.Repeat([]bulk.Item{throttledItem}, len(r.documents)), after: 10 * time.Millisecond}
			}
			bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				var busy time.Duration
				for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
					before := time.Now()
					if err := flush(t, d, newList(3)); !errors.Is(err, deliver.ErrLeft) {
						t.Fatal(err)
					}
					busy += time.Since(before)
				}
				if n := len(s.requests); busy > 10*time.Second || n > 80 {
					t.Errorf("flushes took %s of ten minutes, with %d requests", busy, n)
				}
			})
		})
	}
}
