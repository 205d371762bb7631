package simulate

import (
	"slices"
	"testing"
	"time"
)

// longestPause is the longest time in the outage between the end of a request
// and the beginning of the next.
func longestPause(s Scenario, trace *Trace) time.Duration {
	longest, ended := time.Duration(0), time.Duration(0)
	for _, r := range trace.Requests {
		if r.At >= 0 && ended < s.Outage {
			longest = max(longest, r.At-max(ended, 0))
		}
		ended = r.At + r.Took
	}
	return longest
}

// refusals is how many requests an agent made in vain.
func refusals(trace *Trace) int {
	n := 0
	for _, r := range trace.Requests {
		if !r.Answered {
			n++
		}
	}
	return n
}

// TestOutageEndsSoonForEveryAgent checks, for each kind of outage, the pause between two requests
// of an agent, and the time until it notices the end. The gate stays closed for at most Retry_Max
// or the server's Retry-After, and the next chunk, at most Every later, is the probe. A hanging one
// takes Request_Timeout first.
func TestOutageEndsSoonForEveryAgent(t *testing.T) {
	const every, closed = 10 * time.Second, 30 * time.Second
	for name, c := range map[string]struct {
		kind          Kind
		pause, notice time.Duration
		requests      int // that an agent makes in ten minutes
	}{
		"refused connections":    {Refusing, closed + every, closed + every, 50},
		"requests that hang":     {Hanging, closed + every, Defaults.RequestTimeout + closed + every, 12},
		"503 with a Retry-After": {Busy, busyPause + closed + every, busyPause + closed + every, 8},
	} {
		t.Run(name, func(t *testing.T) {
			s := outage
			s.Agents, s.Kind = 100, c.kind
			var pause time.Duration
			most := 0
			traces := play(t, s)
			for _, trace := range traces {
				pause, most = max(pause, longestPause(s, trace)), max(most, refusals(trace))
			}
			first := Gather(s, traces).First
			if slices.Min(first) < 0 {
				t.Error("an agent never noticed that the outage was over")
			}
			t.Logf("longest pause %s, last to notice %s after, at most %d requests of an agent", pause, slices.Max(first), most)
			if pause > c.pause || slices.Max(first) > c.notice || most > c.requests {
				t.Errorf("more than a pause of %s, %s, and %d requests", c.pause, c.notice, c.requests)
			}
		})
	}
}

// TestSchedulerCapDecidesWhenAQuietNodeNotices has nodes without new logs during the outage: only
// Fluent Bit's own retries can find Elasticsearch back.
func TestSchedulerCapDecidesWhenAQuietNodeNotices(t *testing.T) {
	for name, c := range map[string]struct {
		scheduler       Scheduler
		atLeast, atMost time.Duration // for the last of all nodes
	}{
		"base 1, cap 30 of examples/lossless.conf": {Scheduler{1, 30}, 0, 65 * time.Second},
		"Fluent Bit's base 5, cap 2000":            {Scheduler{5, 2000}, 5 * time.Minute, 2000 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := outage
			s.Agents, s.Scheduler, s.Logs, s.After = 200, c.scheduler, 10*time.Second, 40*time.Minute
			first := Gather(s, play(t, s)).First
			slices.Sort(first)
			t.Logf("half of the nodes notice within %s, the last after %s", first[len(first)/2], first[len(first)-1])
			if last := first[len(first)-1]; first[0] < 0 || last < c.atLeast || last > c.atMost {
				t.Errorf("the first after %s, the last after %s, want %s to %s", first[0], last, c.atLeast, c.atMost)
			}
		})
	}
}

// TestHerdIsNoThunder checks the figures of a thousand agents in docs/benchmarks.md.
func TestHerdIsNoThunder(t *testing.T) {
	traces := played(t)
	herd := Gather(outage, traces)
	steady := herd.Steady(outage)
	back := int((outage.Calm + outage.Outage) / time.Second)
	minute := herd.Answered[back : back+60]
	peak, at := herd.Peak()
	queued := 0
	for _, trace := range traces {
		queued = max(queued, trace.Queued)
	}
	t.Logf("steady %.0f a second; in the outage at most %.0f, later %.0f; first second after it %.0f; peak %.0f, %s after, of a mean of %.0f in that minute; up to %d chunks queued",
		steady, slices.Max(herd.Refused), herd.MeanRefused(outage), minute[0], peak, at-outage.Outage, mean(minute), queued)
	for what, c := range map[string]struct{ got, atMost float64 }{
		"requests in the worst second of the outage":          {slices.Max(herd.Refused), 6 * steady},
		"requests a second in the second half of the outage":  {herd.MeanRefused(outage), steady / 2},
		"requests in the first second after the outage":       {minute[0], 1.5 * steady},
		"the peak against the mean of the minute after":       {peak, 2.2 * mean(minute)},
		"requests a second when the first minute has gone by": {slices.Max(herd.Answered[back+75:]), 1.3 * steady},
		"how late the last agent notices, in seconds":         {slices.Max(herd.First).Seconds(), 40},
	} {
		if c.got > c.atMost {
			t.Errorf("%s: %.1f, more than %.1f", what, c.got, c.atMost)
		}
	}
}
