package agents

import (
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// awaitIdle waits until the agent has delivered everything: then an extra document would be there,
// too.
func awaitIdle(t *testing.T, agent *fluentbit.Agent) {
	t.Helper()
	last, since := -1.0, time.Now()
	support.Eventually(t, time.Minute, "the agent has nothing left to do", func() bool {
		now := agent.Metric(t, `fluentbit_output_es_go_received_records_total{name="es_go.0"}`)
		if now != last {
			last, since = now, time.Now()
		}
		return now >= 0 && time.Since(since) > 2500*time.Millisecond // two of its flush intervals
	})
}

// losslessFile is the configuration that users are told to copy: the crash tests run it, so that
// the recommendation is tested.
const losslessFile = "../../../examples/lossless.conf"

// acceptedSeries and deduplicatedSeries are metrics of the output of examples/lossless.conf.
const (
	acceptedSeries     = `fluentbit_output_es_go_records_total{name="es_go.0",outcome="accepted"}`
	deduplicatedSeries = `fluentbit_output_es_go_records_total{name="es_go.0",outcome="deduplicated"}`
)
