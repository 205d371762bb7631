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

// The plugin's Request_Timeout in these tests. Elasticsearch takes seconds for an answer on a busy
// machine, so that only tests of late answers have the short one.
const (
	requestTimeout      = 30 * time.Second
	ShortRequestTimeout = 2 * time.Second
)

// Hurry is the option for ShortRequestTimeout.
var Hurry = "Request_Timeout " + ShortRequestTimeout.String()

// patience returns the minimum time that the plugin waits for an answer, as seen by a proxy, whose
// clock starts later.
func patience(timeout time.Duration) time.Duration { return timeout * 3 / 4 }

// Hurried is o for a proxy before a plugin with Hurry.
func Hurried(o faults.Options) faults.Options {
	o.Patience = patience(ShortRequestTimeout)
	return o
}

// Impatient are options that make the plugin fail fast and often: minutes in production are seconds
// here.
var Impatient = map[string]string{
	"Retry_Initial": "5ms", "Retry_Max": "100ms", "Retry_Budget": "300ms", "Request_Timeout": requestTimeout.String(),
}

// Instance is the plugin in this process, behind a proxy.
type Instance struct {
	*es.Plugin
	Log *support.Journal
}

// NewInstance makes one with these options, given as "Key value", over the Impatient ones.
func NewInstance(t testing.TB, options ...string) *Instance {
	t.Helper()
	i, err := TryInstance(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the plugin's log:\n%s", i.Log.Tail(40))
		}
	})
	return i
}

// TryInstance is NewInstance for options that may be rejected.
func TryInstance(options ...string) (*Instance, error) {
	section := maps.Clone(Impatient)
	for _, option := range options {
		key, value, _ := strings.Cut(option, " ")
		section[key] = value
	}
	log := &support.Journal{}
	p, err := es.New(func(name string) string { return section[name] }, fluentbit.Standalone("es_go.0", log))
	return &Instance{p, log}, err
}

// StartFaults starts a proxy before s.
func StartFaults(t testing.TB, s *elasticsearch.Server, o faults.Options) *faults.Proxy {
	t.Helper()
	if o.Target = s.URL(); o.Patience == 0 {
		o.Patience = patience(requestTimeout)
	}
	p, err := faults.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// SetRules replaces a proxy's rules.
func SetRules(t testing.TB, p *faults.Proxy, rules ...faults.Rule) {
	t.Helper()
	if err := p.Set(rules...); err != nil {
		t.Fatal(err)
	}
}

// ReplayPause is the wait before a chunk's next flush; Fluent Bit's scheduler takes seconds.
const ReplayPause = 20 * time.Millisecond

// Deliver flushes a chunk until it is OK, as Fluent Bit does under `Retry_Limit no_limits`, and
// returns the number of flushes. Possible errors: the plugin answers ERROR; ctx ends first.
func (i *Instance) Deliver(ctx context.Context, tag string, chunk []byte) (flushes int, err error) {
	for {
		// Fluent Bit frees a chunk when its flush returns: the plugin must not keep any of it.
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
		case <-time.After(ReplayPause):
		}
	}
}

// MustDeliver is Bring for a test's own goroutine.
func (i *Instance) MustDeliver(t testing.TB, chunk []byte) (flushes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	flushes, err := i.Deliver(ctx, "app", chunk)
	if err != nil {
		t.Fatal(err)
	}
	return flushes
}

// FieldMappings make Elasticsearch reject a record with text in the field `code`.
const FieldMappings = `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"long"},"code":{"type":"long"}}}}`

// MappedIndex is a fresh index with FieldMappings.
func MappedIndex(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	index := FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, FieldMappings); err != nil {
		t.Fatal(err)
	}
	return index
}

// ChunkWith makes one chunk of n records; change may return another JSON object for the record i.
func ChunkWith(t testing.TB, n int, change func(i int, record string) string) []byte {
	t.Helper()
	var c host.Chunk
	for i := range n {
		record := fmt.Sprintf(`{"n":%d,"message":"record %d"}`, i, i)
		if change != nil {
			record = change(i, record)
		}
		if err := c.AddJSON(TimeOf(i), []byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	return c.Bytes
}

// WantRecords checks that the index holds the records 0 to n-1, each once, except missing.
func WantRecords(t *testing.T, s *elasticsearch.Server, index string, n int, missing ...int) {
	t.Helper()
	got := Documents(t, s, index)
	if len(got) != n-len(missing) {
		t.Errorf("the index holds %d documents, want %d", len(got), n-len(missing))
	}
	for i := range n {
		if _, there := got[i]; there == slices.Contains(missing, i) {
			t.Fatalf("record %d is there: %v", i, there)
		}
	}
}

// AtMost checks that requests did not cost more than they may.
func AtMost(t *testing.T, what string, got, want int) {
	t.Helper()
	if got > want {
		t.Errorf("%d %s, want at most %d", got, what, want)
	}
}

// Count counts the log's lines that have all parts.
func (i *Instance) Count(parts ...string) (n int) {
	for line := range strings.Lines(i.Log.String()) {
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

// IsGuilty reports whether a record makes the proxy reject a whole request.
func IsGuilty(_, document []byte) bool { return bytes.Contains(document, []byte(`"guilty":true`)) }
