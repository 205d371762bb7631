package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/host"
	"out_es/test/support"
)

func TestHostBothLayoutsManyThreadsSeveralInstances(t *testing.T) {
	s := e2e.Cluster(t)
	const chunks, size = 24, 100
	h, _ := e2e.StartHost(t, host.Options{})
	var all sync.WaitGroup
	indices := map[int]string{}
	for _, workers := range []int{0, 1, 4} {
		index := e2e.FreshIndex(t, s) + fmt.Sprint(workers)
		indices[workers] = index
		o := e2e.Output(t, h, workers, "Hosts "+s.URL(), "Index "+index, "Include_Tag_Key on")
		for c := range chunks {
			all.Add(1)
			go func() {
				defer all.Done()
				chunk := e2e.ChunkOf(t, host.Layout(c%2), c*size, size)
				if code, err := o.Flush(t.Context(), fmt.Sprintf("tag.%d", c), chunk); err != nil || code != host.OK {
					t.Errorf("workers %d: %v, %v", workers, code, err)
				}
			}()
		}
	}
	all.Wait()
	for workers, index := range indices {
		got := e2e.Documents(t, s, index)
		if len(got) != chunks*size {
			t.Errorf("workers %d: %d documents, want %d", workers, len(got), chunks*size)
		}
		for n, document := range got {
			if document["@timestamp"] != e2e.TimeOf(n).Format(e2e.TimeLayout) || document["flb-key"] != fmt.Sprintf("tag.%d", n/size) {
				t.Fatalf("workers %d: record %d became %v", workers, n, document)
			}
		}
	}
}

// bad are chunks with one thing wrong, between two good records, and how many
// records survive it.
func bad(t *testing.T) map[string]struct {
	chunk []byte
	good  int
	log   string
} {
	event := func(record []byte) []byte { return append([]byte{0x92, 0xce, 0x6a, 0x4f, 0x1b, 0x80}, record...) }
	good := func(n int) []byte { return event(msgp.AppendInt(append([]byte{0x81}, "\xa1n"...), n)) }
	field := func(value []byte) []byte {
		return event(append(msgp.AppendInt(append([]byte{0x82}, "\xa1n"...), 1), append([]byte("\xa1v"), value...)...))
	}
	deep := bytes.Repeat([]byte("\x81\xa1m"), 1000)
	deep = append(deep, 0xc0)
	garbage := make([]byte, 4096)
	for i := range garbage {
		garbage[i] = byte(rand.New(rand.NewPCG(7, uint64(i))).IntN(256))
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	return map[string]struct {
		chunk []byte
		good  int
		log   string
	}{
		"truncated chunk":      {join(good(0), good(1), good(2)[:8]), 2, "cut off or corrupt"},
		"chunk of garbage":     {join([]byte{0xc1}, garbage), 0, "cut off or corrupt"},
		"garbage at the end":   {join(good(0), good(1), []byte{0xc1}, garbage), 2, "cut off or corrupt"},
		"value that no event":  {join(good(0), []byte("\xa5hello"), good(1)), 2, "it is no event"},
		"nested 1000 deep":     {join(good(0), field(deep), good(2)), 3, "200 levels deep"},
		"key that no string":   {join(good(0), event([]byte("\x83\xa1n\x01\x07\xa5seven\xc3\xa4true")), good(2)), 3, ""},
		"string of 5 MB":       {join(good(0), field(msgp.AppendString(nil, strings.Repeat("long ", 1<<20))), good(2)), 3, ""},
		"invalid UTF-8":        {join(good(0), field([]byte("\xa4\xff\xfea\xc3")), good(2)), 3, ""},
		"not a number":         {join(good(0), field([]byte("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01")), good(2)), 3, ""},
		"infinity":             {join(good(0), field([]byte("\xca\x7f\x80\x00\x00")), good(2)), 3, ""},
		"four billion members": {join(good(0), event([]byte("\xdf\xff\xff\xff\xff\xa1n\x01"))), 1, "cut off or corrupt"},
		"empty chunk":          {nil, 0, ""},
	}
}

func TestHostBadInputCostsNoOtherRecord(t *testing.T) {
	s := e2e.Cluster(t)
	for name, c := range bad(t) {
		t.Run(name, func(t *testing.T) {
			index := e2e.FreshIndex(t, s)
			// Nothing is mapped: the test is about this plugin, not about Elasticsearch's limits.
			if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
				t.Fatal(err)
			}
			h, log := e2e.StartHost(t, host.Options{})
			o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
			want := host.OK
			if c.good == 0 && len(c.chunk) > 0 {
				want = host.ERROR // nothing in it could be read
			}
			e2e.Flush(t, o, "bad", c.chunk, want)
			e2e.EventuallyCount(t, s, index, c.good)
			scrape, err := h.Scrape()
			if err != nil {
				t.Fatal(err)
			}
			if c.log == "cut off or corrupt" || c.log == "it is no event" {
				if got := fluentbit.Value(scrape, `fluentbit_output_es_go_records_total{name="es_go.0",outcome="malformed"}`); got != 1 {
					t.Errorf("%v malformed records are counted, want 1", got)
				}
			}
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			support.Eventually(t, time.Minute, "the log has "+c.log, func() bool { return strings.Contains(log.String(), c.log) })
		})
	}
}

