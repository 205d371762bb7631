package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// The maximum growth of a byte of a chunk. In values it is the 6 bytes of an escaped control
// character, or of `false,`; in a key that is itself a map, where quotes are escaped, `\"false\":`
// is 10 bytes of one.
const (
	growth = 10
	// added is the length of the time, the tag, the metadata's key and the brackets.
	added = 200
)

// FuzzDocument gives random bytes to the reader, and the events that it finds to the writer.
func FuzzDocument(f *testing.F) {
	kubernetes := appendKubernetes(appendKubernetes(nil, 1, 1), 4, 1)
	f.Add(kubernetes)
	f.Add(kubernetes[:len(kubernetes)-30])
	f.Add(append(appendHead(nil, 1, 2), wideRecord()...))
	f.Add(append(appendHead(nil, 1, 2), keyed(keyed(keyed([]byte{0x91, 0xca, 1, 2, 3, 4})))...))
	f.Add(append(appendHead(nil, 1, 2), under("v", msgp.AppendString(nil, "\x00\xff\"\\é\u2028"))...))
	f.Add(append(appendHead(nil, 1, 2), nest(210, openMap, []byte{0xc0})...))
	f.Add(append([]byte{0x92, 0x92, 1, 0x81, 0xa1, 'm', 0xc3}, fields("@timestamp", 1, "metadata", 2, "a.b", 3, "a.b", 4)...))
	group := append([]byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80}, fields("resource", fields("attributes", fields("a.b", 1)), "log", 2)...)
	logs := append(append([]byte{0x92, 0x92, 1}, fields("otlp", otlp(), "more", 1)...), fields("log", "a", "attributes", 1)...)
	f.Add(append(append(group, logs...), logs...))
	f.Add(append(appendHead(nil, 1, 2), fields("", 1, ".", 2, "a..b", 3, "_id", 4, "in", fields("a.b", 5, "a_b", 6, "a_b_1", 7, "a.b", 8), " ", 9)...))
	for seed := range uint64(8) {
		n := 0
		f.Add(append(appendHead(nil, 1, 2), nastyMap(rand.New(rand.NewPCG(seed, 9)), 2, &n, map[int]bool{})...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		full, plain := defaultWriter(t), document.NewWriter(document.Options{})
		dotless := document.NewWriter(document.Options{Dots: document.ReplaceDots, MetadataKey: "m"})
		r := chunk.NewReader(data)
		var e chunk.Event
		for {
			err := r.Next(&e)
			if errors.Is(err, chunk.ErrNotAnEvent) {
				continue
			}
			if err != nil {
				return
			}
			fuzzEvent(t, full, &e)
			fuzzEvent(t, dotless, &e)
			out, ok := fuzzEvent(t, plain, &e)
			if !ok {
				return
			}
			if want, _, simple := tokens(nil, e.Record, 0); simple {
				compareTokens(t, out, want)
			}
		}
	})
}

// fuzzEvent checks the writer's promises for one event.
func fuzzEvent(t *testing.T, w *document.Writer, e *chunk.Event) (out []byte, ok bool) {
	t.Helper()
	out, rest, err := w.Append(nil, e)
	want, skipErr := chunk.Skip(e.Record)
	if (err == nil) != (skipErr == nil) || err != nil && !errors.Is(err, chunk.ErrTruncated) {
		t.Fatalf("%v, but to be skipped: %v", err, skipErr)
	}
	if err != nil {
		return nil, false
	}
	if len(rest) != len(want) {
		t.Fatalf("%d bytes left, want %d", len(rest), len(want))
	}
	if !utf8.Valid(out) || bytes.ContainsAny(out, "\n\r") {
		t.Fatalf("not one line in UTF-8: %q", out)
	}
	if err := acceptable(out); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	if read := len(e.Record) - len(rest) + len(e.Metadata) + len(e.Group); len(out) > growth*read+added {
		t.Fatalf("%d bytes became %d", read, len(out))
	}
	again, _, _ := w.Append(make([]byte, 0, 4096), e) // with its memory of the first time, and room for it
	if !bytes.Equal(out, again) {
		t.Fatalf("%s\nis, the second time\n%s", out, again)
	}
	return out, true
}

// tokens lists the tokens that encoding/json must find in the document of an ordinary value: no
// binaries and ext types, only string keys that need no change, UTF-8, not too deep.
func tokens(list []json.Token, b []byte, depth int) (out []json.Token, rest []byte, simple bool) {
	if depth > 150 {
		return list, nil, false
	}
	switch msgp.NextType(b) {
	case msgp.MapType:
		n, b, _ := msgp.ReadMapHeaderBytes(b)
		list, simple = append(list, json.Delim('{')), true
		names := map[string]bool{}
		for ; n > 0 && simple; n-- {
			if msgp.NextType(b) != msgp.StrType {
				return list, nil, false
			}
			name, _, _ := msgp.ReadStringBytes(b)
			if names[name] || rejected(name, true) != "" {
				return list, nil, false
			}
			names[name] = true
			if list, b, simple = tokens(list, b, depth+1); simple {
				list, b, simple = tokens(list, b, depth+1)
			}
		}
		return append(list, json.Delim('}')), b, simple
	case msgp.ArrayType:
		n, b, _ := msgp.ReadArrayHeaderBytes(b)
		list, simple = append(list, json.Delim('[')), true
		for ; n > 0 && simple; n-- {
			list, b, simple = tokens(list, b, depth+1)
		}
		return append(list, json.Delim(']')), b, simple
	case msgp.StrType:
		s, b, _ := msgp.ReadStringBytes(b)
		return append(list, s), b, utf8.ValidString(s)
	case msgp.NilType:
		return append(list, nil), b[1:], true
	case msgp.BoolType:
		v, b, _ := msgp.ReadBoolBytes(b)
		return append(list, v), b, true
	case msgp.IntType:
		i, b, _ := msgp.ReadInt64Bytes(b)
		return append(list, json.Number(strconv.FormatInt(i, 10))), b, true
	case msgp.UintType:
		u, b, _ := msgp.ReadUint64Bytes(b)
		return append(list, json.Number(strconv.FormatUint(u, 10))), b, true
	case msgp.Float64Type:
		f, b, _ := msgp.ReadFloat64Bytes(b)
		return append(list, number(f)), b, true
	case msgp.Float32Type:
		f, b, _ := msgp.ReadFloat32Bytes(b)
		return append(list, number(f)), b, true
	}
	return list, nil, false
}

// number is a float as written by encoding/json, with a fraction if that is an integer; nil if
// encoding/json can't write it.
func number[F float32 | float64](f F) json.Token {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return nil
	}
	text, _ := json.Marshal(f)
	if !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return json.Number(text)
}

func compareTokens(t *testing.T, text []byte, want []json.Token) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for i, w := range want {
		got, err := d.Token()
		if err != nil || got != w {
			t.Fatalf("token %d is %#v, %v; want %#v in %s", i, got, err, w, text)
		}
	}
	if d.More() {
		t.Fatalf("more than %d tokens in %s", len(want), text)
	}
}
