package fluentbit_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

func texts(r *fluentbittest.Recorder) []string {
	var all []string
	for _, line := range r.Lines() {
		all = append(all, line.Text)
	}
	return all
}

func TestLinesWaitForService(t *testing.T) {
	r := fluentbittest.NewRecorder("es_go.0")
	i := r.Instance()
	i.Log(fluentbit.Warn, "%d of %s", 1, "many")
	i.LogLines(fluentbit.Error, "two\nlines\n")
	if len(r.Lines()) != 0 {
		t.Fatal("they did not wait")
	}
	select {
	case <-i.Wake():
	default:
		t.Error("nobody was woken")
	}
	i.Service()
	want := []fluentbittest.Line{{Level: fluentbit.Warn, Text: "1 of many"}, {Level: fluentbit.Error, Text: "two"}, {Level: fluentbit.Error, Text: "lines"}}
	if !slices.Equal(r.Lines(), want) {
		t.Errorf("got %v", r.Lines())
	}
	i.Service()
	if len(r.Lines()) != 3 {
		t.Error("lines came twice")
	}
}

// A second line must send no second signal, nor block without a receiver.
func TestManyLinesWakeOnce(t *testing.T) {
	i := fluentbittest.NewRecorder("x").Instance()
	for range 10 {
		i.Log(fluentbit.Info, "line")
	}
	<-i.Wake()
	select {
	case <-i.Wake():
		t.Error("woken twice")
	default:
	}
}

func TestTheQueueIsBoundedAndSaysSo(t *testing.T) {
	r := fluentbittest.NewRecorder("x")
	i := r.Instance()
	for n := range fluentbit.QueueLines + 7 {
		i.Log(fluentbit.Info, "line %d", n)
	}
	i.Service()
	lines := texts(r)
	if len(lines) != fluentbit.QueueLines+1 || lines[0] != "line 0" || lines[fluentbit.QueueLines] != "7 further log lines were left out" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	i.Log(fluentbit.Info, "one more")
	i.Service()
	if lines = texts(r); lines[len(lines)-1] != "one more" {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
}

// loud is a host that rejects lines below its level.
type loud struct {
	fluentbit.Host
	lowest fluentbit.Level
}

func (l loud) Enabled(level fluentbit.Level) bool { return level <= l.lowest }

func TestLinesBelowTheHostsLevelAreLeftOut(t *testing.T) {
	r := fluentbittest.NewRecorder("x")
	i := fluentbit.NewInstance(loud{r.Host(), fluentbit.Warn}, r)
	i.Log(fluentbit.Info, "no")
	i.Log(fluentbit.Warn, "yes")
	i.Service()
	if got := texts(r); !slices.Equal(got, []string{"yes"}) {
		t.Errorf("got %q", got)
	}
}

func TestALineThatWaitsTooLongGoesToStandardError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		direct, r := fluentbittest.NewRecorder(""), fluentbittest.NewRecorder("es_go.0")
		i := fluentbit.NewInstance(r.Host(), direct)
		i.Log(fluentbit.Warn, "nobody calls")
		time.Sleep(fluentbit.StaleAfter - 1)
		if len(direct.Lines()) != 0 {
			t.Error("it did not wait")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := texts(direct); len(got) != 1 || !strings.HasSuffix(got[0], "] [ warn] [output:es_go:es_go.0] nobody calls\n") {
			t.Errorf("got %q", got)
		}
		i.Service()
		if len(r.Lines()) != 0 {
			t.Error("the host got it as well")
		}
		i.Log(fluentbit.Warn, "somebody calls")
		i.Service()
		time.Sleep(2 * fluentbit.StaleAfter)
		synctest.Wait()
		if len(direct.Lines()) != 1 {
			t.Error("a line that was printed went to standard error as well")
		}
	})
}

