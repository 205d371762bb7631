package deliver_test

import (
	"errors"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// tick delivers a chunk of a document, and reports whether it was turned away for
// the pace.
func tick(t *testing.T, d *deliver.Deliverer, waited bool, target string) (paced bool) {
	t.Helper()
	src := newList(1)
	src.waited, src.target = waited, turns(target)
	return errors.Is(flush(t, d, src), deliver.ErrPaced)
}

// trouble plays a good minute with a chunk a second, then trouble of that length
// with the item, and then waits until it is over.
func trouble(t *testing.T, d *deliver.Deliverer, s *server, healthy, lasts time.Duration, with bulk.Item) {
	t.Helper()
	bad := false
	s.script = func(_ int, r request) reply {
		answer := accepted(r)
		if bad {
			answer.items[0] = with
		}
		return answer
	}
	for began := time.Now(); time.Since(began) < healthy; time.Sleep(time.Second) {
		tick(t, d, false, "a")
	}
	bad = true
	for began := time.Now(); time.Since(began) < lasts; time.Sleep(time.Second) {
		tick(t, d, false, "a")
	}
	bad = false
	for d.Closed() || !d.HeldUntil("a").IsZero() {
		time.Sleep(time.Second)
		tick(t, d, false, "a")
	}
}

// The number of waiting chunks that are sent in a minute after trouble, with a chunk a second on a
// good day, and one new chunk a second.
func TestPaceAfterTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		with           bulk.Item
		healthy, lasts time.Duration
		new, waited    [2]int // at least and at most, in the minute
	}{
		"a hold":                   {blockedItem, time.Minute, 10 * time.Minute, [2]int{60, 60}, [2]int{24, 32}},
		"a short hold":             {blockedItem, time.Minute, 2 * time.Second, [2]int{60, 60}, [2]int{600, 600}},
		"throttled items":          {throttledItem, time.Minute, 10 * time.Minute, [2]int{0, 40}, [2]int{50, 90}},
		"throttled for a moment":   {throttledItem, time.Minute, time.Second, [2]int{60, 60}, [2]int{600, 600}},
		"a hold from the start on": {blockedItem, 0, 10 * time.Minute, [2]int{60, 60}, [2]int{20, 80}},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy
			if c.lasts < 5*time.Second { // a flush must not try for longer than the trouble is to last
				p.InitialPause, p.MaxPause, p.Budget = 50*time.Millisecond, 500*time.Millisecond, 0
			}
			bubble(t, p, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
				trouble(t, d, s, c.healthy, c.lasts, c.with)
				fresh, waited := 0, 0
				for range 60 {
					if !tick(t, d, false, "a") {
						fresh++
					}
					for range 10 { // chunks that come again
						if time.Sleep(100 * time.Millisecond); !tick(t, d, true, "a") {
							waited++
						}
					}
				}
				if fresh < c.new[0] || fresh > c.new[1] || waited < c.waited[0] || waited > c.waited[1] {
					t.Errorf("%d that are new, want %v; %d that waited, want %v", fresh, c.new, waited, c.waited)
				}
			})
		})
	}
}

// A rate that was a night's, and a day's load behind it: the pace doubles, and is
// over within minutes.
func TestPaceEnds(t *testing.T) {
	bubble(t, policy, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
		trouble(t, d, s, time.Minute, 24*time.Hour, blockedItem)
		began := time.Now()
		for paced := true; paced; {
			paced = false
			for range 200 { // in a second
				paced = tick(t, d, true, "a") || paced
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 30*time.Minute || took > 34*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// An admitted chunk of several requests is delivered to its end: its settled events must not be
// remembered for hours.
func TestPaceNeverCutsADelivery(t *testing.T) {
	p := policy
	p.Bytes = 400
	bubble(t, p, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
		trouble(t, d, s, time.Minute, 10*time.Minute, blockedItem)
		for d.PacedFor() > 0 {
			time.Sleep(time.Second)
		}
		src := newList(100)
		src.waited = true
		s.requests = nil
		if err := flush(t, d, src); err != nil || len(s.requests) < 5 {
			t.Errorf("%v after %d requests", err, len(s.requests))
		}
		if wait := d.PacedFor(); wait < 5*time.Second || wait > 30*time.Second {
			t.Errorf("the next waits %s", wait)
		}
	})
}
