package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"out_es/lint/sections"
	"out_es/test/host"
	"out_es/test/host/classic"
)

const (
	// pollInterval is the time after which new lines and files are seen.
	pollInterval = 100 * time.Millisecond
	// maxTasks is the number of chunks that may be on their way; reading pauses at it: 64 × 2 MB is
	// 128 MB.
	maxTasks = 64
)

// run runs the configuration until ctx ends or, with exitWhenDone, everything is read and settled;
// then it exits the plugin and prints the report. When ctx ends, the open chunks are flushed,
// retries wait a second at most, and after Grace nothing is retried.
func run(ctx context.Context, o options) error {
	config, err := classic.Load(o.config)
	if err != nil {
		return err
	}
	for _, name := range config.Unset {
		fmt.Fprintf(o.stderr, "host: variable ${%s} is used but not set\n", name)
	}
	for _, name := range config.Ignored {
		fmt.Fprintf(o.stderr, "host: [%s] sections are ignored\n", name)
	}
	settings, err := readService(config.Service)
	if err != nil {
		return err
	}
	t := tailer{}
	if o.chunks == "" {
		t.inputs, err = readInputs(config.Inputs, o)
	} else {
		t.recorded, err = readChunks(o.chunks)
	}
	if err != nil {
		return err
	}
	h, err := host.Start(context.WithoutCancel(ctx), host.Options{Plugin: o.plugin, Bare: o.bare, Log: o.stderr,
		LogFile: settings.logFile, LogLevel: settings.logLevel, StackBytes: settings.stackBytes})
	if err != nil {
		return err
	}
	routes, err := makeRoutes(h, config.Outputs, o.stderr)
	e := newEngine(o, settings, routes)
	if err == nil {
		err = e.run(ctx, &t)
		defer e.counts.print(o.stdout)
	}
	return e.exit(h, err)
}

// readInputs reads the configuration's inputs.
func readInputs(sections []classic.Section, o options) (inputs []input, err error) {
	for i, s := range sections {
		in, err := readInput(s, i, o.stderr)
		if err != nil {
			return nil, err
		}
		if o.exitWhenDone && !in.fromHead {
			fmt.Fprintln(o.stderr, "host: an [INPUT] tail without Read_from_Head true reads nothing that is in its files already")
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// readChunks reads recorded chunks, in place of the inputs.
func readChunks(path string) ([]host.Recorded, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return host.ReadRecorded(file)
}

// engine makes chunks of lines and delivers them. Its open chunks belong to the goroutine that
// calls run.
type engine struct {
	options
	service
	routes  []*route
	open    map[string]*host.Chunk // being filled, by tag
	counts  counts
	slots   chan struct{} // one for each task on its way
	tasks   sync.WaitGroup
	ending  chan struct{}           // closed when ctx ended
	over    chan struct{}           // closed when its grace is over too
	broken  context.Context         // ends when a flush could not be run at all
	breakUp context.CancelCauseFunc // with why
}

func newEngine(o options, s service, routes []*route) *engine {
	e := &engine{options: o, service: s, routes: routes, open: map[string]*host.Chunk{}, slots: make(chan struct{}, maxTasks),
		ending: make(chan struct{}), over: make(chan struct{})}
	e.broken, e.breakUp = context.WithCancelCause(context.Background())
	return e
}

// run reads and flushes until the end, and waits until every chunk is settled or the grace is over.
func (e *engine) run(ctx context.Context, t *tailer) error {
	defer context.AfterFunc(ctx, func() {
		close(e.ending)
		time.AfterFunc(e.grace, func() { close(e.over) })
	})()
	for _, one := range t.recorded {
		e.open[one.Tag] = &one.Chunk
		e.dispatch(one.Tag)
	}
	e.read(ctx, t)
	e.flushAll()
	for path, size := range t.leftovers() {
		fmt.Fprintf(e.stderr, "host: %d bytes at the end of %s have no line end and were not read\n", size, path)
	}
	settled := make(chan struct{})
	go func() { e.tasks.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-e.over:
	case <-e.broken.Done():
	}
	return context.Cause(e.broken)
}

// read reads until ctx ends, something broke or, with exitWhenDone, the files have been read to
// their ends.
func (e *engine) read(ctx context.Context, t *tailer) {
	flush := time.NewTicker(e.flush)
	defer flush.Stop()
	for {
		more := t.poll(e.add)
		if !more && e.exitWhenDone {
			return
		}
		wait := pollInterval
		if more {
			wait = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-e.broken.Done():
			return
		case <-flush.C:
			e.flushAll()
		case <-time.After(wait):
		}
	}
}

// add adds one line to its tag's chunk: as a record with Parser json where it is a JSON object,
// else as {"log": line}.
func (e *engine) add(in *input, tag string, line []byte) {
	chunk := e.open[tag]
	if chunk == nil {
		chunk = &host.Chunk{}
		e.open[tag] = chunk
	}
	now, trimmed := time.Now(), line
	if n := len(line); n >= 2 && line[n-1] == '\r' {
		trimmed = line[:n-1]
	}
	switch {
	case !in.json:
		chunk.AddLine(now, trimmed)
	case chunk.AddJSON(now, trimmed) != nil:
		chunk.AddLine(now, line) // as tail does when the parser fails
	}
	if chunk.Full() {
		e.dispatch(tag)
	}
}

func (e *engine) flushAll() {
	for tag := range e.open {
		e.dispatch(tag)
	}
}

// dispatch sends a tag's chunk on its way to every output that matches. It waits while maxTasks are
// on theirs.
func (e *engine) dispatch(tag string) {
	chunk := e.open[tag]
	delete(e.open, tag)
	e.counts.add(tag, read, chunk.Events)
	for _, r := range e.routes {
		if !sections.Match(r.match, tag) {
			continue
		}
		select {
		case e.slots <- struct{}{}:
		case <-e.broken.Done():
			return
		}
		e.tasks.Go(func() {
			e.deliver(r, tag, chunk)
			<-e.slots
		})
	}
}

// exit exits every output, which waits for the flushes that are still running, then waits for their
// tasks and unregisters. It returns the first error, fault included, since the rest follows from
// that.
func (e *engine) exit(h *host.Host, fault error) error {
	for _, r := range e.routes {
		fault = cmp.Or(fault, r.output.Exit())
	}
	e.tasks.Wait()
	return cmp.Or(fault, h.Unregister(), h.Close())
}
