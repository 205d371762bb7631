package simulate

import (
	"math/rand/v2"
	"time"
)

// frame is how often Fluent Bit looks at retries that are more than a frame
// away; nearer ones have a timer of their own.
const frame = 10 * time.Second

// Scheduler is Fluent Bit's schedule for chunks that were answered with RETRY, as in
// src/flb_scheduler.c of 5.1.1. The fields are `scheduler.base` and `scheduler.cap`, in seconds.
type Scheduler struct{ Base, Cap int }

// Range is the shortest and the longest pause before the nth retry, in whole
// seconds: base to base·2ⁿ, no more than cap, and one second on top.
func (s Scheduler) Range(n int) (lowest, highest int) {
	highest = s.Cap
	if n < 31 && s.Base<<n < s.Cap {
		highest = s.Base << n
	}
	return s.Base + 1, highest + 1
}

// Wait draws a pause from the range, each second as likely as the others.
func (s Scheduler) Wait(n int, random *rand.Rand) int {
	lowest, highest := s.Range(n)
	return lowest + random.IntN(highest-lowest+1)
}

// Due is the moment when a retry comes that was created now and waits so many
// seconds, in a Fluent Bit that started at started. Only whole seconds of the
// clock count for one that waits longer than a frame.
func (s Scheduler) Due(started, now time.Time, seconds int) time.Time {
	if wait := time.Duration(seconds) * time.Second; wait <= frame {
		return now.Add(wait)
	}
	tick := started.Add(now.Sub(started).Truncate(frame) + frame)
	for ; ; tick = tick.Add(frame) {
		passed := int(tick.Unix() - now.Unix())
		if passed > seconds {
			return tick.Add(time.Second)
		}
		if left := seconds - passed; left <= int(frame/time.Second) {
			return tick.Add(time.Duration(left) * time.Second)
		}
	}
}
