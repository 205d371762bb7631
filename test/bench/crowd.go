package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
)

// crowd are agents that read the same files at the same time, each with an
// output, a sink, and copies of its programs of its own: pages that two of
// them would share would count half in each one's PSS.
type crowd struct {
	members []*member
}

type member struct {
	output
	sink  *sink.Sink
	agent *agent.Agent
	usage agent.Usage
}

// everySample is how often a crowd's memory is looked at.
const everySample = 100 * time.Millisecond

// gather starts an agent for each output. The context ends them.
func (b *bench) gather(ctx context.Context, in func(folder string) input, outputs []output) (*crowd, error) {
	c := &crowd{}
	for i, o := range outputs {
		m := &member{output: o}
		c.members = append(c.members, m)
		folder := filepath.Join(b.folder, fmt.Sprintf("member-%d", i))
		if err := m.start(ctx, b, folder, in(folder)); err != nil {
			c.kill()
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return c, nil
}

func (m *member) start(ctx context.Context, b *bench, folder string, in input) (err error) {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if m.sink, err = sink.Start(sink.Answers{}); err != nil {
		return err
	}
	options := agent.Options{Folder: folder, Every: everySample, Program: filepath.Join(folder, "fluent-bit")}
	if err := copyFile(options.Program, b.fluentBit); err != nil {
		return err
	}
	if m.plugin != "" {
		options.Plugin = filepath.Join(folder, "output.so")
		if err := copyFile(options.Plugin, m.plugin); err != nil {
			return err
		}
	}
	if options.Configuration, err = b.configuration(in, m.section(m.sink.Address())); err != nil {
		return err
	}
	m.agent, err = agent.Start(ctx, options)
	return err
}

// wait waits until all have ended by themselves.
func (c *crowd) wait() error {
	for _, m := range c.members {
		var err error
		if m.usage, err = m.agent.Wait(); err != nil {
			c.kill()
			return fmt.Errorf("%s: %w", m.name, err)
		}
		m.sink.Go()
	}
	return nil
}

// stop asks all of them to end, and waits for that.
func (c *crowd) stop(patience time.Duration) error {
	var all sync.WaitGroup
	errs := make([]error, len(c.members))
	for i, m := range c.members {
		all.Go(func() {
			m.usage, errs[i] = m.agent.Stop(patience)
			m.sink.Go()
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", c.members[i].name, err)
		}
	}
	return nil
}

func (c *crowd) kill() {
	for _, m := range c.members {
		if m.agent != nil {
			m.usage = m.agent.Kill()
		}
		if m.sink != nil {
			m.sink.Go()
		}
	}
}

func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	// On a node the files are on the disk: pages that are not can't be given back.
	if err := target.Sync(); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

// window are the samples between two moments since the start.
func window(samples []agent.Sample, from, to time.Duration) []agent.Sample {
	var some []agent.Sample
	for _, s := range samples {
		if s.At >= from && s.At < to {
			some = append(some, s)
		}
	}
	return some
}

// addMemory adds the median and the maximum of samples.
func (b *bench) addMemory(with, output string, round int, samples []agent.Sample) {
	read := map[string]func(agent.Sample) int{
		"rss_kb":       func(s agent.Sample) int { return s.Rss },
		"pss_kb":       func(s agent.Sample) int { return s.Pss },
		"anonymous_kb": func(s agent.Sample) int { return s.Anonymous },
		"threads":      func(s agent.Sample) int { return s.Threads },
	}
	for _, metric := range []string{"rss_kb", "pss_kb", "anonymous_kb", "threads"} {
		var values []float64
		for _, s := range samples {
			values = append(values, float64(read[metric](s)))
		}
		all := spreadOf(values)
		b.figures.add(figure{"memory", with, output, metric, round, all.median})
		b.figures.add(figure{"memory", with, output, "most_" + metric, round, all.high})
	}
}
