package spool

import (
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
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
	support.LongForm(t)
	t.Parallel()
	fluentbit.Since(t, "3.2.3", e2e.ReloadHangs)
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 3, Rules: []faults.Rule{{Fault: faults.Slow, Share: 0.5, Delay: 500 * time.Millisecond}}})
	scribe := e2e.StartLogWriter(t, at.Logs, 3, e2e.ContainerLine)
	file := e2e.Edited(t, spoolFile, "flush: hot_reload on", "spool_linger 100ms")
	agent := at.Start(t, file, proxy.URL())
	awaitStarts(t, at, agent, 1)
	for reload := range spoolReloads {
		time.Sleep(400 * time.Millisecond) // so that something is under way
		reloadSpooling(t, at, agent, reload+2)
	}
	assertReloaded(t, s, at, agent, scribe.Finish(t))
}

// TestSpoolDrainsThroughHotReloads reloads Fluent Bit while the backlog of an outage is sent, and
// more comes.
func TestSpoolDrainsThroughHotReloads(t *testing.T) {
	support.LongForm(t)
	t.Parallel()
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 5, Rules: []faults.Rule{{Fault: faults.Unavailable, Share: 1}}})
	scribe := e2e.StartLogWriter(t, at.Logs, 3, e2e.ContainerLine)
	file := e2e.Edited(t, spoolFile, "flush: hot_reload on", "request_timeout: bulk_size 100K", "request_timeout: retry_max 500ms")
	agent := at.Start(t, file, proxy.URL())
	support.Eventually(t, time.Minute, "chunks wait", func() bool {
		return agent.Metric(t, spoolSeries("records_total", `outcome="spooled"`)) > 6000
	})
	e2e.SetRules(t, proxy, faults.Rule{Fault: faults.Slow, Share: 0.8, Delay: 100 * time.Millisecond}, faults.Rule{Fault: faults.ThrottleItems, Share: 0.2})
	for reload := range drainReloads {
		support.Eventually(t, time.Minute, "it is sent", func() bool {
			return agent.Ended() || agent.Metric(t, spoolSeries("records_total", `outcome="accepted"`)) > 0
		})
		if waiting := agent.Metric(t, spoolSeries("spool_chunks")); waiting < 2 {
			t.Errorf("%.0f chunks wait before reload %d: the spool does not drain any more", waiting, reload+1)
		}
		reloadSpooling(t, at, agent, reload+2)
	}
	lines := scribe.Finish(t)
	e2e.SetRules(t, proxy)
	assertReloaded(t, s, at, agent, lines)
}

// reloadSpooling makes the nth instance start.
func reloadSpooling(t *testing.T, at *e2e.Site, agent *fluentbit.Agent, n int) {
	t.Helper()
	e2e.Reload(t, agent, "spool in "+at.State, n)
	awaitStarts(t, at, agent, n)
}

// awaitStarts waits until so many instances have started in an agent.
func awaitStarts(t *testing.T, at *e2e.Site, agent *fluentbit.Agent, n int) {
	t.Helper()
	support.Eventually(t, time.Minute, "the plugin starts", func() bool {
		return agent.Ended() || strings.Count(agent.Log(), "spool in "+at.State) == n
	})
	if agent.Ended() {
		t.Fatalf("the agent ended before start %d", n)
	}
}

// assertReloaded holds that each line arrives once.
func assertReloaded(t *testing.T, s *elasticsearch.Server, at *e2e.Site, agent *fluentbit.Agent, lines []e2e.Line) {
	t.Helper()
	e2e.AwaitAll(t, s, at.Prefix, len(lines))
	awaitSpooled(t, agent, time.Minute)
	agent.Stop(t)
	e2e.Take(t, s, at.Prefix).AssertOnceAfterRestarts(t, lines)
	if strings.Contains(agent.Log(), "another output uses") {
		t.Error("an instance found the spool locked")
	}
}

// TestSpoolExitIsQuickWithElasticsearchAway ends an agent with hanging requests, and one with
// refused connections. The next one delivers their chunks.
func TestSpoolExitIsQuickWithElasticsearchAway(t *testing.T) {
	for name, outage := range map[string]func(*testing.T) string{"port closed": e2e.ClosedPort, "no answer": e2e.HangingPort} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s := e2e.Cluster(t)
			at := e2e.NewSite(t, e2e.FreshIndex(t, s))
			lines := e2e.WriteTags(t, at.Logs)
			agent := at.Start(t, spoolFile, outage(t))
			support.Eventually(t, time.Minute, "all is in the spool", func() bool {
				return agent.Metric(t, spoolSeries("records_total", `outcome="spooled"`)) == float64(len(lines))
			})
			time.Sleep(1500 * time.Millisecond) // so that a request is under way
			if took := agent.Stop(t); took > 20*time.Second {
				t.Errorf("the exit took %s", took) // about a second of it is Fluent Bit's own
			} else {
				t.Logf("the exit took %s", took)
			}
			next := at.Start(t, spoolFile, s.URL())
			e2e.AwaitAll(t, s, at.Prefix, len(lines))
			awaitSpooled(t, next, time.Minute)
			next.Stop(t)
			e2e.Take(t, s, at.Prefix).AssertOnce(t, lines)
		})
	}
}
