package bulk_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"out_es/plugin/bulk"
)

// recorded is an item's error as a server of Elasticsearch or OpenSearch says it: "asked" where it
// was recorded from a running one, "source" where it was composed from that
// server's public source.
type recorded struct {
	From, Server, Type, Reason, Scope string
	Status                            int
}

func recordedFaults(t *testing.T) (all []recorded) {
	t.Helper()
	file, err := os.Open("testdata/faults.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		all = append(all, r)
	}
	return all
}

func TestEveryRowOfTheFaultTable(t *testing.T) {
	met := map[bulk.Fault]bool{}
	for _, r := range recordedFaults(t) {
		row := bulk.FaultOf(bulk.Item{Status: r.Status, Type: []byte(r.Type), Reason: []byte(r.Reason)})
		if row == nil {
			t.Errorf("no row for %+v", r)
			continue
		}
		met[*row] = true
		if row.Scope.String() != r.Scope {
			t.Errorf("%+v was taken for a fault of the %s", r, row.Scope)
		}
	}
	for _, row := range bulk.Faults() {
		if !met[row] {
			t.Errorf("no answer meets the row %+v", row)
		}
		if row.Remedy == "" && row.Scope != bulk.DocumentScope {
			t.Errorf("the remedy of %+v", row)
		}
	}
}

// A record's text must not pass for its index's fault: otherwise a log line with the words of an
// error could hold an index.
func TestARecordCannotPassForItsIndexsFault(t *testing.T) {
	for _, r := range recordedFaults(t) {
		if r.Scope == "document" {
			continue
		}
		for _, kind := range []string{"document_parsing_exception", "mapper_parsing_exception"} {
			reason := "[1:10] failed to parse field [n] of type [long] in document with id 'x'. Preview of field's value: '" + r.Reason + "'"
			if v, _ := bulk.Judge(bulk.Sent{}, bulk.Item{Status: 400, Type: []byte(kind), Reason: []byte(reason)}); v != bulk.Rejected {
				t.Errorf("%s with %q has the verdict %d", kind, r.Reason, v)
			}
		}
	}
}

// Documents that real servers rejected are still the document's fault.
func TestRealRefusalsAreStillTheDocuments(t *testing.T) {
	for _, r := range realReasons(t) {
		if r.Type == "cluster_block_exception" || r.Type == "index_closed_exception" {
			continue
		}
		if v, _ := bulk.Judge(bulk.Sent{}, bulk.Item{Status: 400, Type: []byte(r.Type), Reason: []byte(r.Reason)}); v != bulk.Rejected {
			t.Errorf("%s: %s: verdict %d", r.Type, r.Reason, v)
		}
	}
}
