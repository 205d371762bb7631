package documents

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
	"out_es/test/support"
)

// counted flushes records once and returns the number of documents by outcome.
func counted(t *testing.T, options []string, records ...string) map[string]int {
	t.Helper()
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, options...)
	chunks, err := host.Chunks(host.Nested, e2e.FirstTime, records...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		e2e.Flush(t, o, "a", c.Bytes, host.OK)
	}
	scrape, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, outcome := range []string{"accepted", "deduplicated", "dropped", "malformed", "returned"} {
		if n := fluentbit.Value(scrape, `fluentbit_output_es_go_records_total{name="es_go.0",outcome="`+outcome+`"}`); n > 0 {
			outcomes[outcome] = int(n)
		}
	}
	if err := o.Exit(); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func TestHostWriteOperations(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	options := func(operation string, more ...string) []string {
		return append([]string{"Hosts " + s.URL(), "Index " + index, "Id_Key $id", "Time_Key at", "Write_Operation " + operation}, more...)
	}
	for _, step := range []struct {
		name     string
		options  []string
		records  []string
		outcomes string
		left     map[string]string // by id: the remaining documents, without their time
	}{
		{"create", options("create"), []string{`{"id":"a","n":1}`, `{"id":"b","n":2}`, `{"n":3}`}, `{"accepted":2,"dropped":1}`,
			map[string]string{"a": `{"id":"a","n":1}`, "b": `{"id":"b","n":2}`}},
		{"create again", options("create"), []string{`{"id":"a","n":9}`}, `{"deduplicated":1}`,
			map[string]string{"a": `{"id":"a","n":1}`, "b": `{"id":"b","n":2}`}},
		{"index", options("index"), []string{`{"id":"a","m":1}`, `{"id":null,"m":1}`}, `{"accepted":1,"dropped":1}`,
			map[string]string{"a": `{"id":"a","m":1}`, "b": `{"id":"b","n":2}`}},
		{"update", options("update"), []string{`{"id":"a","deep":{"x":1}}`, `{"id":"a","deep":{"y":2}}`, `{"id":"none","n":1}`, `{"n":1}`}, `{"accepted":2,"dropped":2}`,
			map[string]string{"a": `{"id":"a","m":1,"deep":{"x":1,"y":2}}`, "b": `{"id":"b","n":2}`}},
		{"upsert", options("upsert"), []string{`{"id":"b","n":7}`, `{"id":7,"n":1}`, `{"id":[7],"n":1}`}, `{"accepted":2,"dropped":1}`,
			map[string]string{"a": `{"id":"a","m":1,"deep":{"x":1,"y":2}}`, "b": `{"id":"b","n":7}`, "7": `{"id":7,"n":1}`}},
		// Requests of one item each, as after a 413: a delete has one line.
		{"delete", options("delete", "Bulk_Size 1K"), []string{`{"id":"a"}`, `{"id":"never"}`, `{"id":true}`, `{"id":"7","n":"` + strings.Repeat("x", 2000) + `"}`, `{}`},
			`{"accepted":2,"deduplicated":2,"dropped":1}`, map[string]string{"b": `{"id":"b","n":7}`}},
	} {
		got, _ := json.Marshal(counted(t, step.options, step.records...))
		if string(got) != step.outcomes {
			t.Errorf("%s: outcomes %s, want %s", step.name, got, step.outcomes)
		}
		checkLeft(t, s, index, step.name, step.left)
	}
}

func checkLeft(t *testing.T, s *elasticsearch.Server, index, name string, left map[string]string) {
	t.Helper()
	if err := s.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
		n++
		source, err := e2e.Decode(d.Source)
		if err != nil {
			return err
		}
		delete(source, "at")
		want, err := e2e.Decode(json.RawMessage(left[d.ID]))
		if err != nil || fmt.Sprint(source) != fmt.Sprint(want) {
			t.Errorf("%s: %s is %v, want %v", name, d.ID, source, want)
		}
		return nil
	})
	if err != nil || n != len(left) {
		t.Errorf("%s: %d documents are there, want %d; %v", name, n, len(left), err)
	}
}

