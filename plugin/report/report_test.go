package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit/fluentbittest"
)

func TestSummariesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var told []string
		s := summary{print: func(text string) { told = append(told, fmt.Sprintf("%v %s", time.Since(began), text)) }}
		s.note("apples", 1)
		time.Sleep(time.Second)
		s.note("pears", 5)
		s.note("apples", 2)
		time.Sleep(2 * time.Second) // 3s
		synctest.Wait()
		s.note("apples", 4)
		time.Sleep(time.Minute) // 1m3s
		synctest.Wait()
		time.Sleep(time.Hour)
		s.note("plums", 1) // after a long silence
		time.Sleep(3 * time.Second)
		synctest.Wait()
		s.note("apples", 1)
		s.note("last", 1)
		s.note("last", 2)
		s.close()
		s.close()
		want := []string{"0s apples: 1", "1s pears: 5", "3s apples: 2 more", "1m3s apples: 4 more", "1h1m3s plums: 1", "1h1m6s apples: 1", "1h1m6s last: 1", "1h1m6s last: 2 more"}
		if !slices.Equal(told, want) {
			t.Errorf("got  %q\nwant %q", told, want)
		}
	})
}

func TestASummaryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that a slow machine's timer doesn't split it
		var told []string
		s := summary{print: func(text string) { told = append(told, text) }}
		for n := range 10_000 {
			s.note(fmt.Sprintf("kind %d", n), 2)
		}
		s.note("kind 7", 1)
		s.close()
		if len(told) != summaryKinds+2 || told[7] != "kind 7: 2" || told[summaryKinds] != "kind 7: 1 more" || !strings.Contains(told[summaryKinds+1], fmt.Sprint(2*(10_000-summaryKinds))) {
			t.Errorf("%d lines, %q", len(told), told)
		}
	})
}

// TestASummaryThatClosesAsItsTimerFires has the timer wait for the lock, so
// that either may come first: all is logged when close is back.
func TestASummaryThatClosesAsItsTimerFires(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var told []string
			s := summary{print: func(text string) { told = append(told, text) }}
			s.note("last", 1)
			s.note("last", 3)
			s.mu.Lock()
			time.Sleep(firstSummary)
			s.mu.Unlock()
			s.close()
			if !slices.Equal(told, []string{"last: 1", "last: 3 more"}) {
				t.Fatalf("told %q", told)
			}
		})
	}
}

// reported runs test with fake time and returns the log lines, with their times.
func reported(t *testing.T, test func(*Reporter)) (told []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		host := fluentbittest.NewRecorder("x")
		instance := host.Instance()
		began := time.Now()
		r := New(instance, Options{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			test(r)
		}()
		for ended := false; !ended; {
			select {
			case <-done:
				ended = true
			case <-instance.Wake():
			}
			before := len(host.Lines())
			instance.Service()
			for _, line := range host.Lines()[before:] {
				told = append(told, fmt.Sprintf("%v %d %.40s", time.Since(began), line.Level, line.Text))
			}
		}
		instance.Close()
	})
	return told
}

func TestAnOutageIsLoggedOnceAMinuteAndWhenItChanges(t *testing.T) {
	attempt := func(r *Reporter, class bulk.Class, status int) {
		var f *bulk.Failure
		if class != bulk.Delivered {
			f = &bulk.Failure{Class: class, Status: status}
		}
		r.Observe(deliver.Attempt{Failure: f})
		time.Sleep(10 * time.Second)
	}
	told := reported(t, func(r *Reporter) {
		for range 13 { // 0s to 2m
			attempt(r, bulk.Unavailable, 503)
		}
		attempt(r, bulk.Misconfigured, 401) // 2m10s
		attempt(r, bulk.Delivered, 0)       // 2m20s
		attempt(r, bulk.Delivered, 0)
		attempt(r, bulk.Misconfigured, 401) // 2m40s: told half a minute ago
		attempt(r, bulk.Delivered, 0)
		attempt(r, bulk.Throttled, 429)     // 3m: something new
		attempt(r, bulk.BadRequest, 400)    // 3m10s: an answer
		attempt(r, bulk.Misconfigured, 401) // 3m20s
	})
	want := []string{
		"0s 2 Elasticsearch: unavailable: status 503; ", "1m0s 2 Elasticsearch: unavailable: status 503; ", "2m0s 2 Elasticsearch: unavailable: status 503; ",
		"2m10s 1 Elasticsearch: misconfigured: status 401", "2m20s 3 Elasticsearch answers again, after 2m20s",
		"3m0s 2 Elasticsearch: throttled: status 429; re", "3m10s 3 Elasticsearch answers again, after 10s; ",
		"3m20s 1 Elasticsearch: misconfigured: status 401",
	}
	if len(told) != len(want) {
		t.Fatalf("%d lines: %q", len(told), told)
	}
	for i := range want {
		if !strings.HasPrefix(told[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i, told[i], want[i])
		}
	}
}

