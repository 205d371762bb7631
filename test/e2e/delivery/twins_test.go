package delivery

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
)

// TestTwinChunksAreTwo has two chunks of the same tag and bytes under way at once, as two inputs
// that read one file make them: the settled events of one must not count for the other.
func TestTwinChunksAreTwo(t *testing.T) {
	const records = 100
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 2, Rules: []faults.Rule{faults.First(1, faults.ThrottleItems)}})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Budget 0")
	chunk := e2e.ChunkWith(t, records, nil)
	if got := p.Flush("app", bytes.Clone(chunk)); got != es.Retry {
		t.Fatalf("the first flush answered %d, want RETRY", got)
	}
	e2e.SetRules(t, proxy, faults.Rule{Fault: faults.Slow, Share: 1, Delay: 300 * time.Millisecond, Exactly: true})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range 2 { // the one that comes again, and its twin
		all.Go(func() {
			if _, err := p.Deliver(ctx, "app", chunk); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := s.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	copies := 0
	if err := s.Documents(t.Context(), index, func(elasticsearch.Document) error { copies++; return nil }); err != nil {
		t.Fatal(err)
	}
	if copies != 2*records {
		t.Errorf("%d documents are there of two chunks of %d records", copies, records)
	}
}
