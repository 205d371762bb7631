package plugin_test

import (
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
)

// rejects rejects documents with one of these n.
func rejects(wrong itemError, numbers ...int) func(document) *itemError {
	return func(d document) *itemError {
		if n, _ := d.Source["n"].(float64); slices.Contains(numbers, int(n)) {
			return &wrong
		}
		return nil
	}
}

var mismatch = itemError{400, "document_parsing_exception", "[1:2] failed to parse field [n] of type [date] in document with id 'SECRET'. Preview of field's value: 'SECRET'"}

func TestRejectedDocumentsAreDroppedAndLoggedInOneLine(t *testing.T) {
	e := newElasticsearch(t)
	e.refuse = rejects(mismatch, 1, 3, 5)
	p, host := instance(t, e, section{"Index": "logs"})
	if outcome := p.Flush("tag", numbered(10)); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := e.numbers(); !slices.Equal(got, []int{0, 2, 4, 6, 7, 8, 9}) {
		t.Errorf("documents %v", got)
	}
	p.Close()
	counts(t, host, map[string]int{"accepted": 7, "dropped": 3})
	if n := host.Count("rejected_records_total", "document_parsing_exception"); n != 3 {
		t.Errorf("%d refusals by type", n)
	}
	told := lines(host, "rejected (status 400, document_parsing_exception")
	if len(told) != 2 || !strings.HasSuffix(told[0].Text, ": 1") || !strings.HasSuffix(told[1].Text, ": 2 more") {
		t.Fatalf("lines %v", told)
	}
	for _, line := range told {
		for _, part := range []string{"logs", "[n]", "[date]", "dropped"} {
			if line.Level != fluentbit.Warn || !strings.Contains(line.Text, part) {
				t.Errorf("%v doesn't tell %s", line, part)
			}
		}
		if strings.Contains(line.Text, "SECRET") {
			t.Errorf("%q tells a value", line.Text)
		}
	}
}

func TestTraceErrorLogsTheWholeReason(t *testing.T) {
	e := newElasticsearch(t)
	e.refuse = rejects(mismatch, 0)
	p, host := instance(t, e, section{"Trace_Error": "on"})
	p.Flush("tag", numbered(1))
	p.Close()
	if len(lines(host, "SECRET")) != 1 {
		t.Errorf("lines %v", host.Lines())
	}
}

func TestRejectedDocumentsAreKept(t *testing.T) {
	e := newElasticsearch(t)
	e.refuse = rejects(mismatch, 1)
	p, host := instance(t, e, section{"On_Rejection": "retry"})
	for range 3 {
		if outcome := p.Flush("tag", numbered(3)); outcome != plugin.Retry {
			t.Errorf("outcome %v", outcome)
		}
	}
	counts(t, host, map[string]int{"accepted": 2, "returned": 3})
	e.set(func() { e.refuse = nil }) // the mapping is repaired
	if outcome := p.Flush("tag", numbered(3)); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := e.numbers(); !slices.Equal(got, upTo(3)) {
		t.Errorf("documents %v", got)
	}
	if !slices.Equal(e.requests, []int{3, 1, 1, 1}) {
		t.Errorf("requests of %v documents", e.requests)
	}
	counts(t, host, map[string]int{"accepted": 3, "returned": 3})
}

// An id that Elasticsearch would fail the whole request for, and none at all,
// with which the document could not be found again.
func TestIDsThatCanNotBeSent(t *testing.T) {
	data := slices.Concat(
		event(object{"n", 0, "id", "a"}), event(object{"n", 1, "id", strings.Repeat("x", 513)}),
		event(object{"n", 2, "id", strings.Repeat("y", 512)}), event(object{"n", 3, "id", 3}), event(object{"n", 4, "id", strings.Repeat("é", 257)}),
		event(object{"n", 5}), event(object{"n", 6, "id", object{"a", 1}}), event(object{"n", 7, "id", ""}), event(object{"n", 8, "id", true}),
	)
	for onRejection, want := range map[string]struct {
		outcome plugin.Outcome
		counts  map[string]int
	}{
		"drop":  {plugin.OK, map[string]int{"accepted": 4, "dropped": 5}},
		"retry": {plugin.Retry, map[string]int{"accepted": 4, "returned": 5}},
	} {
		for _, size := range []string{"5M", "1K"} {
			t.Run(onRejection+", in requests of "+size, func(t *testing.T) {
				e := newElasticsearch(t)
				p, host := instance(t, e, section{"Id_Key": "$id", "On_Rejection": onRejection, "Index": "logs", "Bulk_Size": size})
				if outcome := p.Flush("tag", data); outcome != want.outcome {
					t.Errorf("outcome %v", outcome)
				}
				if got := e.numbers(); !slices.Equal(got, []int{0, 2, 3, 8}) {
					t.Errorf("documents %v", got)
				}
				p.Close()
				counts(t, host, want.counts)
				long, missing := lines(host, "512 bytes"), lines(host, "the record has no id")
				if len(long) != 2 || !strings.HasSuffix(long[1].Text, ": 1 more") || len(missing) != 2 || !strings.HasSuffix(missing[1].Text, ": 2 more") {
					t.Errorf("lines %v, %v", long, missing)
				}
			})
		}
	}
}

