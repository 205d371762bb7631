package plugin_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"out_es/plugin"
)

// Fluent Bit with several Workers flushes at the same time.
func TestFlushesAtTheSameTime(t *testing.T) {
	e := newElasticsearch(t)
	busy := 0
	e.refuse = func(document) *itemError {
		if busy++; busy%17 == 0 {
			return &itemError{429, "es_rejected_execution_exception", ""}
		}
		return nil
	}
	e.instead = func(request int, w http.ResponseWriter) bool { return request%11 == 5 && status(503, "")(request, w) }
	p, host := instance(t, e, section{"Generate_ID": "on", "Bulk_Size": "2K"})
	const workers, chunks, events = 8, 10, 40
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for chunk := range chunks {
				tag := fmt.Sprintf("tag.%d.%d", worker, chunk)
				if outcome := flushUntilDone(t, p, tag, numbered(events)); outcome != plugin.OK {
					t.Errorf("outcome %v", outcome)
				}
			}
		})
	}
	all.Wait()
	var want []int
	for range workers * chunks {
		want = append(want, upTo(events)...)
	}
	slices.Sort(want)
	if got := e.numbers(); !slices.Equal(got, want) {
		t.Errorf("%d documents, want %d, each once", len(got), len(want))
	}
	if n := host.Count("records_total", "accepted") + host.Count("records_total", "deduplicated"); n != workers*chunks*events {
		t.Errorf("%d documents were counted", n)
	}
}

func TestInstancesAreIndependent(t *testing.T) {
	healthy, ill := newElasticsearch(t), newElasticsearch(t)
	ill.instead = status(401, "")
	first, ofFirst := instance(t, healthy, section{"Index": "first"})
	second, ofSecond := instance(t, ill, section{"Index": "second"})
	for range 3 {
		if outcome := second.Flush("tag", numbered(2)); outcome != plugin.Retry {
			t.Errorf("the second: outcome %v", outcome)
		}
		if outcome := first.Flush("tag", numbered(2)); outcome != plugin.OK {
			t.Errorf("the first: outcome %v", outcome)
		}
	}
	second.Close()
	if outcome := first.Flush("tag", numbered(2)); outcome != plugin.OK {
		t.Errorf("the first, behind the end of the second: outcome %v", outcome)
	}
	counts(t, ofFirst, map[string]int{"accepted": 8})
	counts(t, ofSecond, map[string]int{"returned": 6})
	if len(lines(ofFirst, "status 401")) != 0 || healthy.documents[0].Index != "first" {
		t.Error("the second spoke through the first")
	}
}
