package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
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

// trouble is a state of Elasticsearch in which one destination can't be written: begin makes it for
// the index bad, repair ends it.
type trouble struct {
	name          string
	begin, repair func(t *testing.T, s *elasticsearch.Server, bad string)
	// says are the parts of the answer and of the remedy in the line about the held destination.
	says []string
}

// settings changes settings of the whole cluster.
func settings(setting, value string) func(*testing.T, *elasticsearch.Server, string) {
	return func(t *testing.T, s *elasticsearch.Server, _ string) {
		t.Helper()
		if _, err := s.Do(context.WithoutCancel(t.Context()), "PUT", "/_cluster/settings", []byte(`{"persistent":{"`+setting+`":`+value+`}}`)); err != nil {
			t.Fatal(err)
		}
	}
}

// asks makes requests, in which BAD stands for the index.
func asks(t *testing.T, s *elasticsearch.Server, bad string, requests ...[3]string) {
	t.Helper()
	for _, r := range requests {
		if _, err := s.Do(t.Context(), r[0], strings.ReplaceAll(r[1], "BAD", bad), []byte(strings.ReplaceAll(r[2], "BAD", bad))); err != nil {
			t.Fatal(err)
		}
	}
}

// nowhere are the settings of an index that no node may have a shard of.
const nowhere = `{"settings":{"number_of_replicas":0,"index.routing.allocation.require._name":"nowhere"}}`

func troubles() []trouble {
	blocked := func(setting string, says ...string) trouble {
		return trouble{"index.blocks." + setting,
			func(t *testing.T, s *elasticsearch.Server, bad string) {
				asks(t, s, bad, [3]string{"PUT", "/BAD", ""})
				block(t, s, bad, setting, "true")
			},
			func(t *testing.T, s *elasticsearch.Server, bad string) { block(t, s, bad, setting, "null") }, says}
	}
	return []trouble{
		blocked("write", "cluster_block_exception", `"index.blocks.write": null`),
		blocked("read_only", "cluster_block_exception", `"index.blocks.read_only": null`),
		blocked("read_only_allow_delete", "cluster_block_exception", "flood-stage watermark"),
		{"closed index", func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"PUT", "/BAD", ""}, [3]string{"POST", "/BAD/_close", ""})
		}, func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"POST", "/BAD/_open?wait_for_active_shards=1", ""})
		}, []string{"index_closed_exception", "/_open"}},
		{"auto-creation off", settings("action.auto_create_index", `"false"`), settings("action.auto_create_index", "null"),
			[]string{"index_not_found_exception", "action.auto_create_index"}},
		{"shard limit", settings("cluster.max_shards_per_node", "1"), settings("cluster.max_shards_per_node", "null"),
			[]string{"this action would add", "cluster.max_shards_per_node"}},
		{"unassigned primary", func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"PUT", "/BAD?wait_for_active_shards=0", nowhere})
		}, func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"PUT", "/BAD/_settings", `{"index.routing.allocation.require._name":null}`})
		}, []string{"unavailable_shards_exception", "_cluster/allocation/explain"}},
		{"alias without a write index", func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"PUT", "/BAD-1", `{"aliases":{"BAD":{}}}`}, [3]string{"PUT", "/BAD-2", `{"aliases":{"BAD":{}}}`})
		}, func(t *testing.T, s *elasticsearch.Server, bad string) {
			asks(t, s, bad, [3]string{"POST", "/_aliases", `{"actions":[{"add":{"index":"BAD-1","alias":"BAD","is_write_index":true}}]}`})
		}, []string{"no write index is defined for alias", "is_write_index"}},
	}
}

// busyIndices are the indices whose items a proxy answers with 429, all requests being served: a
// shard without room. The real server does that for as long as its own load lasts.
type busyIndices struct{ names sync.Map }

func (b *busyIndices) has(action, _ []byte) bool {
	var target map[string]struct {
		Index string `json:"_index"`
	}
	if json.Unmarshal(action, &target) != nil {
		return false
	}
	for _, one := range target {
		if _, there := b.names.Load(one.Index); there {
			return true
		}
	}
	return false
}

