package fluentbit

import (
	"fmt"
	"io"
	"time"
)

// Standalone returns an instance without a Fluent Bit around it: lines go to
// w, metrics nowhere.
func Standalone(name string, w io.Writer) *Instance {
	return NewInstance(&standalone{instance: name, out: w}, w)
}

type standalone struct {
	instance string
	out      io.Writer
}

func (s *standalone) Name() string { return s.instance }

func (s *standalone) Print(level Level, text string) {
	_, _ = fmt.Fprint(s.out, directLine(s.instance, level, text, time.Now()))
}

func (s *standalone) Enabled(level Level) bool { return level <= Info }

func (s *standalone) Counters(string, string, string, []string) func(int, uint64) {
	return func(int, uint64) {}
}

func (s *standalone) Gauge(string, string) func(float64) { return func(float64) {} }

func (s *standalone) Histogram(string, string, []float64) func([]uint64, float64) {
	return func([]uint64, float64) {}
}

func (s *standalone) OnEngineThread() bool { return false }

func (s *standalone) Close() {}
