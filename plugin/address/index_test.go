package address_test

import (
	"testing"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/test/support"
)

func eventAt(t time.Time, record []byte) *chunk.Event {
	return &chunk.Event{Time: chunk.Time{Seconds: t.Unix(), Nanos: uint32(t.Nanosecond())}, Record: record}
}

func TestIndexHasTheTimeOfTheEvent(t *testing.T) {
	w := address.NewWriter(address.IndexOptions(template(t, "logs-%Y.%m.%d-%H%M%S"), template(t, "fluent-bit")))
	w.Begin(tag, at)
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		at   time.Time
		want string
	}{
		{midnight, `"logs-2026.11.23-000000"`},
		{midnight.Add(999 * time.Millisecond), `"logs-2026.11.23-000000"`},
		{midnight.Add(-time.Nanosecond), `"logs-2026.11.22-235959"`},
		{midnight.Add(time.Second), `"logs-2026.11.23-000001"`},
		{midnight, `"logs-2026.11.23-000000"`},
		{time.Unix(-1, 0), `"logs-1969.12.31-235959"`},
		{time.Unix(0, 0), `"logs-1970.01.01-000000"`},
		{time.Unix(1<<32, 0), `"logs-2106.02.07-062816"`},
	} {
		for range 2 {
			if got := string(w.Index(eventAt(row.at, record), values(t, record))); got != row.want {
				t.Errorf("%v: %s, want %s", row.at, got, row.want)
			}
		}
	}
}

// A new writer must not mistake second zero for the last second.
func TestFirstEventOf1970HasAName(t *testing.T) {
	w := address.NewWriter(address.IndexOptions(template(t, "x-%s"), template(t, "fluent-bit")))
	w.Begin(tag, at)
	if got := string(w.Index(eventAt(time.Unix(0, 0), record), values(t, record))); got != `"x-0"` {
		t.Error(got)
	}
}

func TestIndexHasTheTimeOfSendingUnderCurrentTimeIndex(t *testing.T) {
	o := address.IndexOptions(template(t, "logs-%Y.%m.%d"), template(t, "fluent-bit"))
	o.Clock = address.SendTime
	w := address.NewWriter(o)
	berlin := time.FixedZone("CET", 3600)
	for _, row := range []struct {
		now  time.Time
		want string
	}{
		{at, `"logs-2026.11.23"`},
		{time.Date(2026, 11, 24, 0, 30, 0, 0, berlin), `"logs-2026.11.23"`}, // names are in UTC
		{time.Date(2026, 11, 24, 1, 0, 0, 0, berlin), `"logs-2026.11.24"`},
	} {
		w.Begin(tag, row.now)
		for _, event := range []time.Time{at.AddDate(-1, 0, 0), at, at.AddDate(1, 0, 0)} {
			if got := string(w.Index(eventAt(event, record), values(t, record))); got != row.want {
				t.Errorf("sent at %v: %s, want %s", row.now, got, row.want)
			}
		}
	}
	o.Name[0].Template = template(t, "$name-%Y")
	w = address.NewWriter(o)
	w.Begin(tag, at)
	if got := string(w.Index(eventAt(time.Unix(0, 0), nil), values(t, object("name", "a")))); got != `"a-2026"` {
		t.Errorf("with a field of the record: %s", got)
	}
}

func TestIndexFollowsTheTagOfTheChunk(t *testing.T) {
	w := address.NewWriter(address.IndexOptions(template(t, "$TAG[1]-%Y"), template(t, "fluent-bit")))
	for _, row := range []struct{ tag, want string }{
		{"kube.shop", `"shop-2026"`}, {"kube.cart", `"cart-2026"`}, {"kube", `"fluent-bit"`}, {"", `"fluent-bit"`}, {"a.b.c", `"b-2026"`},
	} {
		w.Begin(row.tag, at)
		for range 2 {
			if got := string(w.Index(eventAt(at, record), values(t, record))); got != row.want {
				t.Errorf("tag %q: %s, want %s", row.tag, got, row.want)
			}
		}
	}
}

func TestIndexFollowsTheRecordWithinASecond(t *testing.T) {
	w := address.NewWriter(address.IndexOptions(template(t, "$name-%Y"), template(t, "fluent-bit")))
	w.Begin(tag, at)
	for _, row := range []struct {
		record []byte
		want   string
	}{
		{object("name", "a"), `"a-2026"`}, {object("name", "b"), `"b-2026"`}, {object(), `"fluent-bit"`}, {object("name", "a"), `"a-2026"`},
		{object("name", 7), `"7-2026"`}, {object("name", true), `"true-2026"`}, {object("name", 1.5), `"1.5-2026"`},
		{object("name", float32(0.1)), `"0.1-2026"`}, {object("name", object()), `"fluent-bit"`},
	} {
		if got := string(w.Index(eventAt(at, nil), values(t, row.record))); got != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
	}
}

func TestWritersSayWhatTheyNeed(t *testing.T) {
	name := func(text string) address.Options {
		return address.IndexOptions(template(t, text), template(t, "fluent-bit"))
	}
	generated, fromRecord := name("logs"), name("logs")
	generated.IDs, fromRecord.IDs = address.GeneratedIDs, address.RecordIDs
	for _, row := range []struct {
		name            string
		options         address.Options
		record, counted bool // expected answers
	}{
		{"a literal", name("logs"), false, false},
		{"date and tag", name("$TAG-%Y"), false, false},
		{"a field", name("logs-$name|x"), true, false},
		{"a field in the default", address.IndexOptions(template(t, "$TAG[5]"), template(t, "$name")), true, false},
		{"generated ids", generated, true, true},
		{"ids of the record", fromRecord, true, false},
	} {
		w := address.NewWriter(row.options)
		if w.NeedsRecord() != row.record || w.CountsEvents() != row.counted {
			t.Errorf("%s: needs the record %v, counts events %v", row.name, w.NeedsRecord(), w.CountsEvents())
		}
	}
}

func TestIndexAllocatesNothing(t *testing.T) {
	for _, text := range []string{"fluent-bit", "logs-%Y.%m.%d", "$TAG[1]-%Y", "$kubernetes['namespace_name']|none-%Y.%m.%d"} {
		w := address.NewWriter(address.IndexOptions(template(t, text), template(t, "fluent-bit")))
		w.Begin(tag, at)
		e, found := eventAt(at, record), values(t, record)
		w.Index(e, found)
		if n := support.Allocations(100, func() {
			e.Time.Seconds++
			w.Index(e, found)
			w.Index(e, found)
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
