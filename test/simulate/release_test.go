package simulate

import (
	"slices"
	"testing"
	"time"
)

// TestFleetIsNoBurstWhenTroubleEnds lets a thousand agents send the backlog of five minutes of
// trouble: at the moment when a shard limit is lifted, with and without traffic to other indices,
// and when a throttling item by item ends.
func TestFleetIsNoBurstWhenTroubleEnds(t *testing.T) {
	for name, c := range map[string]struct {
		kind  Kind
		mixed bool
		gone  time.Duration // the backlog is delivered by then
	}{
		"shard limit":                      {Full, false, 15 * time.Minute},
		"shard limit, other indices go on": {Full, true, 10 * time.Minute},
		"items throttled":                  {Throttling, false, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := outage
			s.Kind, s.Mixed, s.Calm, s.Outage, s.After = c.kind, c.mixed, 3*time.Minute, 5*time.Minute, 16*time.Minute
			traces := play(t, s)
			herd := Gather(s, traces)
			steady := herd.Steady(s)
			peak, at := herd.Peak()
			back := int((s.Calm + s.Outage) / time.Second)
			late, queued := 0, 0
			for _, trace := range traces {
				late, queued = late+trace.Late, max(queued, trace.Waiting)
			}
			gone := mean(herd.Answered[back+int(c.gone/time.Second):])
			t.Logf("steady %.0f requests a second; refused at most %.0f in a second; afterwards at most %.0f, %s after, last agent after %s; when all is gone %.0f",
				steady, slices.Max(herd.Refused), peak, at-s.Outage, slices.Max(herd.First), gone)
			if peak > 2*steady {
				t.Errorf("%.0f requests in a second, more than twice the healthy rate", peak)
			}
			if c.mixed && late > 0 {
				t.Errorf("%d chunks for the healthy index went back", late)
			}
			if gone > 1.05*steady || queued > 2 {
				t.Errorf("%.0f requests a second %s after the end, an agent still has %d chunks", gone, c.gone, queued)
			}
		})
	}
}
