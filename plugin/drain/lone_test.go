package drain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadletter"
	"out_es/plugin/source"
)

// strict is an Elasticsearch that rejects whole requests: larger ones than limit, unless that is 0,
// and those with the word poison.
type strict struct {
	mu       sync.Mutex
	limit    int
	requests int
	accepted map[string]int // records, by index
}

func (s *strict) send(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	body, err := req.Seal()
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.limit > 0 && len(body) > s.limit {
		return 0, &bulk.Failure{Class: bulk.Oversized, Status: 413}
	}
	if strings.Contains(string(body), "poison") {
		return 0, &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "illegal_argument_exception", Reason: "no"}
	}
	for _, match := range actionIndex.FindAllStringSubmatch(string(body), -1) {
		s.accepted[match[1]]++
		each(bulk.Item{Status: 201})
	}
	return len(req.Positions()), nil
}

// sent returns the number of requests.
func (s *strict) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *strict) all() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.accepted {
		n += of
	}
	return n
}

// text is an event {"t":text}.
func text(t string) string {
	n := len(t)
	return "\x92\x00\x81\xa1t\xdb" + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + t
}

// A record that fails whole requests is found at any place in a spool, and costs no other record.
// On_Rejection decides about it: rejected, dead-lettered or kept. Others arrive.
func TestALoneRecordThatFailsRequestsIsFoundInASpool(t *testing.T) {
	const others = 20
	faults := map[string]struct {
		record string
		limit  int
		bytes  int // Bulk_Size
	}{
		"400":                                  {"poison", 0, 5 << 20},
		"400, one record fills a request":      {"poison" + strings.Repeat("x", 4000), 0, 3000},
		"413, a large record":                  {strings.Repeat("x", 2<<20), 1<<20 + 1<<19, 5 << 20},
		"413, a record below a megabyte":       {strings.Repeat("x", 600<<10), 500 << 10, 5 << 20},
		"413, one record that fills a request": {strings.Repeat("x", 4000), 2000, 3000},
	}
	for name, fault := range faults {
		for _, place := range []string{"first", "middle", "last", "alone, then others", "in a chunk with others"} {
			for _, rejection := range []string{"drop", "retry", "dead letters"} {
				t.Run(fmt.Sprint(name, "/", place, "/", rejection), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						path := filepath.Join(t.TempDir(), "dead.ndjson")
						file, err := deadletter.Open(path)
						if err != nil {
							t.Fatal(err)
						}
						defer file.Close()
						s := &strict{limit: fault.limit, accepted: map[string]int{}}
						o := options(t.TempDir())
						o.Linger = time.Second
						o.Policy.InitialPause, o.Policy.MaxPause, o.Policy.Bytes, o.Policy.Budget = 500*time.Millisecond, 30*time.Second, fault.bytes, 5*time.Second
						r := prepareFor(t, "app-$TAG", o, s.send)
						switch rejection {
						case "retry":
							r.sources.Options.RetryRejected = true
						case "dead letters":
							r.sources.File, r.sources.Options.DeadLetters = file, source.DeadLettersToFile
						}
						r.begin()
						healthy := func(n int) {
							for i := range n {
								r.flush(t, fmt.Sprint("tag", i%3), text("fine"))
							}
						}
						want := others
						switch place {
						case "first":
							r.flush(t, "bad", text(fault.record))
							healthy(others)
						case "middle":
							healthy(others / 2)
							r.flush(t, "bad", text(fault.record))
							healthy(others / 2)
						case "last":
							healthy(others)
							r.flush(t, "bad", text(fault.record))
						case "alone, then others":
							r.flush(t, "bad", text(fault.record))
							time.Sleep(10 * time.Minute)
							healthy(others)
						default:
							healthy(others / 2)
							r.flush(t, "bad", text("fine")+text(fault.record)+text("fine"))
							healthy(others / 2)
							want += 2
						}
						for range 20 { // a node on which something happens now and then
							time.Sleep(10 * time.Second)
							r.flush(t, "quiet", text("fine"))
							want++
						}
						time.Sleep(2 * time.Minute)
						if n := s.sent(); n > 120 {
							t.Errorf("%d requests", n)
						}
						r.close()
						if got := s.all(); got != want {
							t.Errorf("%d of %d records arrived", got, want)
						}
						lines, _ := os.ReadFile(path)
						dropped, kept, dead := r.ended("dropped"), r.parked.Stats().Frames, strings.Count(string(lines), "\n")
						switch {
						case rejection == "drop" && dropped == 1 && kept == 0 && dead == 0:
						case rejection == "retry" && dropped == 0 && kept == 1 && dead == 0:
						case rejection == "dead letters" && dropped == 0 && kept == 0 && dead == 1:
						default:
							t.Errorf("%d dropped, %d kept, %d dead-lettered; %d requests; %d at the front", dropped, kept, dead, s.sent(), r.fresh.Stats().Frames)
						}
					})
				})
			}
		}
	}
}

