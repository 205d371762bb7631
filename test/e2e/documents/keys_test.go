package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
)

// keys are those that Elasticsearch rejects at the top level, and similar ones.
var keys = []string{
	"", " ", "\t\n", "\u2003", "\u3000", "\x1c", "\u0085", "\u00a0", "\u2007", "\u202f", "\u200b", "\ufeff", "\u1680", "\u2028", "\u205f", "\x00",
	".", "..", ".a", "..a", "a.", "a..", "a..b", "a. .b", " .a", "a. ", "a .b", "a.\u2003.b", "a.\u00a0.b", " a", "a ", "a.b", "a.b.",
	"_id", "_index", "_source", "_routing", "_version", "_type", "_field_names", "_seq_no", "_primary_term", "_ignored", "_ignored_source",
	"_nested_path", "_data_stream_timestamp", "_index_mode", "_tsid", "_ts_routing_hash", "_tier", "_size", "_feature", "_inference_fields",
	"_id.x", "_index.", "_source.x.y", "x._id", "_ID", "_foo", "_", "__id", "-", "@timestamp", "a/b", "a\\b", "a\"b", "a*b", "a#b", "a:b", "a,b", "é",
}

// elsewhere are the keys that only some servers reject, and their versions. The rest belong to
// modules that no server of these tests has, to time series indices, or are rejected as numbers
// under dynamic mapping.
var elsewhere = map[string]string{
	"_type": "7.17.29", "_feature": "3.8.0 2.19.1", "_nested_path": "9.5.3 8.19.21 3.8.0 2.19.1", "_ignored_source": "9.5.3 8.19.21", "_index_mode": "9.5.3",
	"_primary_term": "", "_tsid": "", "_ts_routing_hash": "", "_tier": "", "_size": "", "_inference_fields": "",
}

// shapes are the places of a key, K, and its values. In mapped fields, no key's mapping contradicts
// another's.
var shapes = []struct {
	document string
	top      bool
	dynamic  bool // or without dynamic mapping, which is quicker
}{
	{`{"K":{"x":1}}`, true, true}, {`{"oN":{"K":1}}`, false, true},
	{`{"K":1}`, true, false}, {`{"K":{"x":1}}`, true, false}, {listShape, true, false}, {`{"K":null}`, true, false},
	{`{"oN":{"K":{"x":1}}}`, false, false}, {`{"oN":[{"K":"a"}]}`, false, false},
}

// listKey is no key for a list, but only at the top of a record, and only for older servers
// without dynamic mapping: docs/documents.md, "Changed keys". They look for the list's mapping by
// its last name alone.
const listKey, listShape = "x._id", `{"K":[{"x":1}]}`

// The real server is asked for each key, at the top level and below it, with and without dynamic
// mapping. The plugin must change the keys that the server rejects, and no others than those that
// some server rejects.
func TestHostKeysAreThoseThatElasticsearchTakes(t *testing.T) {
	s := e2e.Cluster(t)
	refused := map[string]map[bool]string{} // by key, and whether it is at the top: the reason
	for _, shape := range shapes {
		for i, reason := range rejectionsOf(t, s, shape.document, shape.dynamic) {
			key := keys[i]
			if refused[key] == nil {
				refused[key] = map[bool]string{}
			}
			if key == listKey && shape.document == listShape {
				if (reason != "") == e2e.RecentServer() {
					t.Errorf("%s for %s: %q; docs/documents.md says otherwise", listShape, listKey, reason)
				}
				continue
			}
			if reason != "" {
				refused[key][shape.top] = reason
			}
		}
	}
	for _, top := range []bool{true, false} {
		for _, key := range keys {
			reason, changes := refused[key][top], changesKey(t, key, top)
			versions, some := elsewhere[key]
			if (reason != "") != changes && !(changes && top && some && !strings.Contains(versions, s.Options().Version)) {
				t.Errorf("%q, at the top: %v; refused by the server: %q, changed by the plugin: %v", key, top, reason, changes)
			}
		}
	}
}

