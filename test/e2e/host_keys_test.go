package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
)

// keys are those that Elasticsearch refuses at the top level, and some that
// are near to them.
var keys = []string{
	"", " ", "\t\n", "\u2003", "\u3000", "\x1c", "\u0085", "\u00a0", "\u2007", "\u202f", "\u200b", "\ufeff", "\u1680", "\u2028", "\u205f", "\x00",
	".", "..", ".a", "..a", "a.", "a..", "a..b", "a. .b", " .a", "a. ", "a .b", "a.\u2003.b", "a.\u00a0.b", " a", "a ", "a.b", "a.b.",
	"_id", "_index", "_source", "_routing", "_version", "_type", "_field_names", "_seq_no", "_primary_term", "_ignored", "_ignored_source",
	"_nested_path", "_data_stream_timestamp", "_index_mode", "_tsid", "_ts_routing_hash", "_tier", "_size", "_feature", "_inference_fields",
	"_id.x", "_index.", "_source.x.y", "x._id", "_ID", "_foo", "_", "__id", "-", "@timestamp", "a/b", "a\\b", "a\"b", "a*b", "a#b", "a:b", "a,b", "é",
}

// Of each key the real server is asked itself, at the top level and below it.
// What it refuses must be what the plugin changes, or be on the list of what
// only some servers refuse; what it takes must stay.
func TestHostKeysAreThoseThatElasticsearchTakes(t *testing.T) {
	s := cluster(t)
	elsewhere := map[string]bool{"_type": true, "_tsid": true, "_ts_routing_hash": true, "_tier": true, "_size": true, "_feature": true, "_inference_fields": true, "_primary_term": true}
	for _, top := range []bool{true, false} {
		refusals := refusalsOf(t, s, top)
		for i, key := range keys {
			changes := changesKey(t, key, top)
			if refused := refusals[i] != ""; refused != changes && !(changes && top && elsewhere[key]) {
				t.Errorf("%q, at the top: %v; refused by Elasticsearch: %q, changed by the plugin: %v", key, top, refusals[i], changes)
			}
		}
	}
}

// refusalsOf sends each of keys by itself, and returns the types of the errors.
func refusalsOf(t *testing.T, s *elasticsearch.Server, top bool) (types []string) {
	t.Helper()
	index := freshIndex(t, s)
	// What is not mapped is stored only, but an object that is mapped is looked into.
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false,"properties":{"o":{"type":"object","dynamic":false}}}}`); err != nil {
		t.Fatal(err)
	}
	var body []byte
	for _, key := range keys {
		body = append(append(append(body, `{"index":{}}`+"\n"...), nestedKey(t, key, top)...), '\n')
	}
	answer, err := s.Do(t.Context(), "POST", "/"+index+"/_bulk", body)
	if err != nil {
		t.Fatal(err)
	}
	var items struct {
		Items []struct {
			Index struct{ Error struct{ Type string } }
		}
	}
	if err := json.Unmarshal(answer, &items); err != nil || len(items.Items) != len(keys) {
		t.Fatalf("%d items for %d keys, %v", len(items.Items), len(keys), err)
	}
	for _, item := range items.Items {
		types = append(types, item.Index.Error.Type)
	}
	return types
}

func nestedKey(t *testing.T, key string, top bool) []byte {
	t.Helper()
	body := any(map[string]any{key: 1})
	if !top {
		body = map[string]any{"o": body}
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
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
func TestHostRecordOfRefusedKeysArrivesWhole(t *testing.T) {
	s := cluster(t)
	index := freshIndex(t, s)
	h, _ := start(t, host.Options{})
	o := output(t, h, 1, "Hosts "+s.URL(), "Index "+index)
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
	flush(t, o, "keys", event, host.OK)
	eventuallyCount(t, s, index, 1, 10*time.Second)
	got := documents(t, s, index)[7]
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
