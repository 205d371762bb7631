package plugin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/plugin"
)

// counter is a handler before another one, which counts the bulk requests that are under way.
type counter struct {
	http.Handler
	// hold keeps a request until a second one is under way, or for so long.
	hold time.Duration

	mu          sync.Mutex
	under, most int
	changed     chan struct{}
}

// before puts a counter before a server, and returns the counter's address.
func before(t *testing.T, e *elasticsearch, hold time.Duration) (c *counter, address string) {
	t.Helper()
	return beforeBy(t, e, hold, httptest.NewServer)
}

func beforeBy(t *testing.T, e *elasticsearch, hold time.Duration, serve func(http.Handler) *httptest.Server) (c *counter, address string) {
	t.Helper()
	c = &counter{Handler: e, hold: hold, changed: make(chan struct{})}
	server := serve(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

// ServeHTTP implements http.Handler.
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		c.enter(1)
		defer c.enter(-1)
		c.await()
	}
	c.Handler.ServeHTTP(w, r)
}

func (c *counter) enter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under += n
	if c.most = max(c.most, c.under); c.most == 2 {
		select {
		case <-c.changed:
		default:
			close(c.changed)
		}
	}
}

func (c *counter) await() {
	timer := time.NewTimer(c.hold)
	defer timer.Stop()
	select {
	case <-c.changed:
	case <-timer.C:
	}
}

// atOnce is how many requests were under way at a time.
func (c *counter) atOnce() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// largeEvents are events of about 1 KB.
func largeEvents(first, n int) []byte {
	var events [][]byte
	for i := range n {
		events = append(events, event(object{"n", first + i, "id", fmt.Sprint((first + i) % 100), "log", strings.Repeat("x", 1000)}))
	}
	return slices.Concat(events...)
}

func TestALargeChunkIsTwoRequestsAtATimeWhereOrderDoesNotCount(t *testing.T) {
	for _, row := range []struct {
		name    string
		options section
		events  int
		atOnce  int
	}{
		{"ids of Elasticsearch", nil, 600, 2},
		{"index, ids of Elasticsearch", section{"Write_Operation": "index"}, 600, 2},
		{"generated ids", section{"Generate_ID": "on"}, 600, 2},
		{"gzip", section{"Generate_ID": "on", "Compress": "gzip"}, 600, 2},
		{"several requests of Bulk_Size", section{"Bulk_Size": "20K"}, 60, 2},
		{"a chunk of less than 256 KB", nil, 240, 1},
		{"ids of the record", section{"Id_Key": "$id", "Write_Operation": "index"}, 600, 1},
		{"update", section{"Id_Key": "$id", "Write_Operation": "update"}, 600, 1},
		{"upsert", section{"Id_Key": "$id", "Write_Operation": "upsert"}, 600, 1},
		{"delete", section{"Id_Key": "$id", "Write_Operation": "delete"}, 6000, 1},
		{"a pipeline may make ids", section{"Pipeline": "own"}, 600, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newElasticsearch(t)
			hold := 10 * time.Second
			if row.atOnce == 1 {
				hold = 20 * time.Millisecond
			}
			c, address := before(t, e, hold)
			p, host := instance(t, e, row.options.with("Hosts", address))
			if outcome := p.Flush("tag", largeEvents(0, row.events)); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			if got := c.atOnce(); got != row.atOnce {
				t.Errorf("%d requests were under way at a time", got)
			}
			if row.atOnce == 2 && !slices.Equal(e.numbers(), upTo(row.events)) {
				t.Errorf("%d documents", len(e.numbers()))
			}
			counts(t, host, map[string]int{"accepted": row.events})
		})
	}
}

// with is a copy of the section with one more option.
func (s section) with(name, value string) section {
	all := section{name: value}
	for name, value := range s {
		all[name] = value
	}
	return all
}

func TestASpoolSendsTwoFullRequestsAtATime(t *testing.T) {
	for _, row := range []struct {
		name   string
		chunks int
		atOnce int
	}{
		{"two full requests wait", 30, 2},
		{"less than two full requests wait", 3, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newElasticsearch(t)
			c, address := before(t, e, 10*time.Second)
			if row.atOnce == 1 {
				c.hold = 20 * time.Millisecond
			}
			dir := t.TempDir()
			away, _ := spooled(t, e, dir, section{"Hosts": "http://127.0.0.1:1", "Bulk_Size": "100K"})
			for i := range row.chunks {
				if outcome := away.Flush(fmt.Sprint("tag.", i), largeEvents(40*i, 40)); outcome != plugin.OK {
					t.Fatalf("outcome %v", outcome)
				}
			}
			away.Close()
			p, host := spooled(t, e, dir, section{"Hosts": address, "Bulk_Size": "100K", "Spool_Linger": "100ms"})
			eventually(t, "all arrive", e.has(40*row.chunks))
			eventually(t, "the spool is empty", func() bool { p.Flush("none", nil); return host.Gauge("spool_chunks") == 0 })
			p.Close()
			if got := c.atOnce(); got != row.atOnce {
				t.Errorf("%d requests were under way at a time", got)
			}
			if !slices.Equal(e.numbers(), upTo(40*row.chunks)) {
				t.Errorf("%d documents", len(e.numbers()))
			}
		})
	}
}

