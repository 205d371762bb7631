package drain

import (
	"errors"
	"time"

	"out_es/plugin/deliver"
	"out_es/plugin/guard"
	"out_es/plugin/source"
	"out_es/plugin/spool"
)

// retrier delivers the queues in the folder later/, which hold records that the front of the spool
// could not deliver. It sends one request of one queue at a time, each queue when its next try is
// due. It has a goroutine of its own, so that a slow destination delays no other's chunks.
//
//	a frame           its time comes             all settled
//	──────▶ waiting ─────────────────▶ sending ─────────────▶ the next at once; removed when empty
//	          ▲                          │ │ │
//	          │ outage, held: in place,  │ │ └ some left: to the end of the queue; the next at once
//	          │ with backoff             │ │   if some were settled, else with backoff
//	          └──────────────────────────┘ └ panic: from the checkpoint, one by one
type retrier struct {
	*worker
	sources *source.Shared
	scratch *source.Scratch // of whichever batch is being sent
	queues  map[*spool.Queue]*retry
	// arrived signals a new frame in later/.
	arrived chan struct{}
	done    chan struct{}
}

// retry is one queue with its schedule.
type retry struct {
	queue  *spool.Queue
	batch  *batch
	next   time.Time
	pause  time.Duration
	panics int
}

// run is the retrier's goroutine.
func (r *retrier) run() {
	defer close(r.done)
	more := true
	for more {
		if !guard.Run(r.fault, func() { more = r.round() }) {
			r.sleep(r.policy.MaxPause) // round handles the panics of sending
		}
	}
}

// round waits for the next queue and sends a request of it. It reports whether the retrier goes on.
func (r *retrier) round() bool {
	due := r.earliest()
	if !r.await(due) {
		return false
	}
	if due == nil || time.Now().Before(due.next) {
		return true // something new came
	}
	if !guard.Run(r.fault, func() { r.act(due) }) {
		guard.Run(r.fault, func() { r.afterPanic(due) })
	}
	r.call(r.moved)
	r.call(r.publish)
	return true
}

// await waits until a queue is due, or something new comes. It reports whether the retrier goes on:
// not at exit.
func (r *retrier) await(due *retry) bool {
	if r.stopped() {
		return false
	}
	var timer <-chan time.Time
	if due != nil {
		pause := time.Until(due.next)
		if pause <= 0 {
			return true
		}
		t := time.NewTimer(pause)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
	case <-r.arrived:
	case <-r.stopping:
		return false
	}
	return true
}

// earliest is the queue whose turn is next, nil for none. It removes finished queues.
func (r *retrier) earliest() (first *retry) {
	known := map[*spool.Queue]*retry{}
	for _, q := range r.parked.Queues() {
		t := r.queues[q]
		if t == nil {
			t = &retry{queue: q, next: time.Now()}
			if !q.FromEarlierRun { // it has just been tried
				t.pause = r.policy.InitialPause
				t.next = t.next.Add(t.pause)
			}
		}
		known[q] = t
		if first == nil || t.next.Before(first.next) {
			first = t
		}
	}
	r.queues = known
	return first
}

// act sends one request of a queue and handles the rest.
func (r *retrier) act(t *retry) {
	if t.batch == nil {
		if r.scratch == nil {
			r.scratch = r.sources.NewScratch()
		}
		t.batch = newBatch(t.queue.Spool, r.scratch, r.sources, r.report, r.states)
		t.batch.waited, t.batch.took = true, t.queue.Took
		if t.queue.FromEarlierRun {
			t.queue.CountEarlier(r.stopped)
		}
	}
	b := t.batch
	waiting, err := b.readAhead(1, maxFrames)
	if waiting == 0 {
		r.rest(t, err == nil && r.retire(t))
		return
	}
	err = r.deliver(b)
	if errors.Is(err, errSenderPanic) {
		r.afterPanic(t)
		return
	}
	t.panics = 0
	defer b.release()
	if errors.Is(err, deliver.ErrPaced) {
		r.takeTurn(t)
		return
	}
	if err == nil && !b.hasRetained() {
		t.pause = 0
		if !r.retire(t) {
			r.takeTurn(t)
		}
		return
	}
	held, isHeld := errors.AsType[*deliver.Held](err)
	if !r.outage(b, err) && (b.settled > 0 || b.hasRetained() || !isHeld) {
		r.states.Parked(r.park(b, err))
	}
	r.rest(t, b.settled > 0)
	if isHeld && b.settled == 0 {
		if until := r.deliverer.HeldUntil(held.Destination); !until.IsZero() {
			t.next = until
		}
	}
}

// takeTurn puts a queue behind others that wait for the pace, too.
func (r *retrier) takeTurn(t *retry) {
	t.next = time.Now()
	if paced := r.deliverer.PacedFor(); paced > 0 {
		t.next = t.next.Add(paced + turn)
	}
}

// turn is by how much one queue is later than another that is not paced.
const turn = time.Millisecond

// rest says when a queue is tried again.
func (r *retrier) rest(t *retry, progress bool) {
	if progress {
		t.pause, t.next = 0, time.Now()
		return
	}
	t.pause = min(max(2*t.pause, r.policy.InitialPause), r.policy.MaxPause)
	t.next = time.Now().Add(t.pause)
}

// retire removes a queue that is empty, and reports whether it did.
func (r *retrier) retire(t *retry) bool {
	if len(t.batch.frames) > 0 || !r.parked.Retire(t.queue) {
		return false
	}
	t.batch.reader.Close()
	if delete(r.queues, t.queue); len(r.queues) == 0 {
		r.scratch = nil // nothing may wait again for a long time
	}
	return true
}

// afterPanic goes back to the queue's checkpoint and sends its frames one by one.
func (r *retrier) afterPanic(t *retry) {
	t.panics++
	r.scratch = nil // it may be in any state
	if t.batch == nil {
		r.rest(t, false)
		return
	}
	alone := t.batch.most == 1
	t.batch.restart()
	if t.panics >= guiltyAfter && alone {
		t.panics = 0
		t.batch.discardFirst()
	}
	t.pause = 0
	t.next = time.Now().Add(r.pauseAfter(t.panics))
}

// close closes the retrier's files.
func (r *retrier) close() {
	for _, t := range r.queues {
		if t.batch != nil {
			t.batch.reader.Close()
		}
	}
}
