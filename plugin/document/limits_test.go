package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// levels is the maximum nesting of maps and arrays, the record included, as in docs/documents.md.
const levels = 200

// nest wraps value in n maps or arrays.
func nest(n int, open []byte, value []byte) []byte {
	return append(bytes.Repeat(open, n), value...)
}

var (
	openMap   = msgp.AppendString(msgp.AppendMapHeader(nil, 1), "a")
	openArray = msgp.AppendArrayHeader(nil, 1)
)

func TestValuesNestedTooDeepAreTruncatedAndCounted(t *testing.T) {
	for _, row := range []struct {
		name   string
		open   []byte
		levels int // below the record
		cut    int
	}{
		{"maps as deep as can be", openMap, levels - 1, 0},
		{"one map too many", openMap, levels, 1},
		{"a thousand maps", openMap, 1000, 1},
		{"a million maps", openMap, 1_000_000, 1},
		{"arrays as deep as can be", openArray, levels - 1, 0},
		{"one array too many", openArray, levels, 1},
		{"a million arrays", openArray, 1_000_000, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			record := append(msgp.AppendMapHeader(nil, 2), under("deep", nest(row.levels, row.open, []byte{7}))[1:]...)
			record = append(record, under("log", msgp.AppendString(nil, "kept"))[1:]...)
			w := document.NewWriter(document.Options{})
			for range 2 { // a cut map must not be remembered
				out, rest, err := w.Append(nil, &chunk.Event{Record: record})
				if err != nil || len(rest) != 0 {
					t.Fatalf("%d bytes left, %v", len(rest), err)
				}
				if n := w.Truncated(); n != row.cut {
					t.Errorf("%d values cut, want %d", n, row.cut)
				}
				if n := w.Truncated(); n != 0 {
					t.Errorf("asked again, %d values cut", n)
				}
				checkDeep(t, string(out), min(row.levels, levels-1), row.cut)
			}
		})
	}
}

// checkDeep wants that many levels below the record, 7 or null at their end, and the rest of the
// record behind them.
func checkDeep(t *testing.T, text string, wantLevels, cut int) {
	t.Helper()
	record, _ := decode(t, text).(map[string]any)
	if record["log"] != "kept" || len(record) != 2 {
		t.Fatalf("the rest of the record is gone: %.200s", text)
	}
	value, got := record["deep"], 0
	for ; ; got++ {
		if m, ok := value.(map[string]any); ok {
			value = m["a"]
		} else if list, ok := value.([]any); ok {
			value = list[0]
		} else {
			break
		}
	}
	if got != wantLevels {
		t.Errorf("%d levels, want %d", got, wantLevels)
	}
	if want := any(json.Number("7")); cut == 0 && value != want || cut > 0 && value != nil {
		t.Errorf("%v lies at the end", value)
	}
}

func TestEveryCutValueIsCounted(t *testing.T) {
	list := append(msgp.AppendArrayHeader(nil, 3), 0x90, 0x80, 0xc0)
	record := nest(levels-1, openMap, nest(1, openArray, list))
	w := document.NewWriter(document.Options{MetadataKey: "metadata"})
	if _, _, err := w.Append(nil, &chunk.Event{Record: record, Metadata: nest(levels, openMap, list)}); err != nil {
		t.Fatal(err)
	}
	if n := w.Truncated(); n != 2 { // one in the record, one in the metadata
		t.Errorf("%d values cut, want 2", n)
	}
}

