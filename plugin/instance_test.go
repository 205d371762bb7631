package plugin_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

// section is an [OUTPUT] section.
type section map[string]string

func (s section) lookup(name string) string { return s[name] }

// instance starts an instance in a host that records. It is closed with the
// test at the latest.
func instance(t testing.TB, e *elasticsearch, more section) (*plugin.Plugin, *fluentbittest.Recorder) {
	t.Helper()
	s := section{"Hosts": e.URL, "Retry_Initial": "1ms", "Retry_Max": "2ms", "Retry_Budget": "0"}
	for name, value := range more {
		s[name] = value
	}
	host := fluentbittest.NewRecorder("es_go.0")
	p, err := plugin.New(s.lookup, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !host.Closed() {
			p.Close()
		}
		balanced(t, host)
	})
	return p, host
}

// balanced checks that the host's metrics account for every record.
func balanced(t testing.TB, host *fluentbittest.Recorder) {
	t.Helper()
	var sum uint64
	for _, outcome := range host.Values("records_total") {
		sum += host.Count("records_total", outcome)
	}
	if received := host.Count("received_records_total", "") + host.Count("spool_dequeued_records_total", ""); received != sum {
		t.Errorf("%d records came, %d are accounted for", received, sum)
	}
}

// counts checks the metric of documents by outcome: "accepted", 2, "dropped", 1 … All others must
// be 0.
func counts(t *testing.T, host *fluentbittest.Recorder, want map[string]int) {
	t.Helper()
	for _, outcome := range host.Values("records_total") {
		if got := host.Count("records_total", outcome); got != uint64(want[outcome]) {
			t.Errorf("%s: %d documents, want %d", outcome, got, want[outcome])
		}
	}
}

// lines are the host's lines that hold text.
func lines(host *fluentbittest.Recorder, text string) []fluentbittest.Line {
	var all []fluentbittest.Line
	for _, line := range host.Lines() {
		if strings.Contains(line.Text, text) {
			all = append(all, line)
		}
	}
	return all
}

// flushUntilDone re-delivers a chunk until the answer is no RETRY.
func flushUntilDone(t *testing.T, p *plugin.Plugin, tag string, data []byte) plugin.Outcome {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if outcome := p.Flush(tag, data); outcome != plugin.Retry {
			return outcome
		}
	}
	t.Fatal("it came back for 20 seconds")
	return plugin.Retry
}

// silent is a host without metrics and log lines.
func silent() *fluentbit.Instance { return fluentbit.Standalone("es_go.0", io.Discard) }
