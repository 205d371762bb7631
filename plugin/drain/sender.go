package drain

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/guard"
	"out_es/plugin/report"
	"out_es/plugin/spool"
)

const (
	// closeGrace is how long the sender goes on at exit, closeLimit how long the
	// exit waits for it to end after that: Fluent Bit waits for it, and Kubernetes
	// for Fluent Bit.
	closeGrace = time.Second
	closeLimit = 500 * time.Millisecond
	// unreadPause is the pause before a sender reads unreadable data again.
	unreadPause = time.Second
)

// worker is the common part of the two senders of a drain.
type worker struct {
	deliverer *deliver.Deliverer
	policy    deliver.Policy
	report    *report.Reporter
	states    *report.Spool
	parked    *spool.ParkedQueues
	// worked is called after each delivery, publish after its consequences, moved when chunks came
	// into later or left it, fault with the value of a panic.
	worked, publish, moved func()
	fault                  func(problem any)
	// stopping is closed when no time must be lost any more, ctx ends a little
	// later.
	stopping chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
}

// sender delivers the appended chunks, oldest first, without end. Unsettled ones move to later, so
// that its front always moves; the retrier delivers those. docs/spool.md draws the states.
type sender struct {
	*worker
	linger time.Duration
	fresh  *batch
	done   chan struct{}
	pause  time.Duration // after failures in a row without progress
	panics int
	// held is how many records wait at the front, since requests are rejected as a whole, or since
	// they can't be moved to later.
	held atomic.Int64
}

// run is the sender's goroutine. A panic in it, wherever it is, goes back to the
// checkpoint.
func (s *sender) run() {
	defer close(s.done)
	more := true
	for more {
		if !guard.Run(s.fault, func() { more = s.round() }) {
			guard.Run(s.fault, func() { s.afterPanic(s.fresh) })
		}
	}
}

// round delivers one request, and reports whether the sender goes on.
func (s *sender) round() bool {
	if !s.wait() {
		return false
	}
	s.act(s.fresh)
	s.call(s.publish)
	return true
}

// wait sleeps until there is something to send, and the time for it, and reports whether the sender
// goes on: nothing wakes it but the first frame, the last byte of a full request, and the end of
// the linger.
func (s *sender) wait() bool {
	for {
		waiting, err := s.fresh.readAhead(s.policy.Bytes, maxFrames)
		full := waiting >= s.policy.Bytes || len(s.fresh.frames) >= maxFrames
		s.fresh.modest = !full
		switch {
		case s.stopped():
			return s.ctx.Err() == nil && waiting > 0 && !s.deliverer.Closed()
		case err != nil:
			s.sleep(unreadPause)
		case len(s.fresh.frames) == 0:
			s.await(1, nil)
		default:
			rest := s.linger - s.fresh.frames[0].age()
			if rest <= 0 || full {
				return true
			}
			timer := time.NewTimer(rest)
			s.await(int64(s.policy.Bytes-waiting), timer.C)
			timer.Stop()
		}
	}
}

// await waits until so many bytes have come, or until due.
func (s *sender) await(bytes int64, due <-chan time.Time) {
	s.fresh.spool.Await(s.fresh.reader, bytes)
	select {
	case <-s.fresh.spool.Added():
	case <-due:
	case <-s.stopping:
	}
}

// act delivers one request of the batch, and handles the rest.
func (s *sender) act(b *batch) {
	before := b.front()
	err := s.deliver(b)
	if errors.Is(err, errSenderPanic) {
		s.afterPanic(b)
		return
	}
	s.panics = 0
	if err == nil && !b.hasRetained() && b.settled == 0 && before.first != nil && b.front() == before {
		s.backOff(b) // never twice the same without a pause
		return
	}
	if err == nil && !b.hasRetained() {
		s.pause = 0
		s.states.Parked(nil)
		s.held.Store(0)
		return
	}
	if s.outage(b, err) {
		s.noteHeld(b, err)
		s.backOff(b)
		return
	}
	problem := s.park(b, err)
	s.states.Parked(problem)
	if problem == nil {
		s.held.Store(0)
	} else {
		b.hold()
		s.noteHeld(b, err)
	}
	if problem != nil || b.settled == 0 && b.front() == before {
		s.backOff(b)
	}
}

