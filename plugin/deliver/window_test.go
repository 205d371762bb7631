package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
	"out_es/plugin/deliver"
)

// wide is policy with two requests under way at a time.
var wide = func() deliver.Policy {
	p := policy
	p.Window = 2
	return p
}()

// newWide is a list that is worth two requests: of eight documents each has four.
func newWide() *list {
	l := newList(8)
	l.wide = true
	return l
}

// slow answers after a second, so that another request is sent meanwhile.
func slow(answer reply) reply {
	answer.after = time.Second
	return answer
}

func TestTwoRequestsAreInFlightAtATime(t *testing.T) {
	took := func(p deliver.Policy, l *list) (took time.Duration, sent [][]int) {
		bubble(t, p, func(_ int, r request) reply { return slow(accepted(r)) }, func(t *testing.T, d *deliver.Deliverer, s *server) {
			began := time.Now()
			if err := flush(t, d, l); err != nil || len(l.left()) > 0 {
				t.Errorf("%v, %v are left", err, l.left())
			}
			took, sent = time.Since(began), s.sent()
			slices.SortFunc(sent, func(a, b []int) int { return a[0] - b[0] }) // those sent together come in any order
			for n, verdicts := range l.verdicts {
				if len(verdicts) != 1 {
					t.Errorf("document %d was settled %d times", n, len(verdicts))
				}
			}
		})
		return took, sent
	}
	if took, sent := took(wide, newWide()); took != time.Second || fmt.Sprint(sent) != "[[0 1 2 3] [4 5 6 7]]" {
		t.Errorf("%v in %v", sent, took)
	}
	small := policy
	small.Window, small.Bytes = 2, 3*listUnit // three documents: the first two requests go together, then the rest
	large := newSizes(slices.Repeat([]int{listUnit}, 8)...)
	large.wide = true
	if took, sent := took(small, large); took != 2*time.Second || fmt.Sprint(sent) != "[[0 1 2] [3 4 5] [6 7]]" {
		t.Errorf("requests of three documents: %v in %v", sent, took)
	}
	if took, sent := took(wide, newList(8)); took != time.Second || len(sent) != 1 {
		t.Errorf("a source that is best sent with one request: %v in %v", sent, took)
	}
	if took, sent := took(policy, newWide()); took != time.Second || len(sent) != 1 {
		t.Errorf("a window of 1: %v in %v", sent, took)
	}
}

