package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"out_es/plugin/callback"
)

// Gate protects an instance's cluster, so that an outage costs one wait and not one for each queued
// chunk. docs/architecture.md draws its states:
//
//	open ──a request failed──▶ probing ──it gave up──▶ closed until t ──t──▶ probing …
//	  ▲                           │ a request was answered
//	  └───────────────────────────┘
//
// While it probes, one flush owns it and tries; the others wait for the result. While it is closed,
// flushes are turned away at once. It is safe for concurrent use.
type Gate struct {
	mu       sync.Mutex
	probing  bool
	until    time.Time     // closed before this
	turned   chan struct{} // closed when the probing ends
	schedule *backoff.ExponentialBackOff
	longest  time.Duration
}

// NewGate returns an open gate. After n failures in a row it stays closed for
// a random time up to twice initial·2ⁿ, at most longest.
func NewGate(initial, longest time.Duration) *Gate {
	return &Gate{schedule: newSchedule(initial, longest), longest: longest}
}

// newSchedule grows by two from initial to longest with full jitter: cenkalti's
// randomization of 1 draws from [0, 2·interval].
func newSchedule(initial, longest time.Duration) *backoff.ExponentialBackOff {
	s := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(initial),
		backoff.WithMaxInterval(longest),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(1),
		backoff.WithMaxElapsedTime(0),
	)
	s.Reset()
	return s
}

// Role is a flush's role at the gate.
type Role uint8

// The roles.
const (
	// Passer: the gate is open.
	Passer Role = iota
	// Prober: the gate was closed long enough, this flush tries.
	Prober
	// TurnedAway: not now.
	TurnedAway
)

// Enter asks to pass. It waits while another flush probes, until ctx ends.
func (g *Gate) Enter(ctx context.Context) Role {
	for {
		g.mu.Lock()
		switch {
		case g.probing:
			turned := g.turned
			g.mu.Unlock()
			callback.Offload(ctx, func(ctx context.Context) {
				select {
				case <-turned:
				case <-ctx.Done():
				}
			})
			if ctx.Err() != nil {
				return TurnedAway
			}
			continue
		case g.until.IsZero():
			g.mu.Unlock()
			return Passer
		case time.Now().Before(g.until):
			g.mu.Unlock()
			return TurnedAway
		}
		g.probe()
		g.mu.Unlock()
		return Prober
	}
}

// passes reports whether the gate is open.
func (g *Gate) passes() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.probing && g.until.IsZero()
}

// closedFor is how long the gate stays closed, 0 where it is not.
func (g *Gate) closedFor() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.IsZero() {
		return 0
	}
	return max(0, time.Until(g.until))
}

// Fail notes a passer's failed request. The first becomes the prober and continues trying.
// Another one, while the first probes or later, is turned away, and may wait for the result with
// Enter.
func (g *Gate) Fail() Role {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.probing || !g.until.IsZero() {
		return TurnedAway
	}
	g.probe()
	return Prober
}

func (g *Gate) probe() {
	g.probing = true
	g.turned = make(chan struct{})
}

// Open tells that a request was answered. Only the prober calls it.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.schedule.Reset()
	g.turn(time.Time{})
}

// Pass tells that the prober learned nothing: the next flush probes.
func (g *Gate) Pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(time.Now())
}

// Close notes that the prober gave up. atLeast is the pause that a server asked for. The server may
// have told many agents the same moment, so they return spread over half of that pause, at most
// over longest.
func (g *Gate) Close(atLeast time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pause := min(g.schedule.NextBackOff(), g.longest)
	if atLeast > 0 {
		spread := newSchedule(min(atLeast/2, g.longest)/2, g.longest).NextBackOff()
		pause = max(pause, atLeast+spread)
	}
	g.turn(time.Now().Add(pause))
}

func (g *Gate) turn(until time.Time) {
	g.until = until
	if g.probing {
		g.probing = false
		close(g.turned)
	}
}
