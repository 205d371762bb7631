package agents

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/simulate"
	"out_es/test/support"
)

const (
	termGrace = 5 * time.Second
	// termMore is the maximum time of an exit beyond Grace, and beyond Request_Timeout if requests
	// hang.
	termMore = 10 * time.Second
)

// TestCrashTermInOutageEndsSoonAndLosesNothing ends the agent while a hundred tags are queued for
// an Elasticsearch that is away. SOAK tries more moments.
func TestCrashTermInOutageEndsSoonAndLosesNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]termCase{
		"port closed, workers 0": {0, e2e.ClosedPort, time.Minute, termGrace + termMore},
		"port closed, workers 1": {1, e2e.ClosedPort, time.Minute, termGrace + termMore},
		"port closed, workers 4": {4, e2e.ClosedPort, time.Minute, termGrace + termMore},
		"no answer, workers 1":   {1, e2e.HangingPort, 4 * time.Second, termGrace + 4*time.Second + termMore},
		"items 429, workers 0":   {0, throttlingPort, time.Minute, termGrace + termMore},
		"items 429, workers 1":   {1, throttlingPort, time.Minute, termGrace + termMore},
	}
	for round := range moments() {
		for name, c := range cases {
			// Not the name itself: it gets into paths, and a comma ends one of tail's.
			t.Run(strings.ReplaceAll(fmt.Sprintf("%s, moment %d", name, round), ",", ""), func(t *testing.T) {
				t.Parallel()
				c.run(t, rand.New(rand.NewPCG(uint64(round), uint64(c.workers))))
			})
		}
	}
}

// moments is the number of moments of the signal that are tried.
func moments() int {
	if os.Getenv("SOAK") != "" {
		return 8
	}
	return 1
}

// throttlingPort is an Elasticsearch that answers each request with 200, and each of its items with
// 429.
func throttlingPort(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := support.ReadBody(w, r)
		if !ok {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		item := `{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}}}`
		_, _ = fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.TrimSuffix(strings.Repeat(item+",", bytes.Count(body, []byte("\n"))/2), ","))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type termCase struct {
	workers int
	outage  func(*testing.T) string
	timeout time.Duration // Request_Timeout
	most    time.Duration // maximum duration of the exit
}

func (c termCase) run(t *testing.T, random *rand.Rand) {
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	lines := e2e.WriteTags(t, at.Logs)
	file := e2e.Edited(t, losslessFile, fmt.Sprintf("workers %d", c.workers), fmt.Sprintf("request_timeout %s", c.timeout), "grace 5")
	first := at.Start(t, file, c.outage(t))
	support.Eventually(t, time.Minute, "all tags are queued", func() bool {
		chunks, _ := filepath.Glob(filepath.Join(at.State, "storage", "tail.0", "*.flb"))
		return len(chunks) >= e2e.Tags && retryLine.MatchString(first.Log())
	})
	time.Sleep(time.Duration(random.Int64N(int64(6 * time.Second)))) // the moment of the signal is the case
	assertRetriesAsSimulated(t, first.Log())
	took := c.stop(t, first)
	t.Logf("with Grace %s the exit took %s", termGrace, took.Round(10*time.Millisecond))
	if took > c.most {
		t.Errorf("the exit took %s, more than %s", took, c.most)
	}
	second := at.Start(t, losslessFile, s.URL())
	e2e.AwaitAll(t, s, at.Prefix, len(lines))
	awaitIdle(t, second)
	e2e.Take(t, s, at.Prefix).AssertOnce(t, lines)
	second.Stop(t)
}

// Fluent Bit before exitsWhole may release a chunk on SIGTERM while a worker has it in hand.
const (
	exitsWhole = "4.0.0"
	exitCrash  = "Fluent Bit 2.2 and 3.2 may crash on SIGTERM in an outage with several workers. The chunks stay on disk, and nothing is lost"
)

// stop sends SIGTERM, and returns the duration of the exit. It takes exitCrash, since what follows
// shows that nothing is lost.
func (c termCase) stop(t *testing.T, a *fluentbit.Agent) time.Duration {
	t.Helper()
	if c.workers < 2 || !fluentbit.Before(t, exitsWhole) {
		return a.Stop(t)
	}
	began := time.Now()
	a.Signal(t, syscall.SIGTERM)
	if err := a.Wait(t, 2*time.Minute); err != nil {
		if !strings.Contains(a.Log(), "SIGSEGV") { // Fluent Bit's handler says it, or Go's
			t.Fatalf("Fluent Bit ended with %v", err)
		}
		t.Log("but: " + exitCrash) // for the table of test/matrix
	}
	return time.Since(began)
}

var retryLine = regexp.MustCompile(`failed to flush chunk '([^']+)', retry in (\d+) seconds`)

// assertRetriesAsSimulated compares test/simulate's model of Fluent Bit's scheduler with the log of
// the real one.
func assertRetriesAsSimulated(t *testing.T, log string) {
	t.Helper()
	model := simulate.Scheduler{Base: 1, Cap: 30} // those of examples/lossless.conf
	retries := map[string]int{}
	for _, match := range retryLine.FindAllStringSubmatch(log, -1) {
		retries[match[1]]++
		seconds, _ := strconv.Atoi(match[2])
		if lowest, highest := model.Range(retries[match[1]]); seconds < lowest || seconds > highest {
			t.Errorf("Fluent Bit waits %d s before retry %d of a chunk, the model %d to %d", seconds, retries[match[1]], lowest, highest)
		}
	}
	if len(retries) == 0 {
		t.Error("Fluent Bit's log tells of no retries")
	}
}
