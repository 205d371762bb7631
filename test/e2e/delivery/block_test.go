package delivery

import (
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/support"
)

// block sets a real block on an index, or lifts it.
func block(t *testing.T, s *elasticsearch.Server, index, setting string, state string) {
	t.Helper()
	if _, err := s.Do(t.Context(), "PUT", "/"+index+"/_settings", []byte(`{"index.blocks.`+setting+`":`+state+`}`)); err != nil {
		t.Fatal(err)
	}
}

func TestBlockedIndex(t *testing.T) {
	const records = 100
	const blockedTries = 3 // as docs/architecture.md has it: then refused
	for _, test := range []struct {
		name, setting, onRefusal string
		outcome                  es.Outcome
		requests                 int // of the flush that meets the block
		arrive                   bool
	}{
		{"write block and drop", "write", "drop", es.OK, blockedTries, false},
		{"write block and retry", "write", "retry", es.Retry, blockedTries, true},
		{"read-only and retry", "read_only", "retry", es.Retry, blockedTries, true},
		{"full disk is 429 and always kept", "read_only_allow_delete", "drop", es.Retry, 30, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "On_Refusal "+test.onRefusal)
			chunk := e2e.ChunkWith(t, records, nil)
			block(t, s, index, test.setting, "true")
			if got := p.Flush("app", chunk); got != test.outcome {
				t.Errorf("the flush answered %d, want %d", got, test.outcome)
			}
			e2e.AtMost(t, "requests", proxy.Account().Requests(), test.requests)
			block(t, s, index, test.setting, "null")
			if !test.arrive {
				e2e.WantRecords(t, s, index, 0)
				return
			}
			p.MustBring(t, chunk)
			e2e.WantRecords(t, s, index, records)
		})
	}
}

// TestBlockThatPassesCostsNothing lifts the block between two tries of one flush.
func TestBlockThatPassesCostsNothing(t *testing.T) {
	const records = 100
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	proxy := e2e.StartFaults(t, s, faults.Options{})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Initial 2s", "Retry_Max 2s", "Retry_Budget 60s")
	block(t, s, index, "write", "true")
	done := make(chan es.Outcome, 1)
	go func() { done <- p.Flush("app", e2e.ChunkWith(t, records, nil)) }()
	support.Eventually(t, 10*time.Second, "the first try is made", func() bool { return proxy.Account().Requests() > 0 })
	block(t, s, index, "write", "null")
	if got := <-done; got != es.OK {
		t.Errorf("the flush answered %d, want OK", got)
	}
	e2e.WantRecords(t, s, index, records)
}

// TestBlockedIndexCostsItsNeighboursNothing has one of two indices of a chunk blocked.
func TestBlockedIndexCostsItsNeighboursNothing(t *testing.T) {
	const records = 100
	s := e2e.Cluster(t)
	name := e2e.FreshIndex(t, s)
	for _, part := range []string{"-even", "-odd"} {
		if err := s.PutIndex(t.Context(), name+part, e2e.FieldMappings); err != nil {
			t.Fatal(err)
		}
	}
	block(t, s, name+"-odd", "write", "true")
	proxy := e2e.StartFaults(t, s, faults.Options{})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+name+"-$part", "On_Refusal retry")
	chunk := e2e.ChunkWith(t, records, func(i int, record string) string {
		return record[:len(record)-1] + `,"part":"` + []string{"even", "odd"}[i%2] + `"}`
	})
	if got := p.Flush("app", chunk); got != es.Retry {
		t.Errorf("the flush answered %d, want RETRY", got)
	}
	if got := len(e2e.Documents(t, s, name+"-even")); got != records/2 {
		t.Errorf("%d records are in the index that is open, want %d", got, records/2)
	}
	block(t, s, name+"-odd", "write", "null")
	p.MustBring(t, chunk)
	e2e.WantRecords(t, s, name, records)
}
