package agents

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// otlpLog is one log record; its resource and scope are two of each.
type otlpLog struct {
	n        int
	resource string
	scope    string
}

const otlpEpoch = 1_700_000_000_000_000_000

func (l otlpLog) time() uint64     { return otlpEpoch + uint64(l.n)*1_000_000_007 }
func (l otlpLog) observed() uint64 { return l.time() + 5 }
func (l otlpLog) trace() []byte    { return bytes.Repeat([]byte{byte(l.n), 0x80}, 8) } // no UTF-8
func (l otlpLog) span() []byte     { return bytes.Repeat([]byte{byte(l.n)}, 8) }

// otlpLogs is a request of two resources with two scopes and n logs each.
func otlpLogs(first, n int) (all []otlpLog) {
	for _, resource := range []string{"checkout", "cart"} {
		for _, scope := range []string{"http", "sql"} {
			for range n {
				all = append(all, otlpLog{first + len(all), resource, scope})
			}
		}
	}
	return all
}

// wants is the expected document of a log.
func (l otlpLog) wants() map[string]any {
	date := func(nanos uint64, layout string) string { return time.Unix(0, int64(nanos)).UTC().Format(layout) }
	text := fmt.Sprintf(`{"n":%d,"message":"log %d","@timestamp":%q,"observed_timestamp":%q,"severity_number":9,"severity_text":"INFO",
		"attributes":{"http.status":200,"user":"u%d"},"trace_id":%q,"span_id":%q,"trace_flags":1,
		"resource":{"attributes":{"service.name":%q,"host":{"name":"h"}},"schema_url":"https://resource"},
		"scope":{"name":%q,"version":"1.2","attributes":{"kind":"library"},"schema_url":"https://scope"}}`,
		l.n, l.n, date(l.time(), "2006-01-02T15:04:05.000Z"), date(l.observed(), "2006-01-02T15:04:05.000000000Z"), l.n,
		hex.EncodeToString(l.trace()), hex.EncodeToString(l.span()), l.resource, l.scope)
	document, err := e2e.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	return document
}

// otlpJSON is the request in OTLP's JSON.
func otlpJSON(t *testing.T, logs []otlpLog) []byte {
	t.Helper()
	type object = map[string]any
	text := func(key, value string) object { return object{"key": key, "value": object{"stringValue": value}} }
	number := func(key string, n int) object { return object{"key": key, "value": object{"intValue": fmt.Sprint(n)}} }
	list := func(values ...object) object { return object{"kvlistValue": object{"values": values}} }
	var resources []object
	for start := 0; start < len(logs); {
		end := start
		var records []object
		for ; end < len(logs) && logs[end].resource == logs[start].resource && logs[end].scope == logs[start].scope; end++ {
			l := logs[end]
			records = append(records, object{
				"timeUnixNano": fmt.Sprint(l.time()), "observedTimeUnixNano": fmt.Sprint(l.observed()), "severityNumber": 9, "severityText": "INFO",
				"traceId": hex.EncodeToString(l.trace()), "spanId": hex.EncodeToString(l.span()), "traceFlags": 1,
				"attributes": []object{number("http.status", 200), text("user", fmt.Sprint("u", l.n))},
				"body":       list(number("n", l.n), text("message", fmt.Sprint("log ", l.n))),
			})
		}
		host := object{"key": "host", "value": list(text("name", "h"))}
		resources = append(resources, object{
			"resource": object{"attributes": []object{text("service.name", logs[start].resource), host}}, "schemaUrl": "https://resource",
			"scopeLogs": []object{{
				"scope":     object{"name": logs[start].scope, "version": "1.2", "attributes": []object{text("kind", "library")}},
				"schemaUrl": "https://scope", "logRecords": records,
			}},
		})
		start = end
	}
	body, err := json.Marshal(object{"resourceLogs": resources})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// message is a protobuf message; its methods append fields.
type message []byte

func (m message) bytes(field int, value []byte) message {
	m = binary.AppendUvarint(m, uint64(field<<3|2))
	return append(binary.AppendUvarint(m, uint64(len(value))), value...)
}
func (m message) varint(field int, value uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field<<3)), value)
}
func (m message) fixed64(field int, value uint64) message {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(m, uint64(field<<3|1)), value)
}
func (m message) fixed32(field int, value uint32) message {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(m, uint64(field<<3|5)), value)
}

// otlpProtobuf is the request in the format of opentelemetry-proto's logs/v1/logs.proto, by the
// numbers of its fields.
func otlpProtobuf(logs []otlpLog) (request message) {
	text := func(value string) message { return message(nil).bytes(1, []byte(value)) }
	number := func(n int) message { return message(nil).varint(3, uint64(n)) }
	pair := func(key string, value message) message { return message(nil).bytes(1, []byte(key)).bytes(2, value) }
	list := func(pairs ...message) message {
		var values message
		for _, p := range pairs {
			values = values.bytes(1, p)
		}
		return message(nil).bytes(6, values)
	}
	for start := 0; start < len(logs); {
		end := start
		scope := message(nil).bytes(1, []byte(logs[start].scope)).bytes(2, []byte("1.2")).bytes(3, pair("kind", text("library")))
		scopeLogs := message(nil).bytes(1, scope).bytes(3, []byte("https://scope"))
		for ; end < len(logs) && logs[end].resource == logs[start].resource && logs[end].scope == logs[start].scope; end++ {
			l := logs[end]
			scopeLogs = scopeLogs.bytes(2, message(nil).fixed64(1, l.time()).fixed64(11, l.observed()).varint(2, 9).bytes(3, []byte("INFO")).
				bytes(5, list(pair("n", number(l.n)), pair("message", text(fmt.Sprint("log ", l.n))))).
				bytes(6, pair("http.status", number(200))).bytes(6, pair("user", text(fmt.Sprint("u", l.n)))).
				fixed32(8, 1).bytes(9, l.trace()).bytes(10, l.span()))
		}
		resource := message(nil).bytes(1, pair("service.name", text(logs[start].resource))).bytes(1, pair("host", list(pair("name", text("h")))))
		request = request.bytes(1, message(nil).bytes(1, resource).bytes(2, scopeLogs).bytes(3, []byte("https://resource")))
		start = end
	}
	return request
}

