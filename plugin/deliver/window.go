package deliver

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
)

// leastPart is the least of a source, in its own form, that is worth a request
// beside another one, where it needs no more than one.
const leastPart = 128 << 10

// promptRate is how many bytes of a source, in its own form, are answered in a second where another
// request costs more than it gains: Elasticsearch indexes 10 to 50 MB a second.
const promptRate = 100 << 20

// window reports whether several requests of a delivery may be under way at a
// time. It is safe for concurrent use.
type window struct {
	pause time.Duration // for which it is narrow after a failure
	wide  atomic.Int64  // from this moment on, in Unix nanoseconds
	// prompt says that the last source that was worth two requests, and had room in one, was
	// answered at promptRate.
	prompt atomic.Bool
}

// learn notes in which time that many bytes of a source were answered, run.splits.
func (w *window) learn(bytes int, took time.Duration) {
	if bytes == 0 {
		return
	}
	w.prompt.Store(float64(bytes) >= promptRate*took.Seconds())
}

// narrow makes deliveries send one request at a time for a while.
func (w *window) narrow() { w.wide.Store(time.Now().Add(w.pause).UnixNano()) }

func (w *window) isWide() bool {
	wide := w.wide.Load()
	return wide == 0 || time.Now().UnixNano() >= wide
}

// parts is how many requests of the source are sent together next, and bounds
// the first of them. There is more than one only while all is well:
//
//	all settled                        wide
//	anything left, or failed           narrow until it is settled
//	a request failed, or backpressure  narrow for Policy.MaxPause, in all deliveries
//	gate, held destination, suspects,  narrow
//	halving, learned size, pace
//	the last answer came promptly      one request, if it holds all
func (r *run) parts(limits *Limits) int {
	r.splits = 0
	if r.policy.Window < 2 || r.ended || r.repeat || r.behind != nil || r.role != Passer || limits.Items > 0 || limits.Portion > 0 || limits.Admission != nil || r.search.accused >= 0 {
		return 1
	}
	rest := r.src.Remaining()
	n := min(r.policy.Window, rest/max(1, min(leastPart, r.policy.Bytes)))
	if n < 2 || limits.Bytes < r.policy.Bytes || r.holds.suspected.Load() > 0 || !r.window.isWide() || !r.gate.passes() {
		return 1
	}
	if rest <= r.policy.Bytes {
		if r.splits = rest; r.window.prompt.Load() {
			return 1
		}
	}
	limits.SourceBytes = (rest + n - 1) / n
	return n
}

// sendParallel sends the request that is filled, fills others while it is under
// way, sends them, too, and settles all of them, in order. Whatever is left of
// any is retried by one request at a time.
func (r *run) sendParallel(ctx context.Context, parts int, limits Limits) error {
	first := r.flight
	defer func() { r.flight = first }()
	flights := []*flight{first}
	r.noteSent(first)
	waits := []func() any{r.launch(ctx, first)}
	problem, unfilled := any(nil), error(nil)
	for len(flights) < parts {
		f := &flight{req: flights[len(flights)-1].req.Second()}
		if len(flights) == parts-1 {
			limits.SourceBytes = 0
		}
		if problem, unfilled = r.fillAhead(f, limits); problem != nil || unfilled != nil || len(f.req.Positions()) == 0 {
			break
		}
		flights, waits = append(flights, f), append(waits, r.launch(ctx, f))
	}
	for i, wait := range waits {
		if fault := wait(); fault != nil {
			problem = fault
			flights[i].results = flights[i].results[:0]
			flights[i].failed = &bulk.Failure{Class: bulk.Ambiguous, Err: errFault}
		}
	}
	s := r.settleAll(flights)
	if problem != nil {
		r.src.Checkpoint() // settled events are stored, whatever the fate of the rest
		panic(problem)
	}
	return r.conclusion(ctx, flights, s, unfilled == nil)
}

var errFault = errors.New("deliver: a fault of this plugin while a request was sent")

// launch sends a request on a goroutine.
func (r *run) launch(ctx context.Context, f *flight) (wait func() (problem any)) {
	return callback.Start(ctx, func(ctx context.Context) { r.post(ctx, f) })
}

// noteSent stores the action's part for each item: while a request is under way, the source is not
// asked on another goroutine.
func (r *run) noteSent(f *flight) {
	f.sent = f.sent[:0]
	for _, position := range f.req.Positions() {
		f.sent = append(f.sent, r.src.Sent(int(position)))
	}
}

// fillAhead fills a request while others are under way, which a panic must not
// leave alone.
func (r *run) fillAhead(f *flight, limits Limits) (problem any, err error) {
	defer func() { problem = recover() }()
	f.req.Reset()
	r.src.Ahead()
	err = r.src.Fill(f.req, limits)
	r.noteSent(f)
	return nil, err
}

// sum is the result of concurrent requests.
type sum struct {
	leftovers
	// front is how many of the first requests are settled, without a gap.
	front int
	// took is the time of the slowest.
	took time.Duration
	// worst is the request whose failure determines the reaction, nil if none failed.
	worst   *flight
	failure *bulk.Failure
}

// settleAll applies the verdicts on requests that were sent together, in order.
func (r *run) settleAll(flights []*flight) (s sum) {
	for i, f := range flights {
		r.flight = f
		s.took = max(s.took, f.took)
		r.failure = r.conclude()
		left := r.settle()
		s.add(left)
		if left.total == 0 {
			if r.search.accepted = true; s.front == i {
				s.front++
			}
			continue
		}
		if r.failure != nil && (s.failure == nil || urgency(r.failure) > urgency(s.failure)) {
			s.worst, s.failure = f, r.failure
		}
	}
	r.failure = s.failure
	return s
}

// conclusion continues after concurrent requests: behind them if all are settled, else with the
// rest, one request at a time. whole means that all planned requests could be filled.
func (r *run) conclusion(ctx context.Context, flights []*flight, s sum, whole bool) error {
	if whole && s.front == len(flights) {
		r.window.learn(r.splits, s.took)
		r.src.Advance()
		return nil
	}
	r.repeat = true
	r.src.Resume(s.front)
	if s.settled > 0 {
		r.src.Checkpoint()
	}
	switch {
	case s.failure != nil:
		r.flight = s.worst
		if alone := len(r.req.Positions()) == 1; alone && urgency(s.failure) == rejection {
			return nil // it is met again, alone
		}
		return r.afterFailure(ctx)
	case s.total > 0:
		return r.afterAnswer(ctx, s.leftovers)
	}
	return nil // the error of filling is met again
}

// The order of failures: the reaction to a later one is right for both.
const (
	rejection = iota
	outage
	setting
	end
)

func urgency(f *bulk.Failure) int {
	switch f.Class {
	case bulk.Oversized, bulk.BadRequest:
		return rejection
	case bulk.Misconfigured:
		return setting
	case bulk.Canceled:
		return end
	default:
		return outage
	}
}
