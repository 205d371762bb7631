package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

const exposition = `# HELP fluentbit_input_records_total Number of input records.
# TYPE fluentbit_input_records_total counter
fluentbit_input_records_total{name="tail.0"} 2999
fluentbit_input_records_total{name="tail.1"} 2000
fluentbit_input_records_total{name="storage_backlog.2"} 7
fluentbit_output_errors_total{name="es_go.0"} 0
fluentbit_output_retries_total{name="es_go.1"} 3
fluentbit_output_retries_total{name="null.2"} 3
fluentbit_output_proc_records_total{name="es_go.0"} 2999
fluentbit_uptime 12
`

func TestSamplesOfTheAgent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != metricsPath {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.Write([]byte(exposition))
	}))
	defer server.Close()
	samples := (&agent{metrics: server.URL}).samples(t.Context())
	if len(samples) != 8 {
		t.Errorf("%d samples, want 8: %v", len(samples), samples)
	}
	if read, known := recordsRead(samples); read != 4999 || !known {
		t.Errorf("records read: %d, %v", read, known)
	}
	if got, want := troubles(samples), []string{`fluentbit_output_retries_total{name="es_go.1"} 3`}; !slices.Equal(got, want) {
		t.Errorf("troubles: %q, want %q", got, want)
	}
}

func TestRecordsReadAreUnknownWithoutAnEndpoint(t *testing.T) {
	for _, a := range []*agent{{}, {metrics: "http://127.0.0.1:1"}} {
		if _, known := recordsRead(a.samples(t.Context())); known {
			t.Errorf("%q: records read are known", a.metrics)
		}
	}
}