// noteHeld counts the records that wait at the front because of a held destination, or of a
// setting that holds every request.
func (s *sender) noteHeld(b *batch, why error) {
	if _, held := errors.AsType[*deliver.Held](why); held {
		s.held.Store(int64(b.left()))
		s.call(s.publish)
	}
}

// call calls f, whose panics are not caused by frames.
func (w *worker) call(f func()) { guard.Run(w.fault, f) }

// park moves the rest of a batch to later, for the reason why, which may be nil.
func (w *worker) park(b *batch, why error) error {
	defer w.call(w.moved)
	return b.park(func(destination string, f spool.Frame) error {
		err := w.parked.Append(destination, f)
		if err == nil {
			w.parked.WriteReason(destination, w.reason(destination, why))
		}
		return err
	})
}

// reason tells an operator why the documents for a destination wait.
func (w *worker) reason(destination string, why error) string {
	if held, ok := w.deliverer.HeldFor(destination); ok {
		return held.Error()
	}
	if why == nil {
		return "On_Rejection retry keeps records that Elasticsearch rejected"
	}
	return why.Error()
}

// outage reports whether a delivery ended for a reason that all frames share: the
// request failed as a whole, the gate is closed, or nothing at all was settled
// and no held destination is why.
func (w *worker) outage(b *batch, err error) bool {
	if err == nil || b.hasRetained() {
		return false
	}
	if _, failed := errors.AsType[*bulk.Failure](err); failed || w.deliverer.Closed() {
		return true
	}
	held, ok := errors.AsType[*deliver.Held](err)
	return !(ok && held.Destination != "") && b.settled == 0
}

// backOff waits until another attempt makes sense.
func (s *sender) backOff(b *batch) {
	b.forget()
	if s.stopped() && b.settled == 0 {
		s.cancel() // the last second is for deliveries that make progress
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
	s.pause = min(max(2*s.pause, s.policy.InitialPause), s.policy.MaxPause)
	s.sleep(s.pause)
}

// awaitGate waits for the gate, but at exit.
func (w *worker) awaitGate() {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	guard.Go(w.fault, func() {
		select {
		case <-w.stopping:
			cancel()
		case <-ctx.Done():
		}
	})
	w.deliverer.Await(ctx)
}

var errSenderPanic = errors.New("drain: the sender failed")

// deliver sends one request of a batch. A panic, which only a fault of this
// plugin can cause, becomes an error.
func (w *worker) deliver(b *batch) (err error) {
	b.begin()
	defer w.call(w.worked)
	if !guard.Run(w.fault, func() { err = w.deliverer.Deliver(w.ctx, b, b.scratch.Request) }) {
		return errSenderPanic
	}
	if err != nil {
		return err
	}
	if !b.over {
		b.Advance() // its frames held nothing that is sent
	}
	b.most = 0
	return nil
}

// afterPanic goes back to the checkpoint and sends the frames one by one.
func (s *sender) afterPanic(b *batch) {
	s.panics++
	alone := b.most == 1
	b.restart()
	if s.panics >= guiltyAfter && alone {
		s.panics = 0
		b.discardFirst()
		return
	}
	s.sleep(s.pauseAfter(s.panics))
}

// guiltyAfter is how many panics in a row a frame that is sent alone survives;
// then it is set aside, so that it can't go round forever.
const guiltyAfter = 2

// pauseAfter is how long to wait after so many panics in a row.
func (w *worker) pauseAfter(panics int) time.Duration {
	pause := w.policy.InitialPause
	for range min(panics, 20) - 1 {
		pause *= 2
	}
	return min(pause, w.policy.MaxPause)
}

func (w *worker) stopped() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// sleep waits, but not at exit.
func (w *worker) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.stopping:
	}
}
