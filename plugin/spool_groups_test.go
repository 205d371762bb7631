package plugin_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
)

const (
	groupedFrames = 6
	groupedEvents = 24 // of each frame
)

// groupedFrame is the i-th chunk of those tests: events in groups of size. Of
// three chunks one has groups, in one the last group is not closed, and one has
// events without any.
func groupedFrame(i, size int) (data []byte) {
	const start, end = math.MaxUint32, math.MaxUint32 - 1
	for n := range groupedEvents {
		grouped := i%3 != 2
		if grouped && n%size == 0 {
			data = append(data, eventWith(start, object{"schema", "otlp"}, object{"resource", object{"name", fmt.Sprintf("r%d.%d", i, n/size)}})...)
		}
		data = append(data, event(object{"n", i*groupedEvents + n})...)
		if grouped && n%size == size-1 && (i%3 == 0 || n < groupedEvents-1) {
			data = append(data, eventWith(end, object{}, object{})...)
		}
	}
	return data
}

// bringGrouped hands the chunks over, each of a tag of its own.
func bringGrouped(t *testing.T, p *plugin.Plugin, size int) {
	t.Helper()
	for i := range groupedFrames {
		if outcome := p.Flush(fmt.Sprint("otlp.", i), groupedFrame(i, size)); outcome != plugin.OK {
			t.Fatalf("outcome %v", outcome)
		}
	}
}

// inTheirGroups checks that each document has the resource of its own group, or
// none.
func (e *elasticsearch) inTheirGroups(t *testing.T, size int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.documents {
		number := int(d.Source["n"].(float64))
		frame, n := number/groupedEvents, number%groupedEvents
		want := ""
		if frame%3 != 2 {
			want = fmt.Sprintf("r%d.%d", frame, n/size)
		}
		shared, _ := d.Source["resource"].(map[string]any)
		if got, _ := shared["name"].(string); got != want {
			t.Errorf("document %d has the resource %q, want %q", number, got, want)
		}
		if of, looked := strings.CutPrefix(d.Index, "of-"); looked && of != cmp.Or(want, "none") {
			t.Errorf("document %d of the resource %q is in the index %q", number, want, d.Index)
		}
	}
}

// throttled refuses each document as often as its number says.
func throttled() func(document) *itemError {
	seen := map[int]int{}
	return func(d document) *itemError {
		n := int(d.Source["n"].(float64))
		if seen[n]++; seen[n] <= n%3 {
			return &itemError{429, "es_rejected_execution_exception", "full"}
		}
		return nil
	}
}

// Whatever happens to the requests that carry the frames of several tags: each
// document has the resource of its own group, and none that of another frame.
func TestDocumentsOfASpoolHaveTheResourceOfTheirGroup(t *testing.T) {
	faults := requestFaults()
	faults["items parked"] = func(*elasticsearch) {} // begins once the instance is there, whose metric ends it
	for name, fault := range faults {
		for _, size := range []int{1, 7, 20} {
			for _, more := range []section{{}, {"Generate_ID": "on", "Bulk_Size": "1K"}, {"Index": "$n|none"}, {"Index": "of-$resource['name']|none"}} {
				t.Run(fmt.Sprint(name, " ", size, " ", more), func(t *testing.T) {
					e := newElasticsearch(t)
					fault(e)
					s := section{"Spool_Linger": "20ms", "Retry_Max": "10ms"} // all frames are in one request
					for option, value := range more {
						s[option] = value
					}
					p, host := spooled(t, e, t.TempDir(), s)
					if name == "items parked" {
						e.set(func() {
							e.refuse = func(d document) *itemError {
								if int(d.Source["n"].(float64))%5 != 0 || host.Count("records_total", "parked") > 0 {
									return nil
								}
								return &itemError{403, "security_exception", "no"}
							}
						})
					}
					bringGrouped(t, p, size)
					eventually(t, "all arrive", e.has(groupedFrames*groupedEvents))
					eventually(t, "the spool is empty", func() bool { p.Flush("none", nil); return allSent(host) })
					p.Close()
					if got := e.numbers(); !slices.Equal(got, upTo(groupedFrames*groupedEvents)) {
						t.Errorf("documents %v", got)
					}
					e.inTheirGroups(t, size)
					if name == "none" && more["Bulk_Size"] == "" && len(e.requests) > 2 {
						t.Errorf("%d requests: the frames were not in one", len(e.requests))
					}
					if name == "items parked" && host.Count("records_total", "parked") == 0 {
						t.Error("nothing was parked")
					}
				})
			}
		}
	}
}

// An agent that ends in the middle of a frame's groups leaves a note of which
// records are settled; the next one goes on there.
func TestARestartInTheMiddleOfAGroupKeepsTheResource(t *testing.T) {
	for _, size := range []int{1, 7, 20} {
		for _, more := range []section{{}, {"Generate_ID": "on"}} {
			t.Run(fmt.Sprint(size, " ", more), func(t *testing.T) {
				t.Parallel()
				e := newElasticsearch(t)
				left := func(n int) bool { return n%groupedEvents > 2 && n%4 > 0 }
				e.refuse = func(d document) *itemError {
					if left(int(d.Source["n"].(float64))) {
						return &itemError{429, "es_rejected_execution_exception", "full"}
					}
					return nil
				}
				dir := t.TempDir()
				more := section{"Generate_ID": more["Generate_ID"], "Spool_Linger": "20ms"}
				p, host := spooled(t, e, dir, more)
				bringGrouped(t, p, size)
				var first, rest []int
				for n := range groupedFrames * groupedEvents {
					if left(n) {
						rest = append(rest, n)
					} else {
						first = append(first, n)
					}
				}
				eventually(t, "the others arrive", e.has(len(first)))
				eventually(t, "the rest waits", func() bool { p.Flush("none", nil); return host.Count("records_total", "parked") >= uint64(len(rest)) })
				p.Close()
				other := newElasticsearch(t)
				other.limit = 3000
				next, _ := spooled(t, other, dir, more)
				eventually(t, "the rest arrives", other.has(len(rest)))
				next.Close()
				if got := other.numbers(); !slices.Equal(got, rest) {
					t.Errorf("documents %v, want %v", got, rest)
				}
				e.inTheirGroups(t, size)
				other.inTheirGroups(t, size)
			})
		}
	}
}