func TestCloseLogsWaitingLinesAndThenBypassesTheHost(t *testing.T) {
	var direct bytes.Buffer
	r := fluentbittest.NewRecorder("x")
	i := fluentbit.NewInstance(r.Host(), &direct)
	counter := i.Counters("things_total", "", "", nil)
	counter.Add(0, 3)
	i.Log(fluentbit.Info, "last words")
	i.Close()
	if !slices.Equal(texts(r), []string{"last words"}) || r.Count("things_total", "") != 3 || !r.Closed() {
		t.Errorf("lines %q, count %d", texts(r), r.Count("things_total", ""))
	}
	i.Log(fluentbit.Error, "too late")
	counter.Add(0, 1)
	i.Service()
	if len(r.Lines()) != 1 || r.Count("things_total", "") != 3 || !strings.Contains(direct.String(), "[error] [output:es_go:x] too late\n") {
		t.Errorf("lines %q, direct %q", texts(r), direct.String())
	}
}

func TestCountersArePublishedByService(t *testing.T) {
	r := fluentbittest.NewRecorder("x")
	i := r.Instance()
	c := i.Counters("verdicts_total", "Help.", "verdict", []string{"good", "bad", "odd"})
	if got := r.Values("verdicts_total"); !slices.Equal(got, []string{"bad", "good", "odd"}) {
		t.Errorf("series at the start: %q", got)
	}
	c.Add(0, 2)
	c.Add(0, 3)
	c.Add(1, 1)
	c.Add(2, 0)
	c.Add(2, -4)
	if r.Count("verdicts_total", "good") != 0 {
		t.Error("counted without Service")
	}
	for range 2 {
		i.Service()
		if good, bad, odd := r.Count("verdicts_total", "good"), r.Count("verdicts_total", "bad"), r.Count("verdicts_total", "odd"); good != 5 || bad != 1 || odd != 0 {
			t.Errorf("%d, %d, %d", good, bad, odd)
		}
	}
}

// sums is a host that keeps a histogram's own figures.
type sums struct {
	fluentbit.Host
	cumulative []uint64
	sum        float64
	published  int
}

func (s *sums) Histogram(string, string, []float64) func([]uint64, float64) {
	return func(cumulative []uint64, sum float64) {
		s.cumulative, s.sum = slices.Clone(cumulative), sum
		s.published++
	}
}

func TestAHistogramIsCumulative(t *testing.T) {
	s := &sums{Host: fluentbittest.NewRecorder("x").Host()}
	i := fluentbit.NewInstance(s, io.Discard)
	h := i.Histogram("took_seconds", "", []float64{0.1, 1, 10})
	i.Service()
	if s.published != 0 {
		t.Error("published without a change")
	}
	for _, d := range []time.Duration{0, 100 * time.Millisecond, 101 * time.Millisecond, time.Second, 2 * time.Second, time.Minute} {
		h.Observe(d)
	}
	i.Service()
	if want := []uint64{2, 4, 5, 6}; !slices.Equal(s.cumulative, want) || fmt.Sprintf("%.3f", s.sum) != "63.201" {
		t.Errorf("%v, %v", s.cumulative, s.sum)
	}
	i.Service()
	if s.published != 1 {
		t.Errorf("published %d times", s.published)
	}
}

func TestStandaloneWritesLines(t *testing.T) {
	var out bytes.Buffer
	i := fluentbit.Standalone("es_go.7", &out)
	i.Counters("a", "", "b", []string{"c"}).Add(0, 1)
	i.Histogram("d", "", []float64{1}).Observe(time.Second)
	i.Log(fluentbit.Debug, "quiet")
	i.Log(fluentbit.Info, "loud")
	i.Service()
	if got := out.String(); i.Name() != "es_go.7" || i.OnEngineThread() || strings.Contains(got, "quiet") || !strings.HasSuffix(got, "[ info] [output:es_go:es_go.7] loud\n") {
		t.Errorf("got %q", got)
	}
	i.Close()
}

func TestAnInstanceInParallel(t *testing.T) {
	r := fluentbittest.NewRecorder("x")
	i := r.Instance()
	c, h := i.Counters("c", "", "l", []string{"a", "b"}), i.Histogram("h", "", []float64{1})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 200 {
				i.Log(fluentbit.Info, "line")
				c.Add(n%2, 1)
				h.Observe(time.Duration(n) * time.Millisecond)
				if n%10 == 0 {
					i.Service()
				}
			}
		})
	}
	all.Wait()
	i.Close()
	if r.Count("c", "a") != 400 || r.Count("c", "b") != 400 || r.Observed("h") != 800 {
		t.Errorf("%d, %d, %d", r.Count("c", "a"), r.Count("c", "b"), r.Observed("h"))
	}
}
