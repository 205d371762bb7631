package deliver

import (
	"errors"
	"math"
	"math/rand"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// paceMemory is how far back the healthy rate looks.
	paceMemory = 2 * time.Minute
	// paceKnown is how long an instance must have delivered before its rate is known.
	paceKnown = 10 * time.Second
	// paceFactor is the pace after trouble relative to the healthy rate. The queue of trouble that
	// lasted for t is empty after paceShare·t: it grew for t at the healthy rate, and shrinks at
	// half of it. Twice the rate would leave a fleet no room for chance: a thousand independent
	// agents exceed their mean in single seconds.
	paceFactor = 1.5
	paceShare  = 3
	// paceLongest bounds the time at that pace. Behind it the pace doubles each
	// paceStep, paceSteps times, and ends: a healthy rate that was too small by a
	// night's difference costs minutes.
	paceLongest = 30 * time.Minute
	paceStep    = 30 * time.Second
	paceSteps   = 6
	// paceLeast is the minimum duration of trouble that is worth a pace: a shorter one queues a few
	// chunks.
	paceLeast = 5 * time.Second
	// paceSlack is how far ahead of its pace an instance may be: chunks come
	// together, at Fluent Bit's Flush interval. paceDebt is how far behind it can be.
	paceSlack = 2 * time.Second
	paceDebt  = 30 * time.Second
	// pacePortion is how long the pace takes for the largest request of a queue.
	pacePortion = 10 * time.Second
	// leastPortion is the smallest bound of such a request.
	leastPortion = 64 << 10
)

// unknownRate is where the pace of an instance begins that was in trouble from
// its start on.
var unknownRate = rate{requests: 1 / paceFactor, bytes: 256 << 10 / paceFactor}

// ErrPaced means that a chunk waits for its turn after a hold, or a throttling: the gates are open,
// but waiting chunks are sent little by little.
var ErrPaced = errors.New("waiting records are sent at a limited rate")

// Waits reports whether a chunk that a delivery left counts as one that waits for
// a held destination, before reports whether it did before.
func Waits(err error, before bool) bool {
	_, held := errors.AsType[*Held](err)
	return held || before && err != nil
}

// rate is an instance's traffic a second.
type rate struct{ requests, bytes float64 }

func (r rate) max(o rate) rate {
	return rate{math.Max(r.requests, o.requests), math.Max(r.bytes, o.bytes)}
}

// pace prevents the queue of a trouble from being sent all at once when it ends: a fleet's agents
// learn of the end at much the same time. It paces nothing until then.
//
//	healthy ──a hold, throttling──▶ trouble ──released, the gate opens──▶ paced ─┐
//	   ▲                               ▲                                │       │
//	   │                               └───────── trouble again ────────┘       │
//	   └─────── paceShare times as long as the trouble, then doubling ──────────┘
//
// After a hold, chunks that waited are paced, and others precede them. After a throttling all are,
// since nothing tells which of them waited. It is safe for concurrent use.
type pace struct {
	step time.Duration
	// active means that chunks are paced, so that the lock is not needed otherwise.
	active atomic.Bool

	mu sync.Mutex
	// sums are the traffic so far, decaying: half of paceMemory ago counts for 0.6. They are as of
	// at; began is the time of the first request.
	sums      rate
	at, began time.Time
	// before is the rate when the trouble began, known where there was one.
	before rate
	known  bool
	// throttled is since when the cluster throttles, the zero time where it does not.
	throttled time.Time
	held      int // destinations
	// everything says that all chunks are paced. base is the rate that is
	// multiplied, from start until until by paceFactor.
	everything bool
	base       rate
	until      time.Time
	// next is when all that was sent is in time with the pace.
	next time.Time
}

func newPace(longest time.Duration) *pace { return &pace{step: min(paceStep, longest)} }

// sent notes a request of any chunk: new ones go first, and waiting ones get the rest of the pace.
func (p *pace) sent(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.at = now, now
	}
	p.decay(now)
	p.sums.requests++
	p.sums.bytes += float64(bytes)
	if p.active.Load() {
		p.charge(now, rate{1, float64(bytes)})
	}
}

// decay brings the sums up to now. p.mu is held.
func (p *pace) decay(now time.Time) {
	factor := math.Exp(-float64(now.Sub(p.at)) / float64(paceMemory))
	p.sums = rate{p.sums.requests * factor, p.sums.bytes * factor}
	p.at = now
}

