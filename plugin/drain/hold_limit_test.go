package drain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadletter"
	"out_es/plugin/source"
)

// of is an event whose field k has this value.
func of(k string) string {
	return "\x92\x00\x81\xa1k" + string([]byte{0xa0 + byte(len(k))}) + k
}

// ended are the records that came to an end in a run, by outcome.
func (r *running) ended(outcome string) int { return int(r.host.Count("records_total", outcome)) }

// Hold_Limit ends the wait of records in a spool as it does without one: in chunks of such records
// only, in chunks with an accepted rest, and across restarts of the agent, which do not begin it
// anew. Nothing is rejected before.
func TestHoldLimitEndsTheWaitOfSpooledRecords(t *testing.T) {
	for _, limit := range []time.Duration{time.Nanosecond, time.Second, 10 * time.Minute, 30 * 24 * time.Hour} {
		for _, restarts := range []int{0, 3} {
			t.Run(fmt.Sprint(limit, " with ", restarts, " restarts"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { holdLimit(t, limit, restarts) })
			})
		}
	}
}

func holdLimit(t *testing.T, limit time.Duration, restarts int) {
	const chunks = 3
	c := newCluster("app-held")
	o := options(t.TempDir())
	o.Policy.HoldLimit = limit
	o.Policy.InitialPause, o.Policy.MaxPause = 100*time.Millisecond, max(time.Second, min(limit/20, 30*time.Minute))
	begin := func() *running {
		r := prepareFor(t, "app-$k", o, c.send)
		r.begin()
		return r
	}
	r := begin()
	for n := range chunks {
		r.flush(t, "alone", of("held")+of("held"))
		r.flush(t, "mixed", of("free")+of("held")+of("free"))
		if n == 0 {
			time.Sleep(o.Linger + time.Millisecond) // its request is sent alone
		}
	}
	dropped, settled := 0, 0
	for n := range restarts {
		time.Sleep(limit/time.Duration(restarts+1) - time.Duration(n)*2*o.Linger)
		r.close()
		dropped += r.ended("dropped")
		settled += r.ended("accepted")
		r = begin()
	}
	if limit > time.Minute {
		if time.Sleep(limit/time.Duration(restarts+1) - 10*time.Second - 20*o.Linger); dropped+r.ended("dropped") > 0 {
			t.Errorf("%d records were rejected before their time", dropped+r.ended("dropped"))
		}
		r.Publish()
		if held := r.host.Gauge("held_records"); held != 3*chunks {
			t.Errorf("held_records is %v, want %d", held, 3*chunks)
		}
	}
	time.Sleep(2*o.Policy.MaxPause + 20*time.Second)
	r.Publish()
	if held := r.host.Gauge("held_records"); held != 0 {
		t.Errorf("held_records is %v at the end", held)
	}
	if frames := r.fresh.Stats().Frames + r.parked.Stats().Frames; frames > 0 {
		t.Errorf("%d chunks still wait", frames)
	}
	r.close()
	dropped, settled = dropped+r.ended("dropped"), settled+r.ended("accepted")
	if dropped != 3*chunks || settled != 2*chunks || c.has("app-free") != 2*chunks || c.has("app-held") != 0 {
		t.Errorf("%d of %d records were rejected, %d of %d accepted", dropped, 3*chunks, settled, 2*chunks)
	}
	told := 0
	for _, line := range r.host.Lines() {
		if strings.Contains(line.Text, "held for longer than Hold_Limit: no) and dropped") {
			told++
		}
	}
	if told == 0 && restarts == 0 {
		t.Errorf("nothing tells of Hold_Limit: %v", r.host.Lines())
	}
}

// A destination that accepts documents again before Hold_Limit gets all of them, and without a
// limit records wait for ever.
func TestARecordIsNotRejectedBeforeHoldLimit(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster("app-held")
			o := options(t.TempDir())
			o.Policy.HoldLimit, o.Policy.InitialPause, o.Policy.MaxPause = limit, time.Second, 30*time.Second
			r := start(t, o, c.send)
			r.flush(t, "held", withTime)
			if limit > 0 {
				time.Sleep(limit - time.Minute)
			} else {
				time.Sleep(60 * 24 * time.Hour / 20)
			}
			c.free("app-held")
			time.Sleep(2 * time.Minute)
			r.close()
			if c.has("app-held") != 1 || r.ended("dropped") != 0 {
				t.Errorf("Hold_Limit %s: %d arrived, %d dropped", limit, c.has("app-held"), r.ended("dropped"))
			}
		})
	}
}

// What Hold_Limit rejects is in the dead-letter file, once.
func TestHoldLimitWritesDeadLetters(t *testing.T) {
	const chunks = 200 // more than one look at the queue passes over
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "dead.ndjson")
		file, err := deadletter.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		c := newCluster("app-held")
		o := options(t.TempDir())
		o.Policy.HoldLimit, o.Policy.InitialPause, o.Policy.MaxPause = time.Minute, time.Second, 30*time.Second
		r := prepareFor(t, "app-$k", o, c.send)
		r.sources.File, r.sources.Options.DeadLetters = file, source.DeadLettersToFile
		r.begin()
		for range chunks {
			r.flush(t, "mixed", of("free")+of("held"))
		}
		time.Sleep(time.Minute + 32*time.Second)
		r.close()
		text, err := os.ReadFile(path)
		if n := bytes.Count(text, []byte("\n")); n != chunks || err != nil || r.ended("dead_lettered") != chunks || c.has("app-free") != chunks {
			t.Errorf("%d dead-letter records for %d rejected ones, %d counted (%v)", n, chunks, r.ended("dead_lettered"), err)
		}
		if frames := r.parked.Stats().Frames; frames > 0 {
			t.Errorf("%d chunks still wait", frames)
		}
	})
}

// The clock of a chunk in later keeps its time when the chunk moves to the end of its queue, and a
// time in the future counts as now.
func TestAFramesTimeInLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t.TempDir())
		o.Policy.HoldLimit, o.Policy.InitialPause, o.Policy.MaxPause = time.Hour, time.Second, 10*time.Second
		var mu sync.Mutex
		taken, room := 0, 0
		r := start(t, o, locked(&mu, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
			for range req.Positions() {
				if room > 0 {
					taken, room = taken+1, room-1
					each(bulk.Item{Status: 201})
					continue
				}
				each(bulk.Item{Status: 403, Type: []byte("security_exception"), Reason: []byte("no")})
			}
			return len(req.Positions()), nil
		}))
		r.flush(t, "held", strings.Repeat(withTime, 4))
		for range 2 {
			time.Sleep(25 * time.Minute)
			mu.Lock()
			room = 1
			mu.Unlock()
		}
		time.Sleep(11 * time.Minute)
		r.close()
		mu.Lock()
		defer mu.Unlock()
		if taken != 2 || r.ended("dropped") != 2 {
			t.Errorf("%d records were accepted and %d dropped, want 2 and 2 an hour after the chunk was held first", taken, r.ended("dropped"))
		}
	})
	if future := time.Now().Add(time.Hour); !past(future).Before(future) {
		t.Error("a time in the future is taken as it is")
	}
}