// However many destinations have a fault, and however often they are tried: a
// line at once, one a minute, and one when it is over for all of them.
func TestHeldDestinationsAreLoggedOnceAMinute(t *testing.T) {
	why := deliver.Rejection{Status: 403, Error: "cluster_block_exception", Reason: "index [a] blocked", Scope: bulk.DestinationScope, Remedy: "PUT /<index>/_settings"}
	held := func(r *Reporter, name string) { r.Held(deliver.Hold{Destination: name, Why: why, Since: time.Now()}) }
	told := reported(t, func(r *Reporter) {
		for range 7 {
			for _, name := range []string{"a", "b", "c"} {
				held(r, name)
			}
			time.Sleep(10 * time.Second)
		}
		for _, name := range []string{"b", "a", "c"} {
			r.Released(deliver.Hold{Destination: name, Why: why})
		}
		other := why
		other.Status, other.Error, other.Scope = 400, "validation_exception", bulk.SettingsScope
		r.Held(deliver.Hold{Why: other, Since: time.Now()})
		time.Sleep(time.Second)
		r.Released(deliver.Hold{Why: other})
	})
	want := []string{
		"0s 2 a is held: status 403, cluster_block_exc", "1m0s 2 a is held: status 403, cluster_block_exc", "1m10s 3 c accepts documents again, after 1m10s",
		"1m10s 1 Elasticsearch rejects every request sinc", "1m11s 3 Elasticsearch accepts requests again, af",
	}
	if !slices.Equal(told, want) {
		t.Errorf("lines %q", told)
	}
}

// A read-only index and one with a write block have the same status and type, and need different
// requests.
func TestEachRemedyOfAHeldDestinationIsLogged(t *testing.T) {
	why := deliver.Rejection{Status: 403, Error: "cluster_block_exception", Reason: "blocked", Scope: bulk.DestinationScope, Remedy: "lift the write block"}
	other := why
	other.Remedy = "lift the read-only block"
	told := reported(t, func(r *Reporter) {
		r.Held(deliver.Hold{Destination: "a", Why: why, Since: time.Now()})
		time.Sleep(time.Second)
		r.Held(deliver.Hold{Destination: "b", Why: other, Since: time.Now()})
		r.Held(deliver.Hold{Destination: "c", Why: why, Since: time.Now()})
	})
	if want := []string{"0s 2 a is held: status 403, cluster_block_exc", "1s 2 b is held: status 403, cluster_block_exc"}; !slices.Equal(told, want) {
		t.Errorf("lines %q", told)
	}
}

// The line names the reason, how many destinations have it, and the remedy for
// this one.
func TestTheLineOfAHeldDestinationHasTheRemedy(t *testing.T) {
	host := fluentbittest.NewRecorder("x")
	instance := host.Instance()
	r := New(instance, Options{})
	r.Held(deliver.Hold{Destination: "logs-1", Since: time.Now(), Why: deliver.Rejection{Status: 403, Error: "cluster_block_exception", Reason: "blocked", Scope: bulk.DestinationScope, Remedy: "PUT /<index>/_settings"}})
	instance.Service()
	if told := host.Lines(); len(told) != 1 || !strings.HasSuffix(told[0].Text, ": 1): PUT /logs-1/_settings") || !strings.Contains(told[0].Text, "cluster_block_exception: blocked; its records are kept") {
		t.Errorf("lines %v", told)
	}
	instance.Publish()
	if n := host.Gauge("held_destinations"); n != 1 {
		t.Errorf("%v destinations are held", n)
	}
}

func TestAnEncodersFaultIsLoggedOnce(t *testing.T) {
	told := reported(t, func(r *Reporter) {
		for range 3 {
			r.EncoderFault("a fault", []byte("a stack"))
			time.Sleep(time.Hour)
		}
	})
	if len(told) != 1 {
		t.Errorf("lines %q", told)
	}
}

func TestALostHostIsLoggedOnceAMinuteAndWhenItIsBack(t *testing.T) {
	told := reported(t, func(r *Reporter) {
		lose := func(host string) {
			r.Observe(deliver.Attempt{Failure: &bulk.Failure{Class: bulk.Unreachable, Host: host, Elsewhere: true}})
		}
		began := time.Now()
		lose("a")
		lose("b")
		r.Observe(deliver.Attempt{}) // delivered elsewhere: no outage
		time.Sleep(30 * time.Second)
		lose("a")
		time.Sleep(30 * time.Second)
		lose("a")
		r.HostUp("a", began)
		r.HostUp("a", began)
		r.HostUp("c", began)
	})
	want := []string{
		"0s 2 Elasticsearch: unreachable at a; the oth", "0s 2 Elasticsearch: unreachable at b; the oth",
		"1m0s 2 Elasticsearch: unreachable at a; the oth", "1m0s 3 Elasticsearch: a answers again, after 1m",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got  %q\nwant %q", told, want)
	}
}