func (b *busyIndices) trouble() trouble {
	return trouble{"item-level 429", func(_ *testing.T, _ *elasticsearch.Server, bad string) { b.names.Store(bad, true) },
		func(_ *testing.T, _ *elasticsearch.Server, bad string) { b.names.Delete(bad) },
		[]string{"es_rejected_execution_exception", "overloaded"}}
}

// broadTemplate is a template that no index can be made by. Every server says the same of it as
// OpenSearch says of a document. A shard limit hides it.
func broadTemplate() trouble {
	return trouble{"template with too many fields", func(t *testing.T, s *elasticsearch.Server, bad string) {
		asks(t, s, bad, [3]string{"PUT", "/_template/BAD-1", `{"index_patterns":["BAD*"],"order":1,"mappings":{"properties":{"a":{"type":"long"},"b":{"type":"long"},"c":{"type":"long"}}}}`},
			[3]string{"PUT", "/_template/BAD-2", `{"index_patterns":["BAD*"],"order":2,"settings":{"index.mapping.total_fields.limit":2}}`})
	}, func(t *testing.T, s *elasticsearch.Server, bad string) {
		asks(t, s, bad, [3]string{"DELETE", "/_template/BAD-*", ""})
	},
		[]string{"Limit of total fields", "index.mapping.total_fields.limit"}}
}

// TestHeldDestinationLosesNothing delivers chunks with records for a blocked index and for a
// healthy one, in each state in which Elasticsearch blocks an index. Those of the healthy one
// arrive at once, the others after the repair, each once.
func TestHeldDestinationLosesNothing(t *testing.T) {
	const records = 100
	busy := &busyIndices{}
	for _, trouble := range append(troubles(), busy.trouble(), broadTemplate()) {
		for _, spooled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/spool %v", trouble.name, spooled), func(t *testing.T) {
				s := e2e.Cluster(t)
				name := e2e.FreshIndex(t, s)
				asks(t, s, name, [3]string{"PUT", "/BAD-good", e2e.FieldMappings})
				proxy := e2e.StartFaults(t, s, faults.Options{Busy: busy.has})
				options := []string{"Hosts " + proxy.URL(), "Index " + name + "-$to", "Generate_ID on"}
				if spooled {
					options = append(options, "Spool_Path "+t.TempDir(), "Spool_Linger 10ms")
				}
				p := e2e.NewInstance(t, options...)
				t.Cleanup(p.Close)
				chunk := e2e.ChunkWith(t, records, func(i int, record string) string {
					return record[:len(record)-1] + `,"to":"` + []string{"good", "bad"}[i%2] + `"}`
				})
				repaired := false
				repair := func() {
					if !repaired {
						repaired = true
						trouble.repair(t, s, name+"-bad")
					}
				}
				defer repair() // settings of the cluster are other tests', too
				trouble.begin(t, s, name+"-bad")
				want := es.Retry
				if spooled {
					want = es.OK
				}
				if got := p.Flush("app", chunk); got != want {
					t.Errorf("the flush answered %d, want %d", got, want)
				}
				e2e.EventuallyCount(t, s, name+"-good", records/2)
				e2e.AtMost(t, "requests", proxy.Account().Requests(), 20)                      // Retry_Max is 100 ms here
				support.Eventually(t, 30*time.Second, "the destination is held", func() bool { // the server may answer late
					if spooled {
						p.Flush("none", nil) // prints the lines of the spool's sender
						return p.Count(name+"-bad is held") > 0
					}
					return p.Count(name+"-bad is held") > 0 || p.Flush("app", chunk) == es.OK
				})
				repair()
				if !spooled {
					p.MustDeliver(t, chunk)
				}
				e2e.EventuallyCount(t, s, name+"-*", records)
				e2e.WantRecords(t, s, name+"-*", records)
				p.Close() // its last lines come with it
				for _, line := range [][]string{append([]string{name + "-bad is held"}, trouble.says...), {name + "-bad accepts documents again"}} {
					if n := p.Count(line...); n != 1 {
						t.Errorf("%d lines have %q, want 1", n, line)
					}
				}
				if n := p.Count("were rejected"); n != 0 {
					t.Errorf("%d lines of refused documents", n)
				}
			})
		}
	}
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
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+name+"-$part", "On_Rejection retry")
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
	p.MustDeliver(t, chunk)
	e2e.WantRecords(t, s, name, records)
}
