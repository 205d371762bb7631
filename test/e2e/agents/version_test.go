package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// TestMatrixAgentIsTheOneAskedFor logs the Fluent Bit of the run, for test/matrix.
func TestMatrixAgentIsTheOneAskedFor(t *testing.T) {
	t.Logf("subject: Fluent Bit %s", fluentbit.Version(t))
}

// TestFluentBitShowsMetricsOfEveryKind: counters, gauges and the histogram are on Fluent Bit's
// endpoint with their values.
func TestFluentBitShowsMetricsOfEveryKind(t *testing.T) {
	s := e2e.Cluster(t)
	const records = 500
	index := e2e.FreshIndex(t, s)
	path, _ := e2e.WriteLog(t, records, nil)
	agent := fluentbit.Start(t, e2e.Plugin(), e2e.Config(t, "", path, e2e.Section(s.URL(), index, "Alias seen", "Spool_Path "+t.TempDir(), "Spool_Limit 48M")))
	e2e.EventuallyCount(t, s, index, records)
	series := func(name string, labels ...string) string {
		return fmt.Sprintf("fluentbit_output_es_go_%s{%s}", name, strings.Join(append([]string{`name="seen"`}, labels...), ","))
	}
	for name, want := range map[string]float64{
		series("received_records_total"):              records,
		series("spool_dequeued_records_total"):        records,
		series("records_total", `outcome="spooled"`):  records,
		series("records_total", `outcome="accepted"`): records,
		series("records_total", `outcome="dropped"`):  0,
		series("spool_limit_bytes"):                   48 << 20,
		series("spool_chunks"):                        0,
	} {
		support.Eventually(t, time.Minute, fmt.Sprintf("%s is %v", name, want), func() bool { return agent.Metric(t, name) == want })
	}
	requests := agent.Metric(t, series("requests_total", `result="delivered"`))
	if count := agent.Metric(t, series("request_duration_seconds_count")); requests < 1 || count < requests {
		t.Errorf("the histogram counts %v requests, %v were delivered", count, requests)
	}
	if sum := agent.Metric(t, series("request_duration_seconds_sum")); sum <= 0 || sum > 600 {
		t.Errorf("all requests together took %v s", sum)
	}
	agent.Stop(t)
}
