package document_test

import (
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// otlp is a log record's metadata as made by the opentelemetry input of Fluent Bit 5.1.1.
func otlp() []byte {
	id := func(from byte, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = from + byte(i)
		}
		return msgp.AppendBytes(nil, b)
	}
	return fields(
		"observed_timestamp", msgp.AppendUint64(nil, 1_700_000_000_223_456_789),
		"timestamp", msgp.AppendUint64(nil, 1795425262_117384000),
		"severity_number", 9, "severity_text", "INFO",
		"attributes", fields("http.status", 200), "dropped_attributes_count", 1,
		"trace_id", id(0x5b, 16), "span_id", id(0xee, 8), "trace_flags", 1, "event_name", "e")
}

func TestOTLPIsWrittenAsElasticHasIt(t *testing.T) {
	full := document.Options{TimeKey: "@timestamp", MetadataKey: "metadata"}
	group := fields("resource", fields("attributes", fields("service.name", "checkout"), "schema_url", "u"), "scope", fields("name", "lib"))
	const time, lifted = `"@timestamp":"2026-11-23T09:14:22.117Z"`, `"observed_timestamp":"2023-11-14T22:13:20.223456789Z","severity_number":9,"severity_text":"INFO",` +
		`"attributes":{"http.status":200},"dropped_attributes_count":1,"trace_id":"5b5c5d5e5f606162636465666768696a","span_id":"eeeff0f1f2f3f4f5","trace_flags":1,"event_name":"e"`
	const shared = `"resource":{"attributes":{"service.name":"checkout"},"schema_url":"u"},"scope":{"name":"lib"}`
	for _, row := range []struct {
		name     string
		options  document.Options
		metadata []byte
		group    []byte
		record   []byte
		want     string
	}{
		{"all of it", full, fields("otlp", otlp()), group, fields("log", "a"), `{"log":"a",` + time + `,` + lifted + `,` + shared + `}`},
		{"without a group", full, fields("otlp", otlp()), nil, fields("log", "a"), `{"log":"a",` + time + `,` + lifted + `}`},
		{"a group alone", full, nil, group, fields("log", "a"), `{"log":"a",` + time + `,` + shared + `}`},
		{"nothing, where metadata is not wanted", document.Options{}, fields("otlp", otlp()), group, fields("log", "a"), `{"log":"a"}`},
		{"an empty record", document.Options{MetadataKey: "metadata"}, fields("otlp", fields("trace_flags", 0)), nil, fields(), `{"trace_flags":0}`},
		{"empty OTLP metadata", full, fields("otlp", fields()), nil, fields(), `{` + time + `}`},
		{"other metadata beside it", full, fields("a", 1, "otlp", fields("trace_flags", 0), "b", fields("c", 2)), nil, fields(), `{` + time + `,"trace_flags":0,"metadata":{"a":1,"b":{"c":2}}}`},
		{"otlp that is no map", full, fields("otlp", 1), nil, fields(), `{` + time + `,"metadata":{"otlp":1}}`},
		{"another time than the event's", full, fields("otlp", fields("timestamp", msgp.AppendUint64(nil, 5))), nil, fields(), `{` + time + `,"timestamp":"1970-01-01T00:00:00.000000005Z"}`},
		{"ids and times of other types", full, fields("otlp", fields("trace_id", "5b", "span_id", 5, "timestamp", "x", "observed_timestamp", 1.5)), nil, fields(),
			`{` + time + `,"trace_id":"5b","span_id":5,"timestamp":"x","observed_timestamp":1.5}`},
		{"the record has these names itself", full, fields("otlp", fields("attributes", fields("a", 1), "trace_flags", 0)), fields("resource", 1, "scope", 2),
			fields("attributes", 3, "resource", 4), `{"attributes":3,"resource":4,` + time + `,"attributes_1":{"a":1},"trace_flags":0,"resource_2":1,"scope":2}`},
		{"OTLP has names of the group, and of what is added", full, fields("otlp", fields("resource", 1, "@timestamp", 2, "metadata", 3)), fields("resource", 4), fields(),
			`{` + time + `,"resource":1,"@timestamp_1":2,"metadata":3,"resource_2":4}`},
		{"keys that Elasticsearch refuses", full, fields("otlp", fields("_id", 1)), fields("", 2, "in", fields(".", 3)), fields(), `{` + time + `,"_id_":1,"_":2,"in":{"_":3}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.options.TimeFormat = dateFormat(t, "%Y-%m-%dT%H:%M:%S")
			w := document.NewWriter(row.options)
			for range 3 { // the last is made from memory
				e := chunk.Event{Time: moment, Record: row.record, Metadata: row.metadata, Group: row.group}
				out, _, err := w.Append(nil, &e)
				if err != nil || string(out) != row.want {
					t.Errorf("%s, %v\nwant %s", out, err, row.want)
				}
				if err := acceptable(out); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A group's fields are in each of its documents, and cost no allocation there.
func TestOTLPAllocatesNothing(t *testing.T) {
	w := defaultWriter(t)
	group := fields("resource", fields("attributes", fields("service.name", "checkout")), "scope", fields("name", "lib"))
	e := chunk.Event{Time: moment, Record: fields("log", "a"), Metadata: fields("otlp", otlp()), Group: group}
	var dst []byte
	if n := support.Allocations(50, func() {
		var err error
		if dst, _, err = w.Append(dst[:0], &e); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
