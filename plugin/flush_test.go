package plugin_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
)

func TestEventsOfBothLayoutsArrive(t *testing.T) {
	for _, compress := range []string{"gzip", "off"} {
		t.Run(compress, func(t *testing.T) {
			e := newElasticsearch(t)
			p, host := instance(t, e, section{"Compress": compress, "Include_Tag_Key": "on"})
			data := slices.Concat(
				event(object{"n", 0, "message", "grüß \"Gott\"\n"}),
				oldEvent(object{"n", 1}),
				eventWith(eventSeconds, object{"level", "warn"}, object{"n", 2}),
			)
			if outcome := p.Flush("kube.var.log", data); outcome != plugin.OK {
				t.Fatalf("outcome %v", outcome)
			}
			if got := e.numbers(); !slices.Equal(got, upTo(3)) {
				t.Fatalf("documents %v", got)
			}
			first, third := e.documents[0], e.documents[2]
			if first.Operation != "create" || first.Index != "fluent-bit" || first.ID != "" {
				t.Errorf("action %+v", first)
			}
			for field, want := range map[string]any{"message": "grüß \"Gott\"\n", "@timestamp": "2023-11-14T22:13:20.123Z", "flb-key": "kube.var.log"} {
				if got := first.Source[field]; got != want {
					t.Errorf("%s is %v, want %v", field, got, want)
				}
			}
			if metadata, ok := third.Source["metadata"].(map[string]any); !ok || metadata["level"] != "warn" {
				t.Errorf("metadata %v", third.Source["metadata"])
			}
			counts(t, host, map[string]int{"accepted": 3})
			if host.Count("requests_total", "delivered") != 1 || host.Observed("request_duration_seconds") != 1 || host.Count("sent_bytes_total", "") == 0 {
				t.Error("the request was not counted")
			}
		})
	}
}

func TestGroupMarkersAreNoDocuments(t *testing.T) {
	const start, end = math.MaxUint32, math.MaxUint32 - 1
	for _, ids := range []string{"off", "on"} {
		e := newElasticsearch(t)
		p, host := instance(t, e, section{"Generate_ID": ids})
		data := slices.Concat(
			eventWith(start, object{"schema", "otlp"}, object{"resource", object{"a", 1}}),
			event(object{"n", 0}), event(object{"n", 1}),
			eventWith(end, object{}, object{}),
		)
		if outcome := p.Flush("otlp", data); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
		if got := e.numbers(); !slices.Equal(got, upTo(2)) {
			t.Errorf("documents %v", got)
		}
		counts(t, host, map[string]int{"accepted": 2})
	}
}

func TestMalformedEventsAreCountedAndTheRestArrives(t *testing.T) {
	good := func(n int) []byte { return event(object{"n", n}) }
	for name, c := range map[string]struct {
		data      []byte
		arrive    int
		malformed int
		outcome   plugin.Outcome
	}{
		"a number amid events":           {slices.Concat(good(0), []byte{42}, good(1)), 2, 1, plugin.OK},
		"a record that is no map":        {slices.Concat(good(0), appendTimed(object{}, []any{1}), good(1)), 2, 1, plugin.OK},
		"a time that is none":            {slices.Concat(good(0), []byte{0x92, 0xa1, 'x', 0x80}, good(1)), 2, 1, plugin.OK},
		"an array of three":              {slices.Concat(good(0), []byte{0x93, 1, 0x80, 0x80}), 1, 1, plugin.OK},
		"cut off in the last record":     {slices.Concat(good(0), good(1), good(2)[:16]), 2, 1, plugin.OK},
		"cut off in a time":              {slices.Concat(good(0), good(1)[:6]), 1, 1, plugin.OK},
		"cut off behind a byte":          {slices.Concat(good(0), good(1)[:1]), 1, 1, plugin.OK},
		"the byte that msgpack has not":  {slices.Concat(good(0), []byte{0xc1}, good(1)), 1, 1, plugin.OK},
		"nothing but garbage":            {[]byte{0xc1, 0xc1, 0xc1}, 0, 1, plugin.Error},
		"nothing but numbers":            {[]byte{1, 2, 3}, 0, 3, plugin.Error},
		"nothing but half an event":      {good(0)[:16], 0, 1, plugin.Error},
		"nothing at all":                 {nil, 0, 0, plugin.OK},
		"a count beyond the chunk's end": {[]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, 0, 1, plugin.Error},
	} {
		for _, ids := range []string{"off", "on"} {
			t.Run(name+"/ids "+ids, func(t *testing.T) {
				e := newElasticsearch(t)
				p, host := instance(t, e, section{"Generate_ID": ids})
				if outcome := p.Flush("a tag", c.data); outcome != c.outcome {
					t.Errorf("outcome %v, want %v", outcome, c.outcome)
				}
				if got := e.numbers(); !slices.Equal(got, upTo(c.arrive)) {
					t.Errorf("documents %v, want %d", got, c.arrive)
				}
				p.Close()
				counts(t, host, map[string]int{"accepted": c.arrive, "malformed": c.malformed})
				if told := lines(host, "records of tag a tag were malformed"); len(told) != min(2, c.malformed) {
					t.Errorf("lines %v", told)
				}
			})
		}
	}
}

