package e2e

import (
	"os"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// serverKills is how often Elasticsearch is killed: SOAK makes it several.
func serverKills() int {
	if os.Getenv("SOAK") != "" {
		return 6
	}
	return 1
}

// TestCrashKilledElasticsearchLosesAndDoublesNothing kills Elasticsearch as a
// power cut does, in the middle of requests, and starts it again on its data.
func TestCrashKilledElasticsearchLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	own := ownServer(t, elasticsearch.Options{Port: freePort(t), DataDir: t.TempDir()})
	s := own.start(t)
	at := newSite(t, "killed")
	scribe := startScribe(t, at.logs, 3, containerLine)
	// A short cap, so that what waits comes again while the next kill is near.
	agent := at.start(t, changed(t, "workers 2", "scheduler.cap 3"), s.URL())
	support.Eventually(t, time.Minute, "the first documents arrive", func() bool { return agent.Metric(t, acceptedSeries) > 0 })
	for range serverKills() {
		time.Sleep(1500 * time.Millisecond) // so that some are there and some are not
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // the length of the outage is the case
		before := agent.Metric(t, acceptedSeries)
		s = own.start(t)
		support.Eventually(t, time.Minute, "documents arrive again", func() bool { return agent.Metric(t, acceptedSeries) > before })
	}
	lines := scribe.finish(t)
	awaitAll(t, s, at.prefix, len(lines), time.Minute)
	awaitIdle(t, agent)
	t.Logf("%d kills, %d lines, of which %.0f had arrived with requests that a kill cut", serverKills(), len(lines), max(0, agent.Metric(t, alreadyThereSeries)))
	take(t, s, at.prefix).assertOnce(t, lines)
	agent.Stop(t, 40*time.Second)
}
