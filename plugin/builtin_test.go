package plugin_test

import (
	"slices"
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
)

// The built-in outputs' own runtime cases, by their names in Fluent Bit 5.1.1's
// tests/runtime/out_elasticsearch.c and out_opensearch.c (TEST_LIST).
const (
	elasticsearchCases = `long_index div0_error write_operation_index write_operation_create write_operation_update write_operation_upsert
		index_type logstash_format logstash_format_nanos tag_key replace_dots id_key http_api_key logstash_prefix_separator response_success
		response_successes response_partially_success upstream_write_operation upstream_update_unsafe_id upstream_null_index upstream_index_type
		upstream_logstash_format upstream_replace_dots upstream_id_key`
	openSearchCases = `long_index div0_error write_operation_index write_operation_create write_operation_update write_operation_upsert
		index_type index_record_accessor index_record_accessor_suppress_type index_record_accessor_id_key index_record_accessor_generate_id
		logstash_format logstash_format_nanos tag_key replace_dots id_key logstash_prefix_separator`
)

// builtIn is one of those cases as a case of ours.
type builtIn struct {
	options section
	// records are the chunk's records; nil for the built-in cases' usual one.
	records []object
	refuse  func(document) *itemError
	check   func(t *testing.T, e *elasticsearch, host *fluentbittest.Recorder)
}

// usual is the record of most cases (tests/runtime/data/es/json_es.h).
func usual() object {
	return object{"key_0", false, "key_1", true, "key_2", "some string", "key_3", 0.12345678, "key.4", 5000, "END_KEY", "JSON_END"}
}

const usualTime = 1448403340 // 2015-11-24T22:15:40Z

// only is the one document that a case makes.
func only(t *testing.T, e *elasticsearch) document {
	t.Helper()
	if len(e.documents) != 1 {
		t.Fatalf("%d documents", len(e.documents))
	}
	return e.documents[0]
}

func wantIndex(name string) func(*testing.T, *elasticsearch, *fluentbittest.Recorder) {
	return func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
		if d := only(t, e); d.Index != name || d.Source["_type"] != nil {
			t.Errorf("%s %s: %s", d.Operation, d.Index, d.Text)
		}
	}
}

func wantOperation(action, text string) func(*testing.T, *elasticsearch, *fluentbittest.Recorder) {
	return func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
		if d := only(t, e); d.Operation != action || !strings.Contains(d.Text, text) || !strings.Contains(d.Text, `"key_2":"some string"`) {
			t.Errorf("%s: %s", d.Operation, d.Text)
		}
	}
}

func wantText(text string) func(*testing.T, *elasticsearch, *fluentbittest.Recorder) {
	return func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
		if d := only(t, e); !strings.Contains(d.Text, text) {
			t.Errorf("%s lacks %s", d.Text, text)
		}
	}
}

func wantID(id string) func(*testing.T, *elasticsearch, *fluentbittest.Recorder) {
	return func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
		if d := only(t, e); d.ID != id {
			t.Errorf("the id is %q", d.ID)
		}
	}
}

