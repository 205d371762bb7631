package documents

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_es/test/e2e"
	"out_es/test/host"
)

// generator makes msgpack values, and beside each the value that Elasticsearch must return, by the
// words of docs/documents.md and not by the plugin's code.
type generator struct{ *rand.Rand }

// texts are strings that are hard on escapes, encodings and mappings.
var texts = []string{
	"", " ", "plain", "quote \" slash \\ solidus /", "\x00\x01\x1f\x7f\b\f\n\r\t", "\u2028\u2029", "é€😀\U0010FFFF", "\ufeff", "\\u0041", "</script>",
	"null", "true", "12", "1e400", "0x1F", "2026-11-23", "2026-11-23T09:14:22Z", "not a date 2026", "192.0.2.1", "{\"a\":1}", "[1]", "a\nb\"}\n{\"index\":{}}\n",
	"\u202e reversed", "a\u0301", "\ud7ff\ue000\ufffd\uffff", strings.Repeat("long ", 2000), strings.Repeat("😀", 300),
}

func (g generator) text() string {
	if g.IntN(3) > 0 {
		return texts[g.IntN(len(texts))]
	}
	runes := make([]rune, g.IntN(1<<g.IntN(7)))
	for i := range runes {
		for runes[i] = rune(g.IntN(1 << (7 + g.IntN(14)))); !utf8.ValidRune(runes[i]); {
			runes[i] = rune(g.IntN(utf8.MaxRune))
		}
	}
	return string(runes)
}

func (g generator) raw() []byte {
	b := make([]byte, g.IntN(1<<g.IntN(9)))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// scalar makes a value of any type without nested values.
func (g generator) scalar(b []byte) (msgpack []byte, want any) {
	switch g.IntN(12) {
	case 0:
		return msgp.AppendNil(b), nil
	case 1:
		v := g.IntN(2) == 0
		return msgp.AppendBool(b, v), v
	case 2:
		i := int64(g.Uint64()) >> g.IntN(64)
		return msgp.AppendInt64(b, i), json.Number(strconv.FormatInt(i, 10))
	case 3:
		u := g.Uint64() >> g.IntN(64)
		return msgp.AppendUint64(b, u), json.Number(strconv.FormatUint(u, 10))
	case 4:
		f := math.Float64frombits(g.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return msgp.AppendFloat64(b, f), nil
		}
		return msgp.AppendFloat64(b, f), f
	case 5:
		f := math.Float32frombits(g.Uint32())
		if wide := float64(f); math.IsNaN(wide) || math.IsInf(wide, 0) {
			return msgp.AppendFloat32(b, f), nil
		}
		shortest, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
		return msgp.AppendFloat32(b, f), shortest
	case 6:
		raw := g.raw()
		if utf8.Valid(raw) {
			return msgp.AppendBytes(b, raw), string(raw)
		}
		return msgp.AppendBytes(b, raw), base64.StdEncoding.EncodeToString(raw)
	case 7:
		raw := g.raw()
		return msgp.AppendStringFromBytes(b, raw), strings.Join(replaced(raw), "")
	case 8:
		data := g.raw()[:0:0]
		for range 16 {
			data = append(data, byte(g.Uint32()))
		}
		return append(append(b, 0xd8, byte(1+g.IntN(100))), data...), base64.StdEncoding.EncodeToString(data)
	case 9:
		seconds, nanos := g.Uint32(), g.Uint32N(1e9)
		b = append(b, 0xd7, 0, byte(seconds>>24), byte(seconds>>16), byte(seconds>>8), byte(seconds), byte(nanos>>24), byte(nanos>>16), byte(nanos>>8), byte(nanos))
		exact := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%09d", seconds, nanos), "0"), ".")
		if nanos == 0 {
			exact = fmt.Sprint(seconds)
		}
		return b, json.Number(exact)
	}
	text := g.text()
	return msgp.AppendString(b, text), text
}

// replaced are the characters of raw, with U+FFFD for each byte that is not UTF-8.
func replaced(raw []byte) (characters []string) {
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		characters = append(characters, string(r))
		raw = raw[size:]
	}
	return characters
}

// value makes any value, depth levels deep at the most.
func (g generator) value(b []byte, depth int) (msgpack []byte, want any) {
	if depth > 0 && g.IntN(5) == 0 {
		n := g.IntN(6)
		b, list := msgp.AppendArrayHeader(b, uint32(n)), make([]any, n)
		for i := range list {
			b, list[i] = g.value(b, depth-1)
		}
		return b, list
	}
	if depth > 0 && g.IntN(4) == 0 {
		return g.object(b, depth-1)
	}
	return g.scalar(b)
}

// object makes a map with distinct keys that are unusual and legal.
func (g generator) object(b []byte, depth int) (msgpack []byte, want any) {
	n := g.IntN(8)
	b, object := msgp.AppendMapHeader(b, uint32(n)), map[string]any{}
	for i := range n {
		var value any
		if g.IntN(8) == 0 {
			b = msgp.AppendInt(b, i)
			b, value = g.value(b, depth)
			object[strconv.Itoa(i)] = value
			continue
		}
		key := fmt.Sprint("k", i, g.text(), "|")
		if g.IntN(2) == 0 {
			key = strings.ReplaceAll(key, ".", ".x") // a dot between two parts may stay
		} else {
			key = strings.ReplaceAll(key, ".", "")
		}
		b = msgp.AppendString(b, key)
		b, value = g.value(b, depth)
		object[key] = value
	}
	return b, object
}

