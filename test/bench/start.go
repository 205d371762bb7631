package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
)

// measureStart measures the threads that an agent has added at its start, with and without a
// worker, and the time until its input has begun.
func (b *bench) measureStart() error {
	so, err := os.Stat(b.esGo)
	if err != nil {
		return err
	}
	b.figures.add(figure{"start", "out_es.so", "es_go", "bytes", 0, float64(so.Size())})
	logs, err := b.dataset("one", 1, 1, records.Kubernetes)
	if err != nil {
		return err
	}
	if err := b.threads(logs); err != nil {
		return err
	}
	rounds := 15
	if b.quick {
		rounds = 5
	}
	for round := range rounds {
		for _, o := range []output{null(), builtIn(""), b.ours(""), b.textbookPlugin("")} {
			took, err := b.startOnce(o, logs)
			if err != nil {
				return err
			}
			b.figures.add(figure{"start", "start-up", o.name, "start_ms", round, float64(took.Microseconds()) / 1000})
		}
	}
	for _, name := range b.figures.outputs("start", "start-up") {
		b.say("start %-10s %s ms until inputs begin", name, spreadOf(b.figures.values("start", "start-up", name, "start_ms")).text(1))
	}
	return nil
}

// threads counts those of agents that have just sent something.
func (b *bench) threads(logs string) error {
	for _, c := range []struct {
		with    string
		outputs []output
	}{
		{"one worker", []output{null(), builtIn(""), b.ours("")}},
		{"no worker", []output{null().with("Workers 0"), builtIn("").with("Workers 0"), b.ours("").with("Workers 0")}},
	} {
		ctx, cancel := context.WithTimeout(b, time.Minute)
		defer cancel()
		all, err := b.gather(ctx, func(string) input {
			return input{path: filepath.Join(logs, "*.log"), goesOn: true, flush: "0.2", level: "off"}
		}, c.outputs)
		if err != nil {
			return err
		}
		sleep(ctx, 3*time.Second)
		all.kill()
		for _, m := range all.members {
			var threads []float64
			for _, s := range m.usage.Samples {
				threads = append(threads, float64(s.Threads))
			}
			most := spreadOf(threads).high
			b.figures.add(figure{"start", c.with, m.name, "threads", 0, most})
			b.say("start, %s, %-6s %.0f threads", c.with, m.name, most)
		}
	}
	return nil
}

// started is the engine's line when all outputs have been made and inputs begin.
const started = "stream processor started"

// startOnce is the time from the start of the process until tail reads.
func (b *bench) startOnce(o output, logs string) (time.Duration, error) {
	folder, err := os.MkdirTemp(b.folder, "start-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	text, err := b.configuration(input{path: filepath.Join(logs, "*.log"), goesOn: true, level: "info"}, o.section("127.0.0.1:9"))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	a, err := agent.Start(ctx, agent.Options{Program: b.fluentBit, Plugin: o.plugin, Configuration: text, Folder: folder, Await: started})
	if err != nil {
		return 0, err
	}
	at, seen := a.Seen()
	a.Kill()
	if !seen {
		return 0, fmt.Errorf("%s: Fluent Bit ended before it said %q:\n%s", o.name, started, strings.TrimSpace(a.Log()))
	}
	return at, nil
}
