package document_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// tableFiles have the same tables: the page its rules, the other file rows for every format.
var tableFiles = []string{"../../docs/documents.md", "testdata/tables.txt"}

// TestTableIsTrue compares docs/documents.md and testdata/tables.txt with the code, line by line.
func TestTableIsTrue(t *testing.T) {
	checks := map[string]func(t *testing.T, cells []string){
		"Values": checkValue, "Keys": checkKey, "Records": checkRecord, "Changed keys": checkChanged, "OpenTelemetry": checkOTLP, "Times": checkTime, "Limits": checkLimit,
	}
	tables := readTables(t)
	for title, check := range checks {
		if len(tables[title]) == 0 {
			t.Errorf("the table %q is gone", title)
		}
		for _, cells := range tables[title] {
			t.Run(title+"/"+strings.Join(cells[:min(3, len(cells)-1)], " "), func(t *testing.T) { check(t, cells) })
		}
	}
	if len(tables) != len(checks) {
		t.Errorf("%d tables, of which %d are checked", len(tables), len(checks))
	}
}

// readTables returns the body lines of each heading's tables, as cells.
func readTables(t *testing.T) map[string][][]string {
	t.Helper()
	tables := map[string][][]string{}
	for _, path := range tableFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		addTables(tables, string(text))
	}
	return tables
}

func addTables(tables map[string][][]string, text string) {
	title, lines := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			title, lines = heading, 0
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if lines++; lines > 2 { // the first two are its head
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.Trim(strings.TrimSpace(cell), "`"))
			}
			tables[title] = append(tables[title], cells)
		}
	}
}

// unhex reads bytes in the notation of the tables.
func unhex(t *testing.T, text string) (b []byte) {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		if times, ok := strings.CutPrefix(word, "×"); ok {
			n, err := strconv.Atoi(times)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, bytes.Repeat(b[len(b)-1:], n-1)...)
			continue
		}
		raw, err := hex.DecodeString(word)
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		b = append(b, raw...)
	}
	return b
}

const malformed = "malformed"

func checkValue(t *testing.T, cells []string) {
	compare(t, under("v", unhex(t, cells[1])), `{"v":`, cells[2], `}`)
}

func checkKey(t *testing.T, cells []string) {
	compare(t, keyed(unhex(t, cells[1])), `{`, cells[2], `:1}`)
}

// compare wants before, the table's cell and behind, byte for byte.
func compare(t *testing.T, record []byte, before, cell, behind string) {
	t.Helper()
	if cell != malformed {
		cell = strings.ReplaceAll(cell, "<U+2028>", "\u2028") // the character itself is invisible
		if got, want := bare(t, record), before+cell+behind; got != want {
			t.Errorf("the code writes %s, the table says %s", got, want)
		}
		return
	}
	w := document.NewWriter(document.Options{})
	if out, _, err := w.Append(nil, &chunk.Event{Record: record}); !errors.Is(err, chunk.ErrTruncated) {
		t.Errorf("the code writes %s, %v; the table says it is malformed", out, err)
	}
}

// checkRecord makes an event of the line's JSON.
func checkRecord(t *testing.T, cells []string) {
	o := document.Options{TimeKey: "@timestamp", MetadataKey: "metadata"}
	switch cells[2] {
	case "":
	case "Time_Key t":
		o.TimeKey = "t"
	case "Include_Tag_Key on":
		o.TagKey = "flb-key"
	case "Metadata_Key off":
		o.MetadataKey = ""
	case "Replace_Dots on":
		o.Dots = document.ReplaceDots
	default:
		t.Fatalf("no such option: %q", cells[2])
	}
	e := chunk.Event{Time: moment, Record: msgpackOf(t, cells[0])}
	if cells[1] != "" {
		e.Metadata = msgpackOf(t, cells[1])
	}
	if got := write(t, o, e); got != cells[3] {
		t.Errorf("the code writes %s, the table says %s", got, cells[3])
	}
}

