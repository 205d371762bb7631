package bulk_test

import (
	"slices"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

// TestJudge has a row for each of the item rows of "What Elasticsearch's
// answers mean" in docs/architecture.md.
func TestJudge(t *testing.T) {
	create := bulk.Sent{Operation: bulk.Create}
	update, remove := bulk.Sent{Operation: bulk.Update}, bulk.Sent{Operation: bulk.Delete}
	index := bulk.Sent{Operation: bulk.Index}
	item := func(status int, kind, reason string) bulk.Item {
		return bulk.Item{Status: status, Type: []byte(kind), Reason: []byte(reason)}
	}
	for _, c := range []struct {
		row  string
		sent bulk.Sent
		item bulk.Item
		want bulk.Verdict
	}{
		{"200", index, item(200, "", ""), bulk.Accepted},
		{"201", create, item(201, "", ""), bulk.Accepted},
		{"201 in the failure store", create, bulk.Item{Status: 201, FailureStore: []byte("used")}, bulk.InFailureStore},
		{"201 beside a failure store", create, bulk.Item{Status: 201, FailureStore: []byte("not_enabled")}, bulk.Accepted},
		{"409 on create, with or without an id of ours", create, item(409, "version_conflict_engine_exception", ""), bulk.Deduplicated},
		{"409 on index", index, item(409, "version_conflict_engine_exception", ""), bulk.Rejected},
		{"409 on update", update, item(409, "version_conflict_engine_exception", ""), bulk.Retry},
		{"409 on upsert", bulk.Sent{Operation: bulk.Upsert}, item(409, "version_conflict_engine_exception", ""), bulk.Retry},
		{"409 on delete", remove, item(409, "version_conflict_engine_exception", ""), bulk.Retry},
		{"404 on delete", remove, item(404, "", ""), bulk.Deduplicated},
		{"404 of an index on delete", remove, item(404, "index_not_found_exception", "no such index [i]"), bulk.Held},
		{"404 on update", update, item(404, "document_missing_exception", ""), bulk.Rejected},
		{"404 on update without a word", update, item(404, "", ""), bulk.Rejected},
		{"408", create, item(408, "", ""), bulk.Busy},
		{"429", create, item(429, "es_rejected_execution_exception", ""), bulk.Busy},
		{"429 of a full disk", create, item(429, "cluster_block_exception", "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded"), bulk.Held},
		{"500", create, item(500, "", ""), bulk.Suspect},
		{"503", create, item(503, "unavailable_shards_exception", ""), bulk.Held},
		{"501 of an item", create, item(501, "", ""), bulk.Suspect},
		{"no status", create, item(0, "", ""), bulk.Suspect},
		{"a status that is none of the bulk API's", create, item(302, "", ""), bulk.Suspect},
		{"a status beyond HTTP's", create, item(999, "", ""), bulk.Suspect},
		{"403 of security", create, item(403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized"), bulk.Held},
		{"400 of a pipeline that isn't there", create, item(400, "illegal_argument_exception", "pipeline with id [p] does not exist"), bulk.Held},
		{"400 of a pipeline that the event names", bulk.Sent{OwnPipeline: true}, item(400, "illegal_argument_exception", "pipeline with id [p] does not exist"), bulk.Rejected},
		{"403 of a block", create, item(403, "cluster_block_exception", "index [i] blocked by: [FORBIDDEN/8/index write (api)];"), bulk.Held},
		{"404 of an index", create, item(404, "index_not_found_exception", "no such index [i]"), bulk.Held},
		{"404 of something else", create, item(404, "resource_not_found_exception", ""), bulk.Suspect},
		{"403 of something else", create, item(403, "", ""), bulk.Suspect},
		{"400", create, item(400, "document_parsing_exception", ""), bulk.Rejected},
		{"400 of a closed index", create, item(400, "index_closed_exception", "closed"), bulk.Held},
		{"400 whose reason quotes a pipeline", create, item(400, "x", "field [a] says pipeline with id [p]"), bulk.Suspect},
		{"413", create, item(413, "", ""), bulk.Rejected},
		{"499", create, item(499, "", ""), bulk.Suspect},
	} {
		if got, _ := bulk.Judge(c.sent, c.item); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.row, got, c.want)
		}
	}
}

func TestNoStatusIsLeftWithoutAVerdict(t *testing.T) {
	for status := -1; status < 1000; status++ {
		if got, _ := bulk.Judge(bulk.Sent{}, bulk.Item{Status: status}); got == bulk.Unknown {
			t.Errorf("status %d: no verdict", status)
		}
	}
}

func TestRejectionsAreAClosedList(t *testing.T) {
	names := bulk.RejectionTypeNames()
	if len(names) != bulk.RejectionTypes || slices.Contains(names, "") || names[0] != "other" {
		t.Errorf("names %q", names)
	}
	if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
		t.Errorf("a name comes twice in %q", names)
	}
	for place, name := range names {
		if r := bulk.RejectionType(place); r.String() != name {
			t.Errorf("%q calls itself %q", name, r)
		}
		got := bulk.RejectionTypeOf([]byte(name))
		if ours := place <= int(bulk.InvalidAction); ours && got != bulk.OtherRejection || !ours && got != bulk.RejectionType(place) {
			t.Errorf("%q was taken for %q", name, got)
		}
	}
	for _, name := range []string{"", "null_pointer_exception", "DOCUMENT_PARSING_EXCEPTION", "document_parsing_exception ", strings.Repeat("x", 1000)} {
		if got := bulk.RejectionTypeOf([]byte(name)); got != bulk.OtherRejection {
			t.Errorf("%q was taken for %q", name, got)
		}
	}
}

// Every error type of a real rejection must be in the list, or its metric says "other".
func TestTheListHasElasticsearchsOwnErrorTypes(t *testing.T) {
	for _, r := range realReasons(t) {
		if bulk.RejectionTypeOf([]byte(r.Type)) == bulk.OtherRejection {
			t.Errorf("%s is not in the list", r.Type)
		}
	}
}
