package document_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// pathsOf returns a set of these accessors, and their numbers.
func pathsOf(t testing.TB, accessors ...string) (paths *chunk.Paths, numbers []int) {
	t.Helper()
	paths = &chunk.Paths{}
	for _, accessor := range accessors {
		path, rest, err := chunk.ParsePath(accessor)
		if err != nil || rest != "" {
			t.Fatal(accessor, rest, err)
		}
		numbers = append(numbers, paths.Add(path))
	}
	return paths, numbers
}

// nestedRecord has the values that the paths of these tests lead to.
func nestedRecord() []byte {
	b := msgp.AppendMapHeader(nil, 9)
	b = msgp.AppendString(msgp.AppendString(b, "log"), "a line")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "kubernetes"), 4)
	b = msgp.AppendString(msgp.AppendString(b, "namespace_name"), "shop")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "labels"), 3)
	b = msgp.AppendString(msgp.AppendString(b, "app.kubernetes.io/name"), "checkout")
	b = msgp.AppendString(msgp.AppendString(b, "a]b"), "bracket")
	b = msgp.AppendString(msgp.AppendString(b, "a-label-whose-name-is-longer-than-a-fixstr"), "long")
	b = msgp.AppendString(msgp.AppendString(b, ""), "no name")
	b = msgp.AppendString(append(b, 0xda, 0, 5, 'o', 't', 'h', 'e', 'r'), "str 16")
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
	b = msgp.AppendString(append(b, 0xc4, 1, 'b'), "the key is binary")
	return msgp.AppendBool(msgp.AppendString(b, "last"), true)
}

var nestedValues = []struct{ accessor, want string }{
	{"$log", "a line"},
	{"$last", "true"},
	{"$5", "the key is text"},
	{"$twice", "two"}, // as in the document, and in Fluent Bit's own accessors
	{"$kubernetes['namespace_name']", "shop"},
	{"$kubernetes['labels']['app.kubernetes.io/name']", "checkout"},
	{"$kubernetes['labels']['a]b']", "bracket"},
	{"$kubernetes['labels']['a-label-whose-name-is-longer-than-a-fixstr']", "long"},
	{"$kubernetes['']", "no name"},
	{"$kubernetes['other']", "str 16"},
	{"$['log']", "a line"},
	{"$list[0]", "first"},
	{"$list[1][1]", "11"},
	{"$list[2]['n']", "12"},

	{"$missing", ""},
	{"$b", ""},
	{"$log['inner']", ""},
	{"$log[0]", ""},
	{"$list['first']", ""},
	{"$list[3]", ""},
	{"$list[2147483647]", ""},
	{"$kubernetes[0]", ""},
	{"$kubernetes['missing']['app']", ""},
	{"$kubernetes", ""}, // a map has no text
	{"$list", ""},
}

func TestTheWalkFindsEveryPath(t *testing.T) {
	var accessors []string
	for _, row := range nestedValues {
		accessors = append(accessors, row.accessor)
	}
	all, numbers := pathsOf(t, accessors...)
	together := document.NewWriter(document.Options{Paths: all})
	e := chunk.Event{Record: nestedRecord()}
	for range 3 { // the maps are known from the second time on
		out, _, err := together.Append(nil, &e)
		if err != nil || string(out) != bare(t, e.Record) {
			t.Fatalf("%v: %s", err, out)
		}
		for i, row := range nestedValues {
			checkText(t, row.accessor, together.Values()[numbers[i]], row.want)
		}
	}
	for _, row := range nestedValues {
		paths, numbers := pathsOf(t, row.accessor)
		alone := document.NewWriter(document.Options{Paths: paths})
		for range 2 {
			if _, _, err := alone.Append(nil, &e); err != nil {
				t.Fatal(err)
			}
			checkText(t, row.accessor, alone.Values()[numbers[0]], row.want)
		}
	}
}

func checkText(t *testing.T, accessor string, value []byte, want string) {
	t.Helper()
	text, ok := chunk.AppendText([]byte("> "), value)
	if string(text) != "> "+want || ok != (want != "") {
		t.Errorf("%s: %q, %v; want %q", accessor, text, ok, want)
	}
}

