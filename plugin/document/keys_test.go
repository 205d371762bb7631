package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
)

// acceptable reads text as Elasticsearch does: JSON, no duplicate key in an object, no key that it
// rejects.
func acceptable(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := acceptableValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind the document")
	}
	return nil
}

func acceptableValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name := token.(string)
			if names[name] {
				return fmt.Errorf("the key %q stands twice", name)
			}
			if why := rejected(name, depth == 0); why != "" {
				return fmt.Errorf("the key %q is refused: %s", name, why)
			}
			names[name] = true
		}
		if err := acceptableValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// rejected returns Elasticsearch's reason to reject a key, in the words of its source
// (DotExpandingXContentParser, DocumentParser), or "".
func rejected(key string, top bool) string {
	blank := func(text string) bool {
		return strings.TrimFunc(text, func(r rune) bool {
			return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r) && r != 0x85 && r != 0xa0 && r != 0x2007 && r != 0x202f
		}) == ""
	}
	parts := strings.Split(strings.TrimRight(key, "."), ".")
	for _, part := range parts {
		if blank(part) {
			return "a part is blank"
		}
	}
	for _, name := range strings.Fields("_id _index _source _routing _version _field_names _seq_no _ignored _ignored_source _nested_path _data_stream_timestamp") {
		if top && parts[0] == name {
			return "metadata field"
		}
	}
	return ""
}

// nasty are keys that collide, in the record or after a change.
func nasty(r *rand.Rand) []byte {
	texts := []string{"a", "b", "a.b", "a_b", ".a", "_a", "", ".", "..", "_", " ", "\u2003", "a. .b", "a._.b", "_id", "_id_", ".id", "a\xff", "a\xfe", "a\ufffd",
		"a_1", "a_b_1", "_1", "1", "1.5", "1_5", "null", "@timestamp", "x.", "x", "_source.y", "a..b", "a._b", "log", "\n", "\"", "a_2", "flb-key", "flb.key"}
	switch r.IntN(8) {
	case 0:
		return msgp.AppendInt(nil, r.IntN(3))
	case 1:
		return []byte{0xcd, 0, byte(r.IntN(3))} // the same numbers in a longer form
	case 2:
		return msgp.AppendFloat64(nil, 1.5)
	case 3:
		return msgp.AppendBytes(nil, []byte(texts[r.IntN(len(texts))]))
	case 4:
		return msgp.AppendString(nil, fmt.Sprintf("key %d", r.IntN(40)))
	}
	return msgp.AppendString(nil, texts[r.IntN(len(texts))])
}

// nastyMap makes a map, with the values of its leaves numbered from *n on, and adds the values that
// a later equal key replaces to lost.
func nastyMap(r *rand.Rand, depth int, n *int, lost map[int]bool) []byte {
	size := r.IntN(1 << r.IntN(7))
	b := msgp.AppendMapHeader(nil, uint32(size))
	last := map[string][2]int{} // the leaves under a key, from and to
	for range size {
		key := nasty(r)
		name := string(key)
		if text, _, err := msgp.ReadBytesBytes(key, nil); err == nil && utf8.Valid(text) { // a string and a binary are the same
			name = string(msgp.AppendString(nil, string(text)))
		}
		if leaves, twice := last[name]; twice {
			for i := leaves[0]; i < leaves[1]; i++ {
				lost[i] = true
			}
		}
		from := *n
		b = append(b, key...)
		if depth > 0 && r.IntN(6) == 0 {
			b = append(b, nastyMap(r, depth-1, n, lost)...)
		} else {
			b = msgp.AppendInt(b, *n)
			*n++
		}
		last[name] = [2]int{from, *n}
	}
	return b
}

// Whatever the keys, Elasticsearch accepts the document, and a value is only lost if its key occurs
// again in the record. The writer's memory of other records changes nothing.
func TestNastyKeysAreMadeAcceptableAndNoValueIsLost(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, o := range []document.Options{
		{}, {Dots: document.ReplaceDots}, {TimeKey: "@timestamp", TagKey: "flb-key", TimeFormat: dateFormat(t, "%s"), Dots: document.ReplaceDots},
	} {
		w := document.NewWriter(o)
		w.Begin(tag)
		for range 3000 {
			n, lost := 0, map[int]bool{}
			e := chunk.Event{Time: moment, Record: append(nastyMap(r, 2, &n, lost), behind...)}
			out, _, err := w.Append(make([]byte, 0, 8192*r.IntN(2)), &e)
			if err != nil {
				t.Fatal(err)
			}
			changed := w.Changed()
			if err := acceptable(out); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			cold := document.NewWriter(o)
			cold.Begin(tag)
			fresh, _, _ := cold.Append(nil, &e)
			if !bytes.Equal(out, fresh) || changed != cold.Changed() {
				t.Fatalf("%v %s\na new writer makes %s", changed, out, fresh)
			}
			found := map[int]bool{}
			leaves(decode(t, string(out)), found)
			for i := range n {
				// Between two equal keys there may be one that only becomes equal: then the first
				// is renamed, and its value kept.
				if found[i] == lost[i] && (!found[i] || changed[document.CollidingKey] == 0) {
					t.Fatalf("value %d: found %v, lost %v: %x %s", i, found[i], lost[i], e.Record, out)
				}
			}
		}
	}
}

