package spool

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// spoolFile is the configuration with a spool that users are told to copy.
const spoolFile = "../../../examples/spool.conf"

// spoolSeries is a metric of that file's output, with further labels such as
// `outcome="accepted"`.
func spoolSeries(name string, labels ...string) string {
	return fmt.Sprintf(`fluentbit_output_es_go_%s{%s}`, name, strings.Join(append([]string{`name="logs"`}, labels...), ","))
}

// awaitSpooled waits until all that the agent reads is delivered, and its spool
// is empty.
func awaitSpooled(t *testing.T, agent *fluentbit.Agent, patience time.Duration) {
	t.Helper()
	last, since := -1.0, time.Now()
	support.Eventually(t, patience, "the spool is empty and nothing comes any more", func() bool {
		now := agent.Metric(t, spoolSeries("received_records_total"))
		if now != last {
			last, since = now, time.Now()
		}
		return now >= 0 && agent.Metric(t, spoolSeries("spool_chunks")) == 0 && time.Since(since) > 2500*time.Millisecond
	})
}
