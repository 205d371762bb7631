package e2e

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const sigkill = syscall.SIGKILL

// kills is how often an agent is killed: SOAK in the environment makes it many.
func kills() int {
	if os.Getenv("SOAK") != "" {
		return 20
	}
	return 3
}

// crashes runs examples/lossless.conf, kills the agent again and again at
// moments that seed decides, and lets the last one finish what there is. It
// returns what was written.
func crashes(t *testing.T, s *elasticsearch.Server, at *site, f format, seed uint64) []line {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	scribe := startScribe(t, at.logs, 3, f)
	for range kills() {
		agent := at.start(t, losslessFile, s.URL())
		life := 300*time.Millisecond + time.Duration(random.Int64N(int64(2500*time.Millisecond)))
		time.Sleep(life) // when the kill comes is the case
		if agent.Ended() {
			t.Fatalf("the agent ended by itself:\n%s", agent.Log())
		}
		kill(t, agent)
	}
	lines := scribe.finish(t)
	last := at.start(t, losslessFile, s.URL())
	awaitAll(t, s, at.prefix, len(lines), time.Minute)
	awaitIdle(t, last)
	t.Logf("%d kills, %d lines; after the last, the agent found %.0f records that were there already",
		kills(), len(lines), max(0, last.Metric(t, alreadyThereSeries)))
	last.Stop(t, 40*time.Second)
	return lines
}

// awaitIdle waits until the agent has delivered all that it has: then a
// document that is too many is there, too.
func awaitIdle(t *testing.T, agent *fluentbit.Agent) {
	t.Helper()
	last, since := -1.0, time.Now()
	support.Eventually(t, time.Minute, "the agent has nothing left to do", func() bool {
		now := agent.Metric(t, `fluentbit_output_es_go_received_total{name="es_go.0"}`)
		if now != last {
			last, since = now, time.Now()
		}
		return now >= 0 && time.Since(since) > 2500*time.Millisecond // two of its flush intervals
	})
}

func TestCrashKilledAgentLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	s := cluster(t)
	at := newSite(t, freshIndex(t, s))
	lines := crashes(t, s, at, containerLine, 1)
	take(t, s, at.prefix).assertOnce(t, lines)
}

// rereadBytes is how much of a file tail may read again after a kill: it
// stores how far it came after each read, of at most its Buffer_Chunk_Size.
const rereadBytes = 32 << 10

func TestCrashKilledAgentDoublesAtMostWhatIsReadAgain(t *testing.T) {
	t.Parallel()
	s := cluster(t)
	at := newSite(t, freshIndex(t, s))
	lines := crashes(t, s, at, plainLine, 2)
	missing, extra := take(t, s, at.prefix).missing(lines)
	if len(missing) > 0 {
		t.Errorf("%d of %d lines are missing, the first is %q", len(missing), len(lines), missing[0])
	}
	shortest := len(plainLine(lines[0]))
	bound := kills() * 3 * (rereadBytes/shortest + 1)
	t.Logf("lines without a time of their own: %d kills doubled %d of %d", kills(), extra, len(lines))
	if extra > bound {
		t.Errorf("%d documents too many, more than the %d lines that could be read again", extra, bound)
	}
}
