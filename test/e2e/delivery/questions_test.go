package delivery

import (
	"fmt"
	"maps"
	"strings"

	"out_es/plugin/bulk"
)

// put is one item of a bulk request that creates a document.
func put(document string) call {
	return call{"POST", "/_bulk", `{"create":{"_index":"BAD"}}` + "\n" + document + "\n"}
}

// to is the same with a query.
func (c call) to(query string) call { return call{c[0], c[1] + "?" + query, c[2]} }

const ordinary = `{"@timestamp":"2026-01-02T03:04:05Z","n":1}`

// made is an index with this body.
func made(body string) call { return call{"PUT", "/BAD", body} }

// notOf is q with the reason for which a family has no such answer.
func (q question) notOf(family, why string) question {
	q.absent = maps.Clone(q.absent)
	if q.absent == nil {
		q.absent = map[string]string{}
	}
	q.absent[family] = why
	return q
}

// clusterSet changes a setting of the cluster.
func clusterSet(setting, value string) call {
	return call{"PUT", "/_cluster/settings", `{"persistent":{"` + setting + `":` + value + `}}`}
}

// streams is a template for data streams named BAD.
func streams(more string) call {
	return call{"PUT", "/_index_template/BAD-t", `{"index_patterns":["BAD*"],"priority":500,"data_stream":{},"template":{"settings":{"number_of_replicas":0}` + more + `}}`}
}

// pipeline is an ingest pipeline of one processor.
func pipeline(processor string) []call {
	return []call{{"PUT", "/_ingest/pipeline/BAD-p", `{"processors":[` + processor + `]}`}}
}