// TestFaultsOfRequestsThatAreSentTogether: the first request has the documents 0 to 3, the second 4
// to 7. Settled documents of either stay so; the rest is retried, one request at a time.
func TestFaultsOfRequestsThatAreSentTogether(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7}
	first, second := all[:4], all[4:]
	unsettled := func(answers ...reply) func(request) reply { // by turns
		return func(request) reply {
			answer := answers[0]
			if len(answers) > 1 {
				answers = answers[1:]
			}
			return answer
		}
	}
	busy := reply{items: []bulk.Item{item(201), item(429, "es_rejected_execution_exception"), item(201), item(201)}}
	rejected := reply{items: []bulk.Item{item(201), item(400, "document_parsing_exception"), item(201), item(201)}}
	cut := reply{items: []bulk.Item{item(201), item(201)}, failure: &bulk.Failure{Class: bulk.Ambiguous, Err: bulk.ErrIncomplete}}
	for _, row := range []struct {
		name string
		// one and other answer the first time that the first and the second request
		// come; all else is accepted. nil accepts.
		one, other func(request) reply
		// sent are the requests behind the two.
		sent [][]int
		// left are the documents that remain when a flush ends with an error.
		left []int
	}{
		{name: "the first has no connection", one: unsettled(failed(bulk.Unreachable, 0)), sent: [][]int{first}},
		{name: "the second has no connection", other: unsettled(failed(bulk.Unreachable, 0)), sent: [][]int{second}},
		{name: "the first is ambiguous", one: unsettled(failed(bulk.Ambiguous, 0)), sent: [][]int{first}},
		{name: "the second is ambiguous", other: unsettled(failed(bulk.Ambiguous, 0)), sent: [][]int{second}},
		{name: "both are ambiguous", one: unsettled(failed(bulk.Ambiguous, 0)), other: unsettled(failed(bulk.Ambiguous, 0)), sent: [][]int{all}},
		{name: "the first has no answer in time", one: unsettled(reply{after: time.Hour}), sent: [][]int{first}},
		{name: "the first's answer is cut off", one: unsettled(cut), sent: [][]int{{2, 3}}},
		{name: "both answers are cut off", one: unsettled(cut), other: unsettled(cut), sent: [][]int{{2, 3, 6, 7}}},
		{name: "somebody else's answer", one: unsettled(reply{items: []bulk.Item{item(201)}}), sent: [][]int{first}},
		{name: "the first is throttled as a whole", one: unsettled(failed(bulk.Throttled, 429)), sent: [][]int{first}},
		{name: "the second is throttled as a whole", other: unsettled(failed(bulk.Throttled, 429)), sent: [][]int{second}},
		{name: "an item of the first is throttled", one: unsettled(busy), sent: [][]int{{1}}},
		{name: "an item of each is throttled", one: unsettled(busy), other: unsettled(busy), sent: [][]int{{1, 5}}},
		{name: "the first is unavailable, the second cut off", one: unsettled(failed(bulk.Unavailable, 503)), other: unsettled(cut), sent: [][]int{{0, 1, 2, 3, 6, 7}}},
		{name: "an item of the first is rejected", one: unsettled(rejected), sent: nil},
		{name: "413 of the first", one: unsettled(failed(bulk.Oversized, 413)), sent: [][]int{{0, 1}, {2, 3}}},
		{name: "413 of both", one: unsettled(failed(bulk.Oversized, 413)), other: unsettled(failed(bulk.Oversized, 413)), sent: [][]int{{0, 1}, {2, 3}, {4, 5}, {6, 7}}},
		{name: "400 of the second", other: unsettled(failed(bulk.BadRequest, 400)), sent: [][]int{{4, 5}, {6, 7}}},
		{name: "413 of the first, the second ambiguous", one: unsettled(failed(bulk.Oversized, 413)), other: unsettled(failed(bulk.Ambiguous, 0)), sent: [][]int{all}},
		{name: "401 of the first", one: unsettled(failed(bulk.Misconfigured, 401)), left: first},
		{name: "401 of the second, the first ambiguous", one: unsettled(failed(bulk.Ambiguous, 0)), other: unsettled(failed(bulk.Misconfigured, 401)), left: all},
	} {
		t.Run(row.name, func(t *testing.T) {
			script := func(n int, r request) reply {
				for i, answer := range [](func(request) reply){row.one, row.other} {
					if n < 2 && answer != nil && r.documents[0] == 4*i {
						return slow(answer(r))
					}
				}
				return slow(accepted(r))
			}
			bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				l := newWide()
				err := flush(t, d, l)
				if !slices.Equal(l.left(), row.left) || errors.Is(err, deliver.ErrLeft) != (row.left != nil) {
					t.Errorf("%v, %v are left", err, l.left())
				}
				sent := s.sent()
				slices.SortFunc(sent[:2], func(a, b []int) int { return a[0] - b[0] })
				if want := append([][]int{first, second}, row.sent...); fmt.Sprint(sent) != fmt.Sprint(want) {
					t.Errorf("sent %v, want %v", sent, want)
				}
				for n := range l.sizes {
					if ends := len(l.verdicts[n]) + len(l.rejections[n]); ends > 1 {
						t.Errorf("document %d came to %d ends", n, ends)
					}
				}
				if len(s.attempts) != len(sent) {
					t.Errorf("%d requests were observed, %d sent", len(s.attempts), len(sent))
				}
			})
		})
	}
}

// TestTheEndOfADeliveryKeepsWhatOneOfTwoRequestsSettled: at exit the context
// ends while the second request is under way.
func TestTheEndOfADeliveryKeepsWhatOneOfTwoRequestsSettled(t *testing.T) {
	script := func(_ int, r request) reply {
		answer := accepted(r)
		if r.documents[0] == 4 {
			answer.after = time.Hour
		}
		return answer
	}
	bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l := newWide()
		err := d.Deliver(ctx, l, bulk.NewRequest(bulk.Plain))
		if !errors.Is(err, deliver.ErrLeft) || !slices.Equal(l.left(), []int{4, 5, 6, 7}) || len(s.requests) != 2 {
			t.Errorf("%v, %v are left", err, l.left())
		}
		if d.Closed() {
			t.Error("the gate closed though the server is not at fault")
		}
	})
}