// The same map under another key, or under an unrelated key, must not pass on the values that were
// found in it.
func TestKnownMapsAreFoundWhereTheyStand(t *testing.T) {
	paths, n := pathsOf(t, "$a['x']", "$b['x']", "$b['y']['z']", "$a")
	w := document.NewWriter(document.Options{Paths: paths})
	inner := fields("x", 1, "y", fields("z", 2))
	for range 2 {
		for _, row := range []struct {
			key  string
			want [4]string
		}{
			{"a", [4]string{"1", "", "", "map"}},
			{"b", [4]string{"", "1", "2", ""}},
			{"c", [4]string{}},
			{"b", [4]string{"", "1", "2", ""}},
			{"a", [4]string{"1", "", "", "map"}},
			{"a", [4]string{"1", "", "", "map"}},
		} {
			if _, _, err := w.Append(nil, &chunk.Event{Record: fields(row.key, inner)}); err != nil {
				t.Fatal(err)
			}
			for i, number := range n {
				got := ""
				if value := w.Values()[number]; value != nil {
					text, ok := chunk.AppendText(nil, value)
					if got = string(text); !ok {
						got = "map"
					}
				}
				if got != row.want[i] {
					t.Errorf("under %s, path %d: %q, want %q", row.key, i, got, row.want[i])
				}
			}
		}
	}
}

func TestOfAKeyThatStandsTwiceTheLastCountsWhole(t *testing.T) {
	paths, n := pathsOf(t, "$a['x']", "$a['y']", "$a['l'][0]['m']")
	w := document.NewWriter(document.Options{Paths: paths})
	record := fields("a", fields("x", 1, "y", 2, "l", []byte{0x91, 0x81, 0xa1, 'm', 3}), "a", fields("y", 4, "l", []byte{0x91, 0x80}))
	for range 2 {
		if _, _, err := w.Append(nil, &chunk.Event{Record: record}); err != nil {
			t.Fatal(err)
		}
		checkText(t, "x", w.Values()[n[0]], "")
		checkText(t, "y", w.Values()[n[1]], "4")
		checkText(t, "m", w.Values()[n[2]], "")
	}
}

func TestNothingIsFoundOfTheEventBefore(t *testing.T) {
	paths, n := pathsOf(t, "$log", "$k['a']")
	w := document.NewWriter(document.Options{Paths: paths})
	for _, record := range [][]byte{fields("log", "x", "k", fields("a", 1)), fields(), fields("k", 1)} {
		if _, _, err := w.Append(nil, &chunk.Event{Record: record}); err != nil {
			t.Fatal(err)
		}
	}
	checkText(t, "log", w.Values()[n[0]], "")
	checkText(t, "k.a", w.Values()[n[1]], "")
}

// steps are accessors in their parts, for a lookup that shares no code with the walk.
var steps = []struct {
	accessor string
	way      []any
}{
	{"$a", []any{"a"}}, {"$a['a']", []any{"a", "a"}}, {"$a['b']", []any{"a", "b"}}, {"$a[0]", []any{"a", 0}}, {"$a['a'][1]", []any{"a", "a", 1}},
	{"$b", []any{"b"}}, {"$b[0]['a']", []any{"b", 0, "a"}}, {"$kubernetes['labels']", []any{"kubernetes", "labels"}},
	{"$kubernetes['labels']['pod-template-hash']", []any{"kubernetes", "labels", "pod-template-hash"}}, {"$log", []any{"log"}},
}

// lookUp follows way into the value at the start of b, with tinylib's reader. Of equal keys, the
// last one counts.
func lookUp(b []byte, way []any) (value []byte) {
	if len(way) == 0 {
		return b
	}
	if index, ok := way[0].(int); ok {
		n, b, err := msgp.ReadArrayHeaderBytes(b)
		for i := 0; err == nil && i < int(n); i++ {
			if i == index {
				return lookUp(b, way[1:])
			}
			b, err = msgp.Skip(b)
		}
		return nil
	}
	n, b, err := msgp.ReadMapHeaderBytes(b)
	for ; err == nil && n > 0; n-- {
		key, after, notText := msgp.ReadStringBytes(b)
		b, err = msgp.Skip(b)
		if err == nil && notText == nil && key == way[0] {
			value = lookUp(after, way[1:])
		}
		if err == nil {
			b, err = msgp.Skip(b)
		}
	}
	return value
}

