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
	if _, _, err := b.oneReal(server, b.ours(""), in, count); err != nil { // the JVM compiles its hot code
		return err
	}
	for round := range realRounds * b.rounds {
		for _, o := range rotated(outputs, round) {
			took, usage, err := b.oneReal(server, o, in, count)
			if err != nil {
				return err
			}
			rate := float64(count) / took.Seconds()
			b.figures.add(figure{"real", "Elasticsearch", o.name, "records_per_s", round, rate})
			b.figures.add(figure{"real", "Elasticsearch", o.name, "cpu_s", round, usage.CPU().Seconds()})
			b.say("real %d %-12s %.0f records/s, %.2f s of CPU", round+1, o.name, rate, usage.CPU().Seconds())
		}
	}
	return nil
}

// realRounds is the number of rounds for one of the other parts: Elasticsearch shares the machine's
// cores, and its merges make a run of seven seconds vary by a third.
const realRounds = 3

// oneReal is the time from the agent's start until all documents are indexed.
func (b *bench) oneReal(server *elasticsearch.Server, o output, in input, count int) (time.Duration, agent.Usage, error) {
	if _, err := server.Do(b, http.MethodDelete, "/fluent-bit*?ignore_unavailable=true", nil); err != nil {
		return 0, agent.Usage{}, err
	}
	text, err := b.configuration(in, o.section(strings.TrimPrefix(server.URL(), "http://")))
	if err != nil {
		return 0, agent.Usage{}, err
	}
	folder, err := os.MkdirTemp(b.folder, "agent-")
	if err != nil {
		return 0, agent.Usage{}, err
	}
	defer os.RemoveAll(folder)
	a, err := agent.Start(b, agent.Options{Program: b.fluentBit, Plugin: o.plugin, Configuration: text, Folder: folder})
	if err != nil {
		return 0, agent.Usage{}, err
	}
	indexed := 0
	for deadline := time.Now().Add(runPatience); indexed < count && time.Now().Before(deadline) && b.Err() == nil; {
		sleep(b, 50*time.Millisecond)
		indexed = b.indexed(server)
	}
	took := time.Since(a.Began())
	usage, err := a.Stop(endPatience)
	if err == nil && indexed != count {
		err = errors.New(o.name + ": Elasticsearch has not as many documents as there are records")
	}
	return took, usage, err
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
