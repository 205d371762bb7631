package address_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

func idWriter(t testing.TB, source address.IDSource, path string) *address.Writer {
	t.Helper()
	o := address.IndexOptions(template(t, "fluent-bit"), template(t, "fluent-bit"))
	o.IDs = source
	if path != "" {
		parsed, rest, err := chunk.ParsePath(path)
		if err != nil || rest != "" {
			t.Fatal(rest, err)
		}
		o.IDPath = paths.Add(parsed)
	}
	w := address.NewWriter(o)
	w.Begin(tag, at)
	return w
}

func id(t testing.TB, w *address.Writer, e *chunk.Event) string {
	t.Helper()
	quoted, err := w.ID(e, values(t, e.Record))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return text
}

// The ids below must never change: an event that is in flight during an update of the plugin, or
// that another version has sent before, would be stored twice. New kinds of ids need a new setting.
//
// They were computed with the reference implementation of XXH3, by way of Python:
// base64url(xxh3_128(xxh3_128(tag) + xxh3_128(record) + seconds in 8 bytes, nanoseconds and ordinal
// in 4 each, all big endian)).
func TestGeneratedIDsAreTheseForEver(t *testing.T) {
	line := object("log", "a line")
	for _, row := range []struct {
		name   string
		tag    string
		time   chunk.Time
		record []byte
		before int // number of equal events before it
		want   string
	}{
		{"an event", "kube.var.log", chunk.Time{Seconds: 1795425262, Nanos: 117384000}, line, 0, "UVOL2FBTChJQgJx7TlhWlg"},
		{"its first equal", "kube.var.log", chunk.Time{Seconds: 1795425262, Nanos: 117384000}, line, 1, "MA26wZeuK1Cj_AQudu_W8g"},
		{"its third equal", "kube.var.log", chunk.Time{Seconds: 1795425262, Nanos: 117384000}, line, 3, "Q5Xhj_YWv8TdTGARCSvAPw"},
		{"before 1970", "kube.var.log", chunk.Time{Seconds: -1}, line, 0, "hh9ZbfCO2Ia6DxACwm3aVw"},
		{"an empty record", "kube.var.log", chunk.Time{Seconds: 1795425262}, object(), 0, "BfOdGBNvhZeEVx7i-AZcmw"},
		{"an empty tag", "", chunk.Time{}, object(), 0, "s19rBPh5VR-7X_vwDmqbFQ"},
		{"a long record", "t", chunk.Time{Seconds: 1, Nanos: 1}, object("log", strings.Repeat("0123456789", 1000)), 0, "pz4fmoWOx0MlyLERIwd0tg"},
	} {
		w := idWriter(t, address.GeneratedIDs, "")
		w.Begin(row.tag, at)
		var got string
		for position := range row.before + 1 {
			got = id(t, w, &chunk.Event{Time: row.time, Record: row.record, Position: position})
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

// events is a chunk of n events; every third equals the first.
func events(t testing.TB, n int) (data []byte) {
	t.Helper()
	for i := range n {
		data = append(data, 0x92, 0x92)
		data = msgp.AppendInt(data, 1795425262)
		data = append(data, 0x80)
		data = append(data, object("log", "a line", "i", i%3*i)...)
	}
	return data
}

// walk gives the events from r's position on to w.
func walk(t testing.TB, r *chunk.Reader, w *address.Writer) (ids []string) {
	t.Helper()
	var e chunk.Event
	for {
		err := r.Next(&e)
		if err == io.EOF {
			return ids
		}
		if err = errors.Join(err, r.Bound(&e)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id(t, w, &e))
	}
}

func TestEqualEventsOfAChunkHaveDifferentIDsInEveryAttempt(t *testing.T) {
	const n = 300
	data := events(t, n)
	r := chunk.NewReader(data)
	w := idWriter(t, address.GeneratedIDs, "")
	var places []chunk.Place
	var e chunk.Event
	for range n {
		place, err := r.Place()
		if err = errors.Join(err, r.Next(&e)); err != nil {
			t.Fatal(err)
		}
		places = append(places, place)
	}
	r.Seek(chunk.Place{})
	want := walk(t, &r, w)
	if unique := slices.Compact(slices.Sorted(slices.Values(want))); len(unique) != n {
		t.Fatalf("%d events have %d ids", n, len(unique))
	}
	for from, place := range places {
		r.Seek(place)
		if got := walk(t, &r, w); !slices.Equal(got, want[from:]) {
			t.Fatalf("walked again from event %d, ids differ", from)
		}
	}
	// The first attempt may end in the middle, and the next one begin before that.
	w = idWriter(t, address.GeneratedIDs, "")
	for _, from := range []int{0, 100, 50, 99, 0, 200, 150} {
		r.Seek(places[from])
		for i := from; i < min(from+100, n); i++ {
			if err := errors.Join(r.Next(&e), r.Bound(&e)); err != nil {
				t.Fatal(err)
			}
			if got := id(t, w, &e); got != want[i] {
				t.Fatalf("event %d, in an attempt from %d: %s, want %s", i, from, got, want[i])
			}
		}
	}
	// The chunk comes again, to a writer that had others in between, or to a new one.
	w.Begin("another", at)
	walkOther := chunk.NewReader(events(t, 10))
	walk(t, &walkOther, w)
	w.Begin(tag, at.AddDate(0, 0, 1))
	for _, w := range []*address.Writer{w, idWriter(t, address.GeneratedIDs, "")} {
		again := chunk.NewReader(bytes.Clone(data))
		if got := walk(t, &again, w); !slices.Equal(got, want) {
			t.Error("in the same chunk, brought again, ids differ")
		}
	}
}

func TestDifferentEventsHaveDifferentIDs(t *testing.T) {
	base := chunk.Event{Time: chunk.Time{Seconds: 1795425262, Nanos: 1}, Record: object("log", "a", "b", 1)}
	vary := func(change func(e *chunk.Event)) *chunk.Event {
		e := base
		change(&e)
		return &e
	}
	seen := map[string]string{}
	for _, row := range []struct {
		name string
		tag  string
		e    *chunk.Event
	}{
		{"the event", tag, &base},
		{"another tag", tag + "2", &base},
		{"another second", tag, vary(func(e *chunk.Event) { e.Time.Seconds++ })},
		{"another nanosecond", tag, vary(func(e *chunk.Event) { e.Time.Nanos++ })},
		{"seconds and nanoseconds exchanged", tag, vary(func(e *chunk.Event) { e.Time = chunk.Time{Seconds: 1, Nanos: 1795425262} })},
		{"a second less", tag, vary(func(e *chunk.Event) { e.Time.Seconds -= 1 << 32 })},
		{"another value", tag, vary(func(e *chunk.Event) { e.Record = object("log", "a", "b", 2) })},
		{"another order", tag, vary(func(e *chunk.Event) { e.Record = object("b", 1, "log", "a") })},
		{"a field more", tag, vary(func(e *chunk.Event) { e.Record = object("log", "a", "b", 1, "c", 1) })},
		{"metadata", tag, vary(func(e *chunk.Event) { e.Metadata = object("otlp", 1) })},
		{"other metadata", tag, vary(func(e *chunk.Event) { e.Metadata = object("otlp", 2) })},
		{"a group", tag, vary(func(e *chunk.Event) { e.Group = object("otlp", 1) })},
		{"metadata and a group", tag, vary(func(e *chunk.Event) { e.Metadata, e.Group = object("otlp", 1), object("otlp", 1) })},
		{"an empty record", tag, vary(func(e *chunk.Event) { e.Record = object() })},
	} {
		w := idWriter(t, address.GeneratedIDs, "")
		w.Begin(row.tag, at)
		got := id(t, w, row.e)
		if other := seen[got]; other != "" {
			t.Errorf("%q has the id of %q", row.name, other)
		}
		seen[got] = row.name
		if len(got) != 22 || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			t.Errorf("%q: %q is not 22 characters of URL-safe base64", row.name, got)
		}
	}
}

// docs/adr/0007-ids.md describes when this can happen, and the remedy.
func TestEqualEventsOfTwoChunksAreOne(t *testing.T) {
	w := idWriter(t, address.GeneratedIDs, "")
	e := chunk.Event{Time: chunk.Time{Seconds: 5}, Record: object("log", "a"), Metadata: object()}
	first := id(t, w, &e)
	w.Begin(tag, at)
	e.Position, e.Metadata = 7, nil // as in the old layout
	if second := id(t, w, &e); second != first {
		t.Errorf("%s, then %s", first, second)
	}
}

func TestIDsOfRecords(t *testing.T) {
	w := idWriter(t, address.RecordIDs, "$meta['id']")
	for _, row := range []struct {
		name string
		id   any
		want string
	}{
		{"string", "order-48213", "order-48213"},
		{"integer", 48213, "48213"},
		{"largest unsigned", ^uint64(0), "18446744073709551615"},
		{"negative", -5, "-5"},
		{"float", 1.5, "1.5"},
		{"switch", true, "true"},
		{"quotes and control characters", "a\"b\\c\nd\x00", "a\"b\\c\nd\x00"},
		{"a forged action", "x\"}}\n{\"delete\":{}}", "x\"}}\n{\"delete\":{}}"},
		{"upper case and spaces stay", "A b", "A b"},
		{"as long as may be", strings.Repeat("a", 512), strings.Repeat("a", 512)},
		{"as long as may be, of two bytes each", strings.Repeat("é", 256), strings.Repeat("é", 256)},
		{"escapes do not count", strings.Repeat("\n", 512), strings.Repeat("\n", 512)},
		{"bad UTF-8", "a\xffb", "a\uFFFDb"},
		{"bad UTF-8, as long as may be", strings.Repeat("\xff", 170) + "aa", strings.Repeat("\uFFFD", 170) + "aa"},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := chunk.Event{Record: object("log", "a", "meta", object("id", row.id))}
			if got := id(t, w, &e); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
			if quoted, _ := w.ID(&e, values(t, e.Record)); bytes.ContainsAny(quoted, "\n\x00") {
				t.Errorf("a raw control character in %q", quoted)
			}
		})
	}
}

