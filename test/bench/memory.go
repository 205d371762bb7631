package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/records"
)

// The cases of the memory part.
const (
	steadyRate  = 2000 // records a second, over tablePods files
	steadyWarm  = 10 * time.Second
	steadyLong  = 20 * time.Second
	steadyTimes = 3
	awayBefore  = 10 * time.Second
	awayLong    = time.Minute
	awayAfter   = 20 * time.Second
	drainCount  = 250_000 // records: 200 MB of documents
	chunksUp    = 16      // storage.max_chunks_up: 32 MB
	endPatience = 90 * time.Second
)

func (b *bench) memoryOutputs() []output {
	return []output{null(), builtIn(""), b.ours(""), builtIn(gzip), b.ours(gzip), b.textbookPlugin("")}
}

// measureMemory measures the memory of agents under steady use, while Elasticsearch is away, and
// while they catch up.
func (b *bench) measureMemory() error {
	for round := range steadyTimes {
		if err := b.steady(round); err != nil {
			return err
		}
	}
	if err := b.away(); err != nil {
		return err
	}
	return b.drain()
}

// steady is a node on an even day.
func (b *bench) steady(round int) error {
	long := steadyLong
	if b.quick {
		long /= 2
	}
	ctx, cancel := context.WithTimeout(b, steadyWarm+long+endPatience)
	defer cancel()
	logs := filepath.Join(b.folder, "steady")
	writing, err := records.WriteSteadily(ctx, logs, steadyRate, tablePods)
	if err != nil {
		return err
	}
	c, err := b.gather(ctx, func(string) input { return input{path: filepath.Join(logs, "*.log"), goesOn: true} }, b.memoryOutputs())
	if err != nil {
		return err
	}
	sleep(ctx, steadyWarm+long)
	writing.Stop()
	if err := c.stop(endPatience); err != nil {
		return err
	}
	for _, m := range c.members {
		seen := window(m.usage.Samples, steadyWarm, steadyWarm+long)
		b.addMemory("2000 records/s", m.name, round, seen)
		first, last := seen[0], seen[len(seen)-1]
		b.figures.add(figure{"memory", "2000 records/s", m.name, "cpu_percent", round, 100 * (last.CPU - first.CPU).Seconds() / (last.At - first.At).Seconds()})
		b.sayMemory("steady", m.name, seen)
	}
	return os.RemoveAll(logs)
}

// stored is an input with chunks in files, of which a bounded number is in memory, as on a node
// that must lose nothing.
func stored(logs, folder string) input {
	return input{
		path:    filepath.Join(logs, "*.log"),
		service: fmt.Sprintf("    storage.path %s\n    storage.max_chunks_up %d\n", filepath.Join(folder, "storage"), chunksUp),
		lines:   "    storage.type filesystem\n    storage.pause_on_chunks_overlimit On\n",
	}
}

// away is a server that is gone for a while.
func (b *bench) away() error {
	long := awayLong
	if b.quick {
		long /= 2
	}
	ctx, cancel := context.WithTimeout(b, awayBefore+long+awayAfter+endPatience)
	defer cancel()
	logs := filepath.Join(b.folder, "away")
	writing, err := records.WriteSteadily(ctx, logs, steadyRate, tablePods)
	if err != nil {
		return err
	}
	c, err := b.gather(ctx, func(folder string) input {
		in := stored(logs, folder)
		in.goesOn, in.level = true, "off"
		return in
	}, b.memoryOutputs()[1:])
	if err != nil {
		return err
	}
	sleep(ctx, awayBefore)
	for _, m := range c.members {
		m.sink.Go()
	}
	sleep(ctx, long)
	for _, m := range c.members {
		if err := m.sink.Come(); err != nil {
			return err
		}
	}
	sleep(ctx, awayAfter)
	writing.Stop()
	c.kill() // es and textbook may still have a queue; the relevant phase is over
	for _, m := range c.members {
		gone := window(m.usage.Samples, awayBefore, awayBefore+long)
		b.addMemory("Elasticsearch away", m.name, 0, gone)
		b.addMemory("Elasticsearch away, first half", m.name, 0, window(gone, awayBefore, awayBefore+long/2))
		b.addMemory("Elasticsearch away, second half", m.name, 0, window(gone, awayBefore+long/2, awayBefore+long))
		b.addMemory("Elasticsearch back", m.name, 0, window(m.usage.Samples, awayBefore+long, awayBefore+long+awayAfter))
		b.addTimeline("away", m.name, m.usage.Samples)
		b.sayMemory("away", m.name, gone)
	}
	return os.RemoveAll(logs)
}

// drain is an agent that has fallen behind.
func (b *bench) drain() error {
	logs, err := b.dataset("kubernetes", b.scaled(drainCount), tablePods, records.Kubernetes)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(b, runPatience)
	defer cancel()
	c, err := b.gather(ctx, func(folder string) input { return stored(logs, folder) }, b.memoryOutputs())
	if err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	for _, m := range c.members {
		busy := m.usage.Samples
		busy = window(busy, time.Second, busy[len(busy)-1].At-time.Second)
		b.addMemory("200 MB backlog", m.name, 0, busy)
		b.addTimeline("backlog", m.name, m.usage.Samples)
		b.sayMemory("backlog", m.name, busy)
	}
	return nil
}

// addTimeline keeps a sample a second, for the plots: round is the second.
func (b *bench) addTimeline(with, output string, samples []agent.Sample) {
	second := -1
	for _, s := range samples {
		if at := int(s.At.Seconds()); at > second {
			second = at
			b.figures.add(figure{"timeline", with, output, "rss_kb", second, float64(s.Rss)})
		}
	}
}

func (b *bench) sayMemory(with, output string, samples []agent.Sample) {
	var rss, anonymous []float64
	for _, s := range samples {
		rss, anonymous = append(rss, megabytes(float64(s.Rss))), append(anonymous, megabytes(float64(s.Anonymous)))
	}
	b.say("memory, %s, %-14s RSS %s MB, anonymous %s MB", with, output, spreadOf(rss).text(1), spreadOf(anonymous).text(1))
}

// megabytes of the kernel's KB, which have 1,024 bytes.
func megabytes(kb float64) float64 { return kb * 1024 / 1e6 }

func sleep(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}
