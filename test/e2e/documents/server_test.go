package documents

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
	"out_es/test/support"
)

// TestMatrixServerIsTheOneAskedFor logs the server of the run, for test/matrix.
func TestMatrixServerIsTheOneAskedFor(t *testing.T) {
	s := e2e.Cluster(t)
	product := "Elasticsearch"
	if e2e.Family(t, s) == "opensearch" {
		product = "OpenSearch"
	}
	t.Logf("subject: %s %s", product, s.Options().Version)
}

func TestMatrixCompression(t *testing.T) {
	s := e2e.Cluster(t)
	for _, compress := range []string{"gzip", "off"} {
		index := e2e.FreshIndex(t, s)
		h, _ := e2e.StartHost(t, host.Options{})
		o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Compress "+compress, "Bulk_Size 64K")
		e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, 0, 5000), host.OK)
		if got := e2e.Documents(t, s, index); len(got) != 5000 {
			t.Errorf("%s: %d documents, want 5000", compress, len(got))
		}
	}
}

// small starts a server of the same version with small limits.
func small(t *testing.T, s *elasticsearch.Server, settings map[string]string) *elasticsearch.Server {
	t.Helper()
	if os.Getenv("ES_URL") != "" {
		t.Skip("ES_URL names a server whose settings are not ours")
	}
	return elasticsearch.ForTest(t, elasticsearch.Options{Version: s.Options().Version, Settings: settings})
}

