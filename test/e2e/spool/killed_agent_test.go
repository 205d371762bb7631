package spool

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
)

// spoolKills is the number of kills of an agent with a spool, by Spool_Sync. SOAK raises it.
func spoolKills() map[string]int {
	if os.Getenv("SOAK") != "" {
		return map[string]int{"off": 200, "on": 50}
	}
	return map[string]int{"off": 20, "on": 8}
}

// gale are the faults of requests while the agent is killed: every fault after which documents may
// have arrived, and some that last.
func gale() []faults.Rule {
	return []faults.Rule{
		{Fault: faults.CutBefore, Share: 0.05},
		{Fault: faults.CutAfter, Share: 0.08},
		{Fault: faults.TornAnswer, Share: 0.08},
		{Fault: faults.MissingItem, Share: 0.03},
		{Fault: faults.GatewayTimeout, Share: 0.03},
		{Fault: faults.ThrottleItems, Share: 0.10},
		{Fault: faults.FailItems, Share: 0.05},
		{Fault: faults.Unavailable, Share: 0.05, For: 3},
		{Fault: faults.Unauthorized, Share: 0.02, For: 3},
		{Fault: faults.Slow, Share: 0.10, Delay: 300 * time.Millisecond},
	}
}

// TestSpoolKilledAgentLosesAndDuplicatesNothing kills the agent at random moments
// under load, with a proxy in between that misbehaves.
func TestSpoolKilledAgentLosesAndDuplicatesNothing(t *testing.T) {
	t.Parallel()
	for sync, kills := range spoolKills() {
		t.Run("sync-"+sync, func(t *testing.T) {
			t.Parallel()
			killSpooling(t, kills, sync)
		})
	}
}

func killSpooling(t *testing.T, kills int, sync string) {
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 7, Rules: gale()})
	random := rand.New(rand.NewPCG(7, uint64(kills)))
	scribe := e2e.StartLogWriter(t, at.Logs, 3, e2e.ContainerLine)
	// A short pause, so that kills meet requests and not pauses.
	file := e2e.Edited(t, spoolFile, "spool_linger 100ms", "spool_sync "+sync, "request_timeout 5s", "request_timeout: retry_max 1s", "request_timeout: retry_initial 50ms")
	for n := range kills {
		agent := at.Start(t, file, proxy.URL())
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(1500*time.Millisecond)))) // when the kill comes is the case
		if agent.Ended() {
			t.Fatalf("the agent ended by itself after %d kills:\n%s", n, agent.Log())
		}
		e2e.Kill(t, agent)
	}
	lines := scribe.Finish(t)
	e2e.SetRules(t, proxy)
	last := at.Start(t, file, proxy.URL())
	e2e.AwaitAll(t, s, at.Prefix, len(lines))
	awaitSpooled(t, last, time.Minute)
	t.Logf("%d kills, %d lines, faults %v; the last agent found %.0f records that were there already", kills, len(lines),
		proxy.Account().Faults(), last.Metric(t, spoolSeries("records_total", `outcome="deduplicated"`)))
	if damaged := last.Metric(t, spoolSeries("spool_damaged_chunks_total")); damaged != 0 {
		t.Errorf("%.0f frames were damaged", damaged)
	}
	last.Stop(t)
	e2e.Take(t, s, at.Prefix).AssertOnceAfterRestarts(t, lines)
}