// The checkpoint passes settled events, and no others: of two requests, the first is throttled item
// by item while the second is accepted, or vice versa. Without ids, a kill at this moment costs no
// duplicate.
func TestACheckpointKnowsWhichOfTwoRequestsIsSettled(t *testing.T) {
	for name, refused := range map[string]func(n int) bool{
		"the second": func(n int) bool { return n < 60 }, // of 80 and more in the first
		"the first":  func(n int) bool { return n >= 130 && n < 150 },
		"the first, the second is throttled as a whole": func(n int) bool { return n >= 60 },
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			c, address := before(t, e, 10*time.Second)
			full := &itemError{429, "es_rejected_execution_exception", "full"}
			e.refuse = func(d document) *itemError {
				if n, _ := d.Source["n"].(float64); refused(int(n)) {
					return full
				}
				return nil
			}
			dir := t.TempDir()
			away, _ := spooled(t, e, dir, section{"Hosts": "http://127.0.0.1:1", "Bulk_Size": "100K"})
			for i := range 10 {
				if outcome := away.Flush(fmt.Sprint("tag.", i), largeEvents(40*i, 40)); outcome != plugin.OK {
					t.Fatalf("outcome %v", outcome)
				}
			}
			away.Close()
			p, _ := spooled(t, e, dir, section{"Hosts": address, "Bulk_Size": "100K", "Retry_Budget": "1m", "Retry_Initial": "10s", "Retry_Max": "10s"})
			eventually(t, "a checkpoint is written", func() bool {
				text, err := os.ReadFile(filepath.Join(dir, "es_go.0", "checkpoint.v1"))
				return err == nil && len(text) > 48
			})
			copied := filepath.Join(t.TempDir(), "spool") // the files after a kill at this moment
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if c.atOnce() != 2 {
				t.Error("the requests were not under way at a time")
			}
			taken := e.numbers()
			e.set(func() { e.refuse = nil })
			p.Close()
			other := newElasticsearch(t)
			next, _ := spooled(t, other, copied, nil)
			eventually(t, "the rest arrives", other.has(400-len(taken)))
			next.Close()
			all := append(other.numbers(), taken...)
			if slices.Sort(all); !slices.Equal(all, upTo(400)) {
				t.Errorf("%d documents arrived before, %d after", len(taken), len(other.numbers()))
			}
		})
	}
}

// Whatever Elasticsearch answers, plainly or by TLS, every record of a large chunk arrives; with
// ids once.
func TestALargeChunkBroughtThroughRandomTroubleLosesNothing(t *testing.T) {
	for name, serve := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			together := 0
			for seed := range uint64(6) {
				trouble := rand.New(rand.NewPCG(seed, 11))
				e := newElasticsearch(t)
				e.instead = func(_ int, w http.ResponseWriter) bool {
					e.mute = -1
					switch trouble.IntN(12) {
					case 0:
						w.WriteHeader([]int{429, 503}[trouble.IntN(2)])
						return true
					case 1:
						e.mute = 1 // taken, not answered
					}
					return false
				}
				e.refuse = func(document) *itemError {
					if trouble.IntN(100) == 0 {
						return &itemError{429, "es_rejected_execution_exception", "full"}
					}
					return nil
				}
				c, address := beforeBy(t, e, time.Millisecond, serve)
				ids := []string{"on", "off"}[seed%2]
				options := section{"Hosts": address, "Generate_ID": ids, "Bulk_Size": "1K"}
				if name == "TLS" {
					options["TLS_Verify"] = "off"
				}
				p, _ := instance(t, e, options)
				const chunks, events = 4, 300
				for i := range chunks {
					if outcome := flushUntilDone(t, p, fmt.Sprint("tag", i%2), numberedFrom(events*i, events)); outcome != plugin.OK {
						t.Errorf("outcome %v", outcome)
					}
				}
				p.Close()
				got := e.numbers()
				if ids == "on" && len(got) != chunks*events || !slices.Equal(slices.Compact(got), upTo(chunks*events)) {
					t.Errorf("seed %d: %d documents of %d records", seed, len(got), chunks*events)
				}
				if c.atOnce() > 1 {
					together++
				}
			}
			if t.Logf("two requests were under way at a time with %d of 6 seeds", together); together == 0 {
				t.Error("two requests were never under way at a time")
			}
		})
	}
}
