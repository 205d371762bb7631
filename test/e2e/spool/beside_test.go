package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const (
	// besideFiles make a line a second each, and as many chunks: more than Fluent
	// Bit has tasks for (2,048) within the outage.
	besideFiles   = 300
	besideSeconds = 20
	// besideLag is how far a file output may be behind beside an output that
	// delivers nothing.
	besideLag = 5 * time.Second
)

// besideConfig is an agent with a file output and another one. Fluent Bit hands at
// most storage.max_chunks_up chunks to its outputs in each interval of Flush,
// whatever they do: 128 by default, which 300 files a second exceed.
func besideConfig(dir, output string) string {
	return fmt.Sprintf(`[SERVICE]
    Flush 1
    Grace 2
    Log_Level warn
    storage.path %[1]s/storage
    storage.max_chunks_up 1000
    scheduler.base 1
    scheduler.cap 5
[INPUT]
    Name tail
    Path %[1]s/in/*.log
    Tag app.*
    Read_from_Head on
    Refresh_Interval 1
    storage.type filesystem
[OUTPUT]
    Name file
    Match *
    Path %[1]s
    File beside
    Format plain
%[2]s`, dir, output)
}

// beside is the result of an output beside one in trouble.
type beside struct {
	written, arrived int           // lines, of the file, when the trouble ends
	behind           time.Duration // at most
}

// runBeside writes lines until the time is up, and measures how far the file
// output is behind.
func runBeside(t *testing.T, dir string) (seen beside) {
	t.Helper()
	logs := make([]*os.File, besideFiles)
	for i := range logs {
		log, err := os.Create(filepath.Join(dir, "in", fmt.Sprintf("%d.log", i)))
		if err != nil {
			t.Error(err)
			return seen
		}
		defer log.Close()
		logs[i] = log
	}
	var times []time.Time // when each second's lines were written
	for n := range besideSeconds {
		for i, log := range logs {
			if _, err := fmt.Fprintf(log, "second %d of file %d: a line as long as they are\n", n, i); err != nil {
				t.Error(err)
			}
		}
		times = append(times, time.Now())
		time.Sleep(time.Second)
		text, _ := os.ReadFile(filepath.Join(dir, "beside"))
		seen.written, seen.arrived = (n+1)*besideFiles, bytes.Count(text, []byte("\n"))
		if seen.arrived < seen.written {
			seen.behind = max(seen.behind, time.Since(times[seen.arrived/besideFiles]))
		}
	}
	return seen
}

// trouble is a state of an output's Elasticsearch. set begins it for an index behind a proxy, or
// ends it.
type trouble struct {
	name string
	set  func(t *testing.T, s *elasticsearch.Server, proxy *faults.Proxy, index string, on bool)
}

var troubles = []trouble{
	{"Elasticsearch away", func(t *testing.T, _ *elasticsearch.Server, proxy *faults.Proxy, _ string, on bool) {
		t.Helper()
		if on {
			e2e.SetRules(t, proxy, faults.Rule{Fault: faults.Unavailable, Share: 1})
		} else {
			e2e.SetRules(t, proxy)
		}
	}},
	{"index blocked", func(t *testing.T, s *elasticsearch.Server, _ *faults.Proxy, index string, on bool) {
		t.Helper()
		path, body := "/"+index+"/_settings", `{"index.blocks.write":null}`
		if on {
			path, body = "/"+index, `{"settings":{"index.blocks.write":true}}`
		}
		if _, err := s.Do(t.Context(), "PUT", path, []byte(body)); err != nil {
			t.Error(err)
		}
	}},
}

// TestSpoolOneOutputsTroubleNeverStopsTheAgent runs agents side by side, each with
// a file output beside one to an Elasticsearch in trouble.
func TestSpoolOneOutputsTroubleNeverStopsTheAgent(t *testing.T) {
	support.LongForm(t)
	program := fluentbit.ForTest(t)
	s := e2e.Cluster(t)
	for _, c := range troubles {
		t.Run(c.name, func(t *testing.T) { runTrouble(t, program, s, c) })
	}
}

// runTrouble runs an agent for each kind of output in one trouble, and ends it for the one with a
// spool, whose lines must all arrive once.
func runTrouble(t *testing.T, program string, s *elasticsearch.Server, c trouble) {
	t.Helper()
	var all sync.WaitGroup
	for name, output := range map[string]string{
		"es":         "[OUTPUT]\n    Name es\n    Match *\n    Host %[1]s\n    Port %[2]s\n    Index %[3]s\n    Suppress_Type_Name on\n    Generate_ID on\n    Retry_Limit no_limits\n",
		"es_go":      "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://%[1]s:%[2]s\n    Index %[3]s\n    Generate_ID on\n    Workers 1\n    Retry_Limit no_limits\n",
		"with spool": "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://%[1]s:%[2]s\n    Index %[3]s\n    Generate_ID on\n    Retry_Limit no_limits\n    Spool_Path %[4]s/spool\n",
	} {
		index := e2e.FreshIndex(t, s)
		proxy := e2e.StartFaults(t, s, faults.Options{Seed: 1})
		c.set(t, s, proxy, index, true)
		host, port, _ := strings.Cut(strings.TrimPrefix(proxy.URL(), "http://"), ":")
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
			t.Fatal(err)
		}
		options := agent.Options{Program: program, Folder: t.TempDir(), Configuration: besideConfig(dir, fmt.Sprintf(output, host, port, index, dir))}
		if name != "es" {
			options.Plugin = e2e.Plugin()
		}
		a, err := agent.Start(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Kill() })
		all.Go(func() {
			seen := runBeside(t, dir)
			t.Logf("%-10s after %d s: %d of %d lines in the file, at most %.1f s behind", name, besideSeconds, seen.arrived, seen.written, seen.behind.Seconds())
			if name != "with spool" {
				if seen.arrived > seen.written/2 {
					t.Errorf("%s: %d of %d lines are in the file: the trouble is not what is meant", name, seen.arrived, seen.written)
				}
				return
			}
			if seen.behind > besideLag {
				t.Errorf("%s: the file is %s behind: %s", name, seen.behind, a.Log())
			}
			c.set(t, s, proxy, index, false)
			if n := e2e.AwaitCount(t, s, index, seen.written); n != seen.written {
				t.Errorf("%d documents for %d lines", n, seen.written)
			}
		})
	}
	all.Wait()
}
