// Package fluentbittest is a test double of Fluent Bit: it records log lines and metrics.
package fluentbittest

import (
	"slices"
	"sync"

	"out_es/plugin/fluentbit"
)

// Recorder is a host that records its calls. It is safe for concurrent use.
type Recorder struct {
	// Engine is what OnEngineThread returns.
	Engine bool

	name     string
	mu       sync.Mutex
	lines    []Line
	counts   map[series]uint64
	observed map[string]uint64
	gauges   map[string]float64
	closed   bool
}

// Line is one line of the host's log.
type Line struct {
	Level fluentbit.Level
	Text  string
}

// series is one series of a metric: its name and its label's value.
type series struct{ metric, value string }

// NewRecorder returns a host with an instance of that name.
func NewRecorder(name string) *Recorder {
	return &Recorder{name: name, counts: map[series]uint64{}, observed: map[string]uint64{}, gauges: map[string]float64{}}
}

// Instance returns an instance of the host. Lines that are too late for Service are recorded as
// well.
func (r *Recorder) Instance() *fluentbit.Instance { return fluentbit.NewInstance(r.Host(), r) }

// Host returns the host, for tests that replace some of its methods.
func (r *Recorder) Host() fluentbit.Host { return host{r} }

// Lines returns the lines so far.
func (r *Recorder) Lines() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// Count returns the sum of a counter's series with that value of its label, ""
// for one without a label.
func (r *Recorder) Count(metric, value string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[series{metric, value}]
}

// Values returns a counter's label values, including those that were never counted.
func (r *Recorder) Values(metric string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var values []string
	for s := range r.counts {
		if s.metric == metric {
			values = append(values, s.value)
		}
	}
	slices.Sort(values)
	return values
}

// Gauge returns the last value of a gauge.
func (r *Recorder) Gauge(metric string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gauges[metric]
}

// Observed returns the number of durations in a histogram.
func (r *Recorder) Observed(metric string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.observed[metric]
}

// Closed reports whether the instance was closed.
func (r *Recorder) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Write implements io.Writer for lines that bypass the host.
func (r *Recorder) Write(text []byte) (int, error) {
	r.print(0, string(text))
	return len(text), nil
}

func (r *Recorder) print(level fluentbit.Level, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, Line{level, text})
}

// host is a Recorder as fluentbit.Host.
type host struct{ r *Recorder }

func (h host) Name() string { return h.r.name }

func (h host) Enabled(fluentbit.Level) bool { return true }

func (h host) OnEngineThread() bool { return h.r.Engine }

func (h host) Print(level fluentbit.Level, text string) { h.r.print(level, text) }

func (h host) Counters(name, _, _ string, values []string) func(int, uint64) {
	if len(values) == 0 {
		values = []string{""}
	}
	add := func(value int, delta uint64) {
		h.r.mu.Lock()
		defer h.r.mu.Unlock()
		h.r.counts[series{name, values[value]}] += delta
	}
	for value := range values {
		add(value, 0)
	}
	return add
}

func (h host) Gauge(name, _ string) func(float64) {
	return func(value float64) {
		h.r.mu.Lock()
		defer h.r.mu.Unlock()
		h.r.gauges[name] = value
	}
}

func (h host) Histogram(name, _ string, _ []float64) func([]uint64, float64) {
	return func(cumulative []uint64, _ float64) {
		h.r.mu.Lock()
		defer h.r.mu.Unlock()
		h.r.observed[name] = cumulative[len(cumulative)-1]
	}
}

func (h host) Close() {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	h.r.closed = true
}
