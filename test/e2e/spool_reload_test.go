package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const (
	// spoolReloads is how often the configuration is loaded again, drainReloads
	// how often while an outage's chunks are sent.
	spoolReloads = 10
	drainReloads = 3
)

// TestSpoolSurvivesTenHotReloadsUnderLoad reloads Fluent Bit while lines come
// and requests are under way: each time another instance takes the spool over.
func TestSpoolSurvivesTenHotReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	fluentbit.Since(t, "3.2.3", reloadHangs)
	s := cluster(t)
	at := newSite(t, freshIndex(t, s))
	proxy := startFaults(t, s, faults.Options{Seed: 3, Rules: []faults.Rule{{Fault: faults.Slow, Share: 0.5, Delay: 500 * time.Millisecond}}})
	scribe := startScribe(t, at.logs, 3, containerLine)
	file := edited(t, spoolFile, "flush: hot_reload on", "spool_linger 100ms")
	agent := at.start(t, file, proxy.URL())
	awaitStarts(t, at, agent, 1)
	for reload := range spoolReloads {
		time.Sleep(400 * time.Millisecond) // so that something is under way
		reloadSpooling(t, at, agent, reload+2)
	}
	assertReloaded(t, s, at, agent, scribe.finish(t))
}

// TestSpoolDrainsThroughHotReloads reloads Fluent Bit while what an outage left
// is sent, and more comes.
func TestSpoolDrainsThroughHotReloads(t *testing.T) {
	t.Parallel()
	s := cluster(t)
	at := newSite(t, freshIndex(t, s))
	proxy := startFaults(t, s, faults.Options{Seed: 5, Rules: []faults.Rule{{Fault: faults.Unavailable, Share: 1}}})
	scribe := startScribe(t, at.logs, 3, containerLine)
	file := edited(t, spoolFile, "flush: hot_reload on", "request_timeout: bulk_size 100K", "request_timeout: retry_max 500ms")
	agent := at.start(t, file, proxy.URL())
	support.Eventually(t, time.Minute, "chunks wait", func() bool {
		return agent.Metric(t, spoolSeries("documents_total", `verdict="spooled"`)) > 6000
	})
	setRules(t, proxy, faults.Rule{Fault: faults.Slow, Share: 0.8, Delay: 100 * time.Millisecond}, faults.Rule{Fault: faults.ThrottleItems, Share: 0.2})
	for reload := range drainReloads {
		support.Eventually(t, time.Minute, "it is sent", func() bool {
			return agent.Ended() || agent.Metric(t, spoolSeries("documents_total", `verdict="accepted"`)) > 0
		})
		if waiting := agent.Metric(t, spoolSeries("spool_frames")); waiting < 2 {
			t.Errorf("%.0f chunks wait before reload %d: the spool does not drain any more", waiting, reload+1)
		}
		reloadSpooling(t, at, agent, reload+2)
	}
	lines := scribe.finish(t)
	setRules(t, proxy)
	assertReloaded(t, s, at, agent, lines)
}

// reloadSpooling makes the nth instance start.
func reloadSpooling(t *testing.T, at *site, agent *fluentbit.Agent, n int) {
	t.Helper()
	refused := func() int { return strings.Count(agent.Log(), "reloading in progress, aborting") }
	before := refused()
	agent.Signal(t, syscall.SIGHUP)
	support.Eventually(t, time.Minute, "the plugin starts again", func() bool {
		if now := refused(); now > before { // an instance starts before its reload ends
			before = now
			agent.Signal(t, syscall.SIGHUP)
		}
		return agent.Ended() || strings.Count(agent.Log(), "spool in "+at.state) >= n
	})
	awaitStarts(t, at, agent, n)
}

// awaitStarts waits until so many instances have started in an agent.
func awaitStarts(t *testing.T, at *site, agent *fluentbit.Agent, n int) {
	t.Helper()
	support.Eventually(t, time.Minute, "the plugin starts", func() bool {
		return agent.Ended() || strings.Count(agent.Log(), "spool in "+at.state) == n
	})
	if agent.Ended() {
		t.Fatalf("the agent ended before start %d", n)
	}
}

// assertReloaded holds that each line arrives once.
func assertReloaded(t *testing.T, s *elasticsearch.Server, at *site, agent *fluentbit.Agent, lines []line) {
	t.Helper()
	awaitAll(t, s, at.prefix, len(lines), time.Minute)
	awaitSpooled(t, agent, time.Minute)
	agent.Stop(t, 20*time.Second)
	take(t, s, at.prefix).assertOnce(t, lines)
	if strings.Contains(agent.Log(), "another output uses") {
		t.Error("an instance found the spool locked")
	}
}

// TestSpoolExitIsQuickWithElasticsearchAway ends an agent whose requests hang,
// and one whose connections are refused. What it had is delivered by the next.
func TestSpoolExitIsQuickWithElasticsearchAway(t *testing.T) {
	for name, outage := range map[string]func(*testing.T) string{"port closed": closedPort, "no answer": hangingPort} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s := cluster(t)
			at := newSite(t, freshIndex(t, s))
			lines := writeTags(t, at.logs)
			agent := at.start(t, spoolFile, outage(t))
			support.Eventually(t, time.Minute, "all is in the spool", func() bool {
				return agent.Metric(t, spoolSeries("documents_total", `verdict="spooled"`)) == float64(len(lines))
			})
			time.Sleep(1500 * time.Millisecond) // so that a request is under way
			if took := agent.Stop(t, 20*time.Second); took > 4*time.Second {
				t.Errorf("the exit took %s", took) // about a second of it is Fluent Bit's own
			} else {
				t.Logf("the exit took %s", took)
			}
			next := at.start(t, spoolFile, s.URL())
			awaitAll(t, s, at.prefix, len(lines), time.Minute)
			awaitSpooled(t, next, time.Minute)
			next.Stop(t, 20*time.Second)
			take(t, s, at.prefix).assertOnce(t, lines)
		})
	}
}
