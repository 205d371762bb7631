package host_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/host"
)

var noon = time.Unix(0x01020304, 0x05060708)

func TestEventsLieAsFluentBitLaysThem(t *testing.T) {
	const at = "\xd7\x00\x01\x02\x03\x04\x05\x06\x07\x08"
	nested, flat := host.Chunk{}, host.Chunk{Layout: host.Flat}
	for _, c := range []*host.Chunk{&nested, &flat} {
		if err := c.AddJSON(noon, []byte(`{"a":1}`)); err != nil {
			t.Fatal(err)
		}
		c.AddLine(noon, []byte("\xff"))
	}
	if err := nested.AddWithMetadata(noon, []byte(`{"m":true}`), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := flat.AddWithMetadata(noon, []byte(`{"m":true}`), []byte(`{}`)); err == nil {
		t.Error("metadata in the flat layout")
	}
	if err := nested.StartGroup([]byte(`{"schema":"otlp"}`), []byte(`{"resource":{}}`)); err != nil {
		t.Fatal(err)
	}
	if err := nested.EndGroup(); err != nil {
		t.Fatal(err)
	}
	want := "\x92\x92" + at + "\x80\x81\xa1a\x01" + "\x92\x92" + at + "\x80\x81\xa3log\xa1\xff" + "\x92\x92" + at + "\x81\xa1m\xc3\x80" +
		"\x92\x92\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00\x81\xa6schema\xa4otlp\x81\xa8resource\x80" +
		"\x92\x92\xd7\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x80\x80"
	if string(nested.Bytes) != want || nested.Events != 3 {
		t.Errorf("nested, %d events:\n% x\nwant\n% x", nested.Events, nested.Bytes, want)
	}
	want = "\x92" + at + "\x81\xa1a\x01" + "\x92" + at + "\x81\xa3log\xa1\xff"
	if string(flat.Bytes) != want || flat.Events != 2 {
		t.Errorf("flat, %d events:\n% x\nwant\n% x", flat.Events, flat.Bytes, want)
	}
}

func TestChunksEndWithTheEventThatCrosses2MB(t *testing.T) {
	record := `{"log":"` + strings.Repeat("x", 1<<20) + `"}`
	chunks, err := host.Chunks(host.Nested, noon, record, record, record)
	if err != nil || len(chunks) != 2 || chunks[0].Events != 2 || chunks[1].Events != 1 {
		t.Fatalf("%d chunks, %v", len(chunks), err)
	}
	if size := len(chunks[0].Bytes); size <= host.ChunkBytes || chunks[1].Full() {
		t.Errorf("the first has %d bytes", size)
	}
}

func TestRecordsKeepOrderDuplicatesAndNumbers(t *testing.T) {
	for object, want := range map[string]string{
		`{"b":1,"a":2,"b":3}`:                         "\x83\xa1b\x01\xa1a\x02\xa1b\x03",
		`{"n":[0,-1,127,128,65536,-129]}`:             "\x81\xa1n\x96\x00\xff\x7f\xcc\x80\xce\x00\x01\x00\x00\xd1\xff\x7f",
		`{"n":9223372036854775808}`:                   "\x81\xa1n\xcf\x80\x00\x00\x00\x00\x00\x00\x00",
		`{"n":-9223372036854775808}`:                  "\x81\xa1n\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		`{"n":[1.0,1e3,-0,18446744073709551616]}`:     "\x81\xa1n\x94\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xcb\x40\x8f\x40\x00\x00\x00\x00\x00\x00\xcb\x43\xf0\x00\x00\x00\x00\x00\x00",
		" {\"x\":[null,true,false,\"\\u00e9\xff\"]} ": "\x81\xa1x\x94\xc0\xc3\xc2\xa3\xc3\xa9\xff",
	} {
		got, err := host.AppendJSON([]byte("before"), []byte(object))
		if err != nil || string(got) != "before"+want {
			t.Errorf("%s: % x, %v\nwant % x", object, got, err, want)
		}
	}
	many := make(map[string]any)
	for i := range 70_000 {
		many[fmt.Sprint(i)] = float64(i)
	}
	checkAgainstEncodingJSON(t, many)
	checkAgainstEncodingJSON(t, map[string]any{"list": make([]any, 70_000), "deep": map[string]any{"er": []any{make([]any, 20)}}})
}

func checkAgainstEncodingJSON(t *testing.T, want map[string]any) {
	t.Helper()
	object, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := host.AppendJSON(nil, object)
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if rest, err := msgp.UnmarshalAsJSON(&back, packed); err != nil || len(rest) > 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	var got map[string]any
	if err := json.Unmarshal(back.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("came back different (%v)", err)
	}
}

// FuzzAppendJSON checks against encoding/json which texts are JSON objects.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}],"c":1.5e3}`, `{"a":1}x`, `{"a":1`, `{"a":}`, `{"a":01}`, `{"a":+1}`, `{"a":1.}`,
		`{"a":.5}`, `{"a":1e999}`, `{"a":tru}`, `[1]`, `"s"`, ``, ` `, `{"a" 1}`, `{"a":1,}`, `{"a":"\q"}`, "{\"a\":\"\n\"}", `{"a":"\ud800"}`, `{a:1}`,
		`{"a":-}`, `{"a":nul}`, "{}\x00", `{}{}`, `{"":""}`, `{"a":[1 2]}`, `{"a":[1,]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		packed, err := host.AppendJSON(nil, object)
		var any map[string]any
		want := json.Unmarshal(object, &any)
		if (err == nil) != (want == nil && any != nil) {
			t.Fatalf("%q: %v, encoding/json: %v", object, err, want)
		}
		if err != nil {
			return
		}
		if rest, err := msgp.Skip(packed); err != nil || len(rest) > 0 {
			t.Fatalf("%q: % x: %v", object, packed, err)
		}
	})
}

func BenchmarkAddJSON(b *testing.B) {
	record := []byte(`{"time":"2026-01-01T00:00:00.000000001Z","stream":"stdout","log":"` + strings.Repeat("GET /a/b 200 ", 20) + `\n",` +
		`"kubernetes":{"pod_name":"app-0","namespace_name":"shop","labels":{"app":"shop","tier":"web"},"container_name":"app"},"n":12345}`)
	b.SetBytes(int64(len(record)))
	var chunk host.Chunk
	for b.Loop() {
		if err := chunk.AddJSON(noon, record); err != nil {
			b.Fatal(err)
		}
		if chunk.Full() {
			chunk = host.Chunk{}
		}
	}
}
