// Package deliver gets a chunk's events into Elasticsearch: it owns the only
// retry loop there is. It knows no HTTP and no msgpack; a Sender posts
// requests, a Source fills them.
//
// docs/architecture.md draws the states of a delivery and lists how each can
// fail.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"out_es/plugin/bulk"
)

const (
	// FlushLimit is the longest that one flush lasts, whatever progress it
	// makes. Fluent Bit joins its workers at exit and nothing but us ends a
	// flush that runs: two requests of the default Request_Timeout fit.
	FlushLimit = 2 * time.Minute
	// LongestHold caps what a server's Retry-After can ask for.
	LongestHold = 5 * time.Minute
	// blockedTries is how often an item is sent to an index that is blocked or
	// missing before it is refused.
	blockedTries = 3
)

// Sender posts one bulk request.
type Sender interface {
	// Send posts req and calls each for every item of the answer, in order. It
	// returns how many items there were. failure is nil where the answer was
	// read to its end. It returns only once nothing reads req any more.
	Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (items int, failure *bulk.Failure)
}

// Source is the chunk that is being delivered.
type Source interface {
	// Fill appends the unsettled events that come next, within limits but at
	// least one, to req. Called again it starts at the same event as before,
	// until Advance makes it start behind the last one that was filled in.
	Fill(req *bulk.Request, limits Limits) error
	Advance()
	// Sent is what was sent for the event at position.
	Sent(position int) bulk.Sent
	// Settle tells that the event at position needs nothing more.
	Settle(position int, v bulk.Verdict)
	// Refuse tells that Elasticsearch will never take the event at position,
	// and says whether that settles it.
	Refuse(position int, why Refusal) (settled bool)
}

// Refusal is why Elasticsearch refused a document.
type Refusal struct {
	Type bulk.Refusal
	// Error and Reason are Elasticsearch's own words, the reason without what
	// it quotes of the record; FullReason is with it, of the first document
	// that was refused so.
	Error, Reason, FullReason string
	Status                    int
}

// Limits bound a request. Zero means no limit.
type Limits struct{ Bytes, Items int }

// Observer is told of every request.
type Observer interface{ Observe(Attempt) }

// Attempt is one request that was made.
type Attempt struct {
	// Failure is nil for a request whose items were all answered.
	Failure *bulk.Failure
	Bytes   int // of the body, as sent
	Items   int
	Took    time.Duration
	// Repeat says that it held items that had been sent before.
	Repeat bool
}

// Policy is what the options say about retrying.
type Policy struct {
	Bytes          int
	RequestTimeout time.Duration
	Initial        time.Duration
	Longest        time.Duration
	// Budget is how long a flush goes on without progress.
	Budget time.Duration
}

// ErrLeft means that something of a chunk is left to be delivered later. It
// wraps the reason.
var ErrLeft = errors.New("deliver: not everything could be delivered")

// Deliverer delivers the chunks of one instance. It is safe for concurrent
// use; each delivery in progress needs a Request of its own.
type Deliverer struct {
	sender   Sender
	observer Observer
	policy   Policy
	gate     *Gate
	// learned is the size of request that a 413 taught, 0 before any.
	learned atomic.Int64
}

// New returns a deliverer whose gate is open.
func New(s Sender, o Observer, p Policy) *Deliverer {
	return &Deliverer{sender: s, observer: o, policy: p, gate: NewGate(p.Initial, p.Longest)}
}

// Deliver sends what src has until nothing is left, or until it makes no more
// sense to go on within this flush.
//
// Possible errors: ErrLeft; an error of src, which then can't be read on.
func (d *Deliverer) Deliver(ctx context.Context, src Source, req *bulk.Request) error {
	ctx, cancel := context.WithTimeout(ctx, FlushLimit)
	defer cancel()
	role := d.gate.Enter(ctx)
	if role == TurnedAway {
		return fmt.Errorf("%w: waiting for Elasticsearch to come back", ErrLeft)
	}
	r := &run{
		Deliverer: d, src: src, req: req, role: role, progress: time.Now(),
		schedule: newSchedule(d.policy.Initial, d.policy.Longest),
	}
	defer r.leave()
	for {
		req.Reset()
		if err := src.Fill(req, r.limits()); err != nil {
			return err
		}
		if len(req.Positions()) == 0 {
			return nil
		}
		if err := r.step(ctx); err != nil {
			return err
		}
	}
}

// run is one delivery in progress.
type run struct {
	*Deliverer
	src      Source
	req      *bulk.Request
	role     Role
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
	if r.failure == nil || r.failure.Class == bulk.Ambiguous {
		// An answer that was cut off settles the items that it has.
		left := r.settle()
		if r.failure == nil || left.total == 0 {
			r.answered()
			return r.afterAnswer(ctx, left)
		}
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
	case bulk.Unauthorized:
		r.gateRole(ctx)
		return r.giveUp(r.failure)
	}
	return r.recover(ctx)
}

// answered tells the gate that Elasticsearch is there.
func (r *run) answered() {
	if r.role == Prober {
		r.gate.Open()
		r.role = Passer
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
		Reason: bulk.Redact(r.failure.Reason), FullReason: r.failure.Reason})
}

// refuseOnly refuses the only item of a request.
func (r *run) refuseOnly(why Refusal) error {
	if !r.src.Refuse(int(r.req.Positions()[0]), why) {
		return r.giveUp(r.failure)
	}
	r.moved()
	r.src.Advance()
	return nil
}

// recover waits for Elasticsearch after a request that failed as a whole, as
// the prober or behind the one that there is.
func (r *run) recover(ctx context.Context) error {
	switch r.gateRole(ctx) {
	case TurnedAway:
		return r.giveUp(r.failure)
	case Passer:
		return nil // another flush found the way open again
	}
	return r.wait(ctx, min(r.failure.RetryAfter, LongestHold), r.failure)
}

func (r *run) gateRole(ctx context.Context) Role {
	if r.role != Prober {
		r.role = r.gate.Stumble(ctx)
	}
	return r.role
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