// appendTimed is an event with any value as its record.
func appendTimed(metadata object, record any) []byte {
	whole := eventWith(eventSeconds, metadata, object{})
	return appendValue(whole[:len(whole)-1], record)
}

// The account must add up for a chunk that goes back before it was read.
func TestABrokenChunkThatGoesBackIsAccountedFor(t *testing.T) {
	for name, data := range map[string][]byte{
		"cut off":             slices.Concat(numbered(3), event(object{"n", 3})[:16]),
		"cut off in a marker": slices.Concat(numbered(3), eventWith(math.MaxUint32, object{}, object{"n", 3})[:16]),
		"no events in it":     slices.Concat(numbered(3), []byte{42, 42}),
		"garbage at its end":  slices.Concat(numbered(3), []byte{0xc1}),
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			e.instead = status(503, "")
			p, _ := instance(t, e, section{"Retry_Initial": "5m", "Retry_Max": "5m"})
			for _, chunk := range [][]byte{numbered(1), data, data} { // the first closes the gate
				if outcome := p.Flush("tag", chunk); outcome != plugin.Retry {
					t.Errorf("outcome %v", outcome)
				}
			}
		})
	}
}

func TestValuesThatAreHardToCarry(t *testing.T) {
	deep := any("bottom")
	for range 1000 {
		deep = object{"d", deep}
	}
	e := newElasticsearch(t)
	p, host := instance(t, e, nil)
	large := strings.Repeat("x", 5<<20)
	data := slices.Concat(
		event(object{"n", 0, "deep", deep}),
		event(object{"n", 1, "large", large}),
		event(object{"n", 2, "utf8", "a\xff\xfeb"}),
		event(object{"n", 3, "nan", math.NaN(), "inf", math.Inf(-1)}),
		event(object{"n", 4, "big", uint64(math.MaxUint64), "small", int64(math.MinInt64)}),
		event(object{}),
	)
	if outcome := p.Flush("tag", data); outcome != plugin.OK {
		t.Fatalf("outcome %v", outcome)
	}
	if len(e.documents) != 6 {
		t.Fatalf("%d documents", len(e.documents))
	}
	for _, d := range e.documents { // in any order, since two requests are under way at a time
		switch d.Source["n"] {
		case 1.0:
			if got, _ := d.Source["large"].(string); got != large {
				t.Errorf("the long text has %d bytes", len(got))
			}
		case 2.0:
			if got := d.Source["utf8"]; got != "a\uFFFD\uFFFDb" {
				t.Errorf("text %q", got)
			}
		}
	}
	p.Close()
	counts(t, host, map[string]int{"accepted": 6})
	if cut := host.Count("truncated_values_total", ""); cut != 1 || len(lines(host, "values nested more than 200 levels deep")) != 1 {
		t.Errorf("%d values were cut, lines %v", cut, host.Lines())
	}
}

func TestBulkSizeSplitsBetweenDocuments(t *testing.T) {
	for _, compress := range []string{"gzip", "off"} {
		e := newElasticsearch(t)
		p, host := instance(t, e, section{"Bulk_Size": "1K", "Compress": compress})
		data := slices.Concat(numbered(50), event(object{"n", 50, "large", strings.Repeat("x", 5000)}), event(object{"n", 51}))
		if outcome := p.Flush("tag", data); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
		if got := e.numbers(); !slices.Equal(got, upTo(52)) {
			t.Errorf("documents %v", got)
		}
		alone := slices.Index(e.requests, 1)
		if len(e.requests) < 5 || alone < 0 {
			t.Errorf("requests of %v documents", e.requests)
		}
		if e.largest < 5000 || e.largest > 5200 {
			t.Errorf("the largest request has %d bytes: the large document did not travel alone", e.largest)
		}
		counts(t, host, map[string]int{"accepted": 52})
	}
}

// A replaced value counts once in a flush, however often its record is sent, or encoded anew
// because it did not fit.
func TestACutValueIsCountedOnceAFlush(t *testing.T) {
	deep := any("bottom")
	for range 300 {
		deep = []any{deep}
	}
	e := newElasticsearch(t)
	tries := 0
	e.refuse = func(document) *itemError {
		if tries++; tries <= 2 {
			return &itemError{429, "es_rejected_execution_exception", ""}
		}
		return nil
	}
	p, host := instance(t, e, section{"Bulk_Size": "1K", "Retry_Budget": "10s"})
	data := slices.Concat(event(object{"n", 0, "x", strings.Repeat("x", 900)}), event(object{"n", 1, "deep", deep}))
	if outcome := p.Flush("tag", data); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if cut := host.Count("truncated_values_total", ""); cut != 1 {
		t.Errorf("%d values were cut", cut)
	}
}
