package deliver_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

func TestAFlushGivesUpAfterItsBudget(t *testing.T) {
	for name, answer := range map[string]reply{
		"nobody listens":   failed(bulk.Unreachable, 0),
		"cut off":          failed(bulk.Ambiguous, 0),
		"429":              failed(bulk.Throttled, 429),
		"503":              failed(bulk.Unavailable, 503),
		"items answer 429": {items: []bulk.Item{item(429)}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, always(answer), func(t *testing.T, d *deliver.Deliverer, s *server) {
				began := time.Now()
				err := flush(t, d, newList(1))
				if took := time.Since(began); !errors.Is(err, deliver.ErrLeft) || took > policy.Budget {
					t.Errorf("%v after %v", err, took)
				}
				if answer.failure != nil && !errors.Is(err, answer.failure) {
					t.Errorf("%v doesn't tell of %v", err, answer.failure)
				}
				if len(s.requests) < 2 {
					t.Errorf("%d requests", len(s.requests))
				}
			})
		})
	}
}

func TestABudgetOfNothingMeansOneRequest(t *testing.T) {
	p := policy
	p.Budget = 0
	bubble(t, p, always(failed(bulk.Unavailable, 503)), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(1)); !errors.Is(err, deliver.ErrLeft) || len(s.requests) != 1 {
			t.Errorf("%v after %d requests", err, len(s.requests))
		}
	})
}

// One document is accepted with each request, so that the flush outlives its
// budget many times over, up to FlushLimit.
func TestProgressRenewsTheBudget(t *testing.T) {
	script := func(_ int, r request) reply {
		items := []bulk.Item{item(201)}
		for range len(r.documents) - 1 {
			items = append(items, item(429))
		}
		return reply{items: items, after: time.Second}
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		began, src := time.Now(), newList(20)
		if err := flush(t, d, src); err != nil || time.Since(began) < 2*policy.Budget {
			t.Errorf("%v after %v, left %v", err, time.Since(began), src.left())
		}
	})
}

func TestAFlushEndsWhateverProgressItMakes(t *testing.T) {
	script := func(_ int, r request) reply {
		items := []bulk.Item{item(201)}
		for range len(r.documents) - 1 {
			items = append(items, item(429))
		}
		return reply{items: items, after: time.Second}
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		began, src := time.Now(), newList(500)
		err := flush(t, d, src)
		if took := time.Since(began); !errors.Is(err, deliver.ErrLeft) || took > deliver.FlushLimit {
			t.Errorf("%v after %v", err, took)
		}
		if len(src.verdicts) < 10 {
			t.Errorf("%d documents were settled by %d requests", len(src.verdicts), len(s.requests))
		}
	})
}

func TestARequestEndsAtItsTimeout(t *testing.T) {
	p := policy
	p.RequestTimeout = 3 * time.Second
	bubble(t, p, always(reply{after: time.Hour}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		err := flush(t, d, newList(1))
		if !errors.Is(err, deliver.ErrLeft) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := s.attempts[0].Took; took != p.RequestTimeout {
			t.Errorf("the first request took %v", took)
		}
		if f := s.attempts[0].Failure; f == nil || f.Class != bulk.Ambiguous {
			t.Errorf("it ended as %+v", f)
		}
		if took := time.Since(began); took > p.Budget+p.RequestTimeout {
			t.Errorf("the flush took %v", took)
		}
	})
}

func TestARequestThatHangsEndsWithTheFlush(t *testing.T) {
	p := policy
	p.RequestTimeout = time.Hour
	bubble(t, p, always(reply{after: 2 * time.Hour}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		err := flush(t, d, newList(1))
		if took := time.Since(began); !errors.Is(err, deliver.ErrLeft) || took != deliver.FlushLimit {
			t.Errorf("%v after %v", err, took)
		}
		if f := s.attempts[0].Failure; f == nil || f.Class != bulk.Canceled {
			t.Errorf("the request ended as %+v", f)
		}
	})
}

func TestACanceledFlushEndsInTheMiddleOfAPause(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause, p.Budget = time.Hour, time.Hour, 100*time.Hour
	bubble(t, p, always(failed(bulk.Unavailable, 503)), func(t *testing.T, d *deliver.Deliverer, _ *server) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		err := d.Deliver(ctx, newList(1), bulk.NewRequest(bulk.Plain))
		if took := time.Since(began); !errors.Is(err, deliver.ErrLeft) || took > time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// Items with an answer before the end of the flush's time are settled; otherwise they would be
// retried and duplicated.
func TestACanceledFlushKeepsItsVerdicts(t *testing.T) {
	script := always(reply{items: []bulk.Item{item(201), item(201)}, failure: &bulk.Failure{Class: bulk.Ambiguous, Err: bulk.ErrIncomplete}})
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		ctx, cancel := context.WithCancel(t.Context())
		s.script = func(n int, r request) reply {
			time.AfterFunc(time.Second, cancel)
			answer := script(n, r)
			answer.after = time.Second - 1
			return answer
		}
		src := newList(3)
		_ = d.Deliver(ctx, src, bulk.NewRequest(bulk.Plain))
		if left := src.left(); len(left) != 1 || left[0] != 2 {
			t.Errorf("left %v", left)
		}
	})
}

