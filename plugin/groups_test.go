package plugin_test

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
)

// manyGroups is a chunk of n events {"n": 0} … in groups of size events, with each fourth in no
// group, and their expected resources.
func manyGroups(n, size int) (data []byte, resource func(n int) string) {
	const start, end = math.MaxUint32, math.MaxUint32 - 1
	for i := range n {
		if i%size == 0 && i/size%4 != 3 {
			data = append(data, eventWith(start, object{"schema", "otlp"}, object{"resource", object{"name", fmt.Sprint("r", i/size)}})...)
		}
		data = append(data, event(object{"n", i})...)
		if i%size == size-1 && i/size%4 != 3 {
			data = append(data, eventWith(end, object{}, object{})...)
		}
	}
	return data, func(n int) string {
		if n/size%4 == 3 {
			return ""
		}
		return fmt.Sprint("r", n/size)
	}
}

// requestFaults are possible faults of requests: each document arrives all the same, once.
func requestFaults() map[string]func(e *elasticsearch) {
	return map[string]func(e *elasticsearch){
		"none":              func(*elasticsearch) {},
		"halved by size":    func(e *elasticsearch) { e.limit = 700 },
		"each second fails": func(e *elasticsearch) { e.instead = every(2, 503) },
		"illegal, so halved": func(e *elasticsearch) {
			e.instead = func(request int, w http.ResponseWriter) bool {
				return request < 2 && status(400, `{"error":{"type":"illegal_argument_exception","reason":"x"},"status":400}`)(request, w)
			}
		},
		"items throttled": func(e *elasticsearch) { e.refuse = throttled() },
	}
}

// Whatever happens to requests, and wherever they begin: each document has the
// resource of its own group, also when the chunk comes again and most of it is
// settled.
func TestDocumentsHaveTheResourceOfTheirGroupAfterSplitsAndResumes(t *testing.T) {
	const n = 60
	for name, fault := range requestFaults() {
		for _, size := range []int{1, 7, 20} {
			for _, section := range []section{{}, {"Generate_ID": "on", "Bulk_Size": "1K"}, {"Index": "$n|none"}, {"Index": "of-$resource['name']|none"},
				{"Data_Stream": "on", "Data_Stream_Type": "of", "Data_Stream_Dataset": "$resource['name']|none", "Data_Stream_Namespace": "x"}, {"Retry_Budget": "1s"}} {
				t.Run(fmt.Sprint(name, " ", size, " ", section), func(t *testing.T) {
					e := newElasticsearch(t)
					fault(e)
					p, host := instance(t, e, section)
					data, resource := manyGroups(n, size)
					if outcome := flushUntilDone(t, p, "otlp", data); outcome != plugin.OK {
						t.Errorf("outcome %v", outcome)
					}
					if got := e.numbers(); !slices.Equal(got, upTo(n)) {
						t.Errorf("documents %v", got)
					}
					for _, d := range e.documents {
						number := int(d.Source["n"].(float64))
						shared, _ := d.Source["resource"].(map[string]any)
						if got, _ := shared["name"].(string); got != resource(number) {
							t.Errorf("document %d has the resource %q, want %q", number, got, resource(number))
						}
						if stream, ok := d.Source["data_stream"].(map[string]any); ok && stream["dataset"] != cmp.Or(resource(number), "none") {
							t.Errorf("document %d of the resource %q tells the data stream %v", number, resource(number), stream)
						}
						if of, looked := strings.CutPrefix(d.Index, "of-"); looked && strings.TrimSuffix(of, "-x") != cmp.Or(resource(number), "none") {
							t.Errorf("document %d of the resource %q is in the index %q", number, resource(number), d.Index)
						}
					}
					if host.Count("received_records_total", "") < n {
						t.Error("markers or events were not counted as they are")
					}
				})
			}
		}
	}
}

// every answers each nth request with this status.
func every(nth, code int) func(int, http.ResponseWriter) bool {
	return func(request int, w http.ResponseWriter) bool {
		return request%nth == 0 && status(code, "")(request, w)
	}
}
