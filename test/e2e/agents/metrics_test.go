package agents

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// metricsPage is the operator's page; the tests below compare it with a running agent.
const metricsPage = "../../../docs/metrics.md"

var (
	metricRow  = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (?:`([a-z]+)`)?")
	valueRow   = regexp.MustCompile(`(?m)^\| ([a-z_]+) \| [^|]`)
	seriesLine = regexp.MustCompile(`(?m)^fluentbit_output_es_go_([a-z_]+)\{([^}]*)\} ([-+.0-9e]+)`)
	pairOfName = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
)

// explained are the metrics on the page, each with its label, and the values of the labels.
func explained(t *testing.T) (labels map[string]string, values map[string][]string) {
	t.Helper()
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	labels, values = map[string]string{}, map[string][]string{}
	for _, match := range metricRow.FindAllStringSubmatch(string(page), -1) {
		labels[match[1]] = match[2]
	}
	for label, heading := range map[string]string{"outcome": "| outcome | the record is |\n", "result": "| result | the request |\n"} {
		_, table, _ := strings.Cut(string(page), heading)
		table, _, _ = strings.Cut(table, "\n\n")
		for _, match := range valueRow.FindAllStringSubmatch(table, -1) {
			values[label] = append(values[label], match[1])
		}
	}
	if len(labels) < 10 || len(values["outcome"]) < 5 || len(values["result"]) < 5 {
		t.Fatalf("%s lists %v and %v: its form has changed", metricsPage, labels, values)
	}
	return labels, values
}

// scraped are the plugin's series of one instance: a metric, then its label's value.
type scraped map[string]map[string]float64

// sum adds up a metric's series, those of some label values where any are given.
func (s scraped) sum(metric string, values ...string) (total float64) {
	for value, number := range s[metric] {
		if len(values) == 0 || slices.Contains(values, value) {
			total += number
		}
	}
	return total
}

// seriesOf reads a scrape, and notes each metric's label in labels.
func seriesOf(text, instance string, labels map[string]string) scraped {
	all := scraped{}
	for _, match := range seriesLine.FindAllStringSubmatch(text, -1) {
		metric, label, value, name := match[1], "", "", ""
		for _, pair := range pairOfName.FindAllStringSubmatch(match[2], -1) {
			switch pair[1] {
			case "name":
				name = pair[2]
			case "le":
			default:
				label, value = pair[1], pair[2]
			}
		}
		if strings.Contains(metric, "_seconds_") { // a histogram's parts
			metric, value = metric[:strings.LastIndexByte(metric, '_')], metric[strings.LastIndexByte(metric, '_')+1:]
		}
		if name == instance {
			if all[metric] == nil {
				all[metric] = map[string]float64{}
			}
			all[metric][value], _ = strconv.ParseFloat(match[3], 64)
			labels[metric] = label
		}
	}
	return all
}

// TestFluentBitMetricsAreThoseOfThePage scrapes an agent that works through faults, with and
// without a spool: it has exactly the metrics of docs/metrics.md, and they count the events.
func TestFluentBitMetricsAreThoseOfThePage(t *testing.T) {
	s := e2e.Cluster(t)
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 7, Rules: []faults.Rule{
		{Fault: faults.Throttle, Share: 0.2, Times: 3}, {Fault: faults.Unavailable, Share: 0.2, Times: 3}, {Fault: faults.CutAfter, Share: 0.2, Times: 3},
		{Fault: faults.Unauthorized, Share: 0.2, Times: 2}, {Fault: faults.FailItems, Share: 0.2, Times: 3},
	}})
	met := map[string]float64{"throttled": 3, "unavailable": 3, "ambiguous": 3, "misconfigured": 2}
	const records, refused = 6_000, 100 // every hundredth
	path, _ := e2e.WriteLog(t, records, func(n int, record map[string]any) {
		switch n % refused {
		case 1:
			record["code"] = "text where the mapping has a number"
		case 2:
			record["dots..in..a row"] = n
		}
	})
	options := []string{"Generate_ID on", "Bulk_Size 64K", "Retry_Initial 5ms", "Retry_Max 200ms", "Retry_Budget 1s", "Request_Timeout 2s"}
	output := func(name string, more ...string) string {
		index := e2e.MappedIndex(t, s)
		all := append(append(slices.Clone(options), "Alias "+name, "Dead_Letter_Index "+index+"-letters"), more...)
		return e2e.Section(proxy.URL(), index, all...)
	}
	agent := fluentbit.Start(t, e2e.Plugin(), onDisk(t, "", path, output("direct", "Workers 1")+output("spooled", "Spool_Path "+t.TempDir())))

	labels := map[string]string{}
	read := func(name string) scraped {
		text, err := agent.Scrape(t.Context())
		if err != nil {
			return nil
		}
		return seriesOf(text, name, labels)
	}
	retries := 0.0
	for _, name := range []string{"direct", "spooled"} {
		support.Eventually(t, 2*time.Minute, name+" accounts for every record", func() bool {
			return read(name).sum("records_total", "accepted", "deduplicated", "dead_lettered") == records
		})
		got := read(name)
		for result := range met {
			met[result] -= got.sum("requests_total", result)
		}
		retries += got.sum("retried_requests_total")
		if got.sum("sent_bytes_total") == 0 {
			t.Errorf("%s: no bytes were sent", name)
		}
		const wrong = records / refused
		if n, m, k := got.sum("records_total", "dead_lettered"), got.sum("rejected_records_total"), got.sum("changed_keys_total"); n != wrong || m != wrong || k < wrong {
			t.Errorf("%s: %v dead letters, %v refusals and %v changed keys, want %d of each", name, n, m, k, wrong)
		}
		if n, m := got.sum("requests_total"), got.sum("request_duration_seconds", "count"); n != m {
			t.Errorf("%s: %v requests, and the durations of %v", name, n, m)
		}
		if in, out := got.sum("received_records_total")+got.sum("spool_dequeued_records_total"), got.sum("records_total"); in != out {
			t.Errorf("%s: %v records came in, of %v there is a outcome", name, in, out)
		}
	}
	if retries == 0 { // the order of the faults depends on the outputs
		t.Error("no retries were counted")
	}
	for result, rest := range met {
		if rest != 0 {
			t.Errorf("requests_total lacks %v %s of both", rest, result)
		}
	}
	wantOfPage(t, read("spooled"), labels)
	if direct := read("direct"); len(direct["records_total"]) >= len(read("spooled")["records_total"]) || direct["spool_bytes"] != nil || direct["spool_dequeued_records_total"] != nil {
		t.Errorf("series of the spool without one: %v", slices.Sorted(maps.Keys(direct)))
	}
	agent.Stop(t)
}

// wantOfPage compares the metrics of an instance with a spool, which has all there are, with the
// page.
func wantOfPage(t *testing.T, got scraped, labels map[string]string) {
	t.Helper()
	wantLabels, wantValues := explained(t)
	if !maps.Equal(labels, wantLabels) {
		t.Errorf("metrics and their labels: %v, %s has %v", labels, metricsPage, wantLabels)
	}
	for metric, label := range map[string]string{"records_total": "outcome", "requests_total": "result"} {
		values, want := slices.Sorted(maps.Keys(got[metric])), slices.Sorted(slices.Values(wantValues[label]))
		if !slices.Equal(values, want) {
			t.Errorf("%s has the %ss %s, %s lists %s", metric, label, fmt.Sprint(values), metricsPage, fmt.Sprint(want))
		}
	}
}
