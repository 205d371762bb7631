package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/host"
	"out_es/test/support"
)

// requestTimeout is the plugin's in these tests; patience is how long it waits for an answer for sure, as a proxy sees it,
// which starts its clock later.
const (
	requestTimeout = 2 * time.Second
	patience       = requestTimeout * 3 / 4
)

// impatient are options that make the plugin fail fast and often: what takes minutes in production takes seconds here.
var impatient = map[string]string{
	"Retry_Initial": "5ms", "Retry_Max": "100ms", "Retry_Budget": "300ms", "Request_Timeout": requestTimeout.String(),
}

// instance is the plugin in this process, behind a proxy.
type instance struct {
	*es.Plugin
	log *support.Journal
}

// newInstance makes one with these options, given as "Key value", over the impatient ones.
func newInstance(t testing.TB, options ...string) *instance {
	t.Helper()
	i, err := tryInstance(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the plugin's log:\n%s", i.log.Tail(40))
		}
	})
	return i
}

// tryInstance is newInstance for options that may be refused.
func tryInstance(options ...string) (*instance, error) {
	section := maps.Clone(impatient)
	for _, option := range options {
		key, value, _ := strings.Cut(option, " ")
		section[key] = value
	}
	log := &support.Journal{}
	p, err := es.New(func(name string) string { return section[name] }, fluentbit.Standalone("es_go.0", log))
	return &instance{p, log}, err
}

// startFaults starts a proxy before s.
func startFaults(t testing.TB, s *elasticsearch.Server, o faults.Options) *faults.Proxy {
	t.Helper()
	o.Target, o.Patience = s.URL(), patience
	p, err := faults.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// setRules replaces a proxy's rules.
func setRules(t testing.TB, p *faults.Proxy, rules ...faults.Rule) {
	t.Helper()
	if err := p.Set(rules...); err != nil {
		t.Fatal(err)
	}
}

// replayPause is how long a chunk waits before it is brought again; Fluent Bit's scheduler takes seconds.
const replayPause = 20 * time.Millisecond

// bring hands a chunk over until it is OK, as Fluent Bit does under `Retry_Limit no_limits`, and returns how often.
// Possible errors: the plugin gives the chunk up; ctx ends first.
func (i *instance) bring(ctx context.Context, tag string, chunk []byte) (flushes int, err error) {
	for {
		// Fluent Bit frees a chunk when its flush returns: nothing may be kept of it.
		borrowed := bytes.Clone(chunk)
		outcome := i.Flush(tag, borrowed)
		clear(borrowed)
		flushes++
		switch outcome {
		case es.OK:
			return flushes, nil
		case es.Error:
			return flushes, fmt.Errorf("the chunk of tag %s was given up with ERROR", tag)
		}
		select {
		case <-ctx.Done():
			return flushes, fmt.Errorf("the chunk of tag %s is not delivered after %d flushes", tag, flushes)
		case <-time.After(replayPause):
		}
	}
}

// mustBring is bring for a test's own goroutine.
func (i *instance) mustBring(t testing.TB, chunk []byte) (flushes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	flushes, err := i.bring(ctx, "app", chunk)
	if err != nil {
		t.Fatal(err)
	}
	return flushes
}

// fieldMappings make a record with text in the field `code` one that Elasticsearch refuses.
const fieldMappings = `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"long"},"code":{"type":"long"}}}}`

// mappedIndex is a fresh index with fieldMappings.
func mappedIndex(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	index := freshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, fieldMappings); err != nil {
		t.Fatal(err)
	}
	return index
}

// chunkWith makes one chunk of n records; change may return another JSON object for the record i.
func chunkWith(t testing.TB, n int, change func(i int, record string) string) []byte {
	t.Helper()
	var c host.Chunk
	for i := range n {
		record := fmt.Sprintf(`{"n":%d,"message":"record %d"}`, i, i)
		if change != nil {
			record = change(i, record)
		}
		if err := c.AddJSON(timeOf(i), []byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	return c.Bytes
}

// wantRecords checks that the index holds the records 0 to n-1 but those missing, each once.
func wantRecords(t *testing.T, s *elasticsearch.Server, index string, n int, missing ...int) {
	t.Helper()
	got := documents(t, s, index)
	if len(got) != n-len(missing) {
		t.Errorf("the index holds %d documents, want %d", len(got), n-len(missing))
	}
	for i := range n {
		if _, there := got[i]; there == slices.Contains(missing, i) {
			t.Fatalf("record %d is there: %v", i, there)
		}
	}
}

// atMost checks that requests did not cost more than they may.
func atMost(t *testing.T, what string, got, want int) {
	t.Helper()
	if got > want {
		t.Errorf("%d %s, want at most %d", got, what, want)
	}
}

// count counts the log's lines that have all parts.
func (i *instance) count(parts ...string) (n int) {
	for line := range strings.Lines(i.log.String()) {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(line, part)
		}
		if has {
			n++
		}
	}
	return n
}