// postOTLP sends requests of OTLP as JSON and as protobuf, with each logs of
// each scope, and returns the logs.
func postOTLP(t *testing.T, port string, each int) (all []otlpLog) {
	t.Helper()
	support.Eventually(t, 30*time.Second, "the input listens", func() bool {
		response, err := http.Get("http://127.0.0.1:" + port)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	for _, kind := range []string{"application/json", "application/x-protobuf"} {
		logs := otlpLogs(len(all), each)
		all = append(all, logs...)
		body := []byte(otlpProtobuf(logs))
		if kind == "application/json" {
			body = otlpJSON(t, logs)
		}
		response, err := http.Post("http://127.0.0.1:"+port+"/v1/logs", kind, bytes.NewReader(body))
		if err != nil || response.StatusCode/100 != 2 {
			t.Fatalf("%s: %v, %v", kind, response, err)
		}
		response.Body.Close()
	}
	return all
}

// TestFluentBitOTLPGoesWhereItsResourceSays routes OTLP's logs by their resource, their scope and
// their attributes, with and without a spool, with and without the documents' own fields.
func TestFluentBitOTLPGoesWhereItsResourceSays(t *testing.T) {
	fluentbit.Since(t, "3.1.0", "hands over neither resource nor scope of OTLP's logs")
	s := e2e.Cluster(t)
	const each = 25
	index := e2e.FreshIndex(t, s)
	port := support.FreePort(t)
	name := "-$resource['attributes']['service.name']-$scope['name']"
	conf := fmt.Sprintf("[SERVICE]\n    Flush 0.5\n[INPUT]\n    Name opentelemetry\n    Listen 127.0.0.1\n    Port %s\n    Tag otel\n", port)
	for kind, options := range map[string][]string{
		"straight": {"Bulk_Size 4K"},
		"spooled":  {"Spool_Path " + t.TempDir()},
		"without":  {"Metadata_Key off"},
		"ids":      {"Id_Key $attributes['user']", "Routing $trace_id"},
	} {
		conf += e2e.Section(s.URL(), index+"-"+kind+name, append(options, "Workers 1")...)
	}
	agent := fluentbit.Start(t, e2e.Plugin(), conf)
	all := postOTLP(t, port, each)
	for _, kind := range []string{"straight", "spooled", "without", "ids"} {
		e2e.EventuallyCount(t, s, index+"-"+kind, len(all))
		err := s.Documents(t.Context(), index+"-"+kind+"-*", func(d elasticsearch.Document) error {
			var source struct{ N int }
			if err := json.Unmarshal(d.Source, &source); err != nil {
				return err
			}
			l := all[source.N]
			if want := index + "-" + kind + "-" + l.resource + "-" + l.scope; d.Index != want || kind == "ids" && d.ID != fmt.Sprint("u", l.n) {
				return fmt.Errorf("log %d is in %s with the id %s, want %s", l.n, d.Index, d.ID, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	agent.Stop(t)
}

// TestFluentBitOTLP sends OTLP to Fluent Bit's opentelemetry input as JSON and as protobuf, in
// requests of two resources and two scopes, and wants every document to have its log's fields, even
// if a chunk is split into many requests.
func TestFluentBitOTLP(t *testing.T) {
	fluentbit.Since(t, "5.1.0", "gives OTLP's logs times that are up to 4.3 s off, and leaves out some of their fields")
	s := e2e.Cluster(t)
	const each = 25 // logs of a scope
	index := e2e.FreshIndex(t, s)
	port := support.FreePort(t)
	agent := fluentbit.Start(t, e2e.Plugin(), fmt.Sprintf(`[SERVICE]
    Flush 0.5
[INPUT]
    Name opentelemetry
    Listen 127.0.0.1
    Port %s
    Tag otel
%s`, port, e2e.Section(s.URL(), index, "Workers 1", "Generate_ID on", "Bulk_Size 4K")))
	all := postOTLP(t, port, each)
	e2e.EventuallyCount(t, s, index, len(all))
	got := e2e.Documents(t, s, index)
	for _, l := range all {
		if want := l.wants(); !reflect.DeepEqual(e2e.Normal(got[l.n]), e2e.Normal(want)) {
			t.Fatalf("log %d:\n got %v\nwant %v", l.n, got[l.n], want)
		}
	}
	received := `fluentbit_output_es_go_received_records_total{name="es_go.0"}`
	support.Eventually(t, time.Minute, "as many records as logs are counted, and no markers", func() bool { return agent.Metric(t, received) == float64(len(all)) })
	agent.Stop(t)
}
