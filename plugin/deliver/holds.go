package deliver

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"out_es/plugin/bulk"
)

const (
	// maxHolds bounds the table of destinations: about 100 KB when it is full.
	// The events of a destination that finds no place are sent with every
	// request, and stay unsettled as others do.
	maxHolds = 256
	// maxSuspects bounds the documents that are under suspicion, 64 bytes each.
	// One that is forgotten is innocent again.
	maxSuspects = 4096
	// strikeGap is how far apart the failures are that count against a document.
	strikeGap = time.Second
	// clientStrikes and serverStrikes are how often a document fails with an
	// unknown error, while its destination takes others, before it is the
	// document's fault. A server's own errors (5xx) pass more often.
	clientStrikes = 3
	serverStrikes = 10
)

// Hold is a destination that is held, or was.
type Hold struct {
	// Destination is the name of an index, alias or data stream, "" where a
	// setting holds every request.
	Destination string
	Why         Rejection
	Since       time.Time
}

// holds is the table of destinations that can't be written now, and the
// documents that are under suspicion. A destination's gate has the states
//
//	open ──an answer holds it──▶ closed until t ──t, and a flush has events for it──▶ probing
//	  ▲                             ▲                                                   │  │
//	  │                             └──────────── failed again: t doubles ──────────────┘  │
//	  └──────────────────────────── answered without its fault ────────────────────────────┘
//
// It is safe for concurrent use.
type holds struct {
	initial, longest time.Duration
	pace             *pace // learns when destinations are held and released
	// size is len(byName), so that the lock is not needed while nothing is held.
	size atomic.Int32
	// delivered counts the answers in which something was accepted.
	delivered atomic.Uint64
	// suspected is len(suspects).
	suspected atomic.Int32
	// row is how many answers in a row were nothing but backpressure.
	row atomic.Int32

	mu       sync.Mutex
	byName   map[string]*hold
	suspects map[[16]byte]*suspect
	recent   [2]acceptance // the last two destinations that accepted something
}

// hold is a destination in the table.
type hold struct {
	closed   bool
	probing  bool
	until    time.Time // closed before this
	schedule *backoff.ExponentialBackOff
	since    time.Time
	why      Rejection
	// accepted is the number of the last answer in which it accepted something.
	accepted uint64
	used     time.Time
}

// suspect is a document that failed with an unknown error.
type suspect struct {
	strikes int
	// seen is the number of the last answer that anything was accepted in when
	// it failed, at when that was.
	seen uint64
	at   time.Time
}

type acceptance struct {
	name string
	at   time.Time
}

func newHolds(initial, longest time.Duration, p *pace) *holds {
	return &holds{initial: initial, longest: longest, pace: p, byName: map[string]*hold{}, suspects: map[[16]byte]*suspect{}}
}

// any reports whether the table holds anything.
func (h *holds) any() bool { return h.size.Load() > 0 }

// closed reports whether a destination's events are kept back.
func (h *holds) closed(name []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.byName[string(name)]
	return d != nil && d.closed
}

// why is the reason for which a destination is held.
func (h *holds) why(name string) (Hold, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.byName[name]; d != nil && d.closed {
		return Hold{name, d.why, d.since}, true
	}
	return Hold{}, false
}

// waited reports whether a destination is held for a shard that the server has
// waited for.
func (h *holds) waited(name string) bool {
	why, held := h.why(name)
	return held && why.Why.Waited
}

// claim lets one delivery probe a closed destination when its time has come. It reports whether the
// destination may be tried: it may be open by now, too.
func (h *holds) claim(name string) (probe, try bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.byName[name]
	switch {
	case d == nil || !d.closed:
		return false, true
	case d.probing || time.Now().Before(d.until):
		return false, false
	}
	d.probing = true
	return true, true
}

// unclaim ends a probe that learned nothing: the next delivery probes.
func (h *holds) unclaim(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.byName[name]; d != nil {
		d.probing = false
	}
}

