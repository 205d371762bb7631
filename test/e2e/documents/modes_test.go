package documents

import (
	"fmt"
	"testing"

	"out_es/test/e2e"
)

// modeTemplate sets the index mode of data streams: logsdb or time_series.
func modeTemplate(t *testing.T, mode, name, settings, properties string) {
	t.Helper()
	s := e2e.Cluster(t)
	if !e2e.RecentServer() {
		t.Skip("the server has no index modes for data streams")
	}
	body := fmt.Sprintf(`{"index_patterns":["logs-%s-*"],"data_stream":{},"priority":600,"template":{
		"settings":{"index.mode":%q,"index.codec":"default","number_of_replicas":0%s},"mappings":{"properties":{%s}}}}`, name, mode, settings, properties)
	if err := s.PutTemplate(t.Context(), name, body); err != nil {
		t.Fatal(err)
	}
}

// TestMatrixLogsDB: logsdb, the default of logs-*-* in Elasticsearch 9, maps host.name itself. Only
// a record with text in host is rejected, with a line that has the remedy; one with an object there
// arrives.
func TestMatrixLogsDB(t *testing.T) {
	s := e2e.Cluster(t)
	name := uniqueName(t, s)
	modeTemplate(t, "logsdb", name, "", "")
	got := counted(t, []string{"Hosts " + s.URL(), "Data_Stream on", "Data_Stream_Dataset " + name},
		`{"n":0,"message":"a","host":{"name":"one"}}`, `{"n":1,"message":"b"}`, `{"n":2,"host":"text"}`)
	if got["accepted"] != 2 || got["dropped"] != 1 {
		t.Errorf("outcomes %v, want 2 accepted, 1 dropped", got)
	}
	if documents := e2e.Documents(t, s, ".ds-logs-"+name); len(documents) != 2 {
		t.Errorf("%d documents, want 2", len(documents))
	}
	wantRemedyOfHost(t, "Hosts "+s.URL(), "Data_Stream on", "Data_Stream_Dataset "+name)
}

// TestMatrixHostAsText: the same in an index with host.name in its mapping, on every server.
func TestMatrixHostAsText(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"host":{"properties":{"name":{"type":"keyword"}}}}}}`); err != nil {
		t.Fatal(err)
	}
	wantRemedyOfHost(t, "Hosts "+s.URL(), "Index "+index)
}

// wantRemedyOfHost checks that the line about a record with text in host names the remedy.
func wantRemedyOfHost(t *testing.T, options ...string) {
	t.Helper()
	i := e2e.NewInstance(t, options...)
	i.MustDeliver(t, e2e.ChunkWith(t, 1, func(int, string) string { return `{"n":3,"host":"text"}` }))
	i.Close() // its last lines come with it
	if n := i.Count("were rejected (status 400", "object mapping for [host]", "dropped (host is text", "rename host hostname): 1"); n != 1 {
		t.Errorf("%d lines name the remedy:\n%s", n, i.Log.Tail(20))
	}
}

// TestMatrixTimeSeries: a time series data stream makes the id of dimensions and time. The server
// answers 409 to a duplicate without an id of ours: it is deduplicated, and not rejected.
func TestMatrixTimeSeries(t *testing.T) {
	s := e2e.Cluster(t)
	name := uniqueName(t, s)
	modeTemplate(t, "time_series", name,
		`,"index.routing_path":["pod"],"index.time_series.start_time":"2020-01-01T00:00:00Z","index.time_series.end_time":"2099-01-01T00:00:00Z"`,
		`"pod":{"type":"keyword","time_series_dimension":true},"cpu":{"type":"double","time_series_metric":"gauge"},"n":{"type":"long"}`)
	options := []string{"Hosts " + s.URL(), "Data_Stream on", "Data_Stream_Dataset " + name}
	records := []string{`{"n":0,"pod":"a","cpu":1.5}`, `{"n":1,"pod":"b","cpu":2.5}`}
	if got := counted(t, options, records...); got["accepted"] != 2 {
		t.Errorf("outcomes %v, want 2 accepted", got)
	}
	if got := counted(t, options, records...); got["deduplicated"] != 2 {
		t.Errorf("the same again: outcomes %v, want 2 deduplicated", got)
	}
}
