package chunk_test

import (
	"math"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

func TestBrokenAccessorsAreRejected(t *testing.T) {
	for _, accessor := range []string{
		"", "$", "$[0]", "$[0]['a']", "$-a", "$.a", "$ a", "$'a'",
		"$a[", "$a[]", "$a[1", "$a['b", "$a['b]", "$a['b'", `$a["b"]`, "$a[b]", "$a[-1]", "$a[+1]", "$a[1.5]",
		"$a[2147483648]", "$a[99999999999999999999]", "$a['b'][", "$a[0]['c",
	} {
		if path, rest, err := chunk.ParsePath(accessor); err == nil {
			t.Errorf("%q: taken as %v, %q follows", accessor, path, rest)
		} else if rest != accessor {
			t.Errorf("%q: %q follows, want nothing taken", accessor, rest)
		}
	}
}

func TestTextOfValues(t *testing.T) {
	for _, row := range []struct {
		name  string
		value []byte
		want  string
		none  bool
	}{
		{name: "string", value: msgp.AppendString(nil, "a b"), want: "a b"},
		{name: "empty string", value: msgp.AppendString(nil, ""), want: ""},
		{name: "string that is no UTF-8", value: msgp.AppendString(nil, "a\xff"), want: "a\xff"},
		{name: "true", value: msgp.AppendBool(nil, true), want: "true"},
		{name: "false", value: msgp.AppendBool(nil, false), want: "false"},
		{name: "zero", value: msgp.AppendInt(nil, 0), want: "0"},
		{name: "negative", value: msgp.AppendInt(nil, -7), want: "-7"},
		{name: "smallest integer", value: msgp.AppendInt64(nil, math.MinInt64), want: "-9223372036854775808"},
		{name: "largest unsigned", value: msgp.AppendUint64(nil, math.MaxUint64), want: "18446744073709551615"},
		{name: "float", value: msgp.AppendFloat64(nil, 1.5), want: "1.5"},
		{name: "float that is whole", value: msgp.AppendFloat64(nil, 1700000000), want: "1700000000"},
		{name: "float of a time", value: msgp.AppendFloat64(nil, 1700000000.5), want: "1700000000.5"},
		{name: "float of 32 bits", value: msgp.AppendFloat32(nil, 0.1), want: "0.1"},
		{name: "huge float", value: msgp.AppendFloat64(nil, 1e300), want: "1e+300"},
		{name: "exponent of one digit", value: msgp.AppendFloat64(nil, 1e-9), want: "1e-9"},
		{name: "where the exponent begins", value: msgp.AppendFloat32(nil, 1e-6), want: "0.000001"},
		{name: "tiny float", value: msgp.AppendFloat64(nil, 5e-324), want: "5e-324"},
		{name: "no number", value: msgp.AppendFloat64(nil, math.NaN()), want: "NaN"},

		{name: "nil", value: msgp.AppendNil(nil), none: true},
		{name: "binary that is text", value: msgp.AppendBytes(nil, []byte("é")), want: "é"},
		{name: "other binary", value: msgp.AppendBytes(nil, []byte{0xff}), none: true},
		{name: "map", value: []byte{0x80}, none: true},
		{name: "array", value: []byte{0x90}, none: true},
		{name: "event time", value: eventTime(1, 2), none: true},
		{name: "nothing", value: nil, none: true},
		{name: "cut string", value: []byte{0xa3, 'a'}, none: true},
		{name: "cut integer", value: []byte{0xd3, 1}, none: true},
		{name: "cut float", value: []byte{0xcb, 1}, none: true},
		{name: "cut float of 32 bits", value: []byte{0xca, 1}, none: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			text, ok := chunk.AppendText(nil, row.value)
			if ok == row.none || ok && string(text) != row.want {
				t.Errorf("%q, %v; want %q, %v", text, ok, row.want, !row.none)
			}
		})
	}
}
