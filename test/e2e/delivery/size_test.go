package delivery

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/faults"
)

func TestIllegalItemCostsNoOtherAndFewRequests(t *testing.T) {
	const records = 1000
	for _, test := range []struct {
		name   string
		guilty []int
	}{
		{"first", []int{0}},
		{"in the middle", []int{499}},
		{"behind the middle", []int{500}},
		{"anywhere", []int{737}},
		{"last", []int{999}},
		{"two neighbours", []int{612, 613}},
		{"far apart", []int{3, 990}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{Guilty: e2e.IsGuilty})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Budget 10s")
			chunk := e2e.ChunkWith(t, records, func(i int, record string) string {
				for _, guilty := range test.guilty {
					if i == guilty {
						return fmt.Sprintf(`{"n":%d,"guilty":true}`, i)
					}
				}
				return record
			})
			if got := p.Flush("app", chunk); got != es.OK {
				t.Errorf("the flush answered %d, want OK", got)
			}
			e2e.WantRecords(t, s, index, records, test.guilty...)
			e2e.AtMost(t, "requests", proxy.Account().Requests(), len(test.guilty)*(2*bits.Len(records)+4))
			p.Close()
			if p.Count(" warn]", "rejected", "action_request_validation_exception") == 0 {
				t.Error("no line tells of the refusal")
			}
		})
	}
}

func TestOversizedRequestTeachesTheSize(t *testing.T) {
	const records, limit = 2000, 20 << 10
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	proxy := e2e.StartFaults(t, s, faults.Options{MaxBytes: limit})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Budget 10s")
	if got := p.Flush("app", e2e.ChunkWith(t, records, nil)); got != es.OK {
		t.Errorf("the flush answered %d, want OK", got)
	}
	e2e.WantRecords(t, s, index, records)
	first := proxy.Account()
	total := 0
	for _, e := range first.Entries {
		if e.Fault != faults.TooLarge {
			total += e.Bytes
		}
	}
	learning := bits.Len(uint(total / limit))
	e2e.AtMost(t, "requests too large", first.Count(faults.TooLarge), learning+1)
	e2e.AtMost(t, "requests", first.Requests(), learning+1+2*(total/limit)+2) // the size is halved, so a request is half full at the least

	later := e2e.ChunkWith(t, records, func(i int, record string) string { return strings.Replace(record, "record", "again", 1) })
	if got := p.Flush("other", later); got != es.OK {
		t.Errorf("the second flush answered %d, want OK", got)
	}
	if got := proxy.Account().Count(faults.TooLarge); got != first.Count(faults.TooLarge) {
		t.Errorf("the next chunk met 413 %d times, want none: the size is known", got-first.Count(faults.TooLarge))
	}
	if p.Count("smaller ones follow") > first.Count(faults.TooLarge) {
		t.Error("the log tells of a 413 more than once")
	}
}

func TestDocumentTooLargeForAnyRequest(t *testing.T) {
	const records, limit, large = 300, 10 << 10, 123
	s := e2e.Cluster(t)
	index := e2e.MappedIndex(t, s)
	proxy := e2e.StartFaults(t, s, faults.Options{MaxBytes: limit})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index, "Retry_Budget 10s")
	chunk := e2e.ChunkWith(t, records, func(i int, record string) string {
		if i == large {
			return fmt.Sprintf(`{"n":%d,"message":%q}`, i, strings.Repeat("long ", limit/4))
		}
		return record
	})
	if got := p.Flush("app", chunk); got != es.OK {
		t.Errorf("the flush answered %d, want OK", got)
	}
	e2e.WantRecords(t, s, index, records, large)
	p.Close()
	if p.Count(" warn]", "rejected", "too_large") != 1 {
		t.Error("no line tells of the document that is too large")
	}
}
