package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
	"out_es/test/elasticsearch"
)

// realRecords are enough for some seconds of an Elasticsearch on two cores.
const realRecords = 100_000

// measureReal measures the throughput to the real Elasticsearch.
func (b *bench) measureReal() error {
	if missing := elasticsearch.Missing(elasticsearch.Options{}); len(missing) > 0 {
		b.say("real: not measured: %v", errors.Join(missing...))
		return nil
	}
	server, err := elasticsearch.Use(b, elasticsearch.Options{Heap: "1g", JVM: []string{"-XX:TieredStopAtLevel=4"}, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	count := b.scaled(realRecords)
	folder, err := b.dataset("kubernetes", count, tablePods, records.Kubernetes)
	if err != nil {
		return err
	}
	in := input{path: filepath.Join(folder, "*.log"), goesOn: true}
	outputs := []output{
		builtIn(""), b.ours(""), b.ours("").twoWorkers(),
		builtIn(gzip), b.ours(gzip), b.ours(gzip).twoWorkers(),
	}
	if _, err := b.oneReal(server, b.ours(""), in, count); err != nil { // the JVM compiles its hot code
		return err
	}
	for round := range realRounds * b.rounds {
		for _, o := range rotated(outputs, round) {
			one, err := b.oneReal(server, o, in, count)
			if err != nil {
				return err
			}
			add := func(metric string, value float64) {
				b.figures.add(figure{"real", "Elasticsearch", o.name, metric, round, value})
			}
			rate := float64(count) / one.took.Seconds()
			add("records_per_s", rate)
			add("cpu_s", one.CPU().Seconds())
			add("elasticsearch_cpu_s", one.server.cpu.Seconds())
			add("idle_percent", one.idle)
			add("requests", float64(one.server.requests))
			b.say("real %d %-12s %.0f records/s, %.2f s of CPU, Elasticsearch %.2f s for %d requests, %.0f %% idle", round+1, o.name, rate, one.CPU().Seconds(), one.server.cpu.Seconds(), one.server.requests, one.idle)
		}
	}
	return nil
}

// realRounds is the number of rounds for one of the other parts: Elasticsearch shares the machine's
// cores, and its merges make a run of seven seconds vary by a third.
const realRounds = 3

// realRun is one agent with the real Elasticsearch.
type realRun struct {
	agent.Usage
	took   time.Duration // from the agent's start until all documents are indexed
	server serverSpent   // in that time
	idle   float64       // percent of the machine's cores, in that time
}

func (b *bench) oneReal(server *elasticsearch.Server, o output, in input, count int) (one realRun, err error) {
	if _, err := server.Do(b, http.MethodDelete, "/fluent-bit*?ignore_unavailable=true", nil); err != nil {
		return one, err
	}
	text, err := b.configuration(in, o.section(strings.TrimPrefix(server.URL(), "http://")))
	if err != nil {
		return one, err
	}
	folder, err := os.MkdirTemp(b.folder, "agent-")
	if err != nil {
		return one, err
	}
	defer os.RemoveAll(folder)
	before, err := b.spent(server)
	if err != nil {
		return one, err
	}
	coresBefore, err := readCores()
	if err != nil {
		return one, err
	}
	a, err := agent.Start(b, agent.Options{Program: b.fluentBit, Plugin: o.plugin, Configuration: text, Folder: folder})
	if err != nil {
		return one, err
	}
	indexed := 0
	for deadline := time.Now().Add(runPatience); indexed < count && time.Now().Before(deadline) && b.Err() == nil; {
		sleep(b, 50*time.Millisecond)
		indexed = b.indexed(server)
	}
	one.took = time.Since(a.Began())
	after, spentErr := b.spent(server)
	coresAfter, coresErr := readCores()
	one.server = serverSpent{after.cpu - before.cpu, after.requests - before.requests}
	one.idle = coresAfter.idleSince(coresBefore)
	one.Usage, err = a.Stop(endPatience)
	if err == nil && indexed != count {
		err = errors.New(o.name + ": Elasticsearch has not as many documents as there are records")
	}
	return one, errors.Join(err, spentErr, coresErr)
}

// serverSpent is what Elasticsearch has spent since its start.
type serverSpent struct {
	cpu      time.Duration
	requests int // to its shards: one for a bulk request to an index with one shard
}

func (b *bench) spent(server *elasticsearch.Server) (s serverSpent, err error) {
	answer, err := server.Do(b, http.MethodGet, "/_nodes/stats/process,thread_pool", nil)
	if err != nil {
		return s, err
	}
	var stats struct {
		Nodes map[string]struct {
			Process struct {
				CPU struct {
					Total int `json:"total_in_millis"`
				} `json:"cpu"`
			} `json:"process"`
			Pools struct {
				Write struct {
					Completed int `json:"completed"`
				} `json:"write"`
			} `json:"thread_pool"`
		} `json:"nodes"`
	}
	err = json.Unmarshal(answer, &stats)
	for _, node := range stats.Nodes {
		s.cpu += time.Duration(node.Process.CPU.Total) * time.Millisecond
		s.requests += node.Pools.Write.Completed
	}
	return s, err
}

// indexed is how many documents were indexed; 0 where the index isn't there.
func (b *bench) indexed(server *elasticsearch.Server) int {
	answer, err := server.Do(b, http.MethodGet, "/fluent-bit/_stats/indexing", nil)
	if err != nil {
		return 0
	}
	var stats struct {
		All struct {
			Primaries struct {
				Indexing struct {
					Total int `json:"index_total"`
				} `json:"indexing"`
			} `json:"primaries"`
		} `json:"_all"`
	}
	if json.Unmarshal(answer, &stats) != nil {
		return 0
	}
	return stats.All.Primaries.Indexing.Total
}
