package chunk_test

import (
	"math"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// nestedRecord is what the paths of these tests lead into.
func nestedRecord() []byte {
	b := msgp.AppendMapHeader(nil, 8)
	b = msgp.AppendString(msgp.AppendString(b, "log"), "a line")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "kubernetes"), 3)
	b = msgp.AppendString(msgp.AppendString(b, "namespace_name"), "shop")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "labels"), 2)
	b = msgp.AppendString(msgp.AppendString(b, "app.kubernetes.io/name"), "checkout")
	b = msgp.AppendString(msgp.AppendString(b, "a]b"), "bracket")
	b = msgp.AppendString(msgp.AppendString(b, ""), "no name")
	b = msgp.AppendArrayHeader(msgp.AppendString(b, "list"), 3)
	b = msgp.AppendString(b, "first")
	b = msgp.AppendArrayHeader(b, 2)
	b = msgp.AppendInt(msgp.AppendInt(b, 10), 11)
	b = msgp.AppendMapHeader(b, 1)
	b = msgp.AppendInt(msgp.AppendString(b, "n"), 12)
	b = msgp.AppendString(msgp.AppendInt(b, 5), "the key is a number")
	b = msgp.AppendString(msgp.AppendString(b, "5"), "the key is text")
	b = msgp.AppendString(msgp.AppendString(b, "twice"), "one")
	b = msgp.AppendString(msgp.AppendString(b, "twice"), "two")
	b = msgp.AppendString(b, "last")
	return msgp.AppendBool(b, true)
}

func TestPathsLeadIntoRecords(t *testing.T) {
	for _, row := range []struct{ accessor, want, rest string }{
		{"$log", "a line", ""},
		{"log", "a line", ""}, // as Id_Key may be written
		{"$log-%Y.%m", "a line", "-%Y.%m"},
		{"$log|other", "a line", "|other"},
		{"$log.more", "a line", ".more"},
		{"$last", "true", ""},
		{"$5", "the key is text", ""},
		{"$twice", "one", ""},
		{"$kubernetes['namespace_name']", "shop", ""},
		{"$kubernetes['labels']['app.kubernetes.io/name']", "checkout", ""},
		{"$kubernetes['labels']['a]b']", "bracket", ""},
		{"$kubernetes['']", "no name", ""},
		{"$['log']", "a line", ""},
		{"$list[0]", "first", ""},
		{"$list[1][1]", "11", ""},
		{"$list[2]['n']", "12", ""},
		{"$list[0]$log", "first", "$log"},

		{"$missing", "", ""},
		{"$log['inner']", "", ""},
		{"$log[0]", "", ""},
		{"$list['first']", "", ""},
		{"$list[3]", "", ""},
		{"$list[2147483647]", "", ""},
		{"$kubernetes[0]", "", ""},
		{"$kubernetes['missing']['app']", "", ""},
		{"$kubernetes", "", ""}, // a map has no text
		{"$list", "", ""},
	} {
		t.Run(row.accessor, func(t *testing.T) {
			path, rest, err := chunk.ParsePath(row.accessor)
			if err != nil || rest != row.rest {
				t.Fatalf("%q follows, %v; want %q", rest, err, row.rest)
			}
			text, ok := chunk.AppendText([]byte("> "), path.Lookup(nestedRecord()))
			if string(text) != "> "+row.want || ok != (row.want != "") {
				t.Errorf("%q, %v; want %q", text, ok, row.want)
			}
		})
	}
}

func TestBrokenAccessorsAreRefused(t *testing.T) {
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

func TestLookupInCutOrHostileRecordsFindsNothingOrWhatIsThere(t *testing.T) {
	record := nestedRecord()
	for _, accessor := range []string{"$last", "$list[2]['n']", "$kubernetes['labels']['a]b']"} {
		path, _, err := chunk.ParsePath(accessor)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := chunk.AppendText(nil, path.Lookup(record))
		for cut := range record {
			whole := append([]byte(nil), record[:cut]...)
			if text, ok := chunk.AppendText(nil, path.Lookup(whole)); ok && string(text) != string(want) {
				t.Errorf("%s cut at %d: %q", accessor, cut, text)
			}
		}
		for _, hostile := range [][]byte{
			nil, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0x81, 0xdf, 0xff, 0xff, 0xff, 0xff, 1}, {0x81, 0xa4, 'l', 'a', 's', 't'},
			concat([]byte{0x81, 0xa4}, []byte("list"), []byte{0xdd, 0xff, 0xff, 0xff, 0xff, 1}),
		} {
			if value := path.Lookup(hostile); value != nil {
				t.Errorf("%s in %x: %x", accessor, hostile, value)
			}
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
		{name: "tiny float", value: msgp.AppendFloat64(nil, 5e-324), want: "5e-324"},
		{name: "no number", value: msgp.AppendFloat64(nil, math.NaN()), want: "NaN"},

		{name: "nil", value: msgp.AppendNil(nil), none: true},
		{name: "binary", value: msgp.AppendBytes(nil, []byte("a")), none: true},
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