func TestHostSmallStackIsEnough(t *testing.T) {
	s := e2e.Cluster(t)
	h, _ := e2e.StartHost(t, host.Options{StackBytes: 24 << 10})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+e2e.FreshIndex(t, s))
	e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, 0, 2000), host.OK)
	if used := o.StackUsed(); used > 16<<10 {
		t.Errorf("a flush takes %d bytes of its caller's stack, which has 24 KB", used)
	}
}

func TestHostWithoutSymbolsLogsToStandardError(t *testing.T) {
	h, log := e2e.StartHost(t, host.Options{Bare: true})
	o := e2e.Output(t, h, 1, "Hosts http://127.0.0.1:1", "Retry_Budget 0")
	e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, 0, 1), host.RETRY)
	if err := o.Exit(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"[ info] [output:es_go:es_go] version ", "connection refused"} {
		support.Eventually(t, time.Minute, part+" is on standard error", func() bool { return strings.Contains(log.String(), part) })
	}
}

func TestHostLogsOnItsOwnThreads(t *testing.T) {
	h, log := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 2, "Hosts http://127.0.0.1:1", "Retry_Budget 0")
	e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, 0, 1), host.RETRY)
	if err := o.Exit(); err != nil {
		t.Fatal(err)
	}
	support.Eventually(t, time.Minute, "the outage is logged", func() bool { return strings.Contains(log.String(), "connection refused") })
	if strings.Contains(log.String(), host.ForeignMark) {
		t.Error("lines came from threads that are not Fluent Bit's")
	}
}

func TestHostFailedInitLeavesOthersAlone(t *testing.T) {
	s := e2e.Cluster(t)
	h, log := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+e2e.FreshIndex(t, s))
	var failed *host.InitError
	if _, err := h.Init(host.Instance{Properties: [][2]string{{"Hosts", "ftp://user:topsecret@host"}}}); !errors.As(err, &failed) {
		t.Errorf("Init of a wrong section: %v", err)
	}
	support.Eventually(t, time.Minute, "the log tells what is wrong", func() bool { return strings.Contains(log.String(), "must be http or https") })
	if strings.Contains(log.String(), "topsecret") {
		t.Error("the password is in the log")
	}
	e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, 0, 10), host.OK)
}

func TestHostHotReload(t *testing.T) {
	s := e2e.Cluster(t)
	h, _ := e2e.StartHost(t, host.Options{})
	index := e2e.FreshIndex(t, s)
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
	const reloads, size = 5, 50
	for i := range reloads {
		e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, i*size, size), host.OK)
		if err := h.Reload(); err != nil { // the new registration comes while the old instance lives
			t.Fatal(err)
		}
		if err := o.Exit(); err != nil {
			t.Fatal(err)
		}
		if err := h.Unregister(); err != nil {
			t.Fatal(err)
		}
		o = e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
	}
	e2e.EventuallyCount(t, s, index, reloads*size)
}

func TestHostReplaySendsOnlyTheRest(t *testing.T) {
	s := e2e.Cluster(t)
	h, _ := e2e.StartHost(t, host.Options{})
	index := e2e.FreshIndex(t, s)
	body := `{"mappings":{"properties":{"n":{"type":"long"},"strict":{"type":"object","dynamic":"strict"}}}}`
	if err := s.PutIndex(t.Context(), index, body); err != nil {
		t.Fatal(err)
	}
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "On_Rejection retry")
	chunks, err := host.Chunks(host.Nested, e2e.TimeOf(0), `{"n":0}`, `{"n":1,"strict":{"new":true}}`, `{"n":2}`)
	if err != nil {
		t.Fatal(err)
	}
	e2e.Flush(t, o, "a", chunks[0].Bytes, host.RETRY)
	e2e.Flush(t, o, "a", chunks[0].Bytes, host.RETRY)
	if _, err := s.Do(t.Context(), "PUT", "/"+index+"/_mapping", []byte(`{"properties":{"strict":{"properties":{"new":{"type":"boolean"}}}}}`)); err != nil {
		t.Fatal(err)
	}
	e2e.Flush(t, o, "a", chunks[0].Bytes, host.OK)
	e2e.EventuallyCount(t, s, index, 3)
	e2e.Documents(t, s, index) // fails where one is duplicated
}