func TestRecordsWithoutAnIDAreReported(t *testing.T) {
	w := idWriter(t, address.RecordIDs, "$id")
	for _, r := range [][]byte{
		object(), object("log", "a"), object("id", ""), object("id", nil), object("id", object("a", 1)),
		object("id", []byte{0x90}), object("id", []byte{0xc4, 1, 0xff}), object("ID", "x"),
	} {
		if got, err := w.ID(&chunk.Event{}, values(t, r)); len(got) != 0 || !errors.Is(err, address.ErrNoID) {
			t.Errorf("%q: %s, %v", r, got, err)
		}
	}
	if got, err := idWriter(t, address.ElasticsearchIDs, "").ID(&chunk.Event{}, values(t, object("id", "x"))); len(got) != 0 || err != nil {
		t.Errorf("ids by Elasticsearch: %s, %v", got, err)
	}
}

func TestLongIDsAreRejected(t *testing.T) {
	w := idWriter(t, address.RecordIDs, "$id")
	for _, text := range []string{
		strings.Repeat("a", 513), strings.Repeat("é", 257), strings.Repeat("a", 100_000),
		strings.Repeat("\xff", 171), strings.Repeat("\xff", 170) + "aaa", // three bytes each, as U+FFFD
	} {
		if got, err := w.ID(&chunk.Event{}, values(t, object("id", text))); !errors.Is(err, address.ErrIDTooLong) {
			t.Errorf("%d bytes: %.20s, %v", len(text), got, err)
		}
	}
	if got := id(t, w, &chunk.Event{Record: object("id", "short")}); got != "short" {
		t.Errorf("after those: %q", got)
	}
}

func TestIDsAllocateNothing(t *testing.T) {
	data := events(t, 300)
	for _, w := range []*address.Writer{idWriter(t, address.GeneratedIDs, ""), idWriter(t, address.RecordIDs, "$i")} {
		documents := document.NewWriter(document.Options{Paths: &paths})
		var text []byte
		walkOnce := func() {
			w.Begin(tag, at)
			r := chunk.NewReader(data)
			var e chunk.Event
			for r.Next(&e) == nil && r.Bound(&e) == nil {
				text, _, _ = documents.Append(text[:0], &e)
				_, _ = w.ID(&e, documents.Values())
			}
		}
		walkOnce()
		if n := support.Allocations(20, walkOnce); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
