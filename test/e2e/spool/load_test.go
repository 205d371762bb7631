package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const (
	loadTags = 100
	loadRate = 20 // records a second and tag
)

// manyTags is a configuration with loadTags inputs, each with a tag of its own, and one output.
func manyTags(output string) string {
	record := fmt.Sprintf(`{"log":%q,"stream":"stdout","kubernetes":{"pod_name":"web-77f8d5c9-x2x9z","namespace_name":"shop","container_name":"web","labels":{"app":"checkout","tier":"front"},"host":"node-7"}}`,
		"10.1.2.3 - - [23/Nov/2026:08:00:00 +0000] \"GET /api/v1/cart/items?limit=50 HTTP/1.1\" 200 1834 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" "+strings.Repeat("a line as long as they are, ", 14))
	var text strings.Builder
	text.WriteString("[SERVICE]\n    Flush 1\n    Grace 2\n    Log_Level warn\n")
	for i := range loadTags {
		fmt.Fprintf(&text, "[INPUT]\n    Name dummy\n    Tag kube.app-%d\n    Rate %d\n    Dummy %s\n", i, loadRate, record)
	}
	return text.String() + output
}

// loaded is an agent's cost under manyTags.
type loaded struct {
	requests, documents float64 // a second
	cpu                 float64 // of a core
}

// measureLoad runs agents side by side, so that the machine's other load affects all of them.
func measureLoad(t *testing.T, outputs map[string]string, seconds int) map[string]loaded {
	t.Helper()
	program := fluentbit.ForTest(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]loaded{}
	for name, output := range outputs {
		s, err := sink.Start(sink.Answers{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Go)
		options := agent.Options{Program: program, Folder: t.TempDir(),
			Configuration: manyTags(fmt.Sprintf(output, s.Port()))}
		if name != "es" {
			options.Plugin = e2e.Plugin()
		}
		a, err := agent.Start(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Kill() })
		all.Go(func() {
			time.Sleep(4 * time.Second) // its start is not measured
			before, err := agent.TakeSample(a.PID())
			s.Reset()
			began := time.Now()
			time.Sleep(time.Duration(seconds) * time.Second)
			count, took := s.Count(), time.Since(began).Seconds()
			after, err2 := agent.TakeSample(a.PID())
			if err != nil || err2 != nil {
				t.Errorf("%s: %v, %v, %s", name, err, err2, a.Log())
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[name] = loaded{float64(count.Requests) / took, float64(count.Documents) / took, (after.CPU - before.CPU).Seconds() / took}
		})
	}
	all.Wait()
	return got
}

// TestSpoolMakesFewRequestsOfManyTags sends 100 tags of 20 records a second
// each through the built-in es, and through es_go without and with a spool.
func TestSpoolMakesFewRequestsOfManyTags(t *testing.T) {
	support.LongForm(t)
	seconds, noise := 10, 1.2 // CPU is counted in ticks of 10 ms, of which there are some 70
	if os.Getenv("SOAK") != "" {
		seconds, noise = 60, 1
	}
	got := measureLoad(t, map[string]string{
		"es":         "[OUTPUT]\n    Name es\n    Match *\n    Host 127.0.0.1\n    Port %d\n    Suppress_Type_Name on\n    Buffer_Size false\n    Compress gzip\n",
		"es_go":      "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:%d\n",
		"with spool": "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:%d\n    Spool_Path " + t.TempDir() + "\n",
	}, seconds)
	for name, l := range got {
		t.Logf("%-10s %6.1f requests a second, %6.0f documents a second, %5.1f %% of a core", name, l.requests, l.documents, 100*l.cpu)
		if want := float64(loadTags * loadRate); l.documents < 0.8*want || l.documents > 1.25*want { // a request more or less is 3,000 of 20,000
			t.Errorf("%s: %.0f documents a second, want %.0f", name, l.documents, want)
		}
	}
	with := got["with spool"]
	if with.requests > 2 {
		t.Errorf("with a spool: %.1f requests a second, want at most 2", with.requests)
	}
	if got["es_go"].requests < 50 {
		t.Errorf("without: %.1f requests a second: the load is not what is meant", got["es_go"].requests)
	}
	if es := got["es"].cpu; with.cpu > es*noise {
		t.Errorf("with a spool: %.1f %% of a core, the built-in es %.1f %%", 100*with.cpu, 100*es)
	}
}

// TestSpoolSyncTakesTheLoad gives agents the same load. Two of them sync each chunk before they
// answer: one on the thread of all inputs, with a wait for the disk for each tag, and one on a
// worker.
func TestSpoolSyncTakesTheLoad(t *testing.T) {
	support.LongForm(t)
	seconds := 10
	if os.Getenv("SOAK") != "" {
		seconds = 60
	}
	const waiting = "Spool_Sync on, Workers 1"
	outputs := map[string]string{}
	for _, settings := range []string{"Spool_Sync off", "Spool_Sync on", waiting} {
		outputs[settings] = "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:%d\n    " +
			strings.ReplaceAll(settings, ", ", "\n    ") + "\n    Spool_Path " + t.TempDir() + "\n"
	}
	for name, l := range measureLoad(t, outputs, seconds) {
		t.Logf("%-25s %4.1f requests a second, %5.0f documents a second, %5.1f %% of a core", name, l.requests, l.documents, 100*l.cpu)
		if want := float64(loadTags * loadRate); name != "Spool_Sync on" && (l.documents < 0.8*want || l.documents > 1.25*want) {
			t.Errorf("%s: %.0f documents a second, want %.0f", name, l.documents, want)
		}
		if l.requests > 2 || l.documents == 0 {
			t.Errorf("%s: %.1f requests and %.0f documents a second, want at most 2 requests", name, l.requests, l.documents)
		}
	}
}

// sloth is an Elasticsearch that takes long for every answer. It keeps the
// times of the documents of each tag.
type sloth struct {
	delay time.Duration

	mu    sync.Mutex
	times map[string][]time.Time
}

var slothFields = regexp.MustCompile(`"@timestamp":"([^"]+)".*"tag":"([^"]+)"`)

// ServeHTTP implements http.Handler.
func (s *sloth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := support.ReadBody(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	items := 0
	for lines.Scan() {
		if match := slothFields.FindSubmatch(lines.Bytes()); match != nil {
			items++
			at, _ := time.Parse(time.RFC3339Nano, string(match[1]))
			s.times[string(match[2])] = append(s.times[string(match[2])], at)
		}
	}
	delay := s.delay
	s.mu.Unlock()
	time.Sleep(delay)
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"errors":false,"items":[`+strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, items), ",")+`]}`)
}

// longest is the longest time in which an input made no record.
func (s *sloth) longest(t *testing.T) (longest time.Duration, documents int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.times {
		documents += len(times)
		for i := 1; i < len(times); i++ {
			longest = max(longest, times[i].Sub(times[i-1]))
		}
	}
	return longest, documents
}

// TestSpoolNeverBlocksTheEngine gives an agent without workers an Elasticsearch that takes 10
// seconds an answer, and looks for gaps in the inputs' records.
func TestSpoolNeverBlocksTheEngine(t *testing.T) {
	support.LongForm(t)
	t.Parallel()
	program := fluentbit.ForTest(t)
	s := &sloth{delay: 10 * time.Second, times: map[string][]time.Time{}}
	server := httptest.NewServer(s)
	defer server.Close()
	output := "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts " + server.URL + "\n    Include_Tag_Key on\n    Tag_Key tag\n    Time_Key_Nanos on\n    Generate_ID on\n    Spool_Path " + t.TempDir() + "\n"
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Plugin: e2e.Plugin(), Folder: t.TempDir(), Configuration: manyTags(output)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Kill()
	time.Sleep(25 * time.Second) // two answers and a half
	s.mu.Lock()
	s.delay = 0
	s.mu.Unlock()
	support.Eventually(t, time.Minute, "what waited arrives", func() bool {
		_, documents := s.longest(t)
		return documents > 25*loadTags*loadRate
	})
	longest, documents := s.longest(t)
	t.Logf("with answers that take 10 s: of %d records of %d inputs, one each %s, the longest pause of an input was %s", documents, loadTags, time.Second/loadRate, longest)
	if longest > 7*time.Second { // a blocked engine pauses for the 10 s of an answer, a busy machine for some seconds
		t.Errorf("an input paused for %s", longest)
	}
}