// TestMatrixRealRejectionsOfSizeAndLoad: the server's own 413 and 429, not those of a proxy.
func TestMatrixRealRejectionsOfSizeAndLoad(t *testing.T) {
	support.LongForm(t)
	s := small(t, e2e.Cluster(t), map[string]string{"http.max_content_length": "256kb", "indexing_pressure.memory.limit": "600kb"})
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 8, "Hosts "+s.URL(), "Index small", "Generate_ID on", "Retry_Initial 20ms", "Retry_Max 200ms", "Compress off")
	const chunks, size = 16, 10_000 // 700 KB each
	var all sync.WaitGroup
	for c := range chunks {
		chunk := e2e.ChunkOf(t, host.Nested, c*size, size)
		all.Go(func() {
			for {
				code, err := o.Flush(t.Context(), fmt.Sprintf("tag.%d", c), chunk)
				if err != nil || code == host.ERROR {
					t.Errorf("%v, %v", code, err)
				}
				if err != nil || code != host.RETRY {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	all.Wait()
	scrape, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range []string{"oversized", "throttled"} {
		n := fluentbit.Value(scrape, `fluentbit_output_es_go_requests_total{name="es_go.0",result="`+result+`"}`)
		t.Logf("%v requests were %s", n, result)
		if n == 0 && result == "oversized" {
			t.Error("no request was too large: the test shows nothing")
		}
	}
	if got := e2e.Documents(t, s, "small"); len(got) != chunks*size {
		t.Errorf("%d documents, want %d", len(got), chunks*size)
	}
}

// TestMatrixPipelinesChangeDocuments: a pipeline that the record names is applied.
func TestMatrixPipelinesChangeDocuments(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	for _, name := range []string{"one", "two"} {
		body := fmt.Sprintf(`{"processors":[{"set":{"field":"went_through","value":%q}}]}`, name)
		if _, err := s.Do(t.Context(), http.MethodPut, "/_ingest/pipeline/"+index+"-"+name, []byte(body)); err != nil {
			if strings.Contains(err.Error(), "No processor type exists with name [set]") {
				t.Skip("the embedded server has no ingest processors")
			}
			t.Fatal(err)
		}
	}
	deliverRecords(t, "a", []string{"Hosts " + s.URL(), "Index " + index, "Pipeline $p"},
		`{"n":0,"p":"`+index+`-one"}`, `{"n":1,"p":"`+index+`-two"}`, `{"n":2}`)
	got := e2e.Documents(t, s, index)
	for n, want := range []any{"one", "two", nil} {
		if got[n]["went_through"] != want {
			t.Errorf("record %d went through %v, want %v", n, got[n]["went_through"], want)
		}
	}
}

// TestMatrixMixedNumbersInAList: a list of 1 and 2.5 in a field without a mapping. Elasticsearch 9
// makes it a float; older servers use the first value's type and reject the document.
func TestMatrixMixedNumbersInAList(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	got := counted(t, []string{"Hosts " + s.URL(), "Index " + index}, `{"n":1,"list":[1,2.5]}`, `{"n":2}`)
	if e2e.NewestServer() {
		if got["accepted"] != 2 {
			t.Errorf("verdicts %v, want 2 accepted", got)
		}
		return
	}
	if got["accepted"] != 1 || got["dropped"] != 1 {
		t.Errorf("verdicts %v, want one accepted, one refused", got)
	}
	t.Skip("the server refuses the document, the same from any client; the refusal is counted and costs no other record")
}

// names are texts of records for parts of a data stream's name. stricter is the reason if the
// plugin changes a name that the server would have accepted.
var names = []struct{ raw, stricter string }{
	{"plain", ""}, {"nginx.access", ""}, {"with_under_score", ""}, {"1", ""}, {"é", ""}, {"日本", ""},
	{"UPPER", ""}, {"ÜPPER", ""}, {"with space", ""}, {"a/b", ""}, {`a\b`, ""}, {"a*b", ""}, {"a?b", ""}, {`a"b`, ""},
	{"a<b", ""}, {"a>b", ""}, {"a|b", ""}, {"a,b", ""}, {"a#b", ""}, {"a:b", ""},
	{strings.Repeat("é", 200), ""}, {strings.Repeat("x", 300), ""},
	{"a-b", "a hyphen separates the parts of a name (data stream naming scheme)"},
	{strings.Repeat("x", 120), "a part has at most 100 bytes (data stream naming scheme)"},
	{"a\tb", "control characters and white space"}, {"a\u0001b", "control characters and white space"},
	{"a\u007fb", "control characters and white space"}, {"a\u00a0b", "control characters and white space"},
	{"-a", "a hyphen separates the parts of a name (data stream naming scheme)"}, {"_a", "an index name must not begin so, and the rule is the same for each part"},
	{"+a", "an index name must not begin so, and the rule is the same for each part"},
	{"..", "an index name must not be this, and the rule is the same for each part"},
}

// TestMatrixDataStreamNames: the plugin turns any text into a name that the server accepts, and
// changes only names that the server would reject.
func TestMatrixDataStreamNames(t *testing.T) {
	s := e2e.Cluster(t)
	prefix := uniqueName(t, s)
	prefix = "ds" + prefix[len(prefix)-10:]
	if err := s.PutTemplate(t.Context(), prefix, fmt.Sprintf(`{"index_patterns":["%s*-*","raw%s-*"],"data_stream":{},"priority":600,
		"template":{"settings":{"number_of_replicas":0},"mappings":{"dynamic":false}}}`, prefix, prefix)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Do(t.Context(), http.MethodDelete, "/_index_template/"+prefix, nil) })
	var records []string
	for n, name := range names {
		record, err := json.Marshal(map[string]any{"n": n, "d": name.raw})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(record))
	}
	got := counted(t, []string{"Hosts " + s.URL(), "Data_Stream on", "Data_Stream_Type " + prefix, "Data_Stream_Dataset $d"}, records...)
	if got["accepted"] != len(names) {
		t.Errorf("verdicts %v, want %d accepted", got, len(names))
	}
	made := search(t, s, ".ds-"+prefix+"-*")
	for n, name := range names {
		kept := strings.HasPrefix(made[n].index, ".ds-"+prefix+"-"+name.raw+"-default-")
		taken, answer := takes(t, s, "raw"+prefix+"-"+name.raw+"-default")
		switch {
		case kept && !taken:
			t.Errorf("%.40q: the plugin keeps what the server refuses: %s", name.raw, answer)
		case !kept && taken && name.stricter == "":
			t.Errorf("%.40q: the plugin makes it %s, and the server would have taken it", name.raw, made[n].index)
		}
	}
}

// takes reports whether the server accepts a document for that name.
func takes(t *testing.T, s *elasticsearch.Server, name string) (taken bool, answer string) {
	t.Helper()
	action, err := json.Marshal(map[string]any{"create": map[string]any{"_index": name}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Do(t.Context(), http.MethodPost, "/_bulk", append(action, "\n{\"@timestamp\":\"2026-01-01T00:00:00Z\"}\n"...))
	if err != nil {
		return false, err.Error()
	}
	return strings.Contains(string(text), `"errors":false`), string(text)
}

// TestMatrixDataStreamFieldsThatAreConstant has records with the fields of another data stream,
// under a mapping like that of Elastic's templates: the server rejects each unchanged, and accepts
// the plugin's documents.
func TestMatrixDataStreamFieldsThatAreConstant(t *testing.T) {
	s := e2e.Cluster(t)
	if e2e.Family(t, s) != "opensearch" {
		t.Skip("the embedded server has no `constant_keyword`")
	}
	name := strings.ReplaceAll(uniqueName(t, s), "-", "_")
	constant := func(value string) string { return fmt.Sprintf(`{"type":"constant_keyword","value":%q}`, value) }
	template := fmt.Sprintf(`{"index_patterns":["logs-%s-*"],"data_stream":{},"priority":600,"template":{"settings":{"number_of_replicas":0},"mappings":{"dynamic":false,"properties":{
		"data_stream":{"properties":{"type":%s,"dataset":%s,"namespace":%s}}}}}}`, name, constant("logs"), constant(name), constant("prod"))
	if err := s.PutTemplate(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	stream := "logs-" + name + "-prod"
	t.Cleanup(func() {
		_, _ = s.Do(t.Context(), http.MethodDelete, "/_data_stream/"+stream, nil)
		_, _ = s.Do(t.Context(), http.MethodDelete, "/_index_template/"+name, nil)
	})
	records := []string{
		`{"n":0,"data_stream":{"type":"metrics"}}`, `{"n":1,"data_stream.type":"metrics"}`, `{"n":2,"data_stream":"text"}`, `{"n":3,"data_stream":[{"dataset":"other"}]}`,
		`{"n":4,"data_stream":{"type":"logs"},"data_stream.namespace":"dev"}`, `{"n":5,"data_stream":{"type":{"a":1}}}`,
	}
	for _, record := range records {
		body := fmt.Sprintf("{\"create\":{\"_index\":%q}}\n{\"@timestamp\":\"2026-11-23\",%s\n", stream, record[1:])
		answer, err := s.Do(t.Context(), http.MethodPost, "/_bulk", []byte(body))
		if err != nil || !strings.Contains(string(answer), `"errors":true`) {
			t.Errorf("the server takes %s as it is: %s, %v", record, answer, err)
		}
	}
	deliverRecords(t, "a", []string{"Hosts " + s.URL(), "Data_Stream on", "Data_Stream_Dataset " + name, "Data_Stream_Namespace prod"}, records...)
	got := search(t, s, stream)
	want := map[string]any{"type": "logs", "dataset": name, "namespace": "prod"}
	for n := range records {
		if fields := got[n].source["data_stream"]; !reflect.DeepEqual(fields, want) {
			t.Errorf("record %d tells the data stream %v, want %v", n, fields, want)
		}
	}
}
