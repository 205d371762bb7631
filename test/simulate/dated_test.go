package simulate

import (
	"testing"
	"time"
)

// TestRetryAfterOfOneMomentMakesNoHerd lets a server tell every agent the moment
// at which it will be back.
func TestRetryAfterOfOneMomentMakesNoHerd(t *testing.T) {
	s := outage
	s.Kind = Dated
	herd := Gather(s, play(t, s))
	back := int((s.Calm + s.Outage) / time.Second)
	first := herd.Answered[back]
	peak, at := herd.Peak()
	t.Logf("first second %.0f, peak %.0f, %s after", first, peak, at-s.Outage)
	if first > 1.5*herd.Steady(s) {
		t.Errorf("%.0f requests in the first second after the outage, more than 1.5 times the steady %.0f", first, herd.Steady(s))
	}
}
