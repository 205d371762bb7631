package document_test

import (
	"reflect"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// fields makes a msgpack map of keys and values in the given order. A value of bytes is msgpack
// already.
func fields(pairs ...any) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		b = msgp.AppendString(b, pairs[i].(string))
		if raw, ok := pairs[i+1].([]byte); ok {
			b = append(b, raw...)
			continue
		}
		b, _ = msgp.AppendIntf(b, pairs[i+1])
	}
	return b
}

func TestDocumentsHoldTheRecordAndAddedFields(t *testing.T) {
	all := document.Options{TimeKey: "@timestamp", TagKey: "flb-key", MetadataKey: "metadata"}
	metadata := fields("severity", 9, "otlp", fields("trace_id", "5b8aa5a2"))
	for _, row := range []struct {
		name     string
		options  document.Options
		record   []byte
		metadata []byte
		want     string
	}{
		{"nothing is added", document.Options{}, fields("log", "a"), metadata, `{"log":"a"}`},
		{"an empty record to which nothing is added", document.Options{}, fields(), metadata, `{}`},
		{"an empty record", document.Options{TimeKey: "@timestamp"}, fields(), nil, `{"@timestamp":"2026-11-23T09:14:22.117Z"}`},
		{"the time", document.Options{TimeKey: "t"}, fields("log", "a"), nil, `{"log":"a","t":"2026-11-23T09:14:22.117Z"}`},
		{"the tag", document.Options{TagKey: "flb-key"}, fields("log", "a"), nil, `{"log":"a","flb-key":"app.web"}`},
		{"the metadata", document.Options{MetadataKey: "metadata"}, fields("log", "a"), metadata,
			`{"log":"a","trace_id":"5b8aa5a2","metadata":{"severity":9}}`},
		{"no metadata in the old layout", document.Options{MetadataKey: "metadata"}, fields("log", "a"), nil, `{"log":"a"}`},
		{"empty metadata adds nothing", document.Options{MetadataKey: "metadata"}, fields("log", "a"), fields(), `{"log":"a"}`},
		{"nor does it in a longer form", document.Options{MetadataKey: "metadata"}, fields("log", "a"), []byte{0xde, 0, 0}, `{"log":"a"}`},
		{"nor in the longest, as Fluent Bit writes it", document.Options{MetadataKey: "metadata"}, fields("log", "a"), []byte{0xdf, 0, 0, 0, 0}, `{"log":"a"}`},
		{"all of them", all, fields("log", "a"), fields("s", 9),
			`{"log":"a","@timestamp":"2026-11-23T09:14:22.117Z","flb-key":"app.web","metadata":{"s":9}}`},
		{"the record's own time wins", all, fields("@timestamp", "mine", "log", "a"), nil,
			`{"@timestamp":"mine","log":"a","flb-key":"app.web"}`},
		{"also when it is null", all, fields("@timestamp", nil), nil, `{"@timestamp":null,"flb-key":"app.web"}`},
		{"the record's own tag wins", all, fields("log", "a", "flb-key", 5), nil,
			`{"log":"a","flb-key":5,"@timestamp":"2026-11-23T09:14:22.117Z"}`},
		{"the record's own metadata wins", all, fields("metadata", fields("a", 1)), metadata,
			`{"metadata":{"a":1},"@timestamp":"2026-11-23T09:14:22.117Z","flb-key":"app.web","trace_id":"5b8aa5a2"}`},
		{"a field deeper down wins nothing", all, fields("in", fields("@timestamp", 1)), nil,
			`{"in":{"@timestamp":1},"@timestamp":"2026-11-23T09:14:22.117Z","flb-key":"app.web"}`},
		{"nor does one that begins alike", all, fields("@timestamps", 1), nil,
			`{"@timestamps":1,"@timestamp":"2026-11-23T09:14:22.117Z","flb-key":"app.web"}`},
		{"a key that needs escaping wins too", document.Options{TimeKey: "a\"b"}, fields("a\"b", 1), nil, `{"a\"b":1}`},
		{"a key that is a binary wins too", document.Options{TimeKey: "t"}, append([]byte{0x81, 0xc4, 1, 't'}, 1), nil, `{"t":1}`},
		{"a key that needs escaping is added", document.Options{TagKey: "a\"\n"}, fields(), nil, `{"a\"\n":"app.web"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := write(t, row.options, chunk.Event{Time: moment, Record: row.record, Metadata: row.metadata})
			if got != row.want {
				t.Errorf("%s\nwant %s", got, row.want)
			}
		})
	}
}

func TestReplaceDotsReachesEveryKeyAndNoValue(t *testing.T) {
	record := fields("a.b", "v.w", "in", fields("u..v", fields("x.y.z", 1.5)), "list", []byte{0x91, 0x81, 0xa3, 'p', '.', 'q', 0xa1, '.'})
	record = append(record, msgp.AppendString(msgp.AppendFloat64(nil, 2.5), "the key is a number")...)
	record = append(record, msgp.AppendInt(msgp.AppendBytes(nil, []byte("bin.ary")), 1)...)
	record = append(record, msgp.AppendInt(msgp.AppendString(nil, "a key.of more than thirty.one bytes"), 2)...)
	record[0] += 3
	for _, row := range []struct {
		dots document.Dots
		want string
	}{
		{document.KeepDots, `{"a.b":"v.w","in":{"u._v":{"x.y.z":1.5}},"list":[{"p.q":"."}],"2.5":"the key is a number","bin.ary":1,` +
			`"a key.of more than thirty.one bytes":2,"metadata":{"m.n":"o.p"}}`},
		{document.ReplaceDots, `{"a_b":"v.w","in":{"u__v":{"x_y_z":1.5}},"list":[{"p_q":"."}],"2_5":"the key is a number","bin_ary":1,` +
			`"a key_of more than thirty_one bytes":2,"metadata":{"m_n":"o.p"}}`},
	} {
		o := document.Options{MetadataKey: "metadata", Dots: row.dots}
		got := write(t, o, chunk.Event{Time: moment, Record: record, Metadata: fields("m.n", "o.p")})
		if got != row.want {
			t.Errorf("%s\nwant %s", got, row.want)
		}
	}
}

func TestReplaceDotsLeavesTheKeysOfOptionsAlone(t *testing.T) {
	o := document.Options{TimeKey: "event.created", TagKey: "flb.tag", Dots: document.ReplaceDots}
	got := write(t, o, chunk.Event{Time: moment, Record: fields("event.created", 1)})
	if want := `{"event_created":1,"event.created":"2026-11-23T09:14:22.117Z","flb.tag":"app.web"}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestTagsAreEscaped(t *testing.T) {
	w := document.NewWriter(document.Options{TagKey: "tag"})
	for _, tag := range []string{"", "kube.var.log", "a\"},{\"index", "line\nend", "bad \xff", "größer"} {
		w.Begin(tag)
		out, _, err := w.Append(nil, &chunk.Event{Record: fields()})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decode(t, string(out)), viaJSON(t, map[string]any{"tag": tag}); !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