// Quotes within quotes double their backslashes at every level: such a key could make a gigabyte of
// 60 bytes.
func TestMapsAsKeysOfMapsDoNotExplode(t *testing.T) {
	for _, row := range []struct {
		name string
		key  func(inner []byte) []byte
	}{
		{"maps as keys of maps", keyed},
		{"arrays of maps with such keys", func(inner []byte) []byte { return append([]byte{0x91}, keyed(inner)...) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			record := keyed(msgp.AppendString(nil, "a"))
			for range 100 {
				record = keyed(row.key(record))
			}
			w := document.NewWriter(document.Options{})
			out, _, err := w.Append(nil, &chunk.Event{Record: record})
			if err != nil {
				t.Fatal(err)
			}
			if len(out) > 10*len(record) || !json.Valid(out) || w.Truncated() != 1 {
				t.Errorf("%d bytes of %d: %.300s", len(out), len(record), out)
			}
		})
	}
	if got, want := bare(t, keyed(keyed(under("a", []byte{1})))), `{"{\"null\":1}":1}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// wideRecord has every format, each with more than a byte.
func wideRecord() []byte {
	b := msgp.AppendMapHeader(nil, 14)
	add := func(value []byte) { b = append(msgp.AppendString(b, "key"), value...) }
	for _, n := range []int{3, 40, 300} {
		add(msgp.AppendString(nil, strings.Repeat("ä", n)))
		add(msgp.AppendBytes(nil, bytes.Repeat([]byte{0xff}, n)))
	}
	add(msgp.AppendInt64(nil, -1<<40))
	add(msgp.AppendUint64(nil, 1<<63))
	add(msgp.AppendFloat64(nil, 0.1))
	add(msgp.AppendFloat32(nil, 0.1))
	add([]byte{0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	add([]byte{0xc7, 2, 5, 1, 2})
	add(append([]byte{0xde, 0, 2}, append(keyed([]byte{0xcd, 1, 0})[1:], keyed([]byte{0x92, 1, 2})[1:]...)...))
	add([]byte{0xdc, 0, 2, 0xc2, 0xc3})
	return b
}

func TestRecordCutAnywhereIsTruncated(t *testing.T) {
	record := wideRecord()
	if rest, err := msgp.Skip(record); err != nil || len(rest) != 0 {
		t.Fatalf("the test's own record is broken: %v", err)
	}
	bare(t, record)
	w := defaultWriter(t)
	for cut := range record {
		e := chunk.Event{Time: moment, Record: slices.Clone(record[:cut])}
		if _, _, err := w.Append(nil, &e); !errors.Is(err, chunk.ErrTruncated) {
			t.Fatalf("cut at %d of %d: %v", cut, len(record), err)
		}
	}
	// A writer works as before after broken records.
	e := chunk.Event{Time: moment, Record: record}
	after, _, err := w.Append(nil, &e)
	fresh, _, _ := defaultWriter(t).Append(nil, &e)
	if err != nil || string(after) != string(fresh) {
		t.Errorf("after broken records, %v:\n%s\nwant\n%s", err, after, fresh)
	}
}

func TestHostileHeadersEndAtOnce(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	for _, lead := range []byte{0xdf, 0xdd, 0xdb, 0xc6, 0xc9} {
		value := append([]byte{lead}, huge...)
		for _, record := range [][]byte{under("v", value), append([]byte{0x81}, value...), value, under("v", append(value, 0xa1, 'k', 1))} {
			w := document.NewWriter(document.Options{})
			out, _, err := w.Append(nil, &chunk.Event{Record: record})
			if !errors.Is(err, chunk.ErrTruncated) || cap(out) > 1024 {
				t.Errorf("%x: %v, with %d bytes of memory", record, err, cap(out))
			}
		}
	}
}

func TestCutMetadataIsTruncated(t *testing.T) {
	w := document.NewWriter(document.Options{MetadataKey: "m"})
	_, _, err := w.Append(nil, &chunk.Event{Record: fields(), Metadata: []byte{0x81, 0xa1, 'k'}})
	if !errors.Is(err, chunk.ErrTruncated) {
		t.Error(err)
	}
}

// The end of a record is where msgp finds it.
func TestRestIsWhatFollowsTheRecord(t *testing.T) {
	data, events := mixedChunk()
	r := chunk.NewReader(data)
	w := defaultWriter(t)
	var e chunk.Event
	for i := range events {
		if err := r.Next(&e); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		want, err := msgp.Skip(e.Record)
		_, rest, appendErr := w.Append(nil, &e)
		if err != nil || appendErr != nil || len(rest) != len(want) {
			t.Fatalf("event %d: %d bytes left, want %d; %v, %v", i, len(rest), len(want), err, appendErr)
		}
		r.Done(rest)
	}
	if err := r.Next(&e); err != io.EOF {
		t.Error(err)
	}
}
