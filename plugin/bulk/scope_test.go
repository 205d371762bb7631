package bulk_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

// recorded is an error as a server of Elasticsearch or OpenSearch says it, and the scope that it
// has.
type recorded struct {
	// From is the origin: "asked" (TestFaultTableIsAskedOfTheServer asks the server for it), "test"
	// (another end-to-end test provokes it on a real server), "source" (composed from public
	// source) or "status" (the meaning of the HTTP status decides). In names the record, the test,
	// the source file ("repository: path") or the standard.
	From, In, Server string
	Type, Reason     string
	Status           int
	Scope            string
	Absent           string // the reason for which this server has no such answer
}

func recordedFaults(t *testing.T) (all []recorded) {
	t.Helper()
	files, err := filepath.Glob("testdata/asked/*.ndjson")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range append(files, "testdata/faults.ndjson") {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			r := recorded{From: "asked", In: name}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatalf("%v: %s", err, lines.Text())
			}
			if r.Absent == "" {
				all = append(all, r)
			}
		}
	}
	return all
}

// rowOf is the row for a recorded fault, nil for none.
func rowOf(r recorded) *bulk.Fault {
	return bulk.FaultOf(bulk.Item{Status: r.Status, Type: []byte(r.Type), Reason: []byte(r.Reason)})
}

func TestEveryRowOfTheFaultTable(t *testing.T) {
	met := map[bulk.Fault]string{}
	for _, r := range recordedFaults(t) {
		row := rowOf(r)
		if row == nil {
			t.Errorf("no row for %+v", r)
			continue
		}
		if met[*row] != "asked" {
			met[*row] = r.From
		}
		if row.Scope.String() != r.Scope {
			t.Errorf("%+v was taken for a fault of the %s", r, row.Scope)
		}
	}
	by := map[string]int{}
	for _, row := range bulk.Faults() {
		by[met[row]]++
		if met[row] == "" {
			t.Errorf("no answer meets the row %+v", row)
		}
		if row.Remedy == "" && row.Scope != bulk.DocumentScope {
			t.Errorf("the remedy of %+v", row)
		}
	}
	t.Logf("%d rows by the most that shows them: %v", len(bulk.Faults()), by)
}

// TestEveryRecordedFaultSaysWhereItIsFrom holds the records that no server is asked for to a source
// file, or a test that exists.
func TestEveryRecordedFaultSaysWhereItIsFrom(t *testing.T) {
	tests := testNames(t)
	for _, r := range recordedFaults(t) {
		ok := false
		switch r.From {
		case "asked":
			ok = true
		case "test":
			ok = tests[r.In]
		case "source":
			repository, path, cut := strings.Cut(r.In, ": ")
			ok = cut && repository != "" && strings.HasSuffix(path, ".java")
		case "status":
			ok = strings.HasPrefix(r.In, "RFC ") && r.Reason == ""
		}
		if !ok {
			t.Errorf("%+v is from nowhere", r)
		}
	}
}

// testNames are all end-to-end tests.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob("../../test/e2e/*/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if name, is := strings.CutPrefix(line, "func "); is {
				name, _, _ = strings.Cut(name, "(")
				names[name] = true
			}
		}
	}
	return names
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
func TestRealRejectionsAreStillTheDocuments(t *testing.T) {
	for _, r := range realReasons(t) {
		if r.Type == "cluster_block_exception" || r.Type == "index_closed_exception" || r.Type == "routing_missing_exception" {
			continue // the index's; of the last, that of all records without Routing
		}
		if v, _ := bulk.Judge(bulk.Sent{}, bulk.Item{Status: 400, Type: []byte(r.Type), Reason: []byte(r.Reason)}); v != bulk.Rejected {
			t.Errorf("%s: %s: verdict %d", r.Type, r.Reason, v)
		}
	}
}