// TestASmallSourceIsSentOnTheCallersThread: the window costs an ordinary day no goroutine.
func TestASmallSourceIsSentOnTheCallersThread(t *testing.T) {
	for name, row := range map[string]struct {
		source  *list
		threads []bool
	}{
		"small": {newList(8), []bool{true}},
		"large": {newWide(), []bool{false, false}},
	} {
		bubble(t, wide, func(_ int, r request) reply { return slow(accepted(r)) }, func(t *testing.T, d *deliver.Deliverer, s *server) {
			if err := d.Deliver(callback.Context(t.Context(), thread{}), row.source, bulk.NewRequest(bulk.Plain)); err != nil {
				t.Error(err)
			}
			var threads []bool
			for _, r := range s.requests {
				threads = append(threads, callback.OnThread(r.ctx))
			}
			if !slices.Equal(threads, row.threads) {
				t.Errorf("%s: requests were sent on the caller's thread: %v, want %v", name, threads, row.threads)
			}
		})
	}
}

// thread is a thread of a host that has nothing to do.
type thread struct{}

func (thread) Wake() <-chan struct{} { return nil }

func (thread) Service() {}

// TestPromptAnswersAreWorthNoSecondRequest: a source of half a megabyte is split until it is
// answered in 5 ms, and again from an answer on that takes longer.
func TestPromptAnswersAreWorthNoSecondRequest(t *testing.T) {
	var took time.Duration
	script := func(_ int, r request) reply {
		answer := accepted(r)
		answer.after = took
		return answer
	}
	bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		for i, row := range []struct {
			took     time.Duration
			requests int
		}{
			{4 * time.Millisecond, 2}, {4 * time.Millisecond, 1}, {0, 1}, {6 * time.Millisecond, 1}, {6 * time.Millisecond, 2}, {4 * time.Millisecond, 2},
		} {
			before := len(s.sent())
			took = row.took
			l := newWide()
			if err := flush(t, d, l); err != nil || len(l.left()) > 0 {
				t.Errorf("%v, %v are left", err, l.left())
			}
			if got := len(s.sent()) - before; got != row.requests {
				t.Errorf("flush %d: %d requests, want %d", i, got, row.requests)
			}
		}
	})
	small := wide
	small.Bytes = 3 * listUnit
	bubble(t, small, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		took = time.Millisecond
		for range 3 {
			s.most = 0
			large := newSizes(slices.Repeat([]int{listUnit}, 8)...)
			large.wide = true
			if err := flush(t, d, large); err != nil || s.most != 2 {
				t.Errorf("%v, %d requests at a time for a source that needs three", err, s.most)
			}
		}
	})
}