// lookUpEvent is lookUp for an event: in its record, then OTLP's fields, then its group.
func lookUpEvent(e *chunk.Event, way []any) (value []byte) {
	if value = lookUp(e.Record, way); value == nil {
		value = lookUp(e.Metadata, append([]any{"otlp"}, way...))
	}
	if value == nil {
		value = lookUp(e.Group, way)
	}
	return value
}

// FuzzPaths compares the values that the walk finds with a lookup, for consecutive events, as in a
// chunk.
func FuzzPaths(f *testing.F) {
	f.Add(appendKubernetes(appendKubernetes(appendKubernetes(nil, 1, 1), 2, 1), 3, 2))
	twice := fields("a", fields("a", []byte{0x92, 1, 2}, "b", 3), "b", []byte{0x91, 0x81, 0xa1, 'a', 1}, "a", []byte{0x91, 0xc3})
	f.Add(bytes.Repeat(append(appendHead(nil, 1, 2), twice...), 3))
	f.Add(append(append(appendHead(nil, 1, 2), twice...), append(appendHead(nil, 1, 2), fields("b", fields("a", 1), "a", fields("a", []byte{0x92, 1, 2}, "b", 3))...)...))
	group := append([]byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80}, fields("a", fields("a", 1, "b", 2), "log", 3)...)
	other := append([]byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80}, fields("a", fields("b", 4, "a", 5), "log", 6)...)
	logs := append(append([]byte{0x92, 0x92, 1}, fields("otlp", fields("b", fields("a", 1), "a", fields("b", 7)))...), fields("log", "a")...)
	plain := append([]byte{0x92, 0x92, 1, 0x80}, fields("b", 8)...)
	f.Add(bytes.Join([][]byte{group, logs, plain, other, plain, logs}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		var accessors []string
		for _, s := range steps {
			accessors = append(accessors, s.accessor)
		}
		paths, numbers := pathsOf(t, accessors...)
		w := document.NewWriter(document.Options{Paths: paths})
		r := chunk.NewReader(data)
		var e chunk.Event
		for {
			if err := r.Next(&e); err == io.EOF || err == chunk.ErrTruncated {
				return
			} else if err != nil {
				continue
			}
			out, rest, err := w.Append(nil, &e)
			if err != nil {
				return
			}
			once := bytes.Count(e.Metadata, []byte("otlp")) == bytes.Count(e.Metadata, []byte("\xa4otlp")) && bytes.Count(e.Metadata, []byte("otlp")) < 2
			if want, _, _ := document.NewWriter(document.Options{}).Append(nil, &e); !bytes.Equal(out, want) {
				t.Fatalf("looking for paths changes the document\n%s\n%s", out, want)
			}
			r.Done(rest)
			for i, s := range steps {
				if want := lookUpEvent(&e, s.way); !once {
					continue // the order of the two is tested elsewhere
				} else if got := w.Values()[numbers[i]]; fmt.Sprintf("%p", got) != fmt.Sprintf("%p", want) {
					t.Fatalf("%s: %x, want %x, in %x", s.accessor, got, want, e.Record)
				}
			}
		}
	})
}

func TestCollectingPathsAllocatesNothing(t *testing.T) {
	data, events := kubernetesChunk()
	paths, _ := pathsOf(t, "$kubernetes['labels']['app.kubernetes.io/name']", "$kubernetes['namespace_name']", "$stream", "$missing['a'][3]")
	for name, data := range map[string][]byte{"one pod": data, "mixed": first(mixedChunk())} {
		w := document.NewWriter(document.Options{Paths: paths})
		dst := encodeAll(t, w, nil, data)
		if n := support.Allocations(5, func() { dst = encodeAll(t, w, dst[:0], data) }); n != 0 {
			t.Errorf("%s: %v allocations for %d events, want 0", name, n, events)
		}
	}
}

func first(data []byte, _ int) []byte { return data }
