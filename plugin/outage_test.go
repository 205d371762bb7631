package plugin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

func TestARetriedChunkSendsOnlyTheRest(t *testing.T) {
	for _, ids := range []string{"off", "on"} {
		e := newElasticsearch(t)
		e.refuse = rejects(itemError{429, "es_rejected_execution_exception", "full"}, 2, 5)
		p, host := instance(t, e, section{"Generate_ID": ids})
		data := slices.Concat(numbered(6), []byte{42}, numbered(0))
		if outcome := p.Flush("tag", data); outcome != plugin.Retry {
			t.Errorf("outcome %v", outcome)
		}
		counts(t, host, map[string]int{"accepted": 4, "malformed": 1, "returned": 2})
		e.set(func() { e.refuse = nil })
		if outcome := p.Flush("other tag", data); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
		if outcome := p.Flush("tag", data); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
		if !slices.Equal(e.requests, []int{6, 6, 2}) {
			t.Errorf("requests of %v documents", e.requests)
		}
		counts(t, host, map[string]int{"accepted": 4 + 6 + 2, "malformed": 2, "returned": 2})
		if outcome := p.Flush("tag", data); outcome != plugin.OK || !slices.Equal(e.requests, []int{6, 6, 2, 6}) {
			t.Errorf("a chunk that was done was remembered: requests of %v documents", e.requests)
		}
	}
}

func TestAnOutageIsLoggedOnceAndSoIsItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		level  fluentbit.Level
		tells  string
	}{
		"503": {503, fluentbit.Warn, "status 503"},
		"429": {429, fluentbit.Warn, "throttled"},
		"401": {401, fluentbit.Error, "HTTP_User"},
		"403": {403, fluentbit.Error, "HTTP_API_Key"},
		"404": {404, fluentbit.Error, "Hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			e.instead = status(c.status, "")
			p, host := instance(t, e, nil)
			for range 50 {
				if outcome := p.Flush("tag", numbered(3)); outcome != plugin.Retry {
					t.Fatalf("outcome %v", outcome)
				}
			}
			told := lines(host, "records are kept and retried")
			if len(told) != 1 || told[0].Level != c.level || !strings.Contains(told[0].Text, c.tells) {
				t.Errorf("lines of the outage: %v", told)
			}
			e.set(func() { e.instead = nil })
			if outcome := flushUntilDone(t, p, "tag", numbered(3)); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			p.Flush("tag", numbered(4))
			if told := lines(host, "answers again"); len(told) != 1 || told[0].Level != fluentbit.Info {
				t.Errorf("lines of its end: %v", told)
			}
			if got := e.numbers(); !slices.Equal(got, []int{0, 0, 1, 1, 2, 2, 3}) {
				t.Errorf("documents %v", got)
			}
		})
	}
}

// A cluster that is a little too small answers some requests with 429 for
// hours. That is one state, not a new outage each time.
func TestAnOutageThatComesAndGoesIsNotLoggedEachTime(t *testing.T) {
	e := newElasticsearch(t)
	p, host := instance(t, e, section{"Retry_Budget": "10s"})
	for n := range 20 {
		e.set(func() {
			before := len(e.requests)
			e.instead = func(request int, w http.ResponseWriter) bool { return request == before && status(429, "")(request, w) }
		})
		if outcome := flushUntilDone(t, p, "tag", numbered(n)); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
	}
	if told, ended := lines(host, "records are kept"), lines(host, "answers again"); len(told) != 1 || len(ended) != 1 {
		t.Errorf("%d lines of an outage, %d of its end", len(told), len(ended))
	}
}

func TestConnectionRefusedIsNoAnswer(t *testing.T) {
	e := newElasticsearch(t)
	e.Close()
	p, host := instance(t, e, nil)
	if outcome := p.Flush("tag", numbered(3)); outcome != plugin.Retry {
		t.Errorf("outcome %v", outcome)
	}
	if told := lines(host, "nothing listens there"); len(told) == 0 || told[0].Level != fluentbit.Warn {
		t.Errorf("lines %v", host.Lines())
	}
	counts(t, host, map[string]int{"returned": 3})
	if host.Count("sent_bytes_total", "") != 0 {
		t.Error("bytes that nobody got were counted")
	}
}

// Items that settings keep out are as much an error as a request that they
// keep out, and are logged as sparingly.
func TestSettingsThatKeepItemsOutAreLoggedOnce(t *testing.T) {
	for name, wrong := range map[string]struct {
		itemError
		remedy string
	}{
		"a missing privilege": {itemError{403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized for user [shipper]"}, "give the user or key the privileges"},
		"a missing pipeline":  {itemError{400, "illegal_argument_exception", "pipeline with id [p] does not exist"}, "create that ingest pipeline, or correct Pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			e.refuse = rejects(wrong.itemError, 1)
			p, host := instance(t, e, section{"Retry_Budget": "10s", "Retry_Initial": "5m", "Retry_Max": "5m"})
			for range 5 {
				if outcome := p.Flush("tag", numbered(3)); outcome != plugin.Retry {
					t.Errorf("outcome %v", outcome)
				}
			}
			counts(t, host, map[string]int{"accepted": 2, "returned": 5})
			told := lines(host, wrong.Type)
			told = slices.DeleteFunc(told, func(l fluentbittest.Line) bool { return l.Level == fluentbit.Debug })
			if len(told) != 1 || told[0].Level != fluentbit.Error || !strings.Contains(told[0].Text, wrong.remedy) {
				t.Errorf("lines %v", told)
			}
			if !slices.Equal(e.requests, []int{3}) {
				t.Errorf("requests of %v documents", e.requests)
			}
		})
	}
}

func TestFlushesOnTheEnginesThreadAreWarnedOfOnce(t *testing.T) {
	for _, engine := range []bool{true, false} {
		e := newElasticsearch(t)
		host := fluentbittest.NewRecorder("es_go.0")
		host.Engine = engine
		p, err := plugin.New(section{"Hosts": e.URL}.lookup, host.Instance())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			p.Flush("tag", numbered(1))
		}
		p.Close()
		if told := lines(host, "Workers"); len(told) == 1 != engine {
			t.Errorf("on the engine's thread %v: lines %v", engine, told)
		}
	}
}
