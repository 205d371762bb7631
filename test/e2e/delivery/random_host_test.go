package delivery

import (
	"context"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/host"
	"out_es/test/support"
)

// TestRandomFaultsOverTheABIBalance reads the account from the metrics of the plugin as Fluent Bit
// runs it.
func TestRandomFaultsOverTheABIBalance(t *testing.T) {
	support.LongForm(t)
	const records = 2000
	for _, test := range []struct {
		name   string
		seed   uint64
		buries bool
	}{
		{"refused records are dropped", 77, false},
		{"refused records are buried", 78, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, e2e.Hurried(faults.Options{Seed: test.seed, Rules: everything(), Guilty: e2e.IsGuilty}))
			options := []string{"Generate_ID on", "Bulk_Size 4K", "Hosts " + proxy.URL(), "Index " + index}
			if test.buries {
				options = append(options, "Dead_Letter_Index "+index+".dead")
				skipUnlessAvailable(t, options...)
			}
			for key, value := range e2e.Impatient {
				if key == "Request_Timeout" {
					value = e2e.ShortRequestTimeout.String()
				}
				options = append(options, key+" "+value)
			}
			made := newStorm(t, test.seed, records, 40)
			h, _ := e2e.StartHost(t, host.Options{})
			o := e2e.Output(t, h, 3, options...)
			beside := made.flushHost(t, o)
			counted := scrapeAccount(t, h)
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			proxy.Close()
			t.Logf("the account is %v; faults %v", counted, proxy.Account().Faults())
			found := made.read(t, s, index)
			found.wantOnce(t)
			counted.wantBalance(t, found, test.buries, beside)
		})
	}
}

// account has the metrics of all flushes together: records by outcome, and those received.
type account struct {
	outcomes map[string]int
	received int
}

// outcomeSeries finds the outcomes, those of later versions among them.
var outcomeSeries = regexp.MustCompile(`(?m)^fluentbit_output_es_go_records_total\{name="es_go.0",outcome="([a-z_]+)"\} (\d+)`)

// scrapeAccount reads the counters of the only instance.
func scrapeAccount(t *testing.T, h *host.Host) account {
	t.Helper()
	scrape, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	a := account{outcomes: map[string]int{}, received: int(fluentbit.Value(scrape, `fluentbit_output_es_go_received_records_total{name="es_go.0"}`))}
	for _, series := range outcomeSeries.FindAllStringSubmatch(scrape, -1) {
		if a.outcomes[series[1]], err = strconv.Atoi(series[2]); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// wantBalance checks the account in itself, and against Elasticsearch's documents. beside is the
// number of accepted records of the other traffic.
func (a account) wantBalance(t *testing.T, found *arrivals, buries bool, beside int) {
	t.Helper()
	sum, there := 0, 0
	for _, n := range a.outcomes {
		sum += n
	}
	for _, copies := range found.copies {
		there += copies
	}
	bad := found.storm.count(poison) + found.storm.count(guilty)
	buried := map[bool]int{true: bad}[buries]
	for _, check := range []struct {
		what      string
		got, want int
	}{
		{"received, against the sum of the outcomes", a.received, sum},
		{"records that came to an end, against those there are", a.received - a.outcomes["returned"], found.storm.records + beside},
		{"accepted and deduplicated, against what Elasticsearch holds", a.outcomes["accepted"] + a.outcomes["deduplicated"], there + beside},
		{"buried", a.outcomes["dead_lettered"], buried},
		{"dropped", a.outcomes["dropped"], bad - buried},
		{"malformed", a.outcomes["malformed"], 0},
	} {
		if check.got != check.want {
			t.Errorf("%s: %d, want %d", check.what, check.got, check.want)
		}
	}
}

// flushHost brings all chunks over the C ABI until each is OK, and returns how often the record of
// traffic was taken beside them.
func (m *storm) flushHost(t *testing.T, o *host.Output) (beside int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	queue := make(chan tagged)
	var all sync.WaitGroup
	for range flushers {
		all.Go(func() {
			for chunk := range queue {
				for code := host.RETRY; code == host.RETRY; time.Sleep(e2e.ReplayPause) {
					var err error
					if code, err = o.Flush(ctx, chunk.tag, chunk.data); err != nil || code == host.ERROR {
						t.Errorf("a flush answered %v, %v", code, err)
						break
					}
				}
			}
		})
	}
	over, counted := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-over:
				counted <- n
				return
			case <-time.After(trafficPause):
			}
			if code, err := o.Flush(ctx, traffic.tag, traffic.data); err == nil && code == host.OK {
				n++
			}
		}
	}()
	for _, chunk := range m.chunks {
		queue <- chunk
	}
	close(queue)
	all.Wait()
	close(over)
	return <-counted
}
