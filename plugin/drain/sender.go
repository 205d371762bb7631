package drain

import (
	"context"
	"errors"
	"time"

	"out_es/plugin/deliver"
	"out_es/plugin/report"
)

const (
	// closeGrace is how long the sender goes on at exit, closeLimit how long the
	// exit waits for it to end after that: Fluent Bit waits for it, and Kubernetes
	// for Fluent Bit.
	closeGrace = time.Second
	closeLimit = 500 * time.Millisecond
	// lingerStep is how often a sender that waits for a request to fill looks: at
	// 50 MB a second a request of 5 MB takes as long.
	lingerStep = 100 * time.Millisecond
)

// sender delivers what is in the spool, without end. docs/spool.md draws its
// states.
type sender struct {
	deliverer *deliver.Deliverer
	policy    deliver.Policy
	linger    time.Duration
	report    *report.Reporter
	states    *report.Spool
	// worked is called after each delivery, publish after what it changed was
	// dealt with, fault with what a panic said.
	worked, publish func()
	fault           func(problem any)
	// fresh is the spool that flushes append to. parked holds what somebody must
	// do something about first; it is tried every Retry_Max.
	fresh, parked *batch
	// stopping is closed when no time must be lost any more, ctx ends a little
	// later.
	stopping chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	done     chan struct{}
	pause    time.Duration // after failures in a row without progress
	panics   int
}

func newSender(fresh, parked *batch, o *Options, u *Uses, publish func()) *sender {
	s := &sender{
		deliverer: u.Deliverer, policy: o.Policy, linger: o.Linger, report: u.Report, states: fresh.states,
		worked: u.Worked, publish: publish, fault: u.Fault,
		fresh: fresh, parked: parked, stopping: make(chan struct{}), done: make(chan struct{}),
	}
	s.parked.age = o.Policy.Longest
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// run is the sender's goroutine.
func (s *sender) run() {
	defer close(s.done)
	for s.wait() {
		batch := s.fresh
		if s.parkedDue() {
			batch = s.parked
		}
		s.act(batch)
		s.publish()
	}
}

// stop ends the sender, and says whether it did in time. What waits is sent for
// closeGrace; then a request that is under way is cut off.
func (s *sender) stop() bool {
	close(s.stopping)
	time.AfterFunc(closeGrace, s.cancel)
	select {
	case <-s.done:
		return true
	case <-time.After(closeGrace + closeLimit):
		return false
	}
}

// wait returns when there is something to send, and the time for it, or false
// when the sender shall end.
func (s *sender) wait() bool {
	for {
		pause := lingerStep
		waiting, err := s.fresh.readAhead(s.policy.Bytes)
		switch {
		case s.stopped():
			return s.ctx.Err() == nil && waiting > 0 && !s.deliverer.Closed()
		case s.parkedDue():
			return true
		case err != nil:
			pause = time.Second
		case len(s.fresh.frames) > 0:
			rest := s.linger - s.fresh.frames[0].age()
			if rest <= 0 || waiting >= s.policy.Bytes {
				return true
			}
			pause = min(pause, rest)
		default:
			s.awaitFrame()
			continue
		}
		s.sleep(pause)
	}
}

// awaitFrame waits for a new frame, or for parked ones to be due.
func (s *sender) awaitFrame() {
	var due <-chan time.Time
	if len(s.parked.frames) > 0 {
		timer := time.NewTimer(s.untilDue())
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-s.fresh.spool.Added():
	case <-due:
	case <-s.stopping:
	}
}

// parkedDue says whether the oldest parked frame has waited long enough.
func (s *sender) parkedDue() bool {
	if len(s.parked.frames) == 0 {
		if f, err := s.parked.more(); f == nil || err != nil {
			return false
		}
	}
	return s.untilDue() <= 0
}

func (s *sender) untilDue() time.Duration {
	return s.parked.age - s.parked.frames[0].age()
}

// act delivers one request of a batch, and deals with what is left.
func (s *sender) act(b *batch) {
	b.over, b.settled = false, 0
	err := s.deliver(b)
	s.worked()
	switch {
	case errors.Is(err, errSenderPanic):
		s.afterPanic(b)
		return
	case err == nil && !b.over:
		b.Advance() // its frames held nothing that is sent
	}
	s.panics = 0
	if b.most > 0 && err == nil {
		b.most = 0
	}
	if err == nil && !b.keeps() {
		s.pause = 0
		s.states.Parked(parkedShare, nil)
		return
	}
	s.report.Left(err)
	if !b.keeps() && s.outage(err) {
		s.backOff(b)
		return
	}
	problem := b.park(s.parked.spool)
	s.states.Parked(parkedShare, problem)
	if problem != nil {
		s.backOff(b)
	}
}

// outage says whether a delivery ended for a reason that all frames share.
func (s *sender) outage(err error) bool {
	_, settings := errors.AsType[*deliver.Misconfiguration](err)
	return err != nil && !settings
}

// backOff waits until another attempt makes sense.
func (s *sender) backOff(b *batch) {
	policy := &s.policy
	if s.stopped() && b.settled == 0 {
		s.cancel() // the last second is for what makes progress
		return
	}
	if b.settled > 0 {
		s.pause = 0
	}
	if s.deliverer.Closed() {
		s.pause = 0
		s.awaitGate()
		return
	}
	s.pause = min(max(2*s.pause, policy.Initial), policy.Longest)
	s.sleep(s.pause)
}

// awaitGate waits for the gate, but at exit.
func (s *sender) awaitGate() {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	s.deliverer.Await(ctx)
}

var errSenderPanic = errors.New("drain: the sender failed")

// deliver sends one request. A panic, which only a fault of this plugin can
// cause, is told and becomes an error.
func (s *sender) deliver(b *batch) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			s.fault(problem)
			err = errSenderPanic
		}
	}()
	return s.deliverer.Deliver(s.ctx, b, b.scratch.Request)
}

// afterPanic goes back to the checkpoint and sends the frames one by one. The
// one that the plugin fails on again, alone, is set aside, so that it can't go
// round forever.
func (s *sender) afterPanic(b *batch) {
	alone := b.most == 1
	b.restart()
	if s.panics++; !alone || s.panics < 2 {
		s.sleep(s.policy.Initial)
		return
	}
	s.panics = 0
	if f, err := b.more(); f != nil && err == nil {
		b.discard(0, errSenderPanic)
	}
}

func (s *sender) stopped() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// sleep waits, but not at exit.
func (s *sender) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stopping:
	}
}