// A chunk that is larger than a request, and of which Elasticsearch rejects every record while
// On_Rejection keeps them, or holds every other one, costs few requests, and none of its other
// records. All arrive after the repair.
func TestAChunkLargerThanARequestWhoseRecordsStay(t *testing.T) {
	const records = 40
	conflict := bulk.Item{Status: 400, Type: []byte("document_parsing_exception"), Reason: []byte("no")}
	for name, c := range map[string]struct {
		item    bulk.Item
		every   int // record of the chunk stays
		restart bool
	}{
		"all kept":                       {conflict, 1, false},
		"every third kept":               {conflict, 3, false},
		"all kept, across a restart":     {conflict, 1, true},
		"every third kept, a restart":    {conflict, 3, true},
		"all held":                       {bulk.Item{Status: 403, Type: []byte("security_exception")}, 1, false},
		"every third held":               {bulk.Item{Status: 403, Type: []byte("security_exception")}, 3, false},
		"every third held, a restart":    {bulk.Item{Status: 403, Type: []byte("security_exception")}, 3, true},
		"every third unknown":            {bulk.Item{Status: 418, Type: []byte("teapot_exception")}, 3, false},
		"every third throttled":          {bulk.Item{Status: 429, Type: []byte("es_rejected_execution_exception")}, 3, false},
		"every third throttled, restart": {bulk.Item{Status: 429, Type: []byte("es_rejected_execution_exception")}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				repaired, requests, accepted := false, 0, map[string]int{}
				send := locked(&mu, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
					body, err := req.Seal()
					if err != nil {
						panic(err)
					}
					requests++
					for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
						if i%2 == 0 {
							continue
						}
						if strings.Contains(line, "stay") && !repaired {
							each(c.item)
							continue
						}
						accepted[line]++
						each(bulk.Item{Status: 201})
					}
					return len(req.Positions()), nil
				})
				o := options(t.TempDir())
				o.Linger = time.Second
				o.Policy.InitialPause, o.Policy.MaxPause, o.Policy.Bytes, o.Policy.Budget = 500*time.Millisecond, 30*time.Second, 500, 5*time.Second
				begin := func() *running {
					r := prepareFor(t, "app-$k", o, send)
					r.sources.Options.RetryRejected = true
					r.begin()
					return r
				}
				r := begin()
				chunk := ""
				for n := range records {
					kind := "go"
					if n%c.every == 0 {
						kind = "stay"
					}
					chunk += "\x92\x00\x82\xa1k\xa4" + (kind + "    ")[:4] + "\xa1n" + string([]byte{byte(n)})
				}
				r.flush(t, "app", chunk)
				r.flush(t, "other", of("fine"))
				time.Sleep(time.Minute)
				if c.restart {
					r.close()
					r = begin()
				}
				time.Sleep(9 * time.Minute)
				want := 1 // of the other chunk
				for n := range records {
					if n%c.every != 0 {
						want++
					}
				}
				// Unknown errors end as the record's fault where others are accepted: they are
				// kept, too.
				mu.Lock()
				if len(accepted) != want || requests > 60+records {
					t.Errorf("%d of %d records arrived with %d requests", len(accepted), want, requests)
				}
				repaired = true
				mu.Unlock()
				time.Sleep(20 * time.Minute)
				r.close()
				mu.Lock()
				defer mu.Unlock()
				if frames := r.fresh.Stats().Frames + r.parked.Stats().Frames; len(accepted) != records+1 || frames > 0 {
					t.Errorf("%d of %d records arrived after the repair, %d chunks wait", len(accepted), records+1, frames)
				}
				for line, n := range accepted {
					if n != 1 {
						t.Errorf("%s arrived %d times", line, n)
					}
				}
			})
		})
	}
}