// msgpackOf turns a JSON object into msgpack, with its keys in order and duplicates kept.
func msgpackOf(t *testing.T, text string) []byte {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("%s: no object: %v", text, err)
	}
	var body []byte
	n := uint32(0)
	for ; d.More(); n++ {
		var value json.RawMessage
		key, err := d.Token()
		if err = errors.Join(err, d.Decode(&value)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		body = msgp.AppendString(body, key.(string))
		switch value[0] {
		case '{':
			body = append(body, msgpackOf(t, string(value))...)
		case '"':
			body = msgp.AppendString(body, decode(t, string(value)).(string))
		default:
			i, err := strconv.Atoi(string(value))
			if err != nil {
				t.Fatal(err)
			}
			body = msgp.AppendInt(body, i)
		}
	}
	return append(msgp.AppendMapHeader(nil, n), body...)
}

// checkChanged makes an event of the line's JSON, without added fields.
func checkChanged(t *testing.T, cells []string) {
	var o document.Options
	if cells[1] == "Replace_Dots on" {
		o.Dots = document.ReplaceDots
	}
	var want document.Changes
	for kind := range strings.FieldsSeq(cells[3]) {
		want[slices.Index(document.ChangeNames(), kind)]++
	}
	w := document.NewWriter(o)
	for range 2 { // the second time from memory
		out, _, err := w.Append(nil, &chunk.Event{Record: msgpackOf(t, cells[0])})
		if err != nil || string(out) != cells[2] {
			t.Errorf("the code writes %s, %v; the table says %s", out, err, cells[2])
		}
		if got := w.Changed(); got != want {
			t.Errorf("the code counts %v, the table says %v", got, want)
		}
	}
}

// checkOTLP wants each field of the line in the document of an event that has all of them.
func checkOTLP(t *testing.T, cells []string) {
	e := chunk.Event{Time: moment, Record: fields(), Metadata: fields("otlp", otlp()), Group: fields("resource", fields(), "scope", fields())}
	document := decode(t, write(t, document.Options{MetadataKey: "metadata"}, e)).(map[string]any)
	for name := range strings.SplitSeq(cells[1], ",") {
		name = strings.Trim(name, " `")
		if _, found := document[name]; name != "" && !found {
			t.Errorf("the document has no %s: %v", name, document)
		}
	}
}

func checkTime(t *testing.T, cells []string) {
	for column, precision := range []document.Precision{document.Milliseconds, document.Nanoseconds} {
		event := append([]byte{0x92, 0x92}, unhex(t, cells[1])...)
		r := chunk.NewReader(append(event, 0x80, 0x80))
		var e chunk.Event
		err := r.Next(&e)
		got := malformed
		switch {
		case errors.Is(err, chunk.ErrNotAnEvent):
		case err != nil:
			t.Fatal(err)
		case e.Kind != chunk.Log:
			got = "nothing"
		default:
			got = write(t, document.Options{TimeKey: "t", Precision: precision}, e)
			got = strings.TrimSuffix(strings.TrimPrefix(got, `{"t":`), "}")
		}
		if got != cells[2+column] {
			t.Errorf("the code makes %s of it, the table says %s", got, cells[2+column])
		}
	}
}

// checkLimit compares the line with the limits that the other tests of this package prove.
func checkLimit(t *testing.T, cells []string) {
	proved := map[string]int{
		"maps and arrays in one another, the record included":                        levels,
		"bytes of a document for each byte of its event, not counting what is added": growth,
	}
	if n, err := strconv.Atoi(cells[1]); err != nil || n != proved[cells[0]] {
		t.Errorf("the table says %s, the tests prove %d", cells[1], proved[cells[0]])
	}
}

// Every lead byte of msgpack's specification ("Formats") must have its line.
func TestTableHasEveryFormat(t *testing.T) {
	var leads []byte
	for _, cells := range readTables(t)["Values"] {
		lead := unhex(t, cells[1])[0]
		switch { // the formats that have more than one lead byte
		case lead < 0x80:
			lead = 0
		case lead < 0x90:
			lead = 0x80
		case lead < 0xa0:
			lead = 0x90
		case lead < 0xc0:
			lead = 0xa0
		case lead >= 0xe0:
			lead = 0xe0
		}
		leads = append(leads, lead)
	}
	want := []byte{0, 0x80, 0x90, 0xa0, 0xe0}
	for lead := byte(0xc0); lead < 0xe0; lead++ {
		want = append(want, lead)
	}
	for _, lead := range want {
		if !slices.Contains(leads, lead) {
			t.Errorf("the table has no line for the format of lead byte %#x", lead)
		}
	}
}