// next is when a destination may be tried, the zero time where it is open.
func (h *holds) next(name string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.byName[name]; d != nil && d.closed {
		return d.until
	}
	return time.Time{}
}

// count is how many destinations are held.
func (h *holds) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, d := range h.byName {
		if d.closed {
			n++
		}
	}
	return n
}

// enter finds or makes the destination's place in the table, nil where there
// is none. h.mu is held.
func (h *holds) enter(name string) *hold {
	d := h.byName[name]
	if d == nil {
		if len(h.byName) >= maxHolds && !h.evict() {
			return nil
		}
		d = &hold{schedule: newSchedule(h.initial, h.longest)}
		h.byName[name] = d
		h.size.Store(int32(len(h.byName)))
	}
	d.used = time.Now()
	return d
}

// evict removes the open destination that was used longest ago, and reports whether there was one.
// h.mu is held.
func (h *holds) evict() bool {
	oldest, found := "", false
	for name, d := range h.byName {
		if !d.closed && (!found || d.used.Before(h.byName[oldest].used)) {
			oldest, found = name, true
		}
	}
	delete(h.byName, oldest)
	h.size.Store(int32(len(h.byName)))
	return found
}

// close holds a destination for a random time that doubles with each failure.
// It reports whether there was room for it in the table.
func (h *holds) close(name string, why Rejection) (held Hold, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.enter(name)
	if d == nil {
		return Hold{}, false
	}
	now := time.Now()
	if !d.closed {
		d.closed, d.since = true, now
		h.pace.hold()
		d.schedule.Reset()
	} else if !d.probing && now.Before(d.until) {
		return Hold{name, d.why, d.since}, true // another request, sent before it was closed
	}
	d.probing, d.why = false, why
	d.until = now.Add(min(d.schedule.NextBackOff(), h.longest))
	return Hold{name, why, d.since}, true
}

// open lets a destination's events pass again. It reports whether they had been
// held.
func (h *holds) open(name string) (was Hold, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.byName[name]
	if d == nil || !d.closed {
		return Hold{}, false
	}
	was = Hold{name, d.why, d.since}
	h.pace.release(d.since)
	if len(h.suspects) > 0 {
		d.closed, d.probing = false, false // accepted documents are still noted
		return was, true
	}
	delete(h.byName, name)
	h.size.Store(int32(len(h.byName)))
	return was, true
}

// track keeps an open destination in the table, so that its accepted documents are noted.
func (h *holds) track(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.enter(name)
}

// accepted notes that a destination accepted something in the current answer.
func (h *holds) accepted(name []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.byName[string(name)]; d != nil {
		d.accepted, d.used = h.delivered.Load(), time.Now()
	}
	if h.recent[0].name != string(name) {
		h.recent[1] = h.recent[0]
		h.recent[0].name = string(name)
	}
	h.recent[0].at = time.Now()
}

// othersAccept reports whether a destination other than name accepted something
// within the given time.
func (h *holds) othersAccept(name []byte, within time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.recent {
		if !r.at.IsZero() && r.name != string(name) && time.Since(r.at) <= within {
			return true
		}
	}
	return false
}

// suspicious reports whether the document failed before while others were
// accepted.
func (h *holds) suspicious(document [16]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.suspects[document]
	return s != nil && s.strikes > 0
}

// strike counts a failure against a document where its destination accepts
// others: in the same answer, or since the failure before. name is "" for one
// that fails a whole request: then any answer counts. It reports whether the
// document is guilty.
func (h *holds) strike(document [16]byte, name string, status int, beside bool) (guilty bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, answers := time.Now(), h.delivered.Load()
	last := answers
	if d := h.byName[name]; name != "" {
		last = 0
		if d != nil {
			last = d.accepted
		}
	}
	s := h.suspects[document]
	if s == nil {
		h.expire()
		if len(h.suspects) >= maxSuspects {
			h.forgive()
		}
		s = &suspect{}
		h.suspects[document] = s
		h.suspected.Store(int32(len(h.suspects)))
	} else {
		beside = (beside || last > s.seen) && now.Sub(s.at) >= strikeGap
	}
	if !beside && s.strikes > 0 {
		return false
	}
	s.seen, s.at = answers, now
	if !beside {
		return false
	}
	s.strikes++
	limit := serverStrikes
	if status >= 400 && status < 500 {
		limit = clientStrikes
	}
	if s.strikes < limit {
		return false
	}
	h.drop(document)
	return true
}