// TestTheWindowIsNarrowWhileNotAllIsWell: one request at a time.
func TestTheWindowIsNarrowWhileNotAllIsWell(t *testing.T) {
	most := func(s *server) int { most := s.most; s.most = 0; return most }
	deliverAll := func(t *testing.T, d *deliver.Deliverer) {
		t.Helper()
		if l := newWide(); flush(t, d, l) != nil || len(l.left()) > 0 {
			t.Errorf("%v are left", l.left())
		}
	}
	later := func(first reply) func(int, request) reply {
		answer := firstThen(first)
		return func(n int, r request) reply { return slow(answer(n, r)) }
	}
	t.Run("for a while after backpressure", func(t *testing.T) {
		bubble(t, wide, later(failed(bulk.Throttled, 429)), func(t *testing.T, d *deliver.Deliverer, s *server) {
			deliverAll(t, d)
			if most(s) != 2 {
				t.Error("the window was narrow before")
			}
			if deliverAll(t, d); most(s) != 1 {
				t.Error("the window is wide")
			}
			time.Sleep(wide.MaxPause)
			if deliverAll(t, d); most(s) != 2 {
				t.Error("the window stays narrow")
			}
		})
	})
	t.Run("while the gate is probed", func(t *testing.T) {
		bubble(t, wide, later(failed(bulk.Unavailable, 503)), func(t *testing.T, d *deliver.Deliverer, s *server) {
			l := newList(1)
			_ = flush(t, d, l)
			time.Sleep(2 * time.Minute) // as the prober
			if deliverAll(t, d); most(s) != 2 {
				t.Error("the window stays narrow")
			}
		})
	})
	t.Run("after another delivery closed the gate", func(t *testing.T) {
		script := func(_ int, r request) reply {
			if len(r.documents) == 1 {
				return failed(bulk.Unavailable, 503)
			}
			return slow(accepted(r))
		}
		p := wide
		p.Bytes, p.Budget = 4*listUnit, 0
		bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
			large := newSizes(slices.Repeat([]int{listUnit}, 16)...)
			large.wide = true
			done := make(chan error)
			go func() { done <- flush(t, d, large) }()
			time.Sleep(time.Second / 2)
			if err := flush(t, d, newList(1)); err == nil || !d.Closed() {
				t.Errorf("the gate is open: %v", err)
			}
			s.mu.Lock()
			s.most = 0
			s.mu.Unlock()
			if err := <-done; err != nil || len(large.left()) > 0 || most(s) != 1 || len(s.sent()) != 5 {
				t.Errorf("%v, %v are left after %v", err, large.left(), s.sent())
			}
		})
	})
	t.Run("while a destination is held", func(t *testing.T) {
		script := func(n int, r request) reply {
			if n == 0 {
				return reply{items: []bulk.Item{item(403, "cluster_block_exception")}}
			}
			return slow(accepted(r))
		}
		bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
			held := newList(1)
			held.target = func(int) string { return "closed" }
			_ = flush(t, d, held)
			if d.HeldDestinations() != 1 {
				t.Fatal("nothing is held")
			}
			most(s)
			if deliverAll(t, d); most(s) != 1 {
				t.Error("the window is wide")
			}
		})
	})
}

// TestAPanicBesideARequestInFlightKeepsWhatIsSettled: nothing reads a request any
// more when the panic goes on.
func TestAPanicBesideARequestInFlightKeepsWhatIsSettled(t *testing.T) {
	for name, panics := range map[string]func(l *list, r *request) bool{
		"in the source": func(l *list, r *request) bool { return r == nil && l.start() == 4 },
		"in the sender": func(_ *list, r *request) bool { return r != nil && r.documents[0] == 4 },
	} {
		t.Run(name, func(t *testing.T) {
			var l *panicking
			script := func(_ int, r request) reply {
				if panics(l.list, &r) {
					panic("fault")
				}
				return slow(accepted(r))
			}
			bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				l = &panicking{newWide(), func() bool { return panics(l.list, nil) }}
				defer func() {
					if problem := recover(); problem != "fault" {
						t.Errorf("recovered %v", problem)
					}
					if !slices.Equal(l.left(), []int{4, 5, 6, 7}) {
						t.Errorf("%v are left", l.left())
					}
					if s.under > 0 {
						t.Error("a request is still under way")
					}
				}()
				_ = flush(t, d, l)
			})
		})
	}
}

// panicking is a list whose Fill panics.
type panicking struct {
	*list
	now func() bool
}

func (p *panicking) Fill(req *bulk.Request, limits deliver.Limits) error {
	if p.now() {
		panic("fault")
	}
	return p.list.Fill(req, limits)
}

// TestAnErrorBesideARequestInFlightIsMetAgain: the source can't be read on.
func TestAnErrorBesideARequestInFlightIsMetAgain(t *testing.T) {
	broken := errors.New("broken")
	var l *list
	script := func(_ int, r request) reply {
		return slow(accepted(r))
	}
	bubble(t, wide, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		l = newWide()
		src := &failing{list: l, at: 4, err: broken}
		if err := flush(t, d, src); !errors.Is(err, broken) || !slices.Equal(l.left(), []int{4, 5, 6, 7}) || len(s.requests) != 1 {
			t.Errorf("%v, %v are left after %v", err, l.left(), s.sent())
		}
	})
}

// failing is a list that can't be read on from a document.
type failing struct {
	*list
	at  int
	err error
}

func (f *failing) Fill(req *bulk.Request, limits deliver.Limits) error {
	if f.start() >= f.at {
		return f.err
	}
	return f.list.Fill(req, limits)
}
