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
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadline"
)

const (
	// FlushLimit is the longest that one flush lasts, whatever progress it
	// makes. Fluent Bit joins its workers at exit and nothing but us ends a
	// flush that runs: two requests of the default Request_Timeout fit.
	FlushLimit = 2 * time.Minute
	// MaxRetryAfter caps what a server's Retry-After can ask for.
	MaxRetryAfter = 5 * time.Minute
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
	// Ahead makes the next Fill start behind the last event that was filled in
	// while nothing is known of it yet. Advance and Leave then go behind all that
	// was filled in since the last of them.
	Ahead()
	// Resume ends the effect of Ahead: the next Fill starts behind the first fills calls of Fill
	// since the last Advance, whose events are settled, and skips other settled events.
	Resume(fills int)
	// Remaining is how many bytes of the source, in its own form, the next Fill and
	// those behind it have before them. It is 0 where they are best sent with one
	// request at a time.
	Remaining() int
	// Skip makes the next Fill start behind the last event that was filled in,
	// as Advance does, though some events before it are not settled.
	Skip()
	// Rewind makes the next Fill start at the first unsettled event there is.
	Rewind()
	// Destination is the index, alias or data stream that the event at position
	// was, or would have been, sent to by the last Fill, valid until the next
	// call. Every event has one.
	Destination(position int) []byte
	// Identity tells the event at position apart from all others, in every attempt.
	Identity(position int) [16]byte
	// WasHeld reports whether all remaining events have waited for a held destination: their turn
	// comes after that of new ones (pace).
	WasHeld() bool
	// Checkpoint notes that an answer settled some of the items, and the others will take a while:
	// a source that outlives the process stores its progress.
	Checkpoint()
	// Sent is the part of the action for the event at position that a verdict depends on.
	Sent(position int) bulk.Sent
	// Settle tells that the event at position needs nothing more. The verdict
	// is Accepted, Diverted or AlreadyThere.
	Settle(position int, v bulk.Verdict)
	// Reject notes that Elasticsearch will never accept the item of the event at position, and
	// returns the event's fate.
	Reject(position int, why Rejection) Disposition
}

// Disposition is the fate of a rejected event.
type Disposition uint8

// The dispositions.
const (
	// Kept: it stays as it is, and the chunk goes back to Fluent Bit.
	Kept Disposition = iota
	// Done: it needs nothing more.
	Done
	// DeadLettered: the next Fill sends a dead-letter record in its place.
	DeadLettered
)

// Rejection is why Elasticsearch rejected a document.
type Rejection struct {
	Type bulk.RejectionType
	// Error and Reason are Elasticsearch's own words, the reason with its cause and without
	// quotations of the record; FullReason includes them, for the first document with this reason.
	Error, Reason, FullReason string
	Status                    int
	// Scope is the fault's scope, Remedy the advice for the operator.
	Scope  bulk.Scope
	Remedy string
	// Waited says that the server answered only after the bulk timeout, and need not wait again.
	Waited bool
}

// Limits bound a request. Zero means no limit.
type Limits struct {
	Bytes, Items int
	// SourceBytes bounds how many bytes of the source, in its own form, one Fill takes.
	SourceBytes int
	// Portion bounds the bytes of a request if the source can end it anywhere and has more: after
	// trouble, queues are sent little by little.
	Portion int
	// Admission says which destinations the request may hold events of; the
	// others' stay unsettled.
	Admission *Admission
}

// Observer is called for every request, and for destinations that are held or released.
type Observer interface {
	Observe(Attempt)
	// Held tells that a destination is held, or still is after another try.
	Held(Hold)
	// Released tells that a destination accepts documents again.
	Released(Hold)
}

// Attempt is one request that was made.
type Attempt struct {
	// Failure is nil for a request whose items were all answered.
	Failure *bulk.Failure
	// Throttled is set if the items were rejected for lack of capacity, and the request as a whole
	// did not fail.
	Throttled bool
	Bytes     int // of the body, as sent
	Items     int
	Took      time.Duration
	// Repeat says that it held items that had been sent before.
	Repeat bool
}

