package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/faults"
)

// TestFaultCostsNoRecord lets the first requests meet one fault, and nothing the ones after.
func TestFaultCostsNoRecord(t *testing.T) {
	const records = 300 // one request
	times := func(n int, f faults.Fault) faults.Rule { return faults.First(n, f) }
	slow := func(d time.Duration) faults.Rule {
		return faults.Rule{Fault: faults.Slow, Share: 1, Times: 1, Delay: d, Exactly: true}
	}
	tests := []struct {
		name string
		rule faults.Rule
		// first is the outcome of the first flush; requests is the maximum number in all.
		first    es.Outcome
		requests int
		// arrived says that the documents of a request that failed were taken.
		arrived bool
		log     string
	}{
		{"no fault", faults.Rule{}, es.OK, 1, false, ""},
		{"cut before it was forwarded", times(2, faults.CutBefore), es.OK, 3, false, "ambiguous"},
		{"cut after it was forwarded", times(2, faults.CutAfter), es.OK, 3, true, "ambiguous"},
		{"throttled", times(2, faults.Throttle), es.OK, 3, false, "status 429"},
		{"unavailable", times(2, faults.Unavailable), es.OK, 3, false, "status 503"},
		{"some items throttled", times(2, faults.ThrottleItems), es.OK, 3, false, ""},
		{"some items unavailable", times(2, faults.FailItems), es.Retry, 3, false, "is held"},
		{"slow answer", slow(300 * time.Millisecond), es.OK, 1, false, ""},
		{"answer after Request_Timeout", slow(e2e.ShortRequestTimeout + 500*time.Millisecond), es.OK, 3, true, "no answer within Request_Timeout"},
		{"torn answer", times(2, faults.TornAnswer), es.OK, 3, true, "ambiguous"},
		{"answer with an item missing", times(1, faults.MissingItem), es.OK, 2, true, "the answer has 299 items for the 300 that were sent"},
		{"page with status 200", times(2, faults.Page), es.Retry, 3, false, "not Elasticsearch's"},
		{"page with status 502", times(2, faults.BadGateway), es.OK, 3, false, "status 502"},
		{"page with status 504 after forwarding", times(2, faults.GatewayTimeout), es.OK, 3, true, "status 504"},
		{"connection closed behind the answer", times(3, faults.DropIdle), es.OK, 1, false, ""},
		{"not authenticated", times(2, faults.Unauthorized), es.Retry, 3, false, "set HTTP_User and HTTP_Passwd, or HTTP_API_Key"},
		{"not allowed", times(2, faults.Forbidden), es.Retry, 3, false, "writing without credentials is not allowed there"},
		{"redirected", times(2, faults.Redirect), es.Retry, 3, false, "write the final address in Hosts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			o := faults.Options{Seed: 3, Rules: []faults.Rule{test.rule}}
			options := []string{"Index " + index, "Generate_ID on", "Retry_Budget 10s"}
			if test.rule.Delay > e2e.ShortRequestTimeout {
				o, options = e2e.Hurried(o), append(options, e2e.Hurry)
			}
			proxy := e2e.StartFaults(t, s, o)
			p := e2e.NewInstance(t, append(options, "Hosts "+proxy.URL())...)
			chunk := e2e.ChunkWith(t, records, nil)
			if got := p.Flush("app", chunk); got != test.first {
				t.Errorf("the first flush answered %d, want %d", got, test.first)
			} else if got != es.OK {
				p.MustDeliver(t, chunk)
			}
			e2e.WantRecords(t, s, index, records)
			proxy.Close()
			account := proxy.Account()
			e2e.AtMost(t, "requests", account.Requests(), test.requests)
			if (account.LostDocuments() > 0) != test.arrived {
				t.Errorf("%d documents arrived without an answer; should any: %v", account.LostDocuments(), test.arrived)
			}
			if test.log != "" && p.Count(test.log) != 1 {
				t.Errorf("the log has %q %d times, want once", test.log, p.Count(test.log))
			}
		})
	}
}