// rejectionsOf sends each of keys in a document of its own, and returns the errors.
func rejectionsOf(t *testing.T, s *elasticsearch.Server, shape string, dynamic bool) (reasons []string) {
	t.Helper()
	index := e2e.FreshIndex(t, s)
	fields := map[string]any{} // without dynamic mapping, the server doesn't read objects without a mapping
	for i := range keys {
		fields[fmt.Sprint("o", i)] = map[string]any{"type": "object", "dynamic": dynamic}
	}
	mapping, err := json.Marshal(map[string]any{"mappings": map[string]any{"dynamic": dynamic, "properties": fields}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutIndex(t.Context(), index, string(mapping)); err != nil {
		t.Fatal(err)
	}
	var body []byte
	for i, key := range keys {
		quoted, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		document := strings.NewReplacer(`"K"`, string(quoted), "oN", fmt.Sprint("o", i)).Replace(shape)
		body = append(body, "{\"index\":{}}\n"+document+"\n"...)
	}
	answer, err := s.Do(t.Context(), "POST", "/"+index+"/_bulk", body)
	if err != nil {
		t.Fatal(err)
	}
	var items struct {
		Items []struct {
			Index struct{ Error struct{ Type, Reason string } }
		}
	}
	if err := json.Unmarshal(answer, &items); err != nil || len(items.Items) != len(keys) {
		t.Fatalf("%d items for %d keys, %v", len(items.Items), len(keys), err)
	}
	for _, item := range items.Items {
		reasons = append(reasons, strings.TrimSpace(item.Index.Error.Type+" "+item.Index.Error.Reason))
	}
	return reasons
}

func changesKey(t *testing.T, key string, top bool) bool {
	t.Helper()
	record := msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, 1), key), 1)
	if !top {
		record = append(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "o"), record...)
	}
	w := document.NewWriter(document.Options{})
	if _, _, err := w.Append(nil, &chunk.Event{Record: record}); err != nil {
		t.Fatal(err)
	}
	return w.Changed() != document.Changes{}
}

// A record with all of these keys at once arrives, each value in its place.
func TestHostRecordOfRejectedKeysArrivesWhole(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	var record []byte
	twice := append(append([]string{}, keys...), "a.b", "_id", "_id_", "é")
	for i, key := range twice {
		record = msgp.AppendInt(msgp.AppendString(record, key), i)
	}
	record = append(msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, uint32(len(twice)+1)), "n"), 7), record...)
	event := append([]byte{0x92, 0xce, 0x6a, 0x4f, 0x1b, 0x80}, record...)
	e2e.Flush(t, o, "keys", event, host.OK)
	e2e.EventuallyCount(t, s, index, 1)
	got := e2e.Documents(t, s, index)[7]
	values := map[string]bool{}
	for key, value := range got {
		if key != "n" {
			values[fmt.Sprint(value)] = true
		}
	}
	if want := len(twice) - 3; len(values) != want { // "a.b", "_id" and "é" came twice
		t.Errorf("%d values, want %d: %v", len(values), want, got)
	}
	scrape, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	if n := fluentbit.Value(scrape, `fluentbit_output_es_go_changed_keys_total{name="es_go.0",kind="duplicate"}`); n != 3 {
		t.Errorf("%v duplicates counted, want 3", n)
	}
}

// Elasticsearch and OpenSearch 2 accept keys of any length, OpenSearch 3 up to 50,000 characters.
// Other documents of the request are unaffected.
func TestHostLongKeys(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	var chunk []byte
	for n, size := range []int{300, 50_000, 50_001, 1_000_000, 1} {
		chunk = appendEvent(chunk, n, strings.Repeat("k", size), msgp.AppendInt(nil, size))
	}
	want := []int{0, 1, 2, 3, 4}
	if strings.HasPrefix(s.Options().Version, "3.") {
		want = []int{0, 1, 4}
	}
	letters := filepath.Join(t.TempDir(), "letters")
	h, _ := e2e.StartHost(t, host.Options{})
	e2e.Flush(t, e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Dead_Letter_File "+letters), "a", chunk, host.OK)
	e2e.EventuallyCount(t, s, index, len(want))
	got := e2e.Documents(t, s, index)
	for _, n := range want {
		if len(got[n]) != 3 { // n, the key and the time
			t.Errorf("record %d came back with %d fields", n, len(got[n]))
		}
	}
	text, err := os.ReadFile(letters)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if refused := bytes.Count(text, []byte("Name length (")); refused != 5-len(want) {
		t.Errorf("%d letters name the length of a key, of %d refused documents", refused, 5-len(want))
	}
}
