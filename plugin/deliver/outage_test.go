package deliver_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// inParallel makes n flushes at once and returns how many of them left
// something.
func inParallel(t *testing.T, d *deliver.Deliverer, n int) (left int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			err := flush(t, d, newList(3))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, deliver.ErrLeft) {
				left++
			}
		})
	}
	all.Wait()
	return left
}

func TestAHundredFlushesDuringAnOutageMakeOneRequest(t *testing.T) {
	p := policy
	p.Budget = 0 // a prober tries once
	bubble(t, p, always(failed(bulk.Unavailable, 503)), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if left := inParallel(t, d, 1); left != 1 {
			t.Fatal("the first flush was delivered")
		}
		if left := inParallel(t, d, 100); left != 100 || len(s.requests) != 1 {
			t.Errorf("%d left, %d requests while the gate was closed", left, len(s.requests))
		}
		time.Sleep(p.MaxPause)
		if left := inParallel(t, d, 100); left != 100 || len(s.requests) != 2 {
			t.Errorf("%d left, %d requests when the gate could be tried", left, len(s.requests))
		}
		s.script = func(_ int, r request) reply { return accepted(r) }
		time.Sleep(p.MaxPause)
		if left := inParallel(t, d, 100); left != 0 || len(s.requests) != 102 {
			t.Errorf("%d left, %d requests after the outage", left, len(s.requests))
		}
	})
}

// All flushes are in the middle of a request when Elasticsearch goes away.
func TestOfManyThatFailOneGoesOnTrying(t *testing.T) {
	script := func(n int, r request) reply {
		if n < 100 {
			return reply{after: time.Second, failure: &bulk.Failure{Class: bulk.Ambiguous}}
		}
		if n < 102 {
			return failed(bulk.Unreachable, 0)
		}
		return accepted(r)
	}
	p := policy
	p.Budget = time.Minute
	bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		if left := inParallel(t, d, 100); left != 0 {
			t.Errorf("%d left", left)
		}
		// 100 failed ones, 2 failed ones of the prober, one each that passed.
		if len(s.requests) != 202 {
			t.Errorf("%d requests", len(s.requests))
		}
		alone := s.requests[100:103]
		if alone[0].at.Equal(alone[1].at) || alone[1].at.Equal(alone[2].at) {
			t.Error("the prober was not alone")
		}
	})
}

func TestARetryAfterClosesTheGateForThatLong(t *testing.T) {
	for name, c := range map[string]struct{ asked, want time.Duration }{
		"as asked":       {2 * time.Minute, 2 * time.Minute},
		"capped":         {24 * time.Hour, deliver.MaxRetryAfter},
		"exactly at cap": {deliver.MaxRetryAfter, deliver.MaxRetryAfter},
	} {
		t.Run(name, func(t *testing.T) {
			throttled := reply{failure: &bulk.Failure{Class: bulk.Throttled, Status: 429, RetryAfter: c.asked}}
			bubble(t, policy, firstThen(throttled), func(t *testing.T, d *deliver.Deliverer, s *server) {
				if left := inParallel(t, d, 1); left != 1 {
					t.Fatal("the first flush was delivered")
				}
				time.Sleep(c.want - 1)
				if left := inParallel(t, d, 3); left != 3 || len(s.requests) != 1 {
					t.Errorf("%d left, %d requests before the time", left, len(s.requests))
				}
				time.Sleep(time.Nanosecond + policy.MaxPause) // agents with the same moment don't come all at once
				if left := inParallel(t, d, 3); left != 0 {
					t.Errorf("%d left after the time", left)
				}
			})
		})
	}
}

