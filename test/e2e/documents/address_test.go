package documents

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/host"
)

// found is a document's place, by the number in its record.
type found struct {
	index, id string
	source    map[string]any
}

// search returns the documents of an index pattern.
func search(t *testing.T, s *elasticsearch.Server, pattern string) map[int]found {
	t.Helper()
	if err := s.Refresh(t.Context(), pattern); err != nil {
		t.Fatal(err)
	}
	all := map[int]found{}
	err := s.Documents(t.Context(), pattern, func(d elasticsearch.Document) error {
		source, err := e2e.Decode(d.Source)
		all[e2e.NumberOf(source)] = found{d.Index, d.ID, source}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// deliverRecords flushes records, all of the first record's time, once.
func deliverRecords(t *testing.T, tag string, options []string, records ...string) {
	t.Helper()
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, options...)
	chunks, err := host.Chunks(host.Nested, e2e.FirstTime, records...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		e2e.Flush(t, o, tag, c.Bytes, host.OK)
	}
}

func TestHostLogstashNames(t *testing.T) {
	s := e2e.Cluster(t)
	prefix := e2e.FreshIndex(t, s)
	deliverRecords(t, "a", []string{"Hosts " + s.URL(), "Logstash_Format on", "Logstash_Prefix " + prefix + "-x", "Logstash_Prefix_Separator _",
		"Logstash_DateFormat %Y.%m.%d", "Logstash_Prefix_Key $kubernetes['namespace_name']"},
		fmt.Sprintf(`{"n":0,"kubernetes":{"namespace_name":%q}}`, prefix+"-SHOP"), `{"n":1,"kubernetes":{}}`, `{"n":2}`)
	got := search(t, s, prefix+"*")
	for n, want := range []string{prefix + "-shop_2026.11.23", prefix + "-x_2026.11.23", prefix + "-x_2026.11.23"} {
		if got[n].index != want {
			t.Errorf("record %d is in %q, want %q", n, got[n].index, want)
		}
	}
}

func TestHostIndexTemplateOfRecordAndTag(t *testing.T) {
	s := e2e.Cluster(t)
	prefix := e2e.FreshIndex(t, s)
	deliverRecords(t, "kube.shop.web", []string{"Hosts " + s.URL(), "Index " + prefix + "-$TAG[1]-$level|none-%Y"},
		`{"n":0,"level":"Warn"}`, `{"n":1}`, `{"n":2,"level":"a\"}}\n{\"delete\":{}}"}`)
	got := search(t, s, prefix+"*")
	for n, want := range []string{"-shop-warn-2026", "-shop-none-2026", "-shop-a_}}_{_delete__{}}-2026"} {
		if got[n].index != prefix+want {
			t.Errorf("record %d is in %q, want %q", n, got[n].index, prefix+want)
		}
	}
}

func TestHostDataStream(t *testing.T) {
	s := e2e.Cluster(t)
	name := strings.ReplaceAll(e2e.FreshIndex(t, s), "-", "_") // a dataset holds no hyphen
	template := fmt.Sprintf(`{"index_patterns":["logs-%s.app-*"],"data_stream":{},"priority":500,"template":{"settings":{"number_of_replicas":0}}}`, name)
	if err := s.PutTemplate(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	deliverRecords(t, "a", []string{"Hosts " + s.URL(), "Data_Stream on", "Data_Stream_Dataset " + name + ".app", "Data_Stream_Namespace prod", "Generate_ID on"},
		`{"n":0}`, `{"n":1,"data_stream":{"type":"metrics"}}`)
	got := search(t, s, "logs-"+name+".app-prod")
	if len(got) != 2 || got[0].source["@timestamp"] != e2e.FirstTime.Format(e2e.TimeLayout) {
		t.Errorf("the data stream holds %v", got)
	}
	for n := range got {
		want := map[string]any{"type": "logs", "dataset": name + ".app", "namespace": "prod"}
		if fields := got[n].source["data_stream"]; !reflect.DeepEqual(fields, want) {
			t.Errorf("record %d tells the data stream %v, want %v", n, fields, want)
		}
	}
	if own := got[1].source["data_stream_1"]; !reflect.DeepEqual(own, map[string]any{"type": "metrics"}) {
		t.Errorf("the record's own field became %v", own)
	}
	if _, err := s.Do(t.Context(), "DELETE", "/_data_stream/logs-"+name+".app-prod", nil); err != nil {
		t.Log(err) // the embedded node has no such handler; its data goes with it
	}
}

func TestHostIDs(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	options := []string{"Hosts " + s.URL(), "Index " + index, "Id_Key $meta['id']"}
	records := []string{`{"n":0,"meta":{"id":"first"}}`, `{"n":1,"meta":{"id":42}}`, `{"n":2}`}
	deliverRecords(t, "a", options, records...)
	got := search(t, s, index)
	if got[0].id != "first" || got[1].id != "42" || len(got) != 2 {
		t.Errorf("ids are %q and %q, of %d documents: one without an id must not be there", got[0].id, got[1].id, len(got))
	}
	// Once more: a record with an id of its own is already stored, counted as such, and not
	// duplicated.
	deliverRecords(t, "a", options, records[:2]...)
	e2e.EventuallyCount(t, s, index, 2)
	// The operation index replaces.
	deliverRecords(t, "a", append(options, "Write_Operation index"), `{"n":0,"meta":{"id":"first"},"new":true}`)
	if got := search(t, s, index); got[0].source["new"] != true || len(got) != 2 {
		t.Errorf("Write_Operation index left %v", got[0].source)
	}
}

func TestHostGeneratedIDsMakeReplaysHarmless(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	for range 2 { // two runs of the agent: no memory connects them
		deliverRecords(t, "a", []string{"Hosts " + s.URL(), "Index " + index, "Generate_ID on"}, `{"n":0}`, `{"n":1}`, `{"n":1}`)
	}
	e2e.EventuallyCount(t, s, index, 3)
}

func TestHostDocumentOptions(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+index, "Time_Key when", "Time_Key_Format %Y/%m/%d %H:%M:%S", "Time_Key_Nanos on",
		"Include_Tag_Key on", "Tag_Key tag", "Replace_Dots on", "Metadata_Key meta")
	var c host.Chunk
	at := time.Date(2026, 11, 23, 8, 0, 0, 123456789, time.UTC)
	if err := c.StartGroup([]byte("{}"), []byte(`{"resource":{"a":1}}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.AddWithMetadata(at, []byte(`{"severity":"warn"}`), []byte(`{"n":0,"a.b":{"c.d":1},"list":[{"e.f":2}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.AddJSON(at, []byte(`{"n":1,"when":"my own","tag":"mine"}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.EndGroup(); err != nil {
		t.Fatal(err)
	}
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	e2e.Flush(t, o, "x.y", c.Bytes, host.OK)
	want := map[int]string{
		0: `{"n":0,"a_b":{"c_d":1},"list":[{"e_f":2}],"when":"2026/11/23 08:00:00.123456789Z","tag":"x.y","meta":{"severity":"warn"},"resource":{"a":1}}`,
		1: `{"n":1,"when":"my own","tag":"mine","resource":{"a":1}}`,
	}
	got := search(t, s, index)
	if len(got) != len(want) {
		t.Errorf("%d documents, want %d: group markers are none", len(got), len(want))
	}
	for n, text := range want {
		expected, err := e2e.Decode(json.RawMessage(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got[n].source, expected) {
			t.Errorf("record %d became %v, want %v", n, got[n].source, expected)
		}
	}
}