// builtInCases are ours, by the built-in's names. The settings of a node of an Upstream file are a
// section of its own here. Where theirs checks a name that Elasticsearch rejects (prefixSEP), ours
// checks the legal name made of it.
func builtInCases() map[string]builtIn {
	digits := strings.Repeat("0123456789", 26)[:255]
	dots := object{".le.vel", "error", ".fo.o", []any{map[string]any{".o.k": []any{map[string]any{".b.ar": "baz"}}}}}
	named := []object{{"key", "something", "myindex", "abc"}}
	create := wantOperation("create", `{`)
	upsert := wantOperation("update", `,"doc_as_upsert":true}`)
	prefix := section{"Logstash_Format": "on", "Logstash_Prefix": "prefix", "Logstash_DateFormat": "%Y-%m-%d"}
	separated := section{"Logstash_Format": "on", "Logstash_Prefix": "prefix", "Logstash_Prefix_Separator": "SEP", "Logstash_DateFormat": "%Y-%m-%d"}
	return map[string]builtIn{
		"long_index":                {options: section{"Index": digits, "Generate_ID": "on"}, check: wantIndex(digits)},
		"div0_error":                {records: []object{{"key", strings.Repeat("a", 7976)}}, check: wantIndex("fluent-bit")},
		"write_operation_index":     {options: section{"Write_Operation": "Index"}, check: wantOperation("index", `{`)},
		"write_operation_create":    {options: section{"Write_Operation": "Create"}, check: create},
		"write_operation_update":    {options: section{"Write_Operation": "Update", "Generate_ID": "True"}, check: wantOperation("update", `{"doc":{`)},
		"write_operation_upsert":    {options: section{"Write_Operation": "Upsert", "Generate_ID": "True"}, check: upsert},
		"index_type":                {options: section{"Index": "index_test"}, check: wantIndex("index_test")},
		"logstash_format":           {options: prefix, check: wantIndex("prefix-2015-11-24")},
		"logstash_format_nanos":     {options: section{"Logstash_Format": "on", "Time_Key_Nanos": "on"}, check: wantText(`"@timestamp":"2015-11-24T22:15:40.123456789Z"`)},
		"tag_key":                   {options: section{"Include_Tag_Key": "true", "Tag_Key": "mytag"}, check: wantText(`"mytag":"test"`)},
		"replace_dots":              {options: section{"Replace_Dots": "on"}, records: []object{dots}, check: wantText(`"_o_k":[{"_b_ar"`)},
		"id_key":                    {options: section{"Id_Key": "key_2"}, check: wantID("some string")},
		"http_api_key":              {options: section{"HTTP_API_Key": "my-api-key-for-elasticsearch"}, check: wantAPIKey},
		"logstash_prefix_separator": {options: separated, check: wantIndex("prefixsep2015-11-24")},

		"response_success":           {check: wantAccepted(1)},
		"response_successes":         {records: []object{usual(), usual(), usual()}, check: wantAccepted(3)},
		"response_partially_success": {records: []object{{"n", 0}, {"n", 1}, {"n", 2}}, refuse: partly(), check: wantNothingLost},

		"upstream_write_operation":  {options: section{"Write_Operation": "upsert", "Generate_ID": "on"}, check: upsert},
		"upstream_update_unsafe_id": {options: section{"Write_Operation": "update", "Id_Key": "key_2"}, records: []object{{"key_2", `unsafe\id`}}, check: wantID(`unsafe\id`)},
		"upstream_null_index":       {options: section{"Index": ""}, check: wantIndex("fluent-bit")},
		"upstream_index_type":       {options: section{"Index": "another_index_test"}, check: wantIndex("another_index_test")},
		"upstream_logstash_format":  {options: separated, check: wantIndex("prefixsep2015-11-24")},
		"upstream_replace_dots":     {options: section{"Replace_Dots": "on"}, records: []object{dots}, check: wantText(`"_o_k":[{"_b_ar"`)},
		"upstream_id_key":           {options: section{"Id_Key": "key_2"}, check: wantID("some string")},

		"index_record_accessor":               {options: section{"Index": "$myindex"}, records: named, check: wantIndex("abc")},
		"index_record_accessor_suppress_type": {options: section{"Index": "$myindex"}, records: named, check: wantIndex("abc")},
		"index_record_accessor_id_key": {options: section{"Index": "$myindex", "Id_Key": "key"}, records: named, check: func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
			if d := only(t, e); d.Index != "abc" || d.ID != "something" {
				t.Errorf("%s %s", d.Index, d.ID)
			}
		}},
		"index_record_accessor_generate_id": {options: section{"Index": "$myindex", "Generate_ID": "on"}, records: []object{{"key", "xul", "myindex", "code"}}, check: func(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
			if d := only(t, e); d.Index != "code" || len(d.ID) != 22 {
				t.Errorf("%s %s", d.Index, d.ID)
			}
		}},
	}
}

func wantAPIKey(t *testing.T, e *elasticsearch, _ *fluentbittest.Recorder) {
	if got := e.header.Get("Authorization"); got != "ApiKey my-api-key-for-elasticsearch" {
		t.Errorf("Authorization: %s", got)
	}
}

func wantAccepted(n int) func(*testing.T, *elasticsearch, *fluentbittest.Recorder) {
	return func(t *testing.T, e *elasticsearch, host *fluentbittest.Recorder) {
		counts(t, host, map[string]int{"accepted": n})
	}
}

// partly is the answer of the built-in's case, which takes a chunk for done
// when one of its items is: one is accepted, one refused, one has no room yet.
func partly() func(document) *itemError {
	full := true
	return func(d document) *itemError {
		switch d.Source["n"] {
		case 1.0:
			return &itemError{400, "document_parsing_exception", "[1:65] failed to parse field [_id] of type [_id] in document with id 'x'"}
		case 2.0:
			if full {
				full = false
				return &itemError{429, "es_rejected_execution_exception", "rejected execution of primary operation"}
			}
		}
		return nil
	}
}

func wantNothingLost(t *testing.T, e *elasticsearch, host *fluentbittest.Recorder) {
	if got := e.numbers(); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("documents %v: the one that had no room is sent again, and nothing twice", got)
	}
	counts(t, host, map[string]int{"accepted": 2, "dropped": 1})
	if n := host.Count("rejected_records_total", "document_parsing_exception"); n != 1 {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestTheCasesOfTheBuiltInOutputs(t *testing.T) {
	for name, c := range builtInCases() {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			e.refuse = c.refuse
			more := section{"Retry_Budget": "5s"}
			for option, value := range c.options {
				more[option] = value
			}
			p, host := instance(t, e, more)
			records := c.records
			if records == nil {
				records = []object{usual()}
			}
			var data []byte
			for _, record := range records {
				data = append(data, eventWith(usualTime, object{}, record)...)
			}
			if outcome := p.Flush("test", data); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			p.Close()
			c.check(t, e, host)
		})
	}
}

func TestNoCaseOfTheBuiltInOutputsIsMissing(t *testing.T) {
	ours := builtInCases()
	theirs := map[string]bool{}
	for i, list := range []string{elasticsearchCases, openSearchCases} {
		names := strings.Fields(list)
		if want := []int{24, 17}[i]; len(names) != want {
			t.Errorf("%d cases are named, there are %d", len(names), want)
		}
		for _, name := range names {
			theirs[name] = true
			if _, ok := ours[name]; !ok {
				t.Errorf("%s is missing", name)
			}
		}
	}
	for name := range ours {
		if !theirs[name] {
			t.Errorf("%s is none of theirs", name)
		}
	}
}
