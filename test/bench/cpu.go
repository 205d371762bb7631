package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"out_es/test/bench/records"
)

// The logs of a node's pods in a few minutes.
const (
	tableRecords = 300_000
	tablePods    = 10
)

// runPatience bounds one run of an agent, which takes seconds.
const runPatience = 5 * time.Minute

// measureCPU reads the same records with each output in turn, and twice with
// null, round after round: CPU, throughput to the sink, peak of memory.
func (b *bench) measureCPU() error {
	count := b.scaled(tableRecords)
	folder, err := b.dataset("kubernetes", count, tablePods, records.Kubernetes)
	if err != nil {
		return err
	}
	in := input{path: filepath.Join(folder, "*.log")}
	if err := b.sound(in); err != nil {
		return err
	}
	outputs := []output{builtIn(""), b.ours(""), b.ready("", b.floor.path, b.floor.ratio),
		builtIn(gzip), b.ours(gzip), b.ready(gzip, b.floor.path, b.floor.ratio)}
	for round := range cpuRounds * b.rounds {
		all := append([]output{null()}, rotated(outputs, round)...)
		all = slices.Insert(all, len(all)/2, null())
		if round < textbookRounds {
			all = append(all, b.textbookPlugin(""), b.textbookPlugin(gzip))
		}
		for _, o := range all {
			if err := b.oneCPU(o, in, count, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// cpuRounds is the number of rounds for one of the other parts: the cost of the cheap outputs is a
// tenth of the agent's variation.
const cpuRounds = 2

// rotated begins with another output each round, so that none comes behind the
// same one every time.
func rotated(outputs []output, round int) []output {
	first := round % len(outputs)
	return append(slices.Clone(outputs[first:]), outputs[:first]...)
}

// textbookRounds are few: the textbook plugin takes long, and the bar it sets
// is far away.
const textbookRounds = 2

// oneCPU is one run of one output.
func (b *bench) oneCPU(o output, in input, count, round int) error {
	r, err := b.try(trial{output: o, in: in, every: 250 * time.Millisecond})
	if err != nil {
		return err
	}
	if o.name != "null" && o.plugin != b.readymade && r.Documents != count {
		return fmt.Errorf("%s: the sink took %d documents of %d", o.name, r.Documents, count)
	}
	add := func(metric string, value float64) {
		b.figures.add(figure{"cpu", "tail", o.name, metric, round, value})
	}
	add("cpu_s", r.CPU().Seconds())
	add("user_s", r.User.Seconds())
	add("system_s", r.System.Seconds())
	add("peak_kb", float64(r.PeakKB()))
	if o.name != "null" {
		add("records_per_s", r.perSecond())
		add("requests", float64(r.Requests))
		add("body_bytes", float64(r.Body))
		add("wire_bytes", float64(r.Wire))
	}
	b.say("cpu %d %-16s %.2f s of CPU (%.2f user), %d requests, peak %d KB", round+1, o.name,
		r.CPU().Seconds(), r.User.Seconds(), r.Requests, r.PeakKB())
	return nil
}

// floorBodyBytes is more than any chunk becomes, a few times over.
const floorBodyBytes = 8 << 20

// floorBody is the body that the ready-made output sends.
type floorBody struct {
	path  string
	ratio float64 // bytes of lines for each byte of a chunk
}

// sound finds how many bytes the plugin makes of a chunk, and keeps one of its
// requests: the floor sends the same number.
func (b *bench) sound(in input) error {
	if b.floor.path != "" {
		return nil
	}
	made, err := b.try(trial{output: b.ours(""), in: in})
	if err != nil {
		return err
	}
	b.floor.path = filepath.Join(b.folder, "body.ndjson")
	body := bytes.Repeat(made.sample, 1+floorBodyBytes/max(len(made.sample), 1))
	if err := os.WriteFile(b.floor.path, body, 0o600); err != nil {
		return err
	}
	chunks, err := b.try(trial{output: b.ready("", b.floor.path, 1), in: in})
	if err != nil {
		return err
	}
	b.floor.ratio = float64(made.Body) / float64(chunks.Body)
	return nil
}
