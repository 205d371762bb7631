// Package fluentbit connects the plugin to the Fluent Bit process that loaded it: to its logger and
// its metrics, whose functions it resolves by name. Without them, log lines go to standard error
// and metrics are dropped.
//
// Lines and counts may come from any goroutine. Fluent Bit accepts them only on its own threads, so
// they are queued until the next call of Service, which the plugin makes inside calls from Fluent
// Bit.
package fluentbit

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"out_es/plugin/guard"
)

// Level is a log line's level, with Fluent Bit's numbers (flb_log.h).
type Level int

// The levels.
const (
	Error Level = 1
	Warn  Level = 2
	Info  Level = 3
	Debug Level = 4
)

const (
	// queueLines is the number of lines that can be queued for Service. A flush logs a few.
	queueLines = 256
	// staleAfter is the time after which a queued line goes to standard error.
	staleAfter = 10 * time.Second
)

// Host is the agent around an instance: its logger and its metrics.
type Host interface {
	// Name is the instance's alias, or `es_go.0`.
	Name() string
	// Print, and the functions that Counters and Histogram return, are called on Fluent Bit's
	// threads only.
	Print(level Level, line string)
	Enabled(level Level) bool
	Counters(name, help, label string, values []string) (add func(value int, delta uint64))
	Gauge(name, help string) (set func(value float64))
	Histogram(name, help string, bounds []float64) (set func(cumulative []uint64, sum float64))
	OnEngineThread() bool
	// Close frees the memory of the metrics. Nothing is called after it.
	Close()
}

// Instance is one [OUTPUT] section as seen by the host. It is safe for concurrent use.
type Instance struct {
	host   Host
	direct io.Writer
	wake   chan struct{}

	mu        sync.Mutex
	queue     []line
	lost      int
	closed    bool
	timer     *time.Timer
	publishMu sync.Mutex
	metrics   []publisher
}

type line struct {
	level Level
	text  string
	at    time.Time
}

// publisher is a metric with counts that the host doesn't have yet.
type publisher interface{ publish() }

// NewInstance returns an instance of h. Lines that are too late for Service go to direct.
func NewInstance(h Host, direct io.Writer) *Instance {
	return &Instance{host: h, direct: direct, wake: make(chan struct{}, 1)}
}

// Name is the instance's alias, or `es_go.0`.
func (i *Instance) Name() string { return i.host.Name() }

// OnEngineThread reports whether the caller runs on the thread that all of Fluent Bit's inputs and
// outputs share, like a flush without Workers.
func (i *Instance) OnEngineThread() bool { return i.host.OnEngineThread() }

// Log queues a line for the host's log.
func (i *Instance) Log(level Level, format string, args ...any) {
	entry := line{level, fmt.Sprintf(format, args...), time.Now()}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed:
		i.printDirect(entry)
		return
	case !i.host.Enabled(level):
		return
	case len(i.queue) == queueLines:
		i.lost++
		return
	}
	i.queue = append(i.queue, entry)
	if i.timer == nil {
		i.timer = guard.AfterFunc(staleAfter, i.fault, i.printStale)
	}
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// LogLines logs each line of text.
func (i *Instance) LogLines(level Level, text string) {
	for line := range strings.Lines(text) {
		i.Log(level, "%s", strings.TrimSuffix(line, "\n"))
	}
}

// Wake signals queued lines.
func (i *Instance) Wake() <-chan struct{} { return i.wake }

// Service prints the queued lines and publishes the counts. It must be called on one of Fluent
// Bit's threads.
func (i *Instance) Service() {
	i.PrintLines()
	i.Publish()
}

// Publish publishes the counts, from any thread: the counts and gauges of cmetrics are atomic, and
// every label set was made in Init.
func (i *Instance) Publish() {
	i.publishMu.Lock()
	defer i.publishMu.Unlock()
	for _, m := range i.metrics {
		m.publish()
	}
}

// PrintLines prints the queued lines. It must be called on one of Fluent Bit's threads.
func (i *Instance) PrintLines() {
	i.mu.Lock()
	if len(i.queue) == 0 && i.lost == 0 {
		i.mu.Unlock()
		return
	}
	queue, lost := i.queue, i.lost
	i.queue, i.lost = nil, 0
	i.disarm()
	i.mu.Unlock()
	for _, entry := range queue {
		i.host.Print(entry.level, entry.text)
	}
	if lost > 0 {
		i.host.Print(Warn, fmt.Sprintf("%d further log lines were left out", lost))
	}
}