func TestAProberNeverLeavesTheGateStuck(t *testing.T) {
	prober := map[string]func(*testing.T, *deliver.Deliverer, *server){
		"it has nothing to send": func(t *testing.T, d *deliver.Deliverer, _ *server) {
			if err := flush(t, d, newList(0)); err != nil {
				t.Error(err)
			}
		},
		"its source fails": func(t *testing.T, d *deliver.Deliverer, _ *server) {
			src := newList(1)
			src.fail = errors.New("broken")
			if err := flush(t, d, src); err == nil {
				t.Error("no error")
			}
		},
		"its sender panics": func(t *testing.T, d *deliver.Deliverer, s *server) {
			healthy := s.script
			s.script = func(int, request) reply { panic("a fault") }
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				s.script = healthy
			}()
			_ = flush(t, d, newList(1))
		},
		"its document is kept": func(t *testing.T, d *deliver.Deliverer, s *server) {
			healthy := s.script
			s.script = always(reply{items: []bulk.Item{item(400, "document_parsing_exception")}})
			src := newList(1)
			src.keep = true
			if err := flush(t, d, src); err == nil {
				t.Error("no error")
			}
			s.script = healthy
		},
	}
	for name, probe := range prober {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, firstThen(failed(bulk.Misconfigured, 401)), func(t *testing.T, d *deliver.Deliverer, s *server) {
				if left := inParallel(t, d, 1); left != 1 {
					t.Fatal("the gate did not close")
				}
				time.Sleep(policy.MaxPause)
				probe(t, d, s)
				if left := inParallel(t, d, 10); left != 0 {
					t.Errorf("%d left behind the prober", left)
				}
			})
		})
	}
}

// Those who wait for a prober stop when their own time is up.
func TestWaitingForAProberEnds(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause, p.Budget = time.Hour, time.Hour, 10*time.Hour
	bubble(t, p, always(failed(bulk.Unavailable, 503)), func(t *testing.T, d *deliver.Deliverer, _ *server) {
		began := time.Now()
		if left := inParallel(t, d, 10); left != 10 || time.Since(began) > deliver.FlushLimit {
			t.Errorf("%d left after %v", left, time.Since(began))
		}
	})
}

// A chunk that fails while all others pass must not go on for longer than its
// budget only because the others keep the gate open.
func TestThePassingOfOthersIsNoProgress(t *testing.T) {
	poison := newList(1)
	poison.sizes[0] = 777
	script := func(_ int, r request) reply {
		answer := accepted(r)
		if r.size == 777 {
			answer = failed(bulk.Unavailable, 503)
		}
		answer.after = 100 * time.Millisecond
		return answer
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		ended := make(chan struct{})
		var others sync.WaitGroup
		for range 5 {
			others.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
						if flush(t, d, newList(3)) != nil {
							time.Sleep(50 * time.Millisecond)
						}
					}
				}
			})
		}
		began := time.Now()
		err := flush(t, d, poison)
		close(ended)
		others.Wait()
		if took := time.Since(began); !errors.Is(err, deliver.ErrLeft) || took > 3*policy.Budget {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// Real goroutines, real time: for the race detector.
func TestFlushesInParallel(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause = time.Microsecond, time.Millisecond
	s := &server{t: t, script: func(n int, r request) reply {
		switch n % 7 {
		case 3:
			return failed(bulk.Unavailable, 503)
		case 5:
			return reply{items: slices.Repeat([]bulk.Item{item(429)}, len(r.documents))}
		}
		return accepted(r)
	}}
	d := deliver.New(s, s, p)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				src := newList(10)
				for try := 0; flush(t, d, src) != nil; try++ {
					if try == 1000 {
						t.Error("it never came through")
						return
					}
				}
				onceEach(t, src)
			}
		})
	}
	all.Wait()
}

// One of several hosts is gone: the same request goes to the next at once, and
// no other flush waits.
func TestALostHostCostsNoWaitWhileOthersAreUp(t *testing.T) {
	elsewhere := reply{failure: &bulk.Failure{Class: bulk.Unreachable, Elsewhere: true}}
	bubble(t, policy, firstThen(elsewhere, elsewhere), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		if left := inParallel(t, d, 1); left != 0 || len(s.requests) != 3 {
			t.Errorf("%d left, %d requests", left, len(s.requests))
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// Where hosts take long to fail, the budget still ends the flush.
func TestLostHostsDoNotOutliveTheBudget(t *testing.T) {
	elsewhere := reply{after: policy.Budget, failure: &bulk.Failure{Class: bulk.Unreachable, Elsewhere: true}}
	bubble(t, policy, always(elsewhere), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		if left := inParallel(t, d, 1); left != 1 {
			t.Errorf("%d left, %d requests", left, len(s.requests))
		}
		if took := time.Since(began); took > 3*policy.Budget {
			t.Errorf("it took %s", took)
		}
	})
}
