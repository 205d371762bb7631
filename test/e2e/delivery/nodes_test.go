package delivery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/host"
	"out_es/test/support"
)

// bulkRequests returns the number of bulk requests that each node answered, by the node's name,
// from its own statistics.
func bulkRequests(t *testing.T, s *elasticsearch.Server) map[string]int {
	t.Helper()
	answer, err := s.Do(t.Context(), http.MethodGet, "/_nodes/stats/http", nil)
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		Nodes map[string]struct {
			Name string
			HTTP struct {
				Routes map[string]struct{ Requests struct{ Count int } }
			}
		}
	}
	if err := json.Unmarshal(answer, &stats); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, node := range stats.Nodes {
		counts[node.Name] = node.HTTP.Routes["/_bulk"].Requests.Count
	}
	return counts
}

// load sends chunks from several threads, each again until it is OK, as Fluent
// Bit does, and goes on until it is told to stop.
type load struct {
	stopped atomic.Bool
	chunks  atomic.Int64 // begun
	done    atomic.Int64
	retries atomic.Int64
	all     sync.WaitGroup
}

const (
	loadChunk = 20 // records
	// loadPause leaves a machine of two cores some time for three servers.
	loadPause = 20 * time.Millisecond
)

func startLoad(t *testing.T, o *host.Output, workers int) *load {
	t.Helper()
	l := &load{}
	for range workers {
		l.all.Go(func() {
			for !l.stopped.Load() {
				n := int(l.chunks.Add(1)) - 1
				chunk := e2e.ChunkOf(t, host.Nested, n*loadChunk, loadChunk)
				for {
					code, err := o.Flush(t.Context(), fmt.Sprintf("load.%d", n), chunk)
					if err != nil || code == host.ERROR {
						t.Errorf("chunk %d: %v, %v", n, code, err)
						return
					}
					if code == host.OK {
						break
					}
					l.retries.Add(1)
					time.Sleep(50 * time.Millisecond)
				}
				l.done.Add(1)
				time.Sleep(loadPause)
			}
		})
	}
	return l
}

// await waits until so many more chunks are done.
func (l *load) await(t *testing.T, more int64) {
	t.Helper()
	until := l.done.Load() + more
	support.Eventually(t, time.Minute, fmt.Sprintf("%d more chunks are delivered", more), func() bool { return l.done.Load() >= until })
}

// TestClusterOfThreeLosesANodeUnderLoad kills one of three real nodes and
// starts it again, while four workers write.
func TestClusterOfThreeLosesANodeUnderLoad(t *testing.T) {
	support.LongForm(t)
	if os.Getenv("ES_URL") != "" {
		t.Skip("ES_URL names one server; this test starts three of its own")
	}
	c := elasticsearch.ClusterForTest(t, 3, elasticsearch.Options{})
	first := c.Node(0)
	body := `{"settings":{"number_of_shards":3,"number_of_replicas":1},"mappings":{"dynamic":false}}`
	if err := first.PutIndex(t.Context(), "load", body); err != nil {
		t.Fatal(err)
	}
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 4, "Hosts "+join(c.URLs()), "Index load", "Generate_ID on", "Retry_Initial 50ms", "Retry_Max 500ms")
	l := startLoad(t, o, 4)

	l.await(t, 300)
	counts := bulkRequests(t, first)
	t.Logf("all up: bulk requests by node: %v", counts)
	sum := 0
	for _, n := range counts {
		sum += n
	}
	for name, n := range counts {
		if share := float64(n) * 3 / float64(sum); share < 0.9 || share > 1.1 {
			t.Errorf("%s got %d of %d requests, %.2f of its share", name, n, sum, share)
		}
	}

	l.await(t, 30)
	if err := c.Kill(1); err != nil {
		t.Fatal(err)
	}
	l.await(t, 300)
	t.Logf("one killed: bulk requests by node: %v, %d chunks came back", bulkRequests(t, first), l.retries.Load())
	if err := c.Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	support.Eventually(t, 30*time.Second, "the node that came back gets its share", func() bool {
		return bulkRequests(t, first)["node-1"] >= 50
	})
	t.Logf("all up again: bulk requests by node: %v", bulkRequests(t, first))
	l.stopped.Store(true)
	l.all.Wait()

	want := int(l.chunks.Load()) * loadChunk
	got := e2e.Documents(t, first, "load")
	if len(got) != want {
		t.Errorf("%d documents, want %d", len(got), want)
	}
	t.Logf("%d records, each there once; %d chunks came back and were sent again", want, l.retries.Load())
}

func join(urls []string) string {
	text := ""
	for _, url := range urls {
		text += url + " "
	}
	return text
}
