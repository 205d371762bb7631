package deliver_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/deliver"
)

// A step changes a gate or asks it, and returns its role.
type step struct {
	name string
	do   func(*deliver.Gate) deliver.Role
}

var (
	enter   = step{"enter", func(g *deliver.Gate) deliver.Role { return g.Enter(context.Background()) }}
	stumble = step{"stumble", func(g *deliver.Gate) deliver.Role { return g.Fail() }}
	// waits is an Enter with a context that ends before any other event.
	waits = step{"enter, not for long", func(g *deliver.Gate) deliver.Role {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return g.Enter(ctx)
	}}
	open    = step{"open", func(g *deliver.Gate) deliver.Role { g.Open(); return deliver.Passer }}
	pass    = step{"pass", func(g *deliver.Gate) deliver.Role { g.Pass(); return deliver.Passer }}
	closes  = step{"close", func(g *deliver.Gate) deliver.Role { g.Close(0); return deliver.Passer }}
	closes9 = step{"close for 9m", func(g *deliver.Gate) deliver.Role { g.Close(9 * time.Minute); return deliver.Passer }}
)

func later(d time.Duration) step {
	return step{"after " + d.String(), func(*deliver.Gate) deliver.Role { time.Sleep(d); return deliver.Passer }} // fake time
}

// TestGateTransitions walks each arrow that Gate's comment draws.
func TestGateTransitions(t *testing.T) {
	type expected struct {
		step
		role deliver.Role
	}
	const passer, prober, away = deliver.Passer, deliver.Prober, deliver.TurnedAway
	longest := later(31 * time.Second)
	for name, walk := range map[string][]expected{
		"open: all pass":                         {{enter, passer}, {enter, passer}},
		"open to probing, others wait":           {{enter, passer}, {stumble, prober}, {waits, away}},
		"probing: a second stumble is no prober": {{stumble, prober}, {stumble, away}},
		"probing to open":                        {{stumble, prober}, {open, 0}, {enter, passer}, {stumble, prober}},
		"probing to closed, others are away":     {{stumble, prober}, {closes9, 0}, {enter, away}, {stumble, away}},
		"closed to probing by time":              {{stumble, prober}, {closes, 0}, {longest, 0}, {enter, prober}, {waits, away}},
		"closed: a stumble is no prober, ever":   {{stumble, prober}, {closes, 0}, {longest, 0}, {stumble, away}, {enter, prober}},
		"closed, probing, closed":                {{stumble, prober}, {closes, 0}, {longest, 0}, {enter, prober}, {closes9, 0}, {longest, 0}, {enter, away}},
		"closed, probing, open":                  {{stumble, prober}, {closes, 0}, {longest, 0}, {enter, prober}, {open, 0}, {enter, passer}},
		"a prober that learned nothing":          {{stumble, prober}, {pass, 0}, {enter, prober}},
		"Retry-After goes beyond the longest":    {{stumble, prober}, {closes9, 0}, {later(9*time.Minute - 1), 0}, {enter, away}, {later(30*time.Second + 1), 0}, {enter, prober}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := deliver.NewGate(500*time.Millisecond, 30*time.Second)
				for i, s := range walk {
					if got := s.do(gate); got != s.role {
						t.Fatalf("step %d, %s: role %d, want %d", i, s.name, got, s.role)
					}
				}
			})
		})
	}
}

// The fate of flushes that wait while one probes.
func TestWaitingFlushesLearnTheResultOfTheProbe(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*deliver.Gate)
		want map[deliver.Role]int
	}{
		"it opened":  {func(g *deliver.Gate) { g.Open() }, map[deliver.Role]int{deliver.Passer: 100}},
		"it gave up": {func(g *deliver.Gate) { g.Close(time.Minute) }, map[deliver.Role]int{deliver.TurnedAway: 100}},
		"it left":    {func(g *deliver.Gate) { g.Pass() }, map[deliver.Role]int{deliver.Prober: 1, deliver.TurnedAway: 99}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := deliver.NewGate(500*time.Millisecond, 30*time.Second)
				gate.Fail()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				roles := make(chan deliver.Role, 100)
				for range 100 {
					go func() { roles <- gate.Enter(ctx) }()
				}
				synctest.Wait()
				if len(roles) != 0 {
					t.Fatalf("%d did not wait", len(roles))
				}
				c.end(gate)
				got := map[deliver.Role]int{}
				for range 100 {
					got[<-roles]++ // those behind a new prober wait until ctx ends
				}
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("roles %v, want %v", got, c.want)
				}
			})
		})
	}
}

// The gate stays closed for a random while that grows, and never for longer
// than the longest.
func TestTheGateStaysClosedForLongerEachTime(t *testing.T) {
	const initial, longest = time.Second, 8 * time.Second
	closedFor := func(failures int) time.Duration {
		var took time.Duration
		synctest.Test(t, func(*testing.T) {
			gate := deliver.NewGate(initial, longest)
			gate.Fail()
			for range failures - 1 {
				gate.Close(0)
				time.Sleep(longest)
				gate.Enter(context.Background())
			}
			gate.Close(0)
			began := time.Now()
			for gate.Enter(context.Background()) == deliver.TurnedAway {
				time.Sleep(10 * time.Millisecond)
			}
			took = time.Since(began)
		})
		return took
	}
	for failures, limit := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: longest, 6: longest} {
		var most time.Duration
		for range 60 {
			most = max(most, closedFor(failures))
		}
		if most > limit+10*time.Millisecond || most < limit*7/10 {
			t.Errorf("after %d failures it stayed closed for up to %v, want %v", failures, most, limit)
		}
	}
}
