package deliver

import (
	"fmt"
	"sync"
	"time"

	"out_es/plugin/bulk"
)

const (
	// everything stands for all destinations, where a setting holds every
	// request.
	everything = ""
	// largeDocument is a body that a server may well reject for its size: the
	// smallest default there is, nginx's client_max_body_size.
	largeDocument = 1 << 20
	// regrowAfter is how long a size that a 413 taught holds before twice as
	// much is tried.
	regrowAfter = 5 * time.Minute
)

// search finds the cause of requests that are rejected as a whole (400, 413): requests are halved
// until one document is alone.
//
//	a document alone is rejected ─┬ anything was accepted in this delivery ─▶ the document is guilty
//	                             ├ 413, and it is large ──────────────────▶ the document is guilty
//	                             └ accused: the next one is tried alone ─┬ accepted ─▶ the accused is guilty
//	                                                                     ├ rejected alike ─▶ a setting
//	                                                                     └ there is none ─▶ left behind
//
// So a setting costs 2 + log₂(n) requests. A document that stays accused, delivery after delivery,
// while others are accepted, is guilty after clientStrikes.
type search struct {
	items    int  // that a request may hold, 0 for any number
	accepted bool // a request was taken in this delivery
	accused  int  // the position of a document that was rejected alone, or -1
	why      Rejection
	// unsent says that there is a dead-letter record that the next Fills miss: the source has to be
	// gone through once more.
	unsent bool
}

// localise deals with a request that was rejected as a whole.
func (r *run) localise() error {
	if fault := bulk.RequestFaultOf(r.failure); fault != nil {
		return r.giveUp(r.blame(r.rejection(), fault.Remedy))
	}
	n := len(r.req.Positions())
	switch {
	case n > 1 && r.failure.Class == bulk.Oversized:
		r.learned.halve(r.req.Size())
		return nil
	case n > 1:
		r.search.items = n / 2
		return nil
	}
	position, why, accused := int(r.req.Positions()[0]), r.rejection(), r.search.accused
	switch {
	case r.search.accepted, why.Type == bulk.TooLarge && r.req.Size() >= largeDocument:
		return r.convict(position, why)
	case accused < 0, accused == position:
	case why.Status == r.search.why.Status && why.Error == r.search.why.Error && !r.proved(accused):
		return r.giveUp(r.blame(why, remedyOf(r.failure)))
	default:
		if r.reject(accused, r.search.why) == DeadLettered {
			r.search.accused, r.search.items = -1, 0
			r.restart() // with its dead-letter record; this document comes up again
			return nil
		}
	}
	r.search.accused, r.search.why, r.search.items = position, why, 1
	r.src.Skip()
	return nil
}

// rejection is the reason for which a lone document is rejected.
func (r *run) rejection() Rejection {
	if r.failure.Class == bulk.Oversized {
		return Rejection{Type: bulk.TooLarge, Error: "too_large", Status: r.failure.Status, Scope: bulk.DocumentScope,
			Reason: fmt.Sprintf("a document of %d bytes is more than the server accepts in one request", r.req.Size())}
	}
	return Rejection{Type: bulk.InvalidAction, Error: r.failure.Type, Status: r.failure.Status, Scope: bulk.DocumentScope,
		Reason: bulk.RedactOf(r.failure.Type, r.failure.Reason), FullReason: r.failure.Reason}
}

func remedyOf(f *bulk.Failure) string {
	if f.Class == bulk.Oversized {
		return bulk.RemedyOversized
	}
	return bulk.RemedyBadRequest
}

// proved counts a strike against the accused, and reports whether it is guilty.
func (r *run) proved(accused int) bool {
	return r.holds.strike(r.src.Identity(accused), everything, r.search.why.Status, false)
}

// convict rejects the only document of a request.
func (r *run) convict(position int, why Rejection) error {
	r.answered()
	r.search.items, r.search.accused = 0, -1
	switch r.reject(position, why) {
	case Kept:
		r.src.Skip()
	case Done:
		r.src.Advance()
	case DeadLettered: // its dead-letter record is next
		r.deadLettered()
	}
	return nil
}

// deadLettered is called when a dead-letter record is to be sent in place of a document of the last
// request. A probe admits its destination only, and passes the record over.
func (r *run) deadLettered() {
	if r.admission.probing {
		r.search.unsent = true
	}
}

// reject rejects a document for which a whole request was rejected.
func (r *run) reject(position int, why Rejection) Disposition {
	fate := r.src.Reject(position, why)
	if fate == Kept {
		r.stays(why.err())
	}
	r.moved()
	return fate
}

// localised is called after an accepted request: a document that failed alone before is guilty. Its
// dead-letter record lies before the request.
func (r *run) localised() {
	accused, why := r.search.accused, r.search.why
	r.search.accepted, r.search.accused = true, -1
	if accused < 0 {
		return
	}
	r.search.items = 0
	if r.reject(accused, why) == DeadLettered {
		r.search.unsent = true
	}
}

// accusedAlone is called at the source's end where no other document was left
// to compare the accused with. It reports whether a dead-letter record is to be sent.
func (r *run) accusedAlone() (redo bool) {
	accused, why := r.search.accused, r.search.why
	r.search.accused, r.search.items = -1, 0
	if !r.proved(accused) {
		if r.stays(why.err()); !r.holds.othersAccept(nil, othersWithin) {
			r.behind = r.blame(why, remedyOf(r.failure))
		} else {
			r.answered()
		}
		return false
	}
	if r.answered(); r.reject(accused, why) != DeadLettered {
		return false
	}
	r.restart()
	return true
}

// blame holds every request: a setting is at fault.
func (r *run) blame(why Rejection, remedy string) *Held {
	r.learned.forget()
	why.Scope, why.Remedy = bulk.SettingsScope, remedy
	failure := *r.failure // it is the sender's
	failure.Class, failure.Remedy = bulk.Misconfigured, remedy
	r.failure = &failure
	held, ok := r.holds.close(everything, why)
	if !ok {
		held = Hold{Why: why, Since: time.Now()}
	}
	r.observer.Held(held)
	r.fail()
	return &Held{held}
}

// learnedSize is the size of request that 413s taught. It grows back, since
// limits are raised, and a proxy may have one that another way has not. It is
// safe for concurrent use.
type learnedSize struct {
	most  int
	mu    sync.Mutex
	bytes int // 0 before any 413
	at    time.Time
}

func (l *learnedSize) get() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes > 0 && time.Since(l.at) >= regrowAfter {
		l.bytes, l.at = 2*l.bytes, time.Now()
		if l.bytes >= l.most {
			l.bytes = 0
		}
	}
	return l.bytes
}

// halve teaches that size is too much.
func (l *learnedSize) halve(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes == 0 || size/2 < l.bytes {
		l.bytes, l.at = size/2, time.Now()
	}
}

func (l *learnedSize) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes = 0
}
