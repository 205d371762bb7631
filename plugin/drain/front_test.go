package drain

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A frame that fills a request to its last byte is not known to have ended. Where the request also
// held events of a destination in trouble, its events were left behind, and with them the frame
// that had none: it must not stay at the front once all of its events are delivered.
func TestAFrameAtTheEndOfARequestDoesNotStayAtTheFront(t *testing.T) {
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Limit, o.Linger = 16<<20, time.Millisecond
	o.Policy.Bytes, o.Policy.InitialPause, o.Policy.MaxPause = 100<<10, 20*time.Millisecond, time.Minute
	r := start(t, o, c.send)
	const others = 100
	large := "\x92\x00\x81\xa1t\xda\x40\x00" + strings.Repeat("x", 1<<14)
	r.flush(t, "held", withTime)
	for n := range others {
		r.flush(t, fmt.Sprint("free", n%7), large)
	}
	waitFor(t, "the front is empty", func() bool { return r.fresh.Stats().Frames == 0 })
	r.close()
	if got := r.parked.Stats().Frames; got != 1 {
		t.Errorf("%d frames wait, want the held one", got)
	}
	sum := 0
	for n := range 7 {
		sum += c.has(fmt.Sprint("app-free", n))
	}
	if sum != others {
		t.Errorf("%d documents of others arrived, want %d", sum, others)
	}
}