// sameValue reports whether a value is the wanted one: floats by their value, everything else by
// its digits.
func sameValue(got, want any) bool {
	switch w := want.(type) {
	case float64:
		number, ok := got.(json.Number)
		if !ok {
			return false
		}
		f, err := number.Float64()
		return err == nil && f == w && math.Signbit(f) == math.Signbit(w)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(w) {
			return false
		}
		for i := range w {
			if !sameValue(list[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(w) {
			return false
		}
		for key := range w {
			value, found := object[key]
			if !found || !sameValue(value, w[key]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

// roundTrips are how many records go there and back.
const roundTrips = 10_000

// appendEvent appends an event with its number and, under field, a value in its record.
func appendEvent(b []byte, n int, field string, value []byte) []byte {
	b = append(b, 0x92, 0x92, 0xd7, 0, 0x6a, 0x4f, 0x1b, 0x80, 0, 0, 0, 0, 0x80, 0x82)
	b = msgp.AppendInt(msgp.AppendString(b, "n"), n)
	return append(msgp.AppendString(b, field), value...)
}

// Records of every type come back from an object that Elasticsearch only stores.
func TestHostRoundTripOfEveryType(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"n":{"type":"long"},"o":{"type":"object","enabled":false}}}}`); err != nil {
		t.Fatal(err)
	}
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 2, "Hosts "+s.URL(), "Index "+index)
	g := generator{rand.New(rand.NewPCG(2026, 11))}
	wants := make([]any, roundTrips)
	var chunk []byte
	for n := range wants {
		var value []byte
		value, wants[n] = g.value(nil, 4)
		chunk = appendEvent(chunk, n, "o", value)
		if len(chunk) > host.ChunkBytes || n == roundTrips-1 {
			e2e.Flush(t, o, "types", chunk, host.OK)
			chunk = nil
		}
	}
	e2e.EventuallyCount(t, s, index, roundTrips)
	got := e2e.Documents(t, s, index)
	for n, want := range wants {
		if value, found := got[n]["o"]; !found || !sameValue(value, want) {
			t.Fatalf("record %d came back as\n%#v\nwant\n%#v", n, value, want)
		}
	}
}

// foreseen are the rejections by a mapping, and no others: the document as such is valid.
var foreseen = []string{
	"failed to parse field [", "object mapping for [", "out of range", "Numeric value", "immense term", "Limit of total fields", "Limit of mapping depth",
	"can't merge a non object mapping", "cannot be changed from type",
}

// unforeseen would be a bug of the plugin.
var unforeseen = []string{
	"Duplicate field", "field name", "Field name", "is a metadata field", "Unexpected character", "Invalid UTF-8", "Illegal", "Unexpected end", "not_x_content",
}

// The same values under dynamic mapping: a value is rejected for the type that a field has already,
// or for a number without a type. Elasticsearch 7.17 has that only in the cause, which must be in
// the reason, too.
func TestHostRoundTripUnderDynamicMapping(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	// Each new field costs Elasticsearch a change of its state: a small limit saves half a minute.
	// OpenSearch reports too many fields of a document like those of a template, so that the record
	// would be kept. A mapping update that takes too long is retried.
	limit := 100
	if e2e.Family(t, s) == "opensearch" {
		limit = 100_000
	}
	if err := s.PutIndex(t.Context(), index, fmt.Sprintf(`{"settings":{"index.mapping.total_fields.limit":%d,"number_of_replicas":0}}`, limit)); err != nil {
		t.Fatal(err)
	}
	letters := filepath.Join(t.TempDir(), "letters")
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 2, "Hosts "+s.URL(), "Index "+index, "Retry_Max 1s", "Dead_Letter_File "+letters)
	g := generator{rand.New(rand.NewPCG(11, 2026))}
	var chunk []byte
	for n := range roundTrips {
		value, _ := g.value(nil, 1)
		chunk = appendEvent(chunk, n, fmt.Sprint("field", g.IntN(30)), value)
		if len(chunk) > host.ChunkBytes || n == roundTrips-1 {
			e2e.FlushUntilOK(t, o, "types", chunk)
			chunk = nil
		}
	}
	text, err := os.ReadFile(letters)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for _, line := range lines {
		letter, err := e2e.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		holds := func(parts []string) bool {
			for _, part := range parts {
				if strings.Contains(letter["reason"].(string), part) {
					return true
				}
			}
			return false
		}
		if !holds(foreseen) {
			t.Errorf("%v: %v\n%.300v", letter["type"], letter["reason"], letter["document"])
		}
		if kind := letter["type"]; kind != e2e.ParsingError(t, s) && kind != "illegal_argument_exception" || holds(unforeseen) && !strings.Contains(letter["reason"].(string), "Preview of field") {
			t.Errorf("%v: %v\n%.300v", letter["type"], letter["reason"], letter["document"])
		}
	}
	e2e.EventuallyCount(t, s, index, roundTrips-len(lines))
	if len(lines) == 0 || len(lines) == roundTrips {
		t.Errorf("%d of %d documents are refused: that shows nothing", len(lines), roundTrips)
	}
	t.Logf("%d of %d documents are refused", len(lines), roundTrips)
}