func (i *Instance) disarm() {
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
}

// printStale sends lines to standard error that no call of the host has printed in time.
func (i *Instance) printStale() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer = nil
	for _, entry := range i.queue {
		i.printDirect(entry)
	}
	i.queue = nil
}

// fault logs a panic in a timer's callback.
func (i *Instance) fault(problem any) {
	i.printDirect(line{Error, fmt.Sprintf("a fault in this plugin, please report it: %v", problem), time.Now()})
}

func (i *Instance) printDirect(entry line) {
	_, _ = fmt.Fprint(i.direct, directLine(i.host.Name(), entry.level, entry.text, entry.at))
}

var levelNames = map[Level]string{Error: "error", Warn: " warn", Info: " info", Debug: "debug"}

// directLine has the format of Fluent Bit's own lines.
func directLine(name string, level Level, text string, at time.Time) string {
	return fmt.Sprintf("[%s] [%s] [output:es_go:%s] %s\n", at.Format("2006/01/02 15:04:05.000"), levelNames[level], name, text)
}

// Close services the instance a last time. Later lines go to standard error. It must be called on
// one of Fluent Bit's threads.
func (i *Instance) Close() {
	i.Service()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.publishMu.Lock()
	defer i.publishMu.Unlock()
	i.closed = true
	i.disarm()
	i.metrics = nil
	i.host.Close()
}

// Counters is a metric with one label of a closed list of values.
type Counters struct {
	pending []atomic.Uint64
	add     func(value int, delta uint64)
}

// Counters makes a counter `fluentbit_output_es_go_NAME`, with a series for
// each of values from the start. An empty label makes a single series.
func (i *Instance) Counters(name, help, label string, values []string) *Counters {
	c := &Counters{pending: make([]atomic.Uint64, max(1, len(values))), add: i.host.Counters(name, help, label, values)}
	i.register(c)
	return c
}

func (i *Instance) register(m publisher) {
	i.publishMu.Lock()
	defer i.publishMu.Unlock()
	i.metrics = append(i.metrics, m)
}

// Add adds n to the series of the value with that index in the list.
func (c *Counters) Add(value, n int) {
	if n > 0 {
		c.pending[value].Add(uint64(n))
	}
}

func (c *Counters) publish() {
	for value := range c.pending {
		if delta := c.pending[value].Swap(0); delta > 0 {
			c.add(value, delta)
		}
	}
}

// Gauge is a metric that goes up and down.
type Gauge struct {
	value atomic.Uint64 // the bits of a float64
	set   func(value float64)
}

// Gauge makes a gauge `fluentbit_output_es_go_NAME`, which is 0.
func (i *Instance) Gauge(name, help string) *Gauge {
	g := &Gauge{set: i.host.Gauge(name, help)}
	i.register(g)
	return g
}

// Set changes the value.
func (g *Gauge) Set(value float64) { g.value.Store(math.Float64bits(value)) }

func (g *Gauge) publish() { g.set(math.Float64frombits(g.value.Load())) }

// Histogram is a metric of durations.
type Histogram struct {
	bounds []float64
	set    func(cumulative []uint64, sum float64)

	mu         sync.Mutex
	cumulative []uint64 // one for each bound, and one for all
	sum        float64
	changed    bool
}

// Histogram makes a histogram `fluentbit_output_es_go_NAME` with these upper
// bounds, in seconds.
func (i *Instance) Histogram(name, help string, bounds []float64) *Histogram {
	h := &Histogram{bounds: bounds, set: i.host.Histogram(name, help, bounds), cumulative: make([]uint64, len(bounds)+1)}
	i.register(h)
	return h
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.bounds); i >= 0; i-- {
		if i < len(h.bounds) && d.Seconds() > h.bounds[i] {
			break
		}
		h.cumulative[i]++
	}
	h.sum += d.Seconds()
	h.changed = true
}

func (h *Histogram) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed {
		h.set(h.cumulative, h.sum)
		h.changed = false
	}
}
