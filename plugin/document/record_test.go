package document_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/lestrrat-go/strftime"
	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

const tag = "app.web"

// moment is the time of an event in tests that don't depend on it: 2026-11-23T09:14:22.117384Z.
var moment = chunk.Time{Seconds: 1795425262, Nanos: 117384000}

// write returns one document, made by a new writer.
func write(t testing.TB, o document.Options, e chunk.Event) string {
	t.Helper()
	if o.TimeFormat == nil {
		o.TimeFormat = dateFormat(t, "%Y-%m-%dT%H:%M:%S")
	}
	w := document.NewWriter(o)
	w.Begin(tag)
	const before, behind = "before", "\x93rest"
	e.Record = append(bytes.Clone(e.Record), behind...)
	out, rest, err := w.Append([]byte(before), &e)
	if err != nil {
		t.Fatal(err)
	}
	if string(rest) != behind {
		t.Fatalf("%q is left behind the record, want %q", rest, behind)
	}
	text, found := bytes.CutPrefix(out, []byte(before))
	if !found {
		t.Fatalf("what stood before is gone: %q", out)
	}
	if !json.Valid(text) {
		t.Fatalf("no JSON: %s", text)
	}
	return string(text)
}

func dateFormat(t testing.TB, pattern string) *strftime.Strftime {
	t.Helper()
	format, err := address.ParseDate(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return format
}

// bare writes a record without added fields.
func bare(t testing.TB, record []byte) string {
	t.Helper()
	return write(t, document.Options{}, chunk.Event{Time: moment, Record: record})
}

// under makes a record with one field.
func under(key string, value []byte) []byte {
	return append(msgp.AppendString(msgp.AppendMapHeader(nil, 1), key), value...)
}

// keyed makes a record with one field whose key is any value.
func keyed(key []byte) []byte {
	return msgp.AppendInt(append(msgp.AppendMapHeader(nil, 1), key...), 1)
}

// decode reads JSON like encoding/json, but keeps numbers as text.
func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// viaJSON is a Go value after encoding and decoding by encoding/json.
func viaJSON(t testing.TB, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(text))
}
