package address_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
)

// FuzzWords makes ids, pipelines and routings of any text: each must be one JSON string on one line
// that reads back as the text, and nil for an empty text, so that no value can forge an action
// line.
func FuzzWords(f *testing.F) {
	f.Add("name", "a.b")
	f.Add("x\"}}\n{\"delete\":{\"_index\":\"y", "\\")
	f.Add("\xff\xfe", "\u2028\u2029\x00\x7f")
	f.Add("$TAG%Y|x", "")
	f.Add(strings.Repeat("é", 256), strings.Repeat("\xff", 171))
	f.Add(strings.Repeat("a", 513), "\r\n\t\b")
	f.Fuzz(func(t *testing.T, first, tag string) {
		o := address.IndexOptions(template(t, "x"), template(t, "x"))
		o.Pipeline, o.Routing = template(t, "$a"), template(t, "$TAG-$a")
		path, _, err := chunk.ParsePath("$a")
		if err != nil {
			t.Fatal(err)
		}
		o.IDs, o.IDPath = address.RecordIDs, paths.Add(path)
		w := address.NewWriter(o)
		w.Begin(tag, at)
		e := eventAt(at, nil)
		found := values(t, object("a", first))
		checkWord(t, w.Pipeline(e, found), first)
		if first == "" || tag == "" { // one of them may be empty
			checkWord(t, w.Routing(e, found), "")
		} else {
			checkWord(t, w.Routing(e, found), tag+"-"+first)
		}
		id, err := w.ID(e, found)
		switch size := len(asJSON(first)); {
		case first == "" && !errors.Is(err, address.ErrNoID), size > 512 && !errors.Is(err, address.ErrIDTooLong):
			t.Fatalf("%q has the id %s, %v", first, id, err)
		case first != "" && size <= 512:
			if checkWord(t, id, first); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// asJSON is text as far as a JSON string can hold it.
func asJSON(text string) string {
	var out strings.Builder
	for _, r := range text { // U+FFFD for each byte that is not UTF-8
		out.WriteRune(r)
	}
	return out.String()
}

func checkWord(t *testing.T, quoted []byte, text string) {
	t.Helper()
	if text == "" {
		if len(quoted) > 0 {
			t.Fatalf("nothing became %s", quoted)
		}
		return
	}
	var got string
	if err := json.Unmarshal(quoted, &got); err != nil || got != asJSON(text) {
		t.Fatalf("%q became %s: %v", text, quoted, err)
	}
	if bytes.ContainsAny(quoted, "\r\n") || !utf8.Valid(quoted) {
		t.Fatalf("%q is no line of UTF-8", quoted)
	}
}
