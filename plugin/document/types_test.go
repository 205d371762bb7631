package document_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

func TestValuesAreThoseOfEncodingJSON(t *testing.T) {
	long := func(n int) string { return strings.Repeat("0123456789 äöü ", n/18+1)[:n/18*18] }
	for _, row := range []struct {
		name  string
		value []byte
		want  any
	}{
		{"nil", msgp.AppendNil(nil), nil},
		{"true", msgp.AppendBool(nil, true), true},
		{"false", msgp.AppendBool(nil, false), false},
		{"empty string", msgp.AppendString(nil, ""), ""},
		{"string of 31", msgp.AppendString(nil, strings.Repeat("x", 31)), strings.Repeat("x", 31)},
		{"string 8", msgp.AppendString(nil, long(200)), long(200)},
		{"string 16", msgp.AppendString(nil, long(60_000)), long(60_000)},
		{"string 32", msgp.AppendString(nil, long(80_000)), long(80_000)},
		{"short string with a long header", []byte{0xdb, 0, 0, 0, 1, 'x'}, "x"},
		{"control characters", msgp.AppendString(nil, "a\x00\x01\b\t\n\f\r\x1f\x7f"), "a\x00\x01\b\t\n\f\r\x1f\x7f"},
		{"quotes and backslashes", msgp.AppendString(nil, `"\"\\`), `"\"\\`},
		{"markup", msgp.AppendString(nil, "<a href='x'>&</a>"), "<a href='x'>&</a>"},
		{"line separators", msgp.AppendString(nil, "a\u2028b\u2029c"), "a\u2028b\u2029c"},
		{"bad UTF-8", msgp.AppendString(nil, "a\xff\xfe\xe2\x82b"), "a\uFFFD\uFFFD\uFFFD\uFFFDb"},
		{"binary that is UTF-8", msgp.AppendBytes(nil, []byte("Größe \"1\"\n")), "Größe \"1\"\n"},
		{"binary that is none", msgp.AppendBytes(nil, []byte{0, 0xff, 0x10}), []byte{0, 0xff, 0x10}},
		{"empty binary", msgp.AppendBytes(nil, nil), ""},
		{"binary 16", msgp.AppendBytes(nil, bytes.Repeat([]byte{0xfe}, 300)), bytes.Repeat([]byte{0xfe}, 300)},
		{"binary 32", msgp.AppendBytes(nil, bytes.Repeat([]byte{0xfe}, 70_000)), bytes.Repeat([]byte{0xfe}, 70_000)},
		{"no number", msgp.AppendFloat64(nil, math.NaN()), nil},
		{"infinity", msgp.AppendFloat64(nil, math.Inf(1)), nil},
		{"infinity of 32 bits", msgp.AppendFloat32(nil, float32(math.Inf(-1))), nil},
		{"fixext 1", []byte{0xd4, 5, 0xff}, []byte{0xff}},
		{"fixext 2", []byte{0xd5, 5, 1, 2}, []byte{1, 2}},
		{"fixext 4", []byte{0xd6, 0, 1, 2, 3, 4}, []byte{1, 2, 3, 4}},
		{"fixext 8 of another type", []byte{0xd7, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"fixext 16", append([]byte{0xd8, 1}, make([]byte, 16)...), make([]byte, 16)},
		{"ext 8", []byte{0xc7, 3, 0, 1, 2, 3}, []byte{1, 2, 3}},
		{"ext 16", append([]byte{0xc8, 1, 0, 9}, make([]byte, 256)...), make([]byte, 256)},
		{"ext 32", append([]byte{0xc9, 0, 0, 0, 2, 9}, 1, 2), []byte{1, 2}},
		{"empty ext", []byte{0xc7, 0, 7}, ""},
		{"ext of msgp's own complex type", msgp.AppendComplex64(nil, 1), []byte{0x3f, 0x80, 0, 0, 0, 0, 0, 0}},
		{"event time", []byte{0xd7, 0, 0x6b, 0x04, 0x2a, 0x2e, 0x06, 0xff, 0x24, 0x45}, json.Number("1795435054.117384261")},
		{"event time as ext 8", []byte{0xc7, 8, 0, 0, 0, 0, 1, 0, 0, 0, 1}, json.Number("1.000000001")},
		{"event time of whole seconds", []byte{0xd7, 0, 0, 0, 0, 10, 0, 0, 0, 0}, json.Number("10.0")},
		{"event time with too many nanoseconds", []byte{0xd7, 0, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xff}, json.Number("14.294967295")},
		{"empty map", []byte{0x80}, map[string]any{}},
		{"empty array", []byte{0x90}, []any{}},
		{"map 16", append([]byte{0xde, 0, 2}, msgp.AppendInt(msgp.AppendString(under("a", []byte{1})[1:], "b"), 2)...), map[string]any{"a": 1, "b": 2}},
		{"map 32", append([]byte{0xdf, 0, 0, 0, 1}, under("a", []byte{1})[1:]...), map[string]any{"a": 1}},
		{"array 16", []byte{0xdc, 0, 2, 1, 0x90}, []any{1, []any{}}},
		{"array 32", []byte{0xdd, 0, 0, 0, 1, 0xc0}, []any{nil}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := decode(t, bare(t, under("v", row.value)))
			if want := viaJSON(t, map[string]any{"v": row.want}); !reflect.DeepEqual(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

func TestIntegersAreExact(t *testing.T) {
	check := func(value []byte, n any) {
		t.Helper()
		want, _ := json.Marshal(map[string]any{"v": n})
		if got := bare(t, under("v", value)); got != string(want) {
			t.Errorf("%x: %s, want %s", value, got, want)
		}
	}
	for shift := range 64 {
		for _, near := range []uint64{0, 1, math.MaxUint64} { // the power, one more, one less
			u := uint64(1)<<shift + near
			check(msgp.AppendUint64(nil, u), u)
			check(msgp.AppendInt64(nil, int64(u)), int64(u))
			check(msgp.AppendInt64(nil, -int64(u)), -int64(u))
		}
	}
	for n := range 256 {
		check(msgp.AppendInt(nil, n-128), n-128)
		check([]byte{0xcc, byte(n)}, n)
		check([]byte{0xd0, byte(n)}, int8(n))
	}
}

func TestFloatsAreTheShortestThatReadBackTheSameAndNeverIntegers(t *testing.T) {
	check := func(value []byte, f any) {
		t.Helper()
		digits, _ := json.Marshal(f)
		if !bytes.ContainsAny(digits, ".e") {
			digits = append(digits, ".0"...) // a float to Elasticsearch, too
		}
		if got, want := bare(t, under("v", value)), `{"v":`+string(digits)+`}`; got != want {
			t.Errorf("%x: %s, want %s", value, got, want)
		}
	}
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 100, 1e6, 1e15, 1e20, math.Nextafter(1e21, 0), 1e21, 1e22, 1e-5, 1e-6, 1e-7, 1e-9, 1e-10, 1e100, 1e-100,
		math.Pi, math.MaxFloat64, math.SmallestNonzeroFloat64, math.MaxFloat32, 1 << 53, 1<<53 + 2, 1795425262.117384,
	} {
		check(msgp.AppendFloat64(nil, f), f)
		if f32 := float32(f); !math.IsInf(float64(f32), 0) {
			check(msgp.AppendFloat32(nil, f32), f32)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		if f := math.Float64frombits(random.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			check(msgp.AppendFloat64(nil, f), f)
		}
		if f := math.Float32frombits(random.Uint32()); f == f && !math.IsInf(float64(f), 0) {
			check(msgp.AppendFloat32(nil, f), f)
		}
	}
}

// The reference is encoding/json's own keys for integers, and JSON text for the rest.
func TestKeysThatAreNoStringsBecomeTheirText(t *testing.T) {
	for _, row := range []struct {
		name string
		key  []byte
		want string
	}{
		{"string", msgp.AppendString(nil, "a\"b\n"), "a\"b\n"},
		{"long string", msgp.AppendString(nil, strings.Repeat("k", 70_000)), strings.Repeat("k", 70_000)},
		{"bad UTF-8", msgp.AppendString(nil, "a\xff"), "a\uFFFD"},
		{"integer", msgp.AppendInt(nil, 5), "5"},
		{"negative integer", msgp.AppendInt(nil, -300), "-300"},
		{"largest unsigned", msgp.AppendUint64(nil, math.MaxUint64), "18446744073709551615"},
		{"true", msgp.AppendBool(nil, true), "true"},
		{"false", msgp.AppendBool(nil, false), "false"},
		{"nil", msgp.AppendNil(nil), "null"},
		{"float", msgp.AppendFloat64(nil, 1.5), "1.5"},
		{"float of 32 bits", msgp.AppendFloat32(nil, 0.1), "0.1"},
		{"whole float", msgp.AppendFloat64(nil, -5), "-5"},
		{"large float", msgp.AppendFloat64(nil, 1e21), "1e+21"},
		{"event time of whole seconds", []byte{0xd7, 0, 0, 0, 0, 10, 0, 0, 0, 0}, "10"},
		{"string with a fraction", msgp.AppendString(nil, "5.0"), "5.0"},
		{"binary with a fraction", msgp.AppendBytes(nil, []byte("5.0")), "5.0"},
		{"no number", msgp.AppendFloat64(nil, math.NaN()), "null"},
		{"binary that is UTF-8", msgp.AppendBytes(nil, []byte("raw")), "raw"},
		{"binary that is none", msgp.AppendBytes(nil, []byte{0xff}), "/w=="},
		{"ext", []byte{0xd4, 5, 0xff}, "/w=="},
		{"event time", []byte{0xd7, 0, 0, 0, 0, 1, 0x1d, 0xcd, 0x65, 0x00}, "1.5"},
		{"empty map", []byte{0x80}, "{}"},
		{"map", under("a\"", msgp.AppendString(nil, "\\")), `{"a\"":"\\"}`},
		{"map with keys that are no strings", keyed(msgp.AppendInt(nil, 7)), `{"7":1}`},
		{"array", []byte{0x93, 1, 0xa1, 'x', 0xc0}, `[1,"x",null]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, record := range [][]byte{keyed(row.key), under("in", keyed(row.key))} {
				got := decode(t, bare(t, record)).(map[string]any)
				if inner, ok := got["in"].(map[string]any); ok {
					got = inner
				}
				if !reflect.DeepEqual(got, map[string]any{row.want: json.Number("1")}) {
					t.Errorf("%q, want the key %q", got, row.want)
				}
			}
		})
	}
}
