package document_test

import (
	"testing"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// stream is the data stream of all events of a test.
type stream string

func (s stream) IndexAt(chunk.Time, chunk.Values) []byte { return []byte(`"` + s + `"`) }

const itsFields = `"data_stream":{"type":"logs","dataset":"shop.web","namespace":"prod-eu"}`

func TestDocumentsTellTheirDataStream(t *testing.T) {
	own := fields("namespace", "prod-eu", "dataset", "shop.web", "type", "logs")
	for _, row := range []struct {
		name    string
		record  []byte
		want    string
		renamed int
	}{
		{"none of its own", fields("a", 1), `{"a":1,` + itsFields + `}`, 0},
		{"empty", fields(), `{` + itsFields + `}`, 0},
		{"the same", fields("data_stream", own, "a", 1), `{"data_stream":{"namespace":"prod-eu","dataset":"shop.web","type":"logs"},"a":1}`, 0},
		{"the same, and more", fields("data_stream", fields("type", "logs", "x", 1, "dataset", "shop.web", "namespace", "prod-eu")),
			`{"data_stream":{"type":"logs","x":1,"dataset":"shop.web","namespace":"prod-eu"}}`, 0},
		{"another", fields("data_stream", fields("type", "metrics", "dataset", "shop.web", "namespace", "prod-eu")),
			`{"data_stream_1":{"type":"metrics","dataset":"shop.web","namespace":"prod-eu"},` + itsFields + `}`, 1},
		{"a part", fields("data_stream", fields("type", "logs")), `{"data_stream_1":{"type":"logs"},` + itsFields + `}`, 1},
		{"a part twice, and another missing", fields("data_stream", fields("type", "logs", "dataset", "shop.web", "type", "logs")),
			`{"data_stream_1":{"dataset":"shop.web","type":"logs"},` + itsFields + `}`, 2},
		{"no map", fields("data_stream", "x"), `{"data_stream_1":"x",` + itsFields + `}`, 1},
		{"parts that are no text", fields("data_stream", fields("type", 1, "dataset", 2, "namespace", 3)),
			`{"data_stream_1":{"type":1,"dataset":2,"namespace":3},` + itsFields + `}`, 1},
		{"with dots", fields("data_stream.type", "metrics", "data_stream.other", 1, "data_stream.namespace", "x"),
			`{"data_stream.type_1":"metrics","data_stream.other":1,"data_stream.namespace_2":"x",` + itsFields + `}`, 2},
		{"the name it would get is taken", fields("data_stream", 1, "data_stream_1", 2), `{"data_stream_2":1,"data_stream_1":2,` + itsFields + `}`, 1},
		{"twice", fields("data_stream", 1, "data_stream", 2), `{"data_stream_1":2,` + itsFields + `}`, 2},
		{"deeper", fields("a", fields("data_stream", 1)), `{"a":{"data_stream":1},` + itsFields + `}`, 0},
	} {
		w := document.NewWriter(document.Options{})
		w.NameStreams(stream("logs-shop.web-prod-eu"))
		for range 3 { // its keys are known from the second time on
			out, _, err := w.Append(nil, &chunk.Event{Record: row.record})
			if err != nil || string(out) != row.want {
				t.Errorf("%s: %v\n%s\nwant\n%s", row.name, err, out, row.want)
			}
			changed := w.Changed()
			if n := changed[document.CollidingKey] + changed[document.DuplicateKey]; n != row.renamed {
				t.Errorf("%s: %d keys changed, want %d", row.name, n, row.renamed)
			}
		}
	}
}

func TestTellingTheDataStreamAllocatesNothing(t *testing.T) {
	w := document.NewWriter(document.Options{})
	name := []byte(`"logs-a-b"`)
	w.NameStreams(fixed(name))
	for _, record := range [][]byte{fields("a", 1), fields("data_stream", fields("type", "x"), "data_stream.type", 1)} {
		e := chunk.Event{Record: record}
		var dst []byte
		for range 3 {
			dst, _, _ = w.Append(dst[:0], &e)
		}
		if n := support.Allocations(100, func() { dst, _, _ = w.Append(dst[:0], &e) }); n != 0 {
			t.Errorf("%v allocations for %s", n, dst)
		}
	}
}

type fixed []byte

func (f fixed) IndexAt(chunk.Time, chunk.Values) []byte { return f }
