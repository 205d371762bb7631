package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/faults"
)

// spoolReloads is how often the configuration is loaded again.
const spoolReloads = 10

// TestSpoolSurvivesTenHotReloadsUnderLoad reloads Fluent Bit while lines come
// and requests are under way: each time another instance takes the spool over.
func TestSpoolSurvivesTenHotReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	s := cluster(t)
	at := newSite(t, freshIndex(t, s))
	proxy := startFaults(t, s, faults.Options{Seed: 3, Rules: []faults.Rule{{Fault: faults.Slow, Share: 0.5, Delay: 500 * time.Millisecond}}})
	scribe := startScribe(t, at.logs, 3, containerLine)
	file := edited(t, spoolFile, "flush: hot_reload on", "spool_linger 100ms")
	agent := at.start(t, file, proxy.URL())
	starts := func() int { return strings.Count(agent.Log(), "spool in "+at.state) }
	eventually(t, time.Minute, "the plugin starts", func() bool { return starts() == 1 })
	for reload := range spoolReloads {
		time.Sleep(400 * time.Millisecond) // so that something is under way
		agent.Signal(t, syscall.SIGHUP)
		eventually(t, time.Minute, "the plugin starts again", func() bool { return agent.Ended() || starts() == reload+2 })
		if agent.Ended() {
			t.Fatalf("the agent ended with reload %d", reload+1)
		}
	}
	lines := scribe.finish(t)
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
			eventually(t, time.Minute, "all is in the spool", func() bool {
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
