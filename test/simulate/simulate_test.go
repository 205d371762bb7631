//go:debug randseednop=0

package simulate

import (
	legacy "math/rand"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// outage is the scenario of the plots: the settings of examples/lossless.conf and ten minutes
// without Elasticsearch.
var outage = Scenario{
	Agents: 1000, Scheduler: Scheduler{Base: 1, Cap: 30}, Policy: Defaults,
	Every: 10 * time.Second, Latency: 50 * time.Millisecond,
	Calm: time.Minute, Outage: 10 * time.Minute, After: 3 * time.Minute,
}

// play runs all agents of a scenario, each in a bubble of its own: they are independent of each
// other.
func play(t *testing.T, s Scenario) []*Trace {
	t.Helper()
	traces := make([]*Trace, s.Agents)
	for i := range traces {
		// The plugin draws its pauses from math/rand's own source.
		legacy.Seed(int64(i)) //lint:ignore SA1019 a test that repeats needs it; nothing else can seed that source
		random := rand.New(rand.NewPCG(uint64(i), 1))
		synctest.Test(t, func(t *testing.T) { traces[i] = s.Run(t.Context(), random) })
	}
	return traces
}