// nasty are values that would do harm in an action line without escaping.
var nasty = []string{
	`x","_index":"other`, "x\"}}\n{\"delete\":{\"_index\":\"other\",\"_id\":\"1\"}}\n{\"create\":{\"_index\":\"other\"", "\n", "\r\n\x00\x01\x1f", "\x7f", "\\", `\"`, `\u0022`,
	"\xff\xfe", "\xc3", "é\u2028", " ", "_none", "a,b", "../..", "%{x}", strings.Repeat("long", 200),
}

// appendTextEvent appends an event {"n": n, "v": text}; text may be no UTF-8.
func appendTextEvent(b []byte, n int, text string) []byte {
	b = append(b, 0x92, 0xce, 0x6a, 0x4f, 0x1b, 0x80, 0x82)
	b = msgp.AppendInt(msgp.AppendString(b, "n"), n)
	return msgp.AppendString(msgp.AppendString(b, "v"), text)
}

func TestHostRoutingOfAnyText(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"settings":{"number_of_shards":3},"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	var chunk []byte
	for i, text := range append(nasty, "", "") { // empty values are left out
		chunk = appendTextEvent(chunk, i, text)
	}
	h, _ := e2e.StartHost(t, host.Options{})
	e2e.Flush(t, e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Routing $v"), "a", chunk, host.OK)
	e2e.EventuallyCount(t, s, index, len(nasty)+2)
	answer, err := s.Do(t.Context(), "POST", "/"+index+"/_search?size=100", nil)
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Hits struct {
			Hits []struct {
				Routing *string         `json:"_routing"`
				Source  struct{ N int } `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		t.Fatal(err)
	}
	for _, hit := range found.Hits.Hits {
		want := ""
		if n := hit.Source.N; n < len(nasty) {
			want = strings.ToValidUTF8(nasty[n], "\uFFFD")
			if nasty[n] == "\xff\xfe" {
				want = "\uFFFD\uFFFD"
			}
		}
		switch {
		case want == "" && hit.Routing != nil:
			t.Errorf("record %d has the routing %q, want none", hit.Source.N, *hit.Routing)
		case want != "" && (hit.Routing == nil || *hit.Routing != want):
			t.Errorf("record %d has the routing %v, want %q", hit.Source.N, hit.Routing, want)
		}
	}
}

// The embedded server has no processors, and doesn't count documents of empty pipelines: a pipeline
// shows by its absence.
func TestHostPipelines(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{index + "-one", index + "-other"} {
		if _, err := s.Do(t.Context(), "PUT", "/_ingest/pipeline/"+name, []byte(`{"processors":[]}`)); err != nil {
			t.Fatal(err)
		}
	}
	// An empty pipeline, a missing field, and an existing one, in one request: an empty string
	// would fail all of it.
	option := "Pipeline $v"
	var chunk []byte
	for i, p := range append([]string{"", index + "-one", index + "-one", index + "-other", "_none"}, nasty...) {
		chunk = appendTextEvent(chunk, i, p)
	}
	chunk = append(chunk, e2e.ChunkOf(t, host.Nested, 900, 1)...)
	h, _ := e2e.StartHost(t, host.Options{})
	e2e.Flush(t, e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, option), "a", chunk, host.OK)
	// Records with a missing pipeline are rejected: the record named it.
	e2e.EventuallyCount(t, s, index, 7) // "_none" is among the nasty, too
	// A missing pipeline of the configuration is awaited.
	h, log := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Pipeline "+index+"-late", "Retry_Budget 0")
	late := e2e.ChunkOf(t, host.Nested, 1000, 2)
	e2e.Flush(t, o, "a", late, host.RETRY)
	support.Eventually(t, time.Minute, "the pipeline is named", func() bool { return strings.Contains(log.String(), index+"-late") })
	if _, err := s.Do(t.Context(), "PUT", "/_ingest/pipeline/"+index+"-late", []byte(`{"processors":[]}`)); err != nil {
		t.Fatal(err)
	}
	// Until the next probe the chunk is answered RETRY without a request.
	support.Eventually(t, 30*time.Second, "the chunk is taken", func() bool {
		code, err := o.Flush(t.Context(), "a", late)
		if err != nil {
			t.Fatal(err)
		}
		return code == host.OK
	})
	e2e.EventuallyCount(t, s, index, 9)
}
