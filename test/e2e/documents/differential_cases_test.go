package documents

import (
	"math"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// difference is one case of the differential test: records that are one chunk, with the options of
// a pair.
type difference struct {
	pair, name string
	records    [][]byte
	// fewer means that both leave some of the records out.
	fewer bool
}

// raw is msgpack, inserted unchanged.
type raw []byte

// when is the time of the events: 2020-03-01T00:04:15.123456789Z.
var when = raw{0xd7, 0, 0x5e, 0x5a, 0xfb, 0xff, 0x07, 0x5b, 0xcd, 0x15}

// entry is an event with these fields, in this order; a key that is no string is raw.
func entry(fields ...any) []byte { return entryAt(when, nil, fields...) }

func entryAt(at raw, metadata raw, fields ...any) []byte {
	b := []byte{0x92}
	if metadata != nil {
		b = append(b, 0x92)
	}
	b = append(append(b, at...), metadata...)
	return append(b, fieldsOf(fields...)...)
}

func fieldsOf(fields ...any) raw {
	b := msgp.AppendMapHeader(nil, uint32(len(fields)/2))
	for _, field := range fields {
		if text, ok := field.(raw); ok {
			b = append(b, text...)
			continue
		}
		b, _ = msgp.AppendIntf(b, field)
	}
	return b
}

func differentialCases(prefix string) []difference {
	cases := append(documentCases(), addressCases(prefix)...)
	for i := range cases {
		for j, record := range cases[i].records {
			cases[i].records[j] = named(record, cases[i].name)
		}
	}
	return cases
}

// named adds the case's name to a record of less than 15 fields with its header in the first byte
// behind the head.
func named(event []byte, name string) []byte {
	head, _ := msgp.Skip(event[1:])
	at := len(event) - len(head)
	out := append([]byte(nil), event[:at]...)
	out = append(out, event[at]+1)
	out = msgp.AppendString(msgp.AppendString(out, "case"), name)
	return append(out, event[at+1:]...)
}

// documentCases are about the content of documents.
func documentCases() []difference {
	pod := fieldsOf("pod_name", "web-5d8f", "namespace_name", "shop", "labels", fieldsOf("app.kubernetes.io/name", "web", "app", "web"), "annotations", fieldsOf())
	one := func(name string, fields ...any) difference {
		return difference{pair: "plain", name: name, records: [][]byte{entry(fields...)}}
	}
	return []difference{
		one("line", "log", "GET / 200", "stream", "stdout"),
		one("kubernetes", "log", "a line", "kubernetes", pod),
		one("empty record"),
		one("integers", "a", math.MinInt64, "b", math.MaxInt64, "c", uint64(math.MaxUint64), "d", -1, "e", 0),
		one("floats", "a", 0.1, "b", 1.5, "c", -2.5e-7, "d", 1e15),
		one("whole floats", "a", 1.0, "b", -3.0),
		one("huge floats", "a", 1e300, "b", 5e-324, "c", 1.7976931348623157e308),
		one("precise float", "a", 1700000000.123456),
		one("short floats", "a", float32(0.1), "b", float32(16777216)),
		one("not a number", "a", math.NaN(), "b", 1),
		one("infinity", "a", math.Inf(1), "b", math.Inf(-1)),
		one("booleans and nil", "a", true, "b", false, "c", nil),
		one("empty containers", "a", fieldsOf(), "b", raw{0x90}, "c", ""),
		one("nested", "a", fieldsOf("b", fieldsOf("c", raw{0x93, 1, 0xc0, 0x81, 0xa1, 'd', 2}))),
		one("quotes", "a", "\"\\/'\b\f\n\r\t"),
		one("control characters", "a", "\x00\x01\x1f\x7f"),
		one("beyond ASCII", "a", "Ä€😀", "b", "\u2028\u2029"),
		one("private characters", "a", "\ue000\U0010ffff"),
		one("no UTF-8", "a", "x\xffy\xc3"),
		one("binary text", "a", raw("\xc4\x03abc")),
		one("binary", "a", raw("\xc4\x03\x00\xff\x80")),
		one("extension", "a", raw("\xd4\x05\xff")),
		one("event time", "a", when),
		one("number as key", raw{7}, "seven"),
		one("boolean as key", raw{0xc3}, "yes"),
		one("binary as key", raw("\xc4\x01k"), "v"),
		one("key twice", "a", 1, "b", 2, "a", 3),
		one("key twice inside", "a", fieldsOf("b", 1, "b", 2)),
		one("long key", strings.Repeat("k", 300), 1),
		one("dots in keys", "a.b", 1, "a", fieldsOf("c.d", 2)),
		one("empty key", "", 1, "b", 2),
		one("dots for a key", ".", 1, "a..b", 2),
		one("metadata name as key", "_id", "mine", "_type", "x"),
		one("own time", "@timestamp", "2001-01-01T00:00:00Z"),
		{pair: "plain", name: "integer time", records: [][]byte{entryAt(raw{0xce, 0x5e, 0x5a, 0xfb, 0xff}, nil, "a", 1)}},
		{pair: "plain", name: "metadata", records: [][]byte{entryAt(when, fieldsOf("source", "x"), "a", 1)}},
		{pair: "plain", name: "no metadata", records: [][]byte{entryAt(when, fieldsOf(), "a", 1)}},

		{pair: "tag", name: "added", records: [][]byte{entry("a", 1)}},
		{pair: "tag", name: "own", records: [][]byte{entry("tag", "mine")}},
		{pair: "dots", name: "replaced", records: [][]byte{entry("a.b", fieldsOf("c.d", "e.f"), "l", raw("\x91\x81\xa3g.h\x01"))}},
		{pair: "dots", name: "clash", records: [][]byte{entry("a.b", 1, "a_b", 2)}},
		{pair: "time", name: "named", records: [][]byte{entry("a", 1)}},
		{pair: "time", name: "own", records: [][]byte{entry("when", "before")}},
	}
}

// addressCases are about the index and the id.
func addressCases(indices string) []difference {
	id := func(name string, ids ...any) difference {
		c := difference{pair: "id", name: name}
		for i, id := range ids {
			c.records = append(c.records, entry("n", i, "meta", fieldsOf("id", id)))
		}
		return c
	}
	fewer := func(c difference) difference {
		c.fewer = true
		return c
	}
	prefix := func(name, text string) difference {
		where := fieldsOf("b", indices+"-b-logstash-"+text, "s", indices+"-s-logstash-"+text, "o", indices+"-o-logstash-"+text)
		return difference{pair: "logstash", name: name, records: [][]byte{entry("where", where)}}
	}
	accessor := func(name string, text any) difference {
		return difference{pair: "accessor", name: name, records: [][]byte{entry("where", fieldsOf("name", text))}}
	}
	return []difference{
		id("text", "first", "second"),
		id("number", 42),
		id("boolean", true),
		id("nothing", nil),
		fewer(id("empty", "")),
		fewer(id("the one before", "a", nil)),
		id("quotes", "a\"b\\c\nd"),
		id("too long", strings.Repeat("x", 513), "other"),
		fewer(id("twice", "same", "same")),
		{pair: "index", name: "twice", fewer: true, records: [][]byte{entry("id", "i", "a", 1), entry("id", "i", "b", 2)}},
		{pair: "update", name: "missing document", fewer: true, records: [][]byte{entry("id", "u", "a", 1)}},
		{pair: "update", name: "no id", fewer: true, records: [][]byte{entry("a", 1)}},
		{pair: "index", name: "no id", records: [][]byte{entry("a", 1)}},
		{pair: "update", name: "document that is there", records: [][]byte{entry("id", present, "after", 2, "inside", fieldsOf("b", 2))}},
		{pair: "upsert", name: "document that is there", records: [][]byte{entry("id", present, "after", 2, "inside", fieldsOf("b", 2))}},
		{pair: "upsert", name: "number", records: [][]byte{entry("id", 7, "a", 1)}},
		{pair: "upsert", name: "quotes", records: [][]byte{entry("id", "a\"b\nc", "a", 1)}},
		{pair: "upsert", name: "twice", fewer: true, records: [][]byte{entry("id", "s", "a", 1), entry("id", "s", "b", 2)}},
		{pair: "upsert", name: "no id", fewer: true, records: [][]byte{entry("a", 1)}},
		{pair: "generated", name: "equal events", records: [][]byte{entry("a", 1), entry("a", 1)}},
		{pair: "date", name: "of the event", records: [][]byte{entry("a", 1)}},
		accessor("named", "shop"),
		accessor("number", 7),
		accessor("upper case", "Shop"),
		accessor("illegal", "a b/c"),
		accessor("forged", "x\"}}\n{\"delete\":{}}"),
		accessor("date", "%Y"),
		prefix("named", "shop"),
		prefix("upper case", "Shop"),
		{pair: "logstash", name: "missing", records: [][]byte{entry("where", fieldsOf("c", 1))}},
		prefix("illegal", "a b/c"),
		prefix("forged", "x\"}}\n{\"delete\":{}}"),
		prefix("long", strings.Repeat("n", 140)),
		{pair: "current", name: "time", records: [][]byte{entry("a", 1)}},
		{pair: "stream", name: "record", records: [][]byte{entry("a", 1)}},
		{pair: "stream", name: "own fields", records: [][]byte{entry("data_stream", fieldsOf("type", "metrics"), "data_stream.dataset", "mine")}},
		{pair: "stream", name: "own time", records: [][]byte{entry("@timestamp", "2001-01-01T00:00:00Z")}},
		{pair: "stream", name: "own time that is none", records: [][]byte{entry("@timestamp", "yesterday"), entry("a", 1)}},
	}
}
