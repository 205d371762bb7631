package agents

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// kills is the number of times that an agent is killed: more with SOAK in the environment.
func kills() int {
	if os.Getenv("SOAK") != "" {
		return 20
	}
	return 3
}

// crashes runs examples/lossless.conf, kills the agent repeatedly at moments determined by seed,
// and lets the last one finish. It returns the written lines.
func crashes(t *testing.T, s *elasticsearch.Server, at *e2e.Site, f e2e.Format, seed uint64) []e2e.Line {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	scribe := e2e.StartLogWriter(t, at.Logs, 3, f)
	for range kills() {
		agent := at.Start(t, losslessFile, s.URL())
		life := 300*time.Millisecond + time.Duration(random.Int64N(int64(2500*time.Millisecond)))
		time.Sleep(life) // the moment of the kill is the case
		if agent.Ended() {
			t.Fatalf("the agent ended by itself:\n%s", agent.Log())
		}
		e2e.Kill(t, agent)
	}
	lines := scribe.Finish(t)
	last := at.Start(t, losslessFile, s.URL())
	e2e.AwaitAll(t, s, at.Prefix, len(lines))
	awaitIdle(t, last)
	t.Logf("%d kills, %d lines; after the last, the agent found %.0f records that were there already",
		kills(), len(lines), max(0, last.Metric(t, deduplicatedSeries)))
	last.Stop(t)
	return lines
}

func TestCrashKilledAgentLosesAndDuplicatesNothing(t *testing.T) {
	t.Parallel()
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	lines := crashes(t, s, at, e2e.ContainerLine, 1)
	e2e.Take(t, s, at.Prefix).AssertOnceAfterRestarts(t, lines)
}

// rereadBytes is the maximum part of a file that tail may read again after a kill: it stores its
// position after each read, of at most its Buffer_Chunk_Size.
const rereadBytes = 32 << 10

func TestCrashKilledAgentDuplicatesAtMostWhatIsReadAgain(t *testing.T) {
	support.LongForm(t)
	t.Parallel()
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	lines := crashes(t, s, at, e2e.PlainLine, 2)
	missing, extra := e2e.Take(t, s, at.Prefix).MissingAfterRestarts(t, lines, e2e.PlainLine)
	if len(missing) > 0 {
		t.Errorf("%d of %d lines are missing, the first is %q", len(missing), len(lines), missing[0])
	}
	shortest := len(e2e.PlainLine(lines[0]))
	bound := kills() * 3 * (rereadBytes/shortest + 1)
	t.Logf("lines without a time of their own: %d kills doubled %d of %d", kills(), extra, len(lines))
	if extra > bound {
		t.Errorf("%d documents too many, more than the %d lines that could be read again", extra, bound)
	}
}
