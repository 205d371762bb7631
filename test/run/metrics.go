package main

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metricsPath is Fluent Bit's, with the metrics of plugins.
const metricsPath = "/api/v2/metrics/prometheus"

// sample is one line of Prometheus' text format.
type sample struct {
	name, labels string // "fluentbit_output_errors_total", `{name="es_go.0"}`
	value        float64
}

// samples asks the agent for its metrics; none when it has no endpoint or doesn't answer yet.
func (a *agent) samples(ctx context.Context) []sample {
	if a.metrics == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.metrics+metricsPath, nil)
	if err != nil {
		return nil
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	var all []sample
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if s, ok := parseSample(lines.Text()); ok {
			all = append(all, s)
		}
	}
	return all
}

// parseSample reads `name{labels} value`, or the same without labels; ok is false for comments and
// anything else.
func parseSample(line string) (s sample, ok bool) {
	name, value, ok := cutLast(line, " ")
	if !ok || strings.HasPrefix(line, "#") {
		return sample{}, false
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return sample{}, false
	}
	brace := strings.IndexByte(name, '{')
	if brace < 0 {
		brace = len(name)
	}
	return sample{name[:brace], name[brace:], number}, true
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// recordsRead sums the records that the tail inputs have read; false if it is unknown.
func recordsRead(all []sample) (int, bool) {
	total, known := 0.0, false
	for _, s := range all {
		if s.name == "fluentbit_input_records_total" && strings.Contains(s.labels, `"tail.`) {
			total, known = total+s.value, true
		}
	}
	return int(total), known
}

// troubles are the output counters that aren't zero and shouldn't grow, as lines to show.
func troubles(all []sample) []string {
	var lines []string
	for _, s := range all {
		if !strings.Contains(s.labels, `"es_go.`) || s.value == 0 {
			continue
		}
		for _, word := range []string{"error", "retr", "dropped", "rejected", "malformed"} {
			if strings.Contains(s.name+s.labels, word) {
				lines = append(lines, s.name+s.labels+" "+strconv.FormatFloat(s.value, 'f', -1, 64))
				break
			}
		}
	}
	return lines
}
