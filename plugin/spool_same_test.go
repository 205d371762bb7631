package plugin_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
)

const (
	sameChunks = 6
	sameEvents = 20 // of each chunk
)

// sameChunk is the i-th chunk of those tests, with ids, shards, a record without an id and one with
// an id that is too long.
func sameChunk(i int) (data []byte) {
	for n := range sameEvents {
		number := i*sameEvents + n
		record := object{"n", number, "id", fmt.Sprintf("id-%d", number), "shard", fmt.Sprint("s", n%3)}
		switch n {
		case 4:
			record = object{"n", number, "shard", "x"}
		case 9:
			record[3] = strings.Repeat("x", 600)
		case 14:
			record = record[:4] // without a shard
		}
		data = append(data, event(record)...)
	}
	return append(data, 42) // no event
}

// moody throttles each document as often as its number says, and refuses some.
func moody(refused itemError) func(document) *itemError {
	seen := map[string]int{}
	return func(d document) *itemError {
		name := d.Operation + d.Index + d.ID + d.Text
		var n int
		if d.Operation == "delete" {
			_, _ = fmt.Sscanf(d.ID, "id-%d", &n)
		} else if _, behind, found := strings.Cut(d.Text, `"n":`); found && !toTheDead(d) {
			_, _ = fmt.Sscan(behind[:strings.IndexAny(behind, ",}")], &n)
		}
		switch seen[name]++; {
		case toTheDead(d):
			return nil
		case seen[name] <= n%3:
			return &itemError{429, "es_rejected_execution_exception", "full"}
		case n%7 == 1:
			return &refused
		case n%7 == 2 && d.Operation == "delete":
			return &itemError{Status: 404}
		}
		return nil
	}
}

// ends are the ends of all records of a run: documents, dead-letter records and counts.
func (e *elasticsearch) ends(t *testing.T, host *fluentbittest.Recorder, file string) []string {
	t.Helper()
	var all []string
	for _, d := range e.documents {
		text := d.Text
		if toTheDead(d) {
			delete(d.Source, "@timestamp")
			text = fmt.Sprint(d.Source)
		}
		all = append(all, fmt.Sprintf("%s %s %s pipeline %s routing %s: %s", d.Operation, d.Index, d.ID, d.Pipeline, d.Routing, text))
	}
	if file != "" {
		for _, letter := range fileDeadLetters(t, file) {
			delete(letter, "@timestamp")
			all = append(all, "letter "+fmt.Sprint(letter))
		}
	}
	slices.Sort(all)
	for _, outcome := range []string{"accepted", "failure_store", "deduplicated", "dead_lettered", "dropped"} {
		all = append(all, fmt.Sprint(outcome, " ", host.Count("records_total", outcome)))
	}
	for _, kind := range host.Values("rejected_records_total") {
		if n := host.Count("rejected_records_total", kind); n > 0 {
			all = append(all, fmt.Sprint("refused: ", kind, " ", n))
		}
	}
	return all
}

// A spool changes nothing in requests and counts: actions with their addresses and documents, and
// dead-letter records.
func TestASpoolChangesNothingOfWhatIsSent(t *testing.T) {
	byID := section{"Id_Key": "$id", "Index": "logs-$TAG[1]", "Routing": "$shard"}
	piped := maps.Clone(byID)
	piped["Pipeline"] = "p-$TAG[1]"
	fates := map[string]section{"dropped": {}, "to an index": {"Dead_Letter_Index": "dead"}, "to a file": {"Dead_Letter_File": "dead.ndjson"}}
	for operation, own := range map[string]section{
		"create": {"Index": "logs", "Generate_ID": "on", "Pipeline": "fixed"},
		"index":  piped, "update": byID, "upsert": byID, "delete": byID,
	} {
		for fate, letters := range fates {
			for _, size := range []string{"", "1K"} {
				t.Run(strings.Join([]string{operation, fate, size}, " "), func(t *testing.T) {
					more := section{"Write_Operation": operation, "Bulk_Size": size}
					maps.Copy(more, own)
					maps.Copy(more, letters)
					plain, want := sameRun(t, more, false)
					if len(want) < sameChunks*sameEvents*5/7 {
						t.Fatalf("without a spool: %d documents", len(want))
					}
					host, got := sameRun(t, more, true)
					if !slices.Equal(got, want) {
						t.Errorf("with a spool:\n%s\nwithout:\n%s", strings.Join(missing(got, want), "\n"), strings.Join(missing(want, got), "\n"))
					}
					if n := host.Count("records_total", "spooled"); n != sameChunks*(sameEvents+1) || n+host.Count("records_total", "parked") != host.Count("spool_dequeued_records_total", "") {
						t.Errorf("%d records were spooled", n)
					}
					if n := plain.Count("records_total", "malformed"); n != sameChunks || host.Count("records_total", "malformed") != n {
						t.Errorf("malformed: %d without, %d with a spool", n, host.Count("records_total", "malformed"))
					}
				})
			}
		}
	}
}

// sameRun delivers the chunks, and returns the ends of their records.
func sameRun(t *testing.T, more section, spool bool) (*fluentbittest.Recorder, []string) {
	t.Helper()
	e := newElasticsearch(t)
	refused := mismatch
	if more["Write_Operation"] == "update" {
		refused = itemError{404, "document_missing_exception", "[x]: document missing"}
	}
	e.refuse = moody(refused)
	more, file := maps.Clone(more), ""
	if name := more["Dead_Letter_File"]; name != "" {
		file = filepath.Join(t.TempDir(), name)
		more["Dead_Letter_File"] = file
	}
	var p *plugin.Plugin
	var host *fluentbittest.Recorder
	if spool {
		more["Spool_Linger"] = "20ms"
		p, host = spooled(t, e, t.TempDir(), more)
	} else {
		p, host = instance(t, e, more)
	}
	for i := range sameChunks {
		if outcome := flushUntilDone(t, p, fmt.Sprintf("tag.%d", i), sameChunk(i)); outcome != plugin.OK {
			t.Errorf("outcome %v", outcome)
		}
	}
	if spool {
		eventually(t, "all is sent", func() bool { // gauges are up to a second late, and 0 at the start
			return host.Count("records_total", "spooled") == sameChunks*(sameEvents+1) && allSent(host)
		})
	}
	p.Close()
	return host, e.ends(t, host, file)
}

// allSent reports whether every record that was spooled, or parked, has left the spool.
func allSent(host *fluentbittest.Recorder) bool {
	spooled := host.Count("records_total", "spooled")
	return spooled > 0 && host.Count("spool_dequeued_records_total", "") == spooled+host.Count("records_total", "parked")
}

// missing are the lines of all that others lack.
func missing(all, others []string) (lines []string) {
	for _, line := range all {
		if !slices.Contains(others, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
