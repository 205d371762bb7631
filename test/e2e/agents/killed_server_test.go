package agents

import (
	"os"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// serverKills is the number of times that Elasticsearch is killed: several with SOAK.
func serverKills() int {
	if os.Getenv("SOAK") != "" {
		return 6
	}
	return 1
}

// TestCrashKilledElasticsearchLosesAndDuplicatesNothing kills Elasticsearch as a
// power cut does, in the middle of requests, and starts it again on its data.
func TestCrashKilledElasticsearchLosesAndDuplicatesNothing(t *testing.T) {
	support.LongForm(t)
	t.Parallel()
	own := e2e.OwnServer(t, elasticsearch.Options{Port: e2e.FreePort(t), DataDir: t.TempDir()})
	s := own.Start(t)
	at := e2e.NewSite(t, "killed")
	scribe := e2e.StartLogWriter(t, at.Logs, 3, e2e.ContainerLine)
	// A short cap, so that retries come while the next kill is near.
	agent := at.Start(t, e2e.Edited(t, losslessFile, "workers 2", "scheduler.cap 3"), s.URL())
	support.Eventually(t, time.Minute, "the first documents arrive", func() bool { return agent.Metric(t, acceptedSeries) > 0 })
	for range serverKills() {
		time.Sleep(1500 * time.Millisecond) // so that some are there and some are not
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // the length of the outage is the case
		before := agent.Metric(t, acceptedSeries)
		s = own.Start(t)
		support.Eventually(t, time.Minute, "documents arrive again", func() bool { return agent.Metric(t, acceptedSeries) > before })
	}
	lines := scribe.Finish(t)
	e2e.AwaitAll(t, s, at.Prefix, len(lines))
	awaitIdle(t, agent)
	t.Logf("%d kills, %d lines, of which %.0f had arrived with requests that a kill cut", serverKills(), len(lines), max(0, agent.Metric(t, deduplicatedSeries)))
	e2e.Take(t, s, at.Prefix).AssertOnce(t, lines)
	agent.Stop(t)
}
