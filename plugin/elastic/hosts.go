package elastic

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"out_es/plugin/exchange"
)

const (
	// firstPause is the pause after a host's first failure. It doubles with each further one, up to
	// longestPause. The official client starts at 60 s, during which the other hosts carry the load
	// of one that only restarted.
	firstPause   = time.Second
	longestPause = time.Minute
)

// hosts are the addresses of Hosts and their states. They take turns, from a random one, so that
// the agents of a fleet don't all begin with the same.
//
//	up ──a connection or a request failed──▶ aside, for 1 s ──▶ due: one request tries it
//	▲                                          ▲                    │            │
//	│                                          └── twice as long ───┼── failed ──┘
//	└───────────── any answer, whatever its status ────────────────┘
//
// If all are aside, the one that is due next is tried: package deliver has its own pauses. It is
// safe for concurrent use.
type hosts struct {
	now func() time.Time
	// onUp is called when a host answers again, with the time of its first failure.
	onUp func(address string, since time.Time)

	mu   sync.Mutex
	all  []*host
	turn int
}

// host is one address.
type host struct {
	url     *url.URL
	address string
	pool    *exchange.Pool
	// bulk is a bulk request without a body, by the server's wait for shards, fields the common
	// part of the heads of such requests.
	bulk   [2]*http.Request
	fields [2][]byte
	// failures counts failures since the last answer; 0 means that the host is up.
	failures int
	// downSince is the time of the first of them, lastFailure that of the last; retryAt is that of
	// the next try.
	downSince, lastFailure, retryAt time.Time
}

// newHosts keeps the order of urls.
func newHosts(urls []*url.URL, back func(address string, since time.Time)) *hosts {
	h := &hosts{now: time.Now, onUp: back, turn: rand.IntN(len(urls))}
	for _, u := range urls {
		h.all = append(h.all, &host{url: u, address: addressOf(u)})
	}
	return h
}

// addressOf identifies a host that can be up or down: scheme, host and port, without the user and
// the path.
func addressOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// next returns the next host in turn, and reports whether others are up.
func (h *hosts) next() (next *host, othersUp bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for range h.all {
		candidate := h.all[h.turn]
		h.turn = (h.turn + 1) % len(h.all)
		if candidate.failures == 0 || !now.Before(candidate.retryAt) {
			next = candidate
			break
		}
		if next == nil || candidate.retryAt.Before(next.retryAt) {
			next = candidate
		}
	}
	if next.failures > 0 {
		h.postpone(next, now) // one request tries it, not all concurrent ones
	}
	for _, other := range h.all {
		othersUp = othersUp || other.failures == 0 && other.address != next.address
	}
	return next, othersUp
}

// postpone sets the time of the next try of a failed host: after half the pause to one and a half,
// so that the agents of a fleet don't come at once.
func (h *hosts) postpone(failed *host, now time.Time) {
	pause := longestPause
	if doublings := failed.failures - 1; doublings < 10 {
		pause = min(pause, firstPause<<doublings)
	}
	failed.retryAt = now.Add(pause/2 + rand.N(pause))
}

// markDown notes that a request that began at some time got no answer, and reports whether other
// hosts are up. Concurrent requests of one loss are one failure.
func (h *hosts) markDown(address string, began time.Time) (elsewhere bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for _, one := range h.all {
		if one.address != address {
			elsewhere = elsewhere || one.failures == 0
			continue
		}
		if one.failures == 0 {
			one.downSince = now
		}
		if one.failures == 0 || one.lastFailure.Before(began) {
			one.failures++
			one.lastFailure = now
			h.postpone(one, now)
		}
	}
	return elsewhere
}

// markUp notes that a host answered, with any status: a 429 or a 503 is a sign of life.
func (h *hosts) markUp(address string) {
	h.mu.Lock()
	var since time.Time
	for _, one := range h.all {
		if one.address == address && one.failures > 0 {
			one.failures, since = 0, one.downSince
		}
	}
	h.mu.Unlock()
	if !since.IsZero() && h.onUp != nil {
		h.onUp(address, since)
	}
}
