package deliver

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"out_es/plugin/bulk"
)

// run is one delivery in progress:
//
//	fill ─▶ send ─┬ every item settled ───────────────────▶ advance, fill
//	  ▲           ├ some left: 429, 5xx, blocks ──────────▶ wait, fill
//	  │           ├ some left for good: settings, kept ───▶ ErrLeft
//	  │           ├ 413: half the bytes ─┬ many items ────▶ fill
//	  │           ├ 400: half the items ─┴ a single one ──▶ refuse, advance, fill
//	  │           ├ no connection, others up ─────────────▶ fill
//	  │           ├ no answer, ambiguous, 429, 5xx ─▶ gate ─┬ prober ──▶ wait, fill
//	  │           │                                         ├ opened ──▶ fill
//	  │           │                                         └ closed ──▶ ErrLeft
//	  │           └ settings (401 …), canceled ───────────▶ ErrLeft
//	  └ the same events but those settled; behind them after advance
//
// A wait that the budget does not cover is ErrLeft, too.
type run struct {
	*Deliverer
	src  Source
	req  *bulk.Request
	role Role
	// probe says that the delivery began as the prober of a closed gate: it
	// tries once.
	probe    bool
	schedule *backoff.ExponentialBackOff
	progress time.Time // of the last settled item
	// itemLimit is above 0 while the guilty item of an illegal request is
	// looked for.
	itemLimit int
	repeat    bool
	blocked   int // rounds that ended with blocked items and no progress
	failure   *bulk.Failure
	results   []result
	refusals  []Refusal
	reasons   reasons
}

// leave makes sure that no prober leaves others waiting.
func (r *run) leave() {
	switch {
	case r.role != Prober:
	case r.failure == nil:
		r.gate.Pass() // it had nothing to send, or ended in a panic
	default:
		r.gate.Close(min(r.failure.RetryAfter, LongestHold))
	}
}

func (r *run) limits() Limits {
	limits := Limits{Bytes: r.policy.Bytes, Items: r.itemLimit}
	if learned := int(r.learned.Load()); learned > 0 {
		limits.Bytes = min(limits.Bytes, learned)
	}
	return limits
}

// step sends the request once and does what its answer asks for. It returns
// nil where the next request may follow at once.
func (r *run) step(ctx context.Context) error {
	r.failure = r.send(ctx)
	left := r.settle() // an answer that was cut off settles the items that it has
	if r.failure == nil || left.total == 0 {
		r.answered()
		return r.afterAnswer(ctx, left)
	}
	r.repeat = true
	switch r.failure.Class {
	case bulk.Oversized:
		r.answered()
		return r.halve()
	case bulk.Illegal:
		r.answered()
		return r.isolate()
	case bulk.Canceled:
		return r.giveUp(r.failure)
	case bulk.Unreachable:
		// No host is met twice so, since each is set aside by its failure.
		if r.failure.Elsewhere && time.Since(r.progress) <= r.policy.Budget {
			return nil
		}
	case bulk.Unauthorized:
		r.stumble()
		return r.giveUp(r.failure)
	}
	return r.recover(ctx)
}

// answered tells the gate that Elasticsearch is there.
func (r *run) answered() {
	if r.role == Prober {
		r.gate.Open()
		r.role, r.probe = Passer, false
	}
}

// afterAnswer goes on after an answer that left some items unsettled.
func (r *run) afterAnswer(ctx context.Context, left leftovers) error {
	if left.total == 0 {
		r.src.Advance()
		r.repeat, r.blocked = false, 0
		return nil
	}
	r.repeat = true
	if left.redirected > 0 && left.later == 0 {
		return nil // what is sent in their place goes first
	}
	if left.later == 0 {
		return r.giveUp(left.reason) // waiting in here would change nothing
	}
	return r.wait(ctx, 0, left.reason)
}

// halve makes the next request half as large, and remembers the size.
func (r *run) halve() error {
	if len(r.req.Positions()) == 1 {
		return r.refuseOnly(Refusal{Type: bulk.TooLarge, Error: "too_large", Status: r.failure.Status,
			Reason: fmt.Sprintf("a document of %d bytes is more than the server takes in one request", r.req.Size())})
	}
	half := int64(r.req.Size() / 2)
	if learned := r.learned.Load(); learned == 0 || half < learned {
		r.learned.Store(half)
	}
	return nil
}

// isolate makes the next request hold half as many items, until the one that
// is illegal stands alone.
func (r *run) isolate() error {
	n := len(r.req.Positions())
	if n > 1 {
		r.itemLimit = n / 2
		return nil
	}
	r.itemLimit = 0
	return r.refuseOnly(Refusal{Type: bulk.IllegalAction, Error: r.failure.Type, Status: r.failure.Status,
		Reason: bulk.RedactOf(r.failure.Type, r.failure.Reason), FullReason: r.failure.Reason})
}

// refuseOnly refuses the only item of a request.
func (r *run) refuseOnly(why Refusal) error {
	switch r.src.Refuse(int(r.req.Positions()[0]), why) {
	case Kept:
		return r.giveUp(r.failure)
	case Done:
		r.src.Advance()
	case Redirected:
	}
	r.moved()
	return nil
}

// recover waits for Elasticsearch after a request that failed as a whole: as
// the prober, or for what comes of the one that there is.
func (r *run) recover(ctx context.Context) error {
	if r.stumble(); r.role != Prober {
		r.role = r.gate.Enter(ctx)
	}
	switch {
	case r.role == TurnedAway, r.probe, time.Since(r.progress) > r.policy.Budget:
		return r.giveUp(r.failure)
	case r.role == Passer:
		return nil // another flush found the way open again
	}
	return r.wait(ctx, min(r.failure.RetryAfter, LongestHold), r.failure)
}

// stumble tells the gate of a failed request.
func (r *run) stumble() {
	if r.role != Prober {
		r.role = r.gate.Stumble()
	}
}

// wait sleeps before the next attempt, or ends the flush where the budget
// does not reach as far.
func (r *run) wait(ctx context.Context, atLeast time.Duration, why error) error {
	pause := max(min(r.schedule.NextBackOff(), r.policy.Longest), atLeast)
	if time.Since(r.progress)+pause > r.policy.Budget {
		return r.giveUp(why)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return r.giveUp(why)
	}
}

func (r *run) giveUp(why error) error { return fmt.Errorf("%w: %w", ErrLeft, why) }

// moved tells that something was settled.
func (r *run) moved() {
	r.progress = time.Now()
	r.schedule.Reset()
	r.blocked = 0
}
