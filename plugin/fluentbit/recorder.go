package fluentbit

import (
	"slices"
	"sync"
)

// Recorder is a host that keeps what it is told, for tests of what uses an
// Instance. It is safe for concurrent use.
type Recorder struct {
	// Engine is what OnEngineThread says.
	Engine bool

	instance string
	mu       sync.Mutex
	lines    []Line
	counts   map[series]uint64
	observed map[string]uint64
	gauges   map[string]float64
	closed   bool
}

// Line is one line of the host's log.
type Line struct {
	Level Level
	Text  string
}

// series is one series of a metric: its name and its label's value.
type series struct{ metric, value string }

// NewRecorder returns a host whose instance has that name.
func NewRecorder(name string) *Recorder {
	return &Recorder{instance: name, counts: map[series]uint64{}, observed: map[string]uint64{}, gauges: map[string]float64{}}
}

// Instance returns an instance of the host. What comes too late for Service is
// recorded as well.
func (r *Recorder) Instance() *Instance { return newInstance(r, r) }

// Lines are the lines so far.
func (r *Recorder) Lines() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// Count is the sum of a counter's series with that value of its label, "" for
// one without a label.
func (r *Recorder) Count(metric, value string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[series{metric, value}]
}

// Values are a counter's label values, with those that were never counted.
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

// Gauge is what a gauge was set to last.
func (r *Recorder) Gauge(metric string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gauges[metric]
}

// Observed is how many durations a histogram holds.
func (r *Recorder) Observed(metric string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.observed[metric]
}

// Closed says whether the instance gave the host back.
func (r *Recorder) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Write implements io.Writer for lines that go past the host.
func (r *Recorder) Write(text []byte) (int, error) {
	r.print(0, string(text))
	return len(text), nil
}

func (r *Recorder) name() string { return r.instance }

func (r *Recorder) enabled(Level) bool { return true }

func (r *Recorder) onEngineThread() bool { return r.Engine }

func (r *Recorder) print(level Level, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, Line{level, text})
}

func (r *Recorder) counters(name, _, _ string, values []string) func(int, uint64) {
	if len(values) == 0 {
		values = []string{""}
	}
	add := func(value int, delta uint64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counts[series{name, values[value]}] += delta
	}
	for value := range values {
		add(value, 0)
	}
	return add
}

func (r *Recorder) gauge(name, _ string) func(float64) {
	return func(value float64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gauges[name] = value
	}
}

func (r *Recorder) histogram(name, _ string, _ []float64) func([]uint64, float64) {
	return func(cumulative []uint64, _ float64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.observed[name] = cumulative[len(cumulative)-1]
	}
}

func (r *Recorder) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}