// TestFaultThatLastsKeepsTheChunk has the fault go on for several flushes: nothing is given up, few
// requests are made, and the log says it once.
func TestFaultThatLastsKeepsTheChunk(t *testing.T) {
	const records, flushes = 50, 10
	for _, test := range []struct {
		name  string
		fault faults.Fault
		log   []string
		// perFlush bounds the requests that one flush makes in the budget of 300 ms.
		perFlush int
	}{
		{"wrong credentials", faults.Unauthorized, []string{"error]", "status 401", "set HTTP_User and HTTP_Passwd, or HTTP_API_Key"}, 1},
		{"no privilege", faults.Forbidden, []string{"error]", "status 403"}, 1},
		{"redirect that is not followed", faults.Redirect, []string{"error]", "status 307", "Hosts"}, 1},
		{"login page", faults.Page, []string{"error]", "status 200", "not Elasticsearch's", "Hosts"}, 1},
		{"cluster is away", faults.BadGateway, []string{"status 502"}, 20},
		{"throttling without end", faults.Throttle, []string{"status 429"}, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{Rules: []faults.Rule{faults.Always(test.fault)}})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index)
			chunk := e2e.ChunkWith(t, records, nil)
			for range flushes {
				if got := p.Flush("app", chunk); got != es.Retry {
					t.Fatalf("a flush answered %d, want RETRY", got)
				}
				time.Sleep(e2e.ReplayPause)
			}
			// Without ids of ours: the absence of duplicates shows that nothing was passed on.
			e2e.SetRules(t, proxy)
			p.MustDeliver(t, chunk)
			e2e.WantRecords(t, s, index, records)
			account := proxy.Account()
			e2e.AtMost(t, "requests", account.Requests(), flushes*test.perFlush+1)
			if got := account.Count(test.fault) + 1; got != account.Requests() {
				t.Errorf("%d of the requests met something else", account.Requests()-got)
			}
			if got := p.Count(test.log...); got != 1 {
				t.Errorf("%d lines with %q, want 1", got, test.log)
			}
			if got := p.Count("Elasticsearch answers again"); got != 1 {
				t.Errorf("%d lines tell that it is over, want 1", got)
			}
		})
	}
}

// TestRetryAfterIsRespected floods with 429: no request may come within the second that each answer
// asks for.
func TestRetryAfterIsRespected(t *testing.T) {
	const records, answers = 50, 3
	for _, test := range []struct {
		name, budget string
		fault        faults.Fault
	}{
		{"longer than the budget so that the gate waits", "300ms", faults.Throttle},
		{"within the budget so that the flush waits", "5s", faults.Throttle},
		{"of a 503", "300ms", faults.Unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			rule := faults.Rule{Fault: test.fault, Share: 1, Times: answers, RetryAfter: "1"}
			proxy := e2e.StartFaults(t, s, faults.Options{Rules: []faults.Rule{rule}})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Budget "+test.budget)
			p.MustDeliver(t, e2e.ChunkWith(t, records, nil))
			e2e.WantRecords(t, s, index, records)
			entries := proxy.Account().Entries
			if len(entries) != answers+1 {
				t.Errorf("%d requests, want %d", len(entries), answers+1)
			}
			for i := range entries[1:] {
				if gap := entries[i+1].At.Sub(entries[i].At); gap < time.Second {
					t.Errorf("request %d came %v after an answer that asked for 1 s", i+2, gap)
				}
			}
		})
	}
}

// TestItemsThatWereTakenAreNotSentAgain: one item of many is throttled all the time.
func TestItemsThatWereTakenAreNotSentAgain(t *testing.T) {
	const records = 200
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 9, Rules: []faults.Rule{faults.First(6, faults.ThrottleItems)}})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index) // ids of Elasticsearch's: a second time would show
	p.MustDeliver(t, e2e.ChunkWith(t, records, nil))
	e2e.WantRecords(t, s, index, records)
	var sent []int
	for i, e := range proxy.Account().Entries {
		if i > 0 && e.Documents != proxy.Account().Entries[i-1].Held {
			t.Errorf("request %d has %d documents, %d were left of the one before", e.Number, e.Documents, proxy.Account().Entries[i-1].Held)
		}
		sent = append(sent, e.Documents)
	}
	if !slices.IsSortedFunc(sent, func(a, b int) int { return b - a }) {
		t.Errorf("the requests hold %v documents, want ever fewer", sent)
	}
}

// TestAnswerWithAnItemMissingIsNotBelieved has every other record refused: whoever counts the items
// that are there blames, and drops, the neighbours of the guilty.
func TestAnswerWithAnItemMissingIsNotBelieved(t *testing.T) {
	const records = 40
	s := e2e.Cluster(t)
	for seed := range uint64(4) { // another item is missing each time
		index := e2e.MappedIndex(t, s)
		proxy := e2e.StartFaults(t, s, faults.Options{Seed: seed, Rules: []faults.Rule{faults.First(1, faults.MissingItem)}})
		p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Generate_ID on")
		var refused []int
		p.MustDeliver(t, e2e.ChunkWith(t, records, func(i int, record string) string {
			if i%2 == 0 {
				return record
			}
			refused = append(refused, i)
			return fmt.Sprintf(`{"n":%d,"code":"no number"}`, i)
		}))
		e2e.WantRecords(t, s, index, records, refused...)
		e2e.AtMost(t, "requests", proxy.Account().Requests(), 2)
	}
}