// questions are all states that a single test server can be brought into.
func questions() []question {
	const noProcessors = "the test server has no module ingest-common"
	onlyOpenSearch := func(why string) map[string]string { return map[string]string{"elasticsearch": why} }
	blocked := func(name, setting string) question {
		return question{name: name, scope: bulk.DestinationScope, before: []call{made(""), {"PUT", "/BAD/_settings", `{"` + setting + `":true}`}},
			ask: put(ordinary), after: []call{{"PUT", "/BAD/_settings", `{"` + setting + `":null}`}}}
	}
	ofCluster := func(name, setting, value string, scope bulk.Scope, ask call, before ...call) question {
		return question{name: name, scope: scope, before: append(before, clusterSet(setting, value)), ask: ask, after: []call{clusterSet(setting, "null")}}
	}
	creation := func(name, body string) question {
		return question{name: "creation with " + name, scope: bulk.DestinationScope, ask: made(body)}
	}
	document := func(name, index, doc string) question {
		return question{name: name, scope: bulk.DocumentScope, before: []call{made(index)}, ask: put(doc)}
	}
	mapping := func(name, index, change string) question {
		return question{name: name, scope: bulk.DocumentScope, before: []call{made(index)}, ask: call{"PUT", "/BAD/_mapping", change}}
	}
	processor := func(name, processor, doc string) question {
		return question{name: "processor " + name, scope: bulk.DocumentScope, before: pipeline(processor), ask: put(doc).to("pipeline=BAD-p"), absent: onlyOpenSearch(noProcessors)}
	}
	long := strings.Repeat("long ", 8000)
	fields := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"f%d":%d`, i, i))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	stream := func(name string, length int) question {
		return question{name: name, scope: bulk.DocumentScope, before: []call{streams("")},
			ask: call{"POST", "/_bulk", `{"create":{"_index":"BAD` + strings.Repeat("x", length) + `"}}` + "\n" + ordinary + "\n"}}
	}
	all := []question{
		// Blocks.
		blocked("write block", "index.blocks.write"),
		blocked("read-only index", "index.blocks.read_only"),
		blocked("flood stage", "index.blocks.read_only_allow_delete"),
		blocked("metadata block", "index.blocks.metadata"),
		ofCluster("read-only cluster", "cluster.blocks.read_only", "true", bulk.ClusterScope, put(ordinary), made("")),
		ofCluster("read-only cluster that may delete", "cluster.blocks.read_only_allow_delete", "true", bulk.ClusterScope, put(ordinary), made("")),
		ofCluster("create-index block", "cluster.blocks.create_index", "true", bulk.DestinationScope, made("")).notOf("elasticsearch", "no such block"),

		// Backpressure.
		ofCluster("circuit breaker", "network.breaker.inflight_requests.limit", `"3kb"`, bulk.ClusterScope, put(`{"n":"`+long[:4000]+`"}`)).notOf("elasticsearch-9", "it takes the request at this limit"),

		// The index can't be made, or is not there.
		ofCluster("shard limit", "cluster.max_shards_per_node", "1", bulk.DestinationScope, put(ordinary), call{"PUT", "/BAD-other", ""}),
		{name: "closed index", scope: bulk.DestinationScope, before: []call{made(""), {"POST", "/BAD/_close", ""}}, ask: put(ordinary)},
		ofCluster("auto-creation off", "action.auto_create_index", `"false"`, bulk.DestinationScope, put(ordinary)),
		ofCluster("auto-creation by pattern", "action.auto_create_index", `"-BAD,+*"`, bulk.DestinationScope, put(ordinary)),
		ofCluster("auto-creation of others", "action.auto_create_index", `"+other*"`, bulk.DestinationScope, put(ordinary)),
		{name: "alias without a write index", scope: bulk.DestinationScope,
			before: []call{{"PUT", "/BAD-1", `{"aliases":{"BAD":{}}}`}, {"PUT", "/BAD-2", `{"aliases":{"BAD":{}}}`}}, ask: put(ordinary)},
		{name: "only an alias", scope: bulk.DestinationScope, before: []call{made("")}, ask: put(ordinary).to("require_alias=true")},
		{name: "creation of a data stream's index", scope: bulk.SettingsScope, before: []call{streams("")}, ask: made("")},
		{name: "index into a data stream", scope: bulk.SettingsScope, before: []call{streams("")},
			ask: call{"POST", "/_bulk", `{"index":{"_index":"BAD"}}` + "\n" + ordinary + "\n"}},
		{name: "routing into a data stream", scope: bulk.SettingsScope, before: []call{streams("")},
			ask:    call{"POST", "/_bulk", `{"create":{"_index":"BAD","routing":"r"}}` + "\n" + ordinary + "\n"},
			absent: map[string]string{"elasticsearch-7": "routing is taken", "opensearch": "routing is taken"}},
		creation("an unknown type", `{"mappings":{"properties":{"a":{"type":"nope"}}}}`),
		creation("an unknown analyzer", `{"mappings":{"properties":{"a":{"type":"text","analyzer":"nope"}}}}`),
		creation("an unknown parameter of the mapping", `{"mappings":{"nope":true}}`),
		creation("an unknown parameter of a field", `{"mappings":{"properties":{"a":{"type":"keyword","nope":1}}}}`),
		creation("an unknown setting", `{"settings":{"index.nope":1}}`),
		creation("a setting out of range", `{"settings":{"index.number_of_shards":0}}`),
		creation("a setting that is no number", `{"settings":{"index.number_of_replicas":"many"}}`),
		creation("an unknown filter", `{"settings":{"analysis":{"filter":{"f":{"type":"nope"}}}}}`),
		creation("an analyzer without its filter", `{"settings":{"analysis":{"analyzer":{"a":{"type":"custom","tokenizer":"standard","filter":["nope"]}}}}}`),
		creation("an analyzer without its tokenizer", `{"settings":{"analysis":{"analyzer":{"a":{"type":"custom","tokenizer":"nope"}}}}}`),
		creation("an invalid alias", `{"aliases":{"#":{}}}`),
		{name: "creation of an index that is there", scope: bulk.DestinationScope, before: []call{made("")}, ask: made("")},
		{name: "two legacy templates that differ", scope: bulk.DestinationScope, before: []call{
			{"PUT", "/_template/BAD-1", `{"index_patterns":["BAD*"],"order":1,"mappings":{"properties":{"a":{"properties":{"b":{"type":"long"}}}}}}`},
			{"PUT", "/_template/BAD-2", `{"index_patterns":["BAD*"],"order":2,"mappings":{"properties":{"a":{"type":"keyword"}}}}`},
		}, ask: put(ordinary)},
		{name: "a legacy template with too many fields", scope: bulk.UnknownScope, before: []call{
			{"PUT", "/_template/BAD-1", `{"index_patterns":["BAD*"],"order":1,"mappings":{"properties":{"a":{"type":"long"},"b":{"type":"long"},"c":{"type":"long"}}}}`},
			{"PUT", "/_template/BAD-2", `{"index_patterns":["BAD*"],"order":2,"settings":{"index.mapping.total_fields.limit":2}}`},
		}, ask: put(ordinary)},
		{name: "a template that is no template", scope: bulk.DestinationScope, ask: call{"PUT", "/_template/BAD-1", `{"index_patterns":["_BAD*"]}`}},
		{name: "a template's sort field that is missing", scope: bulk.DestinationScope, before: []call{
			{"PUT", "/_template/BAD-1", `{"index_patterns":["BAD*"],"settings":{"index.sort.field":"nope"}}`},
		}, ask: put(ordinary)},

		// A shard is missing, or the master is late.
		{name: "unassigned primary", scope: bulk.DestinationScope, before: []call{{"PUT", "/BAD?wait_for_active_shards=0", nowhere}}, ask: put(ordinary).to("timeout=100ms")},
		{name: "update without a primary", scope: bulk.DestinationScope, before: []call{{"PUT", "/BAD?wait_for_active_shards=0", nowhere}},
			ask: call{"POST", "/_bulk?timeout=100ms", `{"update":{"_index":"BAD","_id":"1"}}` + "\n" + `{"doc":{"n":1},"doc_as_upsert":true}` + "\n"}},
		{name: "wait for copies that are missing", scope: bulk.DestinationScope, before: []call{made(`{"settings":{"number_of_replicas":1}}`)},
			ask: put(ordinary).to("timeout=100ms&wait_for_active_shards=2")},
		ofCluster("throttled creation", "cluster_manager.throttling.thresholds.auto-create.value", "0", bulk.DestinationScope, put(ordinary).to("timeout=100ms")).
			notOf("elasticsearch", "no such throttling"),

		// Settings.
		{name: "missing pipeline", scope: bulk.SettingsScope, before: []call{made("")}, ask: put(ordinary).to("pipeline=BAD-nope")},
		{name: "missing default pipeline", scope: bulk.SettingsScope, before: []call{made(`{"settings":{"index.default_pipeline":"BAD-nope"}}`)}, ask: put(ordinary)},
		{name: "pipeline of a missing pipeline", scope: bulk.SettingsScope, before: pipeline(`{"pipeline":{"name":"BAD-nope"}}`), ask: put(ordinary).to("pipeline=BAD-p"), absent: onlyOpenSearch(noProcessors)},

		// Documents.
		document("host that is text", `{"mappings":{"properties":{"host":{"properties":{"name":{"type":"keyword"}}}}}}`, `{"host":"web-1"}`),
		document("text for a number", `{"mappings":{"properties":{"n":{"type":"long"}}}}`, `{"n":"many"}`),
		document("number out of range", `{"mappings":{"properties":{"n":{"type":"byte"}}}}`, `{"n":1234567}`),
		document("number that is too long", `{"mappings":{"properties":{"n":{"type":"long"}}}}`, `{"n":123456789012345678901234567890}`),
		document("text for a date", `{"mappings":{"properties":{"d":{"type":"date"}}}}`, `{"d":"yesterday"}`),
		document("text for an address", `{"mappings":{"properties":{"a":{"type":"ip"}}}}`, `{"a":"web-1"}`),
		document("text for a place", `{"mappings":{"properties":{"a":{"type":"geo_point"}}}}`, `{"a":"nowhere at all"}`),
		document("text for a range", `{"mappings":{"properties":{"a":{"type":"long_range"}}}}`, `{"a":{"nope":1}}`),
		document("object for a keyword", `{"mappings":{"properties":{"a":{"type":"keyword"}}}}`, `{"a":{"b":1}}`),
		document("text for an object", `{"mappings":{"properties":{"a":{"properties":{"b":{"type":"long"}}}}}}`, `{"a":"b"}`),
		document("strict mapping", `{"mappings":{"dynamic":"strict"}}`, ordinary),
		document("no JSON", "", `{"a":`),
		document("a list", "", `[1]`),
		document("a key twice", "", `{"a":1,"a":2}`),
		{name: "field limit", scope: bulk.DocumentScope, before: []call{made(`{"settings":{"index.mapping.total_fields.limit":3}}`)}, ask: put(fields(5)),
			scopeOf: map[string]bulk.Scope{"opensearch": bulk.UnknownScope}}, // the same as of the template below
		document("depth limit", `{"settings":{"index.mapping.depth.limit":2}}`, `{"a":{"b":{"c":{"d":1}}}}`),
		document("limit of a field's name", `{"settings":{"index.mapping.field_name_length.limit":30}}`, `{"`+strings.Repeat("x", 40)+`":1}`),
		document("nested documents", `{"settings":{"index.mapping.nested_objects.limit":2},"mappings":{"properties":{"a":{"type":"nested"}}}}`, `{"a":[{"b":1},{"b":2},{"b":3}]}`),
		document("nested fields in a dynamic template", `{"settings":{"index.mapping.nested_fields.limit":1},"mappings":{"dynamic_templates":[{"n":{"match":"n*","mapping":{"type":"nested"}}}]}}`, `{"n1":{"a":1},"n2":{"a":1}}`),
		document("immense term", `{"mappings":{"properties":{"a":{"type":"keyword"}}}}`, `{"a":"`+long+`"}`),
		document("immense value without an index", `{"mappings":{"properties":{"a":{"type":"keyword","index":false}}}}`, `{"a":"`+long+`"}`),
		document("immense value of a flattened object", `{"mappings":{"properties":{"a":{"type":"flattened"}}}}`, `{"a":{"b":"`+long+`"}}`).notOf("opensearch", "no such type"),
		document("field alias", `{"mappings":{"properties":{"n":{"type":"long"},"a":{"type":"alias","path":"n"}}}}`, `{"a":1}`),
		document("empty key", "", `{"":1}`),
		document("key of a space", "", `{" ":1}`).notOf("opensearch", "it is taken").notOf("elasticsearch-7", "it is taken"),
		document("key of dots", "", `{"..":1}`),
		document("key with a dot too many", "", `{"a..b":1}`),
		document("key of the server", "", `{"_id":"x"}`),
		mapping("another type", `{"mappings":{"properties":{"a":{"type":"long"}}}}`, `{"properties":{"a":{"type":"text"}}}`),
		mapping("object no more nested", `{"mappings":{"properties":{"a":{"type":"nested"}}}}`, `{"properties":{"a":{"type":"object"}}}`),
		mapping("object for a field", `{"mappings":{"properties":{"a":{"type":"long"}}}}`, `{"properties":{"a":{"properties":{"b":{"type":"long"}}}}}`),
		mapping("field for an object", `{"mappings":{"properties":{"a":{"properties":{"b":{"type":"long"}}}}}}`, `{"properties":{"a":{"type":"long"}}}`),
		{name: "document without time in a data stream", scope: bulk.DocumentScope, before: []call{streams("")}, ask: put(`{"n":1}`)},
		{name: "the same id", scope: bulk.DocumentScope, before: []call{made(""), {"PUT", "/BAD/_doc/1?refresh=true", `{"n":1}`}},
			ask: call{"POST", "/_bulk", `{"create":{"_index":"BAD","_id":"1"}}` + "\n" + ordinary + "\n"}},
		{name: "update of a missing document", scope: bulk.DocumentScope, before: []call{made("")},
			ask: call{"POST", "/_bulk", `{"update":{"_index":"BAD","_id":"1"}}` + "\n" + `{"doc":{"n":1}}` + "\n"}},
		{name: "update without a source", scope: bulk.DocumentScope, before: []call{made(`{"mappings":{"_source":{"enabled":false}}}`), {"PUT", "/BAD/_doc/1?refresh=true", `{"n":1}`}},
			ask: call{"POST", "/_bulk", `{"update":{"_index":"BAD","_id":"1"}}` + "\n" + `{"doc":{"n":1}}` + "\n"}},
		{name: "missing routing", scope: bulk.UnknownScope, before: []call{made(`{"mappings":{"_routing":{"required":true}}}`)},
			ask: call{"POST", "/_bulk", `{"create":{"_index":"BAD","_id":"1"}}` + "\n" + ordinary + "\n"}},
		{name: "id that is too long", scope: bulk.DocumentScope, before: []call{made("")},
			ask: call{"POST", "/_bulk", `{"create":{"_index":"BAD","_id":"` + strings.Repeat("x", 600) + `"}}` + "\n" + ordinary + "\n"}},
		{name: "routing that is too long", scope: bulk.DocumentScope, before: []call{made("")},
			ask: call{"POST", "/_bulk", `{"create":{"_index":"BAD","routing":"` + strings.Repeat("x", 40000) + `"}}` + "\n" + ordinary + "\n"}},
		{name: "index in capitals", scope: bulk.DocumentScope, ask: call{"POST", "/_bulk", `{"create":{"_index":"LOUD"}}` + "\n" + ordinary + "\n"}},
		{name: "index with a bar", scope: bulk.DocumentScope, ask: call{"POST", "/_bulk", `{"create":{"_index":"a|b"}}` + "\n" + ordinary + "\n"}},
		{name: "index name that is too long", scope: bulk.DocumentScope, ask: call{"POST", "/_bulk", `{"create":{"_index":"` + strings.Repeat("x", 300) + `"}}` + "\n" + ordinary + "\n"}},
		stream("data stream name whose index's is too long", 230),
		stream("data stream name that is too long", 245),

		// A processor of an ingest pipeline.
		processor("fail", `{"fail":{"message":"no"}}`, ordinary),
		processor("script", `{"script":{"source":"ctx.a.b.c = 1"}}`, ordinary),
		processor("dissect", `{"dissect":{"field":"m","pattern":"%{a}-%{b}"}}`, `{"m":"nothing"}`),
		processor("grok", `{"grok":{"field":"m","patterns":["^%{INT:n}$"]}}`, `{"m":"nothing"}`),
		processor("convert", `{"convert":{"field":"m","type":"integer"}}`, `{"m":"nothing"}`),
		processor("date", `{"date":{"field":"m","formats":["ISO8601"]}}`, `{"m":"nothing"}`),
		processor("rename", `{"rename":{"field":"nope","target_field":"b"}}`, ordinary),
		processor("remove", `{"remove":{"field":"nope"}}`, ordinary),
		processor("remove in a missing object", `{"remove":{"field":"a.b"}}`, ordinary),
		processor("remove in a text", `{"remove":{"field":"m.b"}}`, `{"m":"nothing"}`),
		processor("set in a text", `{"set":{"field":"m.b","value":1}}`, `{"m":"nothing"}`),
		processor("lowercase of a number", `{"lowercase":{"field":"n"}}`, ordinary),
		processor("lowercase in a text", `{"lowercase":{"field":"m.b"}}`, `{"m":"nothing"}`),
		processor("lowercase of nothing", `{"lowercase":{"field":"n"}}`, `{"n":null}`),
		processor("json", `{"json":{"field":"m"}}`, `{"m":"{nothing"}`),
		processor("kv", `{"kv":{"field":"m","field_split":" ","value_split":"="}}`, `{"m":"nothing"}`),
		processor("split of a number", `{"split":{"field":"n","separator":","}}`, ordinary),
		processor("split of a missing field", `{"split":{"field":"nope","separator":","}}`, ordinary),
		processor("urldecode", `{"urldecode":{"field":"m"}}`, `{"m":"%zz"}`),
		processor("foreach of a text", `{"foreach":{"field":"m","processor":{"lowercase":{"field":"_ingest._value"}}}}`, `{"m":"nothing"}`),
		processor("bytes", `{"bytes":{"field":"m"}}`, `{"m":"nothing"}`),
	}
	series := func(name, doc string) question {
		return question{name: name, scope: bulk.DocumentScope,
			before: []call{{"PUT", "/_index_template/BAD-t", `{"index_patterns":["BAD*"],"priority":500,"data_stream":{},"template":{"settings":{"number_of_replicas":0,"index.mode":"time_series","index.routing_path":["d"],"index.time_series.start_time":"2026-01-01T00:00:00Z","index.time_series.end_time":"2027-01-01T00:00:00Z"},"mappings":{"properties":{"d":{"type":"keyword","time_series_dimension":true}}}}}`}},
			ask:    put(doc), absent: map[string]string{"opensearch": "no time series", "elasticsearch-7": "no time series"}}
	}
	return append(all, series("time series outside its time", `{"@timestamp":"2020-01-01T00:00:00Z","d":"x"}`),
		series("time series without a dimension", `{"@timestamp":"2026-06-01T00:00:00Z","n":1}`), series("time series without a time", `{"@timestamp":"NOW","d":"x"}`))
}
