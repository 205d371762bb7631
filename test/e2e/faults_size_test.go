package e2e

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	es "out_es/plugin"
	"out_es/test/faults"
)

// isGuilty finds the records for which the proxy refuses a whole request.
func isGuilty(_, document []byte) bool { return bytes.Contains(document, []byte(`"guilty":true`)) }

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
			s := cluster(t)
			index := mappedIndex(t, s)
			proxy := startFaults(t, s, faults.Options{Guilty: isGuilty})
			p := newInstance(t, "Hosts "+proxy.URL(), "Index "+index)
			chunk := chunkWith(t, records, func(i int, record string) string {
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
			wantRecords(t, s, index, records, test.guilty...)
			atMost(t, "requests", proxy.Account().Requests(), len(test.guilty)*(2*bits.Len(records)+4))
			p.Close()
			if p.count(" warn]", "refused", "action_request_validation_exception") == 0 {
				t.Error("no line tells of the refusal")
			}
		})
	}
}

func TestOversizedRequestTeachesTheSize(t *testing.T) {
	const records, limit = 2000, 20 << 10
	s := cluster(t)
	index := mappedIndex(t, s)
	proxy := startFaults(t, s, faults.Options{MaxBytes: limit})
	p := newInstance(t, "Hosts "+proxy.URL(), "Index "+index)
	if got := p.Flush("app", chunkWith(t, records, nil)); got != es.OK {
		t.Errorf("the flush answered %d, want OK", got)
	}
	wantRecords(t, s, index, records)
	first := proxy.Account()
	total := 0
	for _, e := range first.Entries {
		if e.Fault != faults.TooLarge {
			total += e.Bytes
		}
	}
	learning := bits.Len(uint(total / limit))
	atMost(t, "requests too large", first.Count(faults.TooLarge), learning+1)
	atMost(t, "requests", first.Requests(), learning+1+2*(total/limit)+2) // the size is halved, so a request is half full at the least

	later := chunkWith(t, records, func(i int, record string) string { return strings.Replace(record, "record", "again", 1) })
	if got := p.Flush("other", later); got != es.OK {
		t.Errorf("the second flush answered %d, want OK", got)
	}
	if got := proxy.Account().Count(faults.TooLarge); got != first.Count(faults.TooLarge) {
		t.Errorf("the next chunk met 413 %d times, want none: the size is known", got-first.Count(faults.TooLarge))
	}
	if p.count("smaller ones follow") > first.Count(faults.TooLarge) {
		t.Error("the log tells of a 413 more than once")
	}
}

func TestDocumentTooLargeForAnyRequest(t *testing.T) {
	const records, limit, large = 300, 10 << 10, 123
	s := cluster(t)
	index := mappedIndex(t, s)
	proxy := startFaults(t, s, faults.Options{MaxBytes: limit})
	p := newInstance(t, "Hosts "+proxy.URL(), "Index "+index)
	chunk := chunkWith(t, records, func(i int, record string) string {
		if i == large {
			return fmt.Sprintf(`{"n":%d,"message":%q}`, i, strings.Repeat("long ", limit/4))
		}
		return record
	})
	if got := p.Flush("app", chunk); got != es.OK {
		t.Errorf("the flush answered %d, want OK", got)
	}
	wantRecords(t, s, index, records, large)
	p.Close()
	if p.count(" warn]", "refused", "too_large") != 1 {
		t.Error("no line tells of the document that is too large")
	}
}