// acquit forgets a document that came to an end.
func (h *holds) acquit(document [16]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(document)
}

// drop removes a document from the suspects. Without suspects, accepted documents of open
// destinations need not be noted. h.mu is held.
func (h *holds) drop(document [16]byte) {
	delete(h.suspects, document)
	h.suspected.Store(int32(len(h.suspects)))
	if len(h.suspects) > 0 {
		return
	}
	for name, d := range h.byName {
		if !d.closed {
			delete(h.byName, name)
		}
	}
	h.size.Store(int32(len(h.byName)))
}

// forgive takes out the suspect that failed longest ago. h.mu is held.
func (h *holds) forgive() {
	var oldest [16]byte
	first := true
	for name, s := range h.suspects {
		if first || s.at.Before(h.suspects[oldest].at) {
			oldest, first = name, false
		}
	}
	h.drop(oldest)
}

// expire forgets suspects that did not come again: Fluent Bit may have given
// their chunks up. h.mu is held.
func (h *holds) expire() {
	for name, s := range h.suspects {
		if time.Since(s.at) > memoryAge {
			h.drop(name)
		}
	}
}

// Admission says which destinations a request may hold events of. A nil one
// admits all. It belongs to one delivery.
type Admission struct {
	holds *holds
	limit time.Duration // Policy.HoldLimit
	// only is the one destination that is admitted, where probing is set.
	only    string
	probing bool
	// turned are the destinations that were turned away, and not tried since.
	turned []string
	// others says that there were more of them than turned has room for.
	others bool
	last   []byte // the last name that was asked for, where asked is set
	asked  bool
	admits bool
}

// maxTurned bounds the destinations that one delivery tries again.
const maxTurned = 16

// Admits reports whether an event for the destination may be sent now. Source
// asks for each event that it fills in.
func (a *Admission) Admits(destination []byte) bool {
	if a == nil {
		return true
	}
	if !a.asked || string(a.last) != string(destination) {
		a.last, a.asked = append(a.last[:0], destination...), true
		a.admits = a.ask(destination)
	}
	return a.admits
}

// Expired reports whether records that a destination has held since then count as rejected, with
// the reason.
func (a *Admission) Expired(destination []byte, since time.Time) (Rejection, bool) {
	if a.limit == 0 || since.IsZero() || time.Since(since) < a.limit {
		return Rejection{}, false
	}
	held, ok := a.holds.why(string(destination))
	why := held.Why
	why.Reason = "held for longer than Hold_Limit: " + why.Reason
	why.FullReason = why.Reason // the full one may quote another record
	return why, ok
}

func (a *Admission) ask(destination []byte) bool {
	if a.probing {
		return a.only == string(destination)
	}
	if !a.holds.closed(destination) {
		return true
	}
	a.turnAway(string(destination))
	return false
}

func (a *Admission) turnAway(destination string) {
	for _, known := range a.turned {
		if known == destination {
			return
		}
	}
	if len(a.turned) == maxTurned {
		a.others = true
		return
	}
	a.turned = append(a.turned, destination)
}

// round begins another request: the state of the last name is outdated.
func (a *Admission) round() { a.asked = false }

// Held is why events are left that a destination, or a setting, keeps out.
type Held struct{ Hold }

func (h *Held) Error() string {
	text := "every request is rejected"
	if h.Destination != "" {
		text = h.Destination + " is held"
	}
	return text + ": " + h.Why.err().Error()
}

// Scope is the scope of the fault.
func (h *Held) Scope() bulk.Scope { return h.Why.Scope }