// behind is longer than any known key: records follow each other, and known keys are compared more
// quickly if enough bytes follow.
var behind = bytes.Repeat([]byte{0xc1}, 100)

// A known key is written like a new one, whatever its length, and whatever other known key it
// resembles at its start or end.
func TestKnownKeysAreWrittenAsNewOnes(t *testing.T) {
	var keys []string
	for _, c := range []string{"k", "\x01", "é", "\"", "."} {
		for n := 1; n <= 70; n++ {
			keys = append(keys, "a"+strings.Repeat(c, n), strings.Repeat(c, n)+"z", "key"+strings.Repeat(c, n)+"key")
		}
	}
	r := rand.New(rand.NewPCG(11, 12))
	for _, c := range [...]struct{ from, to int }{{0, 24}, {20, 60}, {200, 240}, {240, 260}, {420, 450}, {630, 660}, {0, len(keys)}} {
		some := keys[c.from:c.to]
		w := document.NewWriter(document.Options{})
		for range 400 {
			n := r.IntN(6)
			record := msgp.AppendMapHeader(nil, uint32(n))
			for i := range n {
				key := some[(i*7+r.IntN(2))%len(some)]
				if r.IntN(3) == 0 && len(key) < 256 { // the same in a longer form
					record = append(append(record, 0xd9, byte(len(key))), key...)
				} else {
					record = msgp.AppendString(record, key)
				}
				record = msgp.AppendString(record, strings.Repeat("v", r.IntN(20)))
			}
			record = append(record, behind...)
			got, rest, err := w.Append(make([]byte, 0, 4096), &chunk.Event{Record: record})
			want, _, wantErr := document.NewWriter(document.Options{}).Append(nil, &chunk.Event{Record: record})
			if err != nil || wantErr != nil || !bytes.Equal(got, want) || !bytes.Equal(rest, behind) {
				t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
			}
		}
	}
}

func leaves(value any, found map[int]bool) {
	switch v := value.(type) {
	case json.Number:
		n, _ := v.Int64()
		found[int(n)] = true
	case map[string]any:
		for _, inner := range v {
			leaves(inner, found)
		}
	}
}

// The cost of a hostile record must be proportional to its length, however its keys collide.
func TestManyClashesCostNoMoreThanTheirNumber(t *testing.T) {
	const n = 50_000
	same, twice, broken := msgp.AppendMapHeader(nil, n), msgp.AppendMapHeader(nil, n), msgp.AppendMapHeader(nil, n)
	for i := range n {
		same = msgp.AppendInt(msgp.AppendString(same, "a"), i)
		twice = msgp.AppendInt(msgp.AppendString(twice, fmt.Sprint(i%(n/2))), i)
		broken = msgp.AppendInt(append(broken, 0xa4, 0x80|byte(i>>18), 0x80|byte(i>>12&63), 0x80|byte(i>>6&63), 0x80|byte(i&63)), i)
	}
	for name, row := range map[string]struct {
		record []byte
		want   document.Changes
	}{
		"one key":                      {same, document.Changes{document.DuplicateKey: n - 1}},
		"all keys twice":               {twice, document.Changes{document.DuplicateKey: n / 2}},
		"keys that are one when legal": {broken, document.Changes{document.CollidingKey: n - 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := document.NewWriter(document.Options{})
			out, _, err := w.Append(nil, &chunk.Event{Record: row.record})
			if err != nil || w.Changed() != row.want {
				t.Errorf("%v", err)
			}
			if err := acceptable(out); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChangesAreCountedEveryTime(t *testing.T) {
	w := document.NewWriter(document.Options{})
	record := fields("in", fields(".", 1), "_id", 2, "", 3)
	for range 3 { // the third time everything is remembered
		if _, _, err := w.Append(nil, &chunk.Event{Record: record}); err != nil {
			t.Fatal(err)
		}
		if got, want := w.Changed(), (document.Changes{document.DotsKey: 1, document.ReservedKey: 1, document.EmptyKey: 1}); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if names := document.ChangeNames(); len(names) != len(document.Changes{}) {
		t.Errorf("%d names", len(names))
	}
}