// healthy is the rate of the last minutes, and whether it is known. p.mu is held.
func (p *pace) healthy(now time.Time) (rate, bool) {
	age := now.Sub(p.began)
	if p.began.IsZero() || age < paceKnown {
		return rate{}, false
	}
	p.decay(now)
	seconds := paceMemory.Seconds() * -math.Expm1(-float64(age)/float64(paceMemory))
	return rate{p.sums.requests / seconds, p.sums.bytes / seconds}, true
}

// trouble notes the rate before it, unless it is known from trouble that has not
// passed yet. p.mu is held.
func (p *pace) trouble(now time.Time) {
	if p.held > 0 || !p.throttled.IsZero() || p.on(now) {
		return
	}
	p.before, p.known = p.healthy(now)
}

// throttle tells that the cluster throttles.
func (p *pace) throttle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.trouble(now); p.throttled.IsZero() {
		p.throttled = now
	}
}

// open tells that the cluster takes requests again.
func (p *pace) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); !p.throttled.IsZero() {
		since := p.throttled
		p.throttled = time.Time{}
		p.begin(now, now.Sub(since), true)
	}
}

// hold tells that another destination is held.
func (p *pace) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble(time.Now())
	p.held++
}

// release tells that a destination, which was held since then, no longer is.
func (p *pace) release(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
	now := time.Now()
	p.begin(now, now.Sub(since), false)
}

// begin starts pacing after trouble that lasted so long. p.mu is held.
func (p *pace) begin(now time.Time, lasted time.Duration, everything bool) {
	if lasted < paceLeast {
		return
	}
	fresh := !p.on(now)
	if fresh {
		p.everything, p.until = false, now
	}
	p.everything = p.everything || everything
	until := now.Add(min(paceShare*lasted, paceLongest))
	base, known := p.healthy(now)
	if base = base.max(p.before); !known && !p.known || base.requests == 0 {
		base, until = unknownRate, now
		p.next = now.Add(-paceSlack)
	} else if fresh { // the probe was the first; a fleet's agents are not to be in step
		p.next = now.Add(time.Duration(2 * rand.Float64() / (base.requests * paceFactor) * float64(time.Second)))
	}
	p.base = base
	if until.After(p.until) {
		p.until = until
	}
	p.active.Store(true)
}

// now is the present pace, false where there is none any more. p.mu is held.
func (p *pace) now(now time.Time) (rate, bool) {
	if !p.active.Load() {
		return rate{}, false
	}
	factor := paceFactor
	if over := now.Sub(p.until); over >= 0 {
		steps := 1 + int(over/max(p.step, 1))
		if steps > paceSteps {
			p.active.Store(false)
			return rate{}, false
		}
		factor *= float64(int(1) << (steps - 1))
	}
	return rate{p.base.requests * factor, p.base.bytes * factor}, true
}

// on reports whether something is paced. p.mu is held.
func (p *pace) on(now time.Time) bool {
	_, on := p.now(now)
	return on
}

// charge advances the pace's clock by the time for this traffic. p.mu is held.
func (p *pace) charge(now time.Time, what rate) {
	at, on := p.now(now)
	if !on {
		return
	}
	seconds := what.requests / at.requests
	if at.bytes > 0 && what.bytes > 0 {
		seconds = math.Max(seconds, what.bytes/at.bytes)
	}
	if earliest := now.Add(-paceSlack); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(time.Duration(seconds * float64(time.Second)))
	if latest := now.Add(paceDebt); p.next.After(latest) {
		p.next = latest
	}
}

// history reports whether a chunk has waited for a destination.
type history bool

// The histories.
const (
	beingNew     history = false
	havingWaited history = true
)

// turn is the present pace of deliveries with that history, and the pause until the next of them
// may begin. paced is false where they are not paced.
func (p *pace) turn(waited history) (at rate, pause time.Duration, paced bool) {
	if !p.active.Load() {
		return rate{}, 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if at, paced = p.now(now); !paced || waited == beingNew && !p.everything {
		return rate{}, 0, false
	}
	return at, max(0, p.next.Sub(now)), true
}

// admit reports whether a delivery with that history may begin now, and how many bytes a request of
// a queue may have, 0 for any number.
func (p *pace) admit(waited history) (portion int, ok bool) {
	at, pause, paced := p.turn(waited)
	if !paced {
		return 0, true
	}
	return max(leastPortion, int(at.bytes*pacePortion.Seconds())), pause == 0
}

// wait is how long a delivery with that history is turned away.
func (p *pace) wait(waited history) time.Duration {
	_, pause, _ := p.turn(waited)
	return pause
}
