package delivery

import (
	"fmt"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
)

// TestUnassignedPrimaryIsWaitedForOnce has an index without a primary shard and a healthy one in
// each chunk. The server waits for the shard as long as the bulk timeout says, a quarter of
// Request_Timeout, and for longer than any test by its default. The records of the healthy index
// arrive within that one wait; later requests hardly wait; after the repair all are there once.
func TestUnassignedPrimaryIsWaitedForOnce(t *testing.T) {
	const records, chunks = 40, 6
	const requestTimeout, bulkTimeout = 20 * time.Second, 5 * time.Second
	for _, spooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("spool %v", spooled), func(t *testing.T) {
			s := e2e.Cluster(t)
			name := e2e.FreshIndex(t, s)
			asks(t, s, name, [3]string{"PUT", "/BAD-good", e2e.FieldMappings}, [3]string{"PUT", "/BAD-bad?wait_for_active_shards=0", nowhere})
			options := []string{"Hosts " + s.URL(), "Index " + name + "-$to", "Generate_ID on", "Request_Timeout " + requestTimeout.String()}
			if spooled {
				options = append(options, "Spool_Path "+t.TempDir(), "Spool_Linger 10ms")
			}
			p := e2e.NewInstance(t, options...)
			t.Cleanup(p.Close)
			var all [][]byte
			for c := range chunks {
				all = append(all, e2e.ChunkWith(t, records, func(i int, _ string) string {
					return fmt.Sprintf(`{"n":%d,"to":"%s"}`, c*records+i, []string{"good", "bad"}[i%2])
				}))
			}
			began := time.Now()
			for c, chunk := range all {
				if got := p.Flush("app", chunk); spooled != (got == es.OK) {
					t.Errorf("the flush answered %d", got)
				}
				e2e.EventuallyCount(t, s, name+"-good", (c+1)*records/2)
			}
			if took := time.Since(began); took > 2*bulkTimeout-500*time.Millisecond {
				t.Errorf("the healthy index had its records of %d chunks after %s, want one wait of %s", chunks, took, bulkTimeout)
			}
			if n := p.Count(name+"-bad is held", "unavailable_shards_exception: ["+name+"-bad][0] primary shard is not active", "_cluster/allocation/explain"); !spooled && n != 1 {
				t.Errorf("%d lines tell of the held index", n)
			}
			asks(t, s, name, [3]string{"PUT", "/BAD-bad/_settings", `{"index.routing.allocation.require._name":null}`})
			for _, chunk := range all {
				if !spooled {
					p.MustDeliver(t, chunk)
				}
			}
			e2e.EventuallyCount(t, s, name+"-*", chunks*records)
			e2e.WantRecords(t, s, name+"-*", chunks*records)
		})
	}
}