// A document that is larger than the server takes is refused alone.
func TestADocumentThatIsTooLarge(t *testing.T) {
	e := newElasticsearch(t)
	e.limit = 2000
	p, host := instance(t, e, nil)
	data := slices.Concat(numbered(20), event(object{"n", 20, "large", strings.Repeat("x", 3000)}), event(object{"n", 21}))
	if outcome := p.Flush("tag", data); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := e.numbers(); !slices.Equal(got, append(upTo(20), 21)) {
		t.Errorf("documents %v", got)
	}
	counts(t, host, map[string]int{"accepted": 21, "dropped": 1})
	if n := host.Count("rejected_records_total", "too_large"); n != 1 {
		t.Errorf("%d refusals by type", n)
	}
}

// The first answer is lost, after its documents were taken.
func TestIDsOfOurOwnMakeRepetitionHarmless(t *testing.T) {
	e := newElasticsearch(t)
	e.mute = 1
	p, host := instance(t, e, section{"Generate_ID": "on", "Retry_Budget": "10s"})
	data := slices.Concat(numbered(3), numbered(3)) // equals in one chunk are two documents
	if outcome := p.Flush("tag", data); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	if got := e.numbers(); !slices.Equal(got, []int{0, 0, 1, 1, 2, 2}) {
		t.Errorf("documents %v", got)
	}
	counts(t, host, map[string]int{"deduplicated": 6})
	if host.Count("requests_total", "ambiguous") != 1 || host.Count("retried_requests_total", "") != 1 {
		t.Error("the repetition was not counted")
	}
}

func TestDocumentsInTheFailureStoreAreCountedApart(t *testing.T) {
	e := newElasticsearch(t)
	e.instead = status(200, `{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201,"failure_store":"used"}}]}`)
	p, host := instance(t, e, section{"Data_Stream": "on"})
	if outcome := p.Flush("tag", numbered(2)); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	counts(t, host, map[string]int{"accepted": 1, "failure_store": 1})
}

// Hold_Limit ends the wait of records for a held index: at the next flush behind it they count as
// rejected. Before it they go back with their chunk, and their neighbours arrive at once.
func TestHoldLimitEndsTheWait(t *testing.T) {
	for limit, outcome := range map[string]plugin.Outcome{"0": plugin.Retry, "1ns": plugin.OK, "720h": plugin.Retry} {
		e := newElasticsearch(t)
		e.refuse = rejects(itemError{403, "cluster_block_exception", "index [logs] blocked by: [FORBIDDEN/8/index write (api)];"}, 1)
		p, host := instance(t, e, section{"Hold_Limit": limit, "Retry_Initial": "5m", "Retry_Max": "5m"})
		if first := p.Flush("tag", numbered(3)); first != plugin.Retry {
			t.Errorf("Hold_Limit %s: outcome %v of the first flush", limit, first)
		}
		if second := p.Flush("tag", numbered(3)); second != outcome {
			t.Errorf("Hold_Limit %s: outcome %v", limit, second)
		}
		p.Close()
		want := map[string]int{"accepted": 2, "returned": 2}
		if outcome == plugin.OK {
			want = map[string]int{"accepted": 2, "returned": 1, "dropped": 1}
		}
		counts(t, host, want)
		if told := lines(host, "held for longer than Hold_Limit"); len(told) > 0 != (outcome == plugin.OK) {
			t.Errorf("Hold_Limit %s: lines %v", limit, told)
		}
		if !slices.Equal(e.requests, []int{3}) {
			t.Errorf("Hold_Limit %s: requests of %v documents", limit, e.requests)
		}
	}
}
