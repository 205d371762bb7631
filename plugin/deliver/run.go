package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
)

// run is one delivery in progress:
//
//	fill ─▶ send ─┬ every item settled ───────────────────▶ advance, fill
//	  ▲           ├ some left: 429, 5xx ──────────────────▶ wait, fill
//	  │           ├ some stay: held destinations, kept ───▶ leave them behind, fill
//	  │           ├ 413: half the bytes ─┬ many items ────▶ fill
//	  │           ├ 400: half the items ─┴ a single one ──▶ guilty, or a setting (search.go)
//	  │           ├ no connection, others up ─────────────▶ fill
//	  │           ├ no answer, ambiguous, 429, 5xx ─▶ gate ─┬ prober ──▶ wait, fill
//	  │           │                                         ├ opened ──▶ fill
//	  │           │                                         └ closed ──▶ ErrLeft
//	  │           └ settings (401 …), canceled ───────────▶ ErrLeft
//	  └ the same events but those settled; behind them after advance or leave
//
// At the source's end, held destinations that may be tried by then are probed: from the source's
// start, with their events and no others. A wait beyond the budget is ErrLeft, too.
type run struct {
	*Deliverer
	parent context.Context // that of the caller, which FlushLimit does not end
	src    Source
	// flight is the request that is being dealt with: own, but where several are
	// under way at a time (window.go).
	*flight
	own flight
	// splits is how many bytes of the source are for two requests or one, 0 if there is no choice.
	splits int
	role   Role
	// probe says that the delivery began as the prober of a closed gate: it
	// tries once.
	probe    bool
	portion  int // Limits.Portion
	schedule *backoff.ExponentialBackOff
	progress time.Time // of the last settled item
	search   search
	repeat   bool
	failure  *bulk.Failure
	tallies  []tally
	// admission says which destinations the next request may hold; claimed that
	// its only one is being probed by this delivery.
	admission Admission
	claimed   bool
	// tried are the destinations that this delivery has probed.
	tried []string
	// behind is why events were left behind, nil where none were.
	behind error
	// ended says that the source has nothing more to be filled in.
	ended bool
}

// leave makes sure that no prober leaves others waiting.
func (r *run) leave() {
	if r.claimed {
		r.holds.unclaim(r.admission.only)
	}
	switch {
	case r.role != Prober:
	case r.failure == nil:
		r.gate.Pass() // it had nothing to send, or ended in a panic
	default:
		r.gate.Close(min(r.failure.RetryAfter, MaxRetryAfter))
	}
}

func (r *run) limits() Limits {
	limits := Limits{Bytes: r.policy.Bytes, Items: r.search.items, Portion: r.portion}
	if learned := r.learned.get(); learned > 0 {
		limits.Bytes = min(limits.Bytes, learned)
	}
	if r.admission.probing || r.holds.any() {
		r.admission.round()
		limits.Admission = &r.admission
	}
	return limits
}

// step sends the request once and does what its answer asks for. It returns
// nil where the next request may follow at once.
func (r *run) step(ctx context.Context) error {
	if r.admission.probing && r.holds.waited(r.admission.only) {
		r.req.SetWait(bulk.ShortWait)
	}
	r.failure = r.send(ctx)
	left := r.settle() // an answer that was cut off settles the items that it has
	if left.settled > 0 && left.total > 0 {
		r.src.Checkpoint()
	}
	if r.failure == nil || left.total == 0 {
		r.window.learn(r.splits, r.took)
		r.answered()
		return r.afterAnswer(ctx, left)
	}
	r.repeat = true
	return r.afterFailure(ctx)
}

// afterFailure goes on after a request that failed as a whole.
func (r *run) afterFailure(ctx context.Context) error {
	r.window.narrow()
	switch r.failure.Class {
	case bulk.Oversized, bulk.BadRequest:
		return r.localise()
	case bulk.Canceled:
		return r.giveUp(r.failure)
	case bulk.Unreachable:
		// No host is met twice so, since each is set aside by its failure.
		switch {
		case !r.failure.Elsewhere:
		case time.Since(r.progress) <= r.policy.Budget:
			return nil
		case r.role != Prober:
			return r.giveUp(r.failure) // the cluster is up, so that its gate stays open
		}
	case bulk.Misconfigured:
		r.fail()
		return r.giveUp(r.failure)
	}
	return r.recover(ctx)
}

// answered tells the gate that Elasticsearch is there.
func (r *run) answered() {
	if r.role == Prober {
		r.gate.Open()
		r.pace.open()
		r.role, r.probe = Passer, false
	}
}

