package deliver_test

import (
	"errors"
	"math/bits"
	"slices"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// A setting that rejects every request is found with 2 + log₂(n) requests, and
// costs no document.
func TestASettingThatRejectsEveryRequestCostsFewRequests(t *testing.T) {
	illegal := reply{failure: &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "illegal_argument_exception", Reason: "no thanks"}}
	known := reply{failure: &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "illegal_argument_exception", Reason: "explicit index in bulk is not allowed"}}
	stripped := reply{failure: &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "json_parse_exception", Reason: "Illegal character ((CTRL-CHAR, code 31)): only regular white space (\\r, \\n, \\t) is allowed between tokens"}}
	for name, c := range map[string]struct {
		answer reply
		n      int
		remedy string
		most   int // requests; 0 for 2 + log₂(n)
	}{
		"400 for everything":     {illegal, 1000, bulk.RemedyBadRequest, 0},
		"400 for two":            {illegal, 2, bulk.RemedyBadRequest, 0},
		"400 for one":            {illegal, 1, bulk.RemedyBadRequest, 0},
		"413 for everything":     {failed(bulk.Oversized, 413), 1000, bulk.RemedyOversized, 0},
		"413 for one":            {failed(bulk.Oversized, 413), 1, bulk.RemedyOversized, 0},
		"no explicit index":      {known, 1000, "", 1},
		"no Content-Encoding":    {stripped, 1000, "", 1},
		"no explicit index, one": {known, 1, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, always(c.answer), func(t *testing.T, d *deliver.Deliverer, s *server) {
				src, most := newList(c.n), c.most
				if most == 0 {
					most = 2 + bits.Len(uint(c.n))
				}
				err := flush(t, d, src)
				held, ok := errors.AsType[*deliver.Held](err)
				if !errors.Is(err, deliver.ErrLeft) || !ok || held.Scope() != bulk.SettingsScope || held.Why.Remedy == "" || c.remedy != "" && held.Why.Remedy != c.remedy {
					t.Errorf("got %v", err)
				}
				if len(src.left()) != c.n || len(src.rejections) != 0 || len(s.requests) > most {
					t.Errorf("%d left, %d rejected, %d requests, want %d at most", len(src.left()), len(src.rejections), len(s.requests), most)
				}
				if len(s.held) != 1 || s.held[0].Destination != "" {
					t.Errorf("told of %+v", s.held)
				}
				before := len(s.requests)
				if again := inParallel(t, d, 100); again != 100 || len(s.requests)-before > most {
					t.Errorf("%d of 100 queued chunks left, %d more requests", again, len(s.requests)-before)
				}
				before = len(s.requests)
				for range 600 { // the gate closes for longer each time, as in an outage
					time.Sleep(time.Second)
					_ = flush(t, d, newList(c.n))
				}
				if more := len(s.requests) - before; more > 60*most {
					t.Errorf("%d requests in ten minutes", more)
				}
				s.script = func(_ int, r request) reply { return accepted(r) }
				time.Sleep(policy.MaxPause)
				before = len(s.requests)
				if err := flush(t, d, src); err != nil || len(s.requests)-before != 1 || len(s.released) != 1 {
					t.Errorf("after the repair: %v, %d requests, told of %+v", err, len(s.requests)-before, s.released)
				}
				onceEach(t, src)
			})
		})
	}
}

// A lonely document that fails a whole request is rejected once others were
// taken again and again meanwhile.
func TestALonelyDocumentThatIsIllegalIsProvedGuilty(t *testing.T) {
	for name, reject := range map[string]func(int, request) reply{"illegal": rejects(0, 1), "too large": takes(60)} {
		for _, n := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				src := newSizes(slices.Repeat([]int{100}, n)...)
				src.id = 1
				bubble(t, policy, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
					for try := 0; len(src.left()) > 0; try++ {
						if try == 20 {
							t.Fatalf("never rejected: %v", src.left())
						}
						s.script = reject
						_ = flush(t, d, src)
						s.script = func(_ int, r request) reply { return accepted(r) }
						time.Sleep(policy.MaxPause)
						if err := flush(t, d, newList(3)); err != nil {
							t.Fatal(err)
						}
					}
					onceEach(t, src, []int{0, 1}[:n]...)
				})
			})
		}
	}
}

// On_Rejection retry keeps the guilty one; the documents behind it arrive.
func TestDocumentsBehindAKeptOneAreDelivered(t *testing.T) {
	for name, script := range map[string]func(int, request) reply{"illegal": rejects(5), "too large": takes(500)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
				sizes := slices.Repeat([]int{40}, 100)
				sizes[5] = 600
				src := newSizes(sizes...)
				src.keep = true
				if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
					t.Errorf("got %v", err)
				}
				if left := src.left(); !slices.Equal(left, []int{5}) {
					t.Errorf("left %v", left)
				}
			})
		})
	}
}

// With Request_Timeout at its maximum a server that hangs closes the gate all
// the same: FlushLimit ends the request at the same moment.
func TestTheLongestRequestTimeoutClosesTheGate(t *testing.T) {
	p := policy
	p.RequestTimeout = deliver.FlushLimit
	bubble(t, p, always(reply{after: time.Hour}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(1)); !errors.Is(err, deliver.ErrLeft) || !d.Closed() {
			t.Errorf("%v, the gate is closed: %t", err, d.Closed())
		}
		if f := s.attempts[0].Failure; f == nil || f.Class != bulk.Ambiguous {
			t.Errorf("observed as %+v", f)
		}
	})
}

// The size that a 413 taught is not for ever: limits are raised.
func TestTheLearnedSizeGrowsBack(t *testing.T) {
	bubble(t, policy, takes(1000), func(t *testing.T, d *deliver.Deliverer, s *server) {
		big := func() *list { return newSizes(slices.Repeat([]int{100}, 64)...) }
		if err := flush(t, d, big()); err != nil {
			t.Fatal(err)
		}
		// While the limit holds, trying costs a request now and then.
		s.attempts = nil
		for range 120 {
			time.Sleep(time.Minute)
			if err := flush(t, d, big()); err != nil {
				t.Fatal(err)
			}
		}
		rejected := 0
		for _, a := range s.attempts {
			if a.Failure != nil {
				rejected++
			}
		}
		if rejected == 0 || rejected > 30 {
			t.Errorf("%d of %d requests in two hours were too large", rejected, len(s.attempts))
		}
		s.script = func(_ int, r request) reply { return accepted(r) }
		for range 60 {
			time.Sleep(time.Minute)
			_ = flush(t, d, big())
		}
		s.requests = nil
		if err := flush(t, d, big()); err != nil || len(s.requests) != 1 {
			t.Errorf("%v, %d requests an hour after the limit was raised", err, len(s.requests))
		}
	})
}