// Pauses are drawn evenly from nothing to twice a mean that doubles, and are
// never longer than Longest: cenkalti's own words for full jitter.
func TestPausesGrowWithFullJitter(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause, p.Budget = time.Second, 6*time.Second, time.Hour
	const flushes = 300
	sums, longest, shortest := map[int]time.Duration{}, map[int]time.Duration{}, map[int]time.Duration{}
	script := always(failed(bulk.Unavailable, 503))
	for range flushes {
		bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
			_ = flush(t, d, newList(1))
			for n := range 5 {
				pause := s.requests[n+1].at.Sub(s.requests[n].at)
				sums[n] += pause
				longest[n] = max(longest[n], pause)
				if shortest[n] == 0 || pause < shortest[n] {
					shortest[n] = pause
				}
			}
		})
	}
	for n, limit := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second, 6 * time.Second, 6 * time.Second} {
		if longest[n] > limit || longest[n] < limit*8/10 || shortest[n] > limit/5 {
			t.Errorf("pause %d: from %v to %v, want from 0 to %v", n, shortest[n], longest[n], limit)
		}
	}
	if mean := sums[1] / flushes; math.Abs(mean.Seconds()-2) > 0.4 {
		t.Errorf("the second pause is %v on average, want 2s", mean)
	}
}

func TestPausesStartAnewAfterProgress(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause, p.Budget = 100*time.Millisecond, time.Hour, time.Hour
	script := func(n int, r request) reply {
		if n == 8 {
			return reply{items: []bulk.Item{item(201), item(429)}}
		}
		if n > 8 {
			return accepted(r)
		}
		return reply{items: []bulk.Item{item(429), item(429)}}
	}
	bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(2)); err != nil {
			t.Fatal(err)
		}
		if pause := s.requests[9].at.Sub(s.requests[8].at); pause > 200*time.Millisecond {
			t.Errorf("the pause after progress was %v", pause)
		}
	})
}

func TestAServersRetryAfterIsWaitedFor(t *testing.T) {
	throttled := reply{failure: &bulk.Failure{Class: bulk.Throttled, Status: 429, RetryAfter: 4 * time.Second}}
	bubble(t, policy, firstThen(throttled), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(1)); err != nil {
			t.Fatal(err)
		}
		if pause := s.requests[1].at.Sub(s.requests[0].at); pause < 4*time.Second {
			t.Errorf("the pause was %v", pause)
		}
	})
}

func TestSettingsAtFaultEndAFlushAtOnce(t *testing.T) {
	bubble(t, policy, always(failed(bulk.Misconfigured, 401)), func(t *testing.T, d *deliver.Deliverer, s *server) {
		began := time.Now()
		err := flush(t, d, newList(1))
		if !errors.Is(err, deliver.ErrLeft) || len(s.requests) != 1 || time.Since(began) != 0 {
			t.Errorf("%v after %d requests and %v", err, len(s.requests), time.Since(began))
		}
	})
}

// Even beside another flush that probes, for which it might otherwise wait.
func TestSettingsAtFaultEndAFlushAtOnceBesideAProber(t *testing.T) {
	p := policy
	p.InitialPause, p.MaxPause, p.Budget = time.Hour, time.Hour, 10*time.Hour
	var begun chan struct{}
	script := func(n int, _ request) reply {
		if n > 0 {
			return failed(bulk.Unavailable, 503) // of the prober
		}
		begun <- struct{}{}
		return reply{after: time.Second, failure: &bulk.Failure{Class: bulk.Misconfigured, Status: 403}}
	}
	bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		begun = make(chan struct{}, 1) // within the bubble
		began, took := time.Now(), make(chan time.Duration)
		go func() {
			_ = flush(t, d, newList(1))
			took <- time.Since(began)
		}()
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = d.Deliver(ctx, newList(1), bulk.NewRequest(bulk.Plain)) }()
		if took := <-took; took != time.Second {
			t.Errorf("it took %v", took)
		}
		cancel()
	})
}

// A rejected document that is kept must not be sent in a circle.
func TestAKeptDocumentMakesNoBusyLoop(t *testing.T) {
	script := func(_ int, r request) reply {
		var items []bulk.Item
		for _, document := range r.documents {
			items = append(items, map[int]bulk.Item{0: item(400), 1: item(429), 2: item(201)}[document])
		}
		return reply{items: items}
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		src := newList(3)
		src.keep = true
		if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
			t.Errorf("got %v", err)
		}
		for n := range len(s.requests) - 1 {
			if s.requests[n+1].at.Equal(s.requests[n].at) {
				t.Errorf("request %d followed at once", n+1)
			}
		}
		if left := src.left(); len(left) != 2 {
			t.Errorf("left %v", left)
		}
	})
}