// Policy has the options of retrying.
type Policy struct {
	Bytes          int
	RequestTimeout time.Duration
	InitialPause   time.Duration
	MaxPause       time.Duration
	// Budget is how long a flush goes on without progress.
	Budget time.Duration
	// Window is how many requests of one delivery may be under way at a time. It
	// is 1 where their order counts.
	Window int
	// HoldLimit is how long records are held before they count as rejected, 0 for
	// ever.
	HoldLimit time.Duration
	// Reasons reports whether FullReason is each rejected document's own, or that
	// of the first that was rejected alike.
	Reasons Reasons
}

// Reasons says which reasons are kept.
type Reasons uint8

// FirstReasons keeps one for all documents that were rejected alike;
// EachReason one for each.
const (
	FirstReasons Reasons = iota
	EachReason
)

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
	holds    *holds
	pace     *pace
	learned  learnedSize
	window   window
}

// New returns a deliverer whose gate is open.
func New(s Sender, o Observer, p Policy) *Deliverer {
	pace := newPace(p.MaxPause)
	return &Deliverer{
		sender: s, observer: o, policy: p, gate: NewGate(p.InitialPause, p.MaxPause),
		holds: newHolds(p.InitialPause, p.MaxPause, pace), pace: pace, learned: learnedSize{most: p.Bytes},
		window: window{pause: p.MaxPause},
	}
}

// Deliver sends src until nothing is left, or until further attempts make no sense within this
// flush.
//
// Possible errors: ErrLeft; an error of src, which then can't be read on.
func (d *Deliverer) Deliver(ctx context.Context, src Source, req *bulk.Request) error {
	parent := ctx
	ctx = deadline.WithTimeout(parent, FlushLimit)
	role := d.gate.Enter(ctx)
	if role == TurnedAway {
		return fmt.Errorf("%w: waiting for the end of the outage", ErrLeft)
	}
	portion, turn := d.pace.admit(history(src.WasHeld()))
	if !turn && role == Passer {
		return fmt.Errorf("%w: %w", ErrLeft, ErrPaced)
	}
	r := &run{
		Deliverer: d, parent: parent, portion: portion, src: src, own: flight{req: req}, role: role, probe: role == Prober, progress: time.Now(),
		schedule: newSchedule(d.policy.InitialPause, d.policy.MaxPause), search: search{accused: -1},
		admission: Admission{holds: d.holds, limit: d.policy.HoldLimit},
	}
	r.flight = &r.own
	defer r.leave()
	for {
		req.Reset()
		limits := r.limits()
		parts := r.parts(&limits)
		if !r.ended {
			if err := src.Fill(req, limits); err != nil {
				return err
			}
		}
		switch {
		case len(req.Positions()) > 0 && parts > 1:
			if err := r.sendParallel(ctx, parts, limits); err != nil {
				return err
			}
		case len(req.Positions()) > 0:
			if err := r.step(ctx); err != nil {
				return err
			}
		case r.atEnd():
		case r.behind != nil:
			return r.giveUp(r.behind)
		default:
			return nil
		}
	}
}

// HeldUntil is when a held destination may be tried again, the zero time for
// one that is open.
func (d *Deliverer) HeldUntil(destination string) time.Time { return d.holds.next(destination) }

// HeldFor returns why a destination is held; ok is false for one that is not.
func (d *Deliverer) HeldFor(destination string) (why *Held, ok bool) {
	hold, held := d.holds.why(destination)
	return &Held{hold}, held
}

// HeldDestinations is how many destinations are held now.
func (d *Deliverer) HeldDestinations() int { return d.holds.count() }

// PacedFor is the time for which a delivery of waiting chunks is turned away with ErrPaced.
func (d *Deliverer) PacedFor() time.Duration { return d.pace.wait(havingWaited) }

// Await waits until the gate is open, or it is time to probe, or ctx ends.
func (d *Deliverer) Await(ctx context.Context) {
	pause := d.closedFor()
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Closed reports whether all deliveries are turned away now.
func (d *Deliverer) Closed() bool { return d.closedFor() > 0 }

func (d *Deliverer) closedFor() time.Duration {
	return max(d.gate.closedFor(), d.pace.wait(beingNew))
}
