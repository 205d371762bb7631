package chunk_test

import (
	"io"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

func marker(seconds uint32, record []byte) []byte {
	return concat([]byte{0x92, 0x92}, eventTime(seconds, 0), []byte{0x80}, record)
}

// grouped returns events before, in, between and behind groups, one group without an end and one
// empty, and the group of each of its values.
func grouped() (data []byte, groups []string) {
	header := func(name string) []byte {
		return concat([]byte{0x81}, msgp.AppendString(msgp.AppendString(nil, "resource"), name))
	}
	const start, end = 0xFFFFFFFF, 0xFFFFFFFE
	for _, piece := range []struct {
		bytes []byte
		group string
	}{
		{layouts[0].event(eventTime(1, 0), aRecord), ""},
		{marker(start, header("one")), ""},
		{layouts[0].event(eventTime(2, 0), aRecord), "one"},
		{[]byte{0xc0}, "one"}, // malformed
		{layouts[1].event(eventTime(3, 0), aRecord), "one"},
		{marker(end, []byte{0x80}), ""},
		{layouts[0].event(eventTime(4, 0), aRecord), ""},
		{marker(start, []byte{0x80}), ""},
		{layouts[0].event(eventTime(5, 0), aRecord), ""},
		{marker(start, header("two")), ""},
		{layouts[0].event(eventTime(6, 0), aRecord), "two"},
		{marker(start, header("three")), ""},
		{layouts[0].event(eventTime(7, 0), aRecord), "three"},
	} {
		data = append(data, piece.bytes...)
		groups = append(groups, piece.group)
	}
	return data, groups
}

func groupOf(t *testing.T, e *chunk.Event) string {
	t.Helper()
	if e.Group == nil {
		return ""
	}
	_, b, err := msgp.ReadMapHeaderBytes(e.Group)
	if err != nil {
		t.Fatal(err)
	}
	if _, b, err = msgp.ReadStringBytes(b); err != nil {
		t.Fatal(err)
	}
	name, rest, err := msgp.ReadStringBytes(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("the group runs on: %x, %v", rest, err)
	}
	return name
}

// Events have their own group from every place of a chunk, and after a seek from any other: package
// deliver goes back to the start of a request.
func TestEventsHaveTheirGroupFromEveryPlace(t *testing.T) {
	data, groups := grouped()
	r := chunk.NewReader(data)
	var places []chunk.Place
	var e chunk.Event
	for range groups {
		place, err := r.Place()
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, place)
		_ = r.Next(&e)
	}
	for first := range places {
		for second := range places {
			for _, from := range []int{first, second} {
				r.Seek(places[from])
				for i := from; i < len(groups); i++ {
					err := r.Next(&e)
					if err == io.EOF {
						t.Fatalf("the end after %d values", i)
					}
					if err != nil || e.Kind != chunk.Log {
						continue
					}
					if got := groupOf(t, &e); got != groups[i] {
						t.Fatalf("from %d, value %d is in group %q, want %q", from, i, got, groups[i])
					}
				}
			}
		}
	}
}

func TestMarkerThatIsCutOffIsTruncated(t *testing.T) {
	data := marker(0xFFFFFFFF, aRecord)
	for cut := len(data) - len(aRecord) + 1; cut < len(data); cut++ {
		r := chunk.NewReader(data[:cut])
		var e chunk.Event
		if err := r.Next(&e); err != chunk.ErrTruncated {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}