// afterAnswer goes on after an answer that left some items unsettled.
func (r *run) afterAnswer(ctx context.Context, left leftovers) error {
	if left.total > 0 {
		r.repeat = true
	}
	r.localised()
	switch {
	case r.admission.probing:
		r.afterProbe(left)
		return nil
	case left.total == 0:
		r.src.Advance()
		r.repeat = false
	case left.redirected > 0 && left.later == 0:
		return nil // replacements go first
	case left.later == 0:
		r.leaveBehind(left.reason) // waiting in here would change nothing
	default:
		return r.wait(ctx, 0, left.reason)
	}
	if r.search.unsent {
		r.restart()
	}
	return nil
}

// leaveBehind goes on behind the events of the last request, though some of
// them stay.
func (r *run) leaveBehind(why error) {
	r.stays(why)
	r.src.Skip()
}

// stays notes the reason why events are left behind. A reason that an operator may have to act on
// precedes all others.
func (r *run) stays(why error) {
	if _, held := errors.AsType[*Held](r.behind); r.behind == nil || !held {
		r.behind = why
	}
}

// restart goes through the source again: unsettled events are sent, turned away, or left behind
// once more.
func (r *run) restart() {
	r.src.Rewind()
	r.behind, r.ended, r.admission.probing, r.search.unsent = nil, false, false, false
}

// atEnd is called when nothing is left to fill in. It reports whether there is more: held
// destinations are probed one by one, each by a request of its own, so that none waits for another.
func (r *run) atEnd() (more bool) {
	r.ended = true
	if r.endProbe(); r.search.accused >= 0 && r.accusedAlone() {
		return true
	}
	if r.search.unsent {
		r.restart()
		return true
	}
	a := &r.admission
	for len(a.turned) > 0 {
		name := a.turned[0]
		a.turned = append(a.turned[:0], a.turned[1:]...)
		probe, try := r.holds.claim(name)
		if !try || slices.Contains(r.tried, name) {
			if probe {
				r.holds.unclaim(name)
			}
			r.staysHeld(name)
			continue
		}
		r.tried = append(r.tried, name)
		if !probe {
			r.restart() // another delivery opened it
			return true
		}
		r.claimed, a.probing, a.only = true, true, name
		r.ended = false
		r.src.Rewind()
		return true
	}
	if a.others {
		r.stays(errTurnedAway)
	}
	return false
}

var errTurnedAway = errors.New("their destinations are held")

func (r *run) staysHeld(name string) {
	if why, held := r.holds.why(name); held {
		r.stays(&Held{why})
		return
	}
	r.stays(errTurnedAway) // it opened this moment
}

// afterProbe ends the one request of a probe.
func (r *run) afterProbe(left leftovers) {
	name := r.admission.only
	r.endProbe()
	if !r.holds.closed([]byte(name)) {
		r.restart()
		return
	}
	r.ended = true
	if r.staysHeld(name); left.total > 0 && left.reason != nil {
		r.stays(left.reason)
	}
}

func (r *run) endProbe() {
	if r.claimed {
		r.holds.unclaim(r.admission.only)
	}
	r.claimed, r.admission.probing = false, false
}

// recover waits for Elasticsearch after a request that failed as a whole: as the prober, or for the
// prober's result.
func (r *run) recover(ctx context.Context) error {
	if r.failure.Class == bulk.Throttled {
		r.pace.throttle()
	}
	if r.fail(); r.role != Prober {
		r.role = r.gate.Enter(ctx)
	}
	switch {
	case r.role == TurnedAway, r.probe, time.Since(r.progress) > r.policy.Budget:
		return r.giveUp(r.failure)
	case r.role == Passer:
		return nil // another flush found the way open again
	}
	return r.wait(ctx, min(r.failure.RetryAfter, MaxRetryAfter), r.failure)
}

// fail tells the gate of a failed request.
func (r *run) fail() {
	if r.role != Prober {
		r.role = r.gate.Fail()
	}
}

// wait sleeps before the next attempt, or ends the flush where the budget
// does not reach as far.
func (r *run) wait(ctx context.Context, atLeast time.Duration, why error) error {
	pause := max(min(r.schedule.NextBackOff(), r.policy.MaxPause), atLeast)
	if time.Since(r.progress)+pause > r.policy.Budget {
		return r.giveUp(why)
	}
	callback.Offload(ctx, func(ctx context.Context) {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	})
	if ctx.Err() != nil {
		return r.giveUp(why)
	}
	return nil
}

func (r *run) giveUp(why error) error { return fmt.Errorf("%w: %w", ErrLeft, why) }

// moved tells that something was settled.
func (r *run) moved() {
	r.progress = time.Now()
	r.schedule.Reset()
}
