package chunk_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// eventTime is Fluent Bit's ext type 0 in its encoder's form
// (src/flb_log_event_encoder_primitives.c): fixext 8, seconds, nanoseconds.
func eventTime(seconds, nanos uint32) []byte {
	return appendTime([]byte{0xd7, 0}, seconds, nanos)
}

func appendTime(b []byte, seconds, nanos uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, seconds), nanos)
}

// aRecord and someMetadata are whole msgpack maps.
var (
	aRecord      = msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "log"), "a line")
	someMetadata = msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "severity"), 9)
)

// layouts are the possible layouts of time and record in an event.
var layouts = []struct {
	name     string
	event    func(time, record []byte) []byte
	metadata []byte
}{
	{"nested", func(time, record []byte) []byte {
		return concat([]byte{0x92, 0x92}, time, someMetadata, record)
	}, someMetadata},
	{"nested, nothing in the metadata", func(time, record []byte) []byte {
		return concat([]byte{0x92, 0x92}, time, []byte{0x80}, record)
	}, []byte{0x80}},
	{"flat", func(time, record []byte) []byte {
		return concat([]byte{0x92}, time, record)
	}, nil},
}

func concat(pieces ...[]byte) (all []byte) {
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}

func TestNextReadsEveryFormOfTimeInEachLayout(t *testing.T) {
	at := func(seconds int64, nanos uint32) chunk.Time { return chunk.Time{Seconds: seconds, Nanos: nanos} }
	for _, row := range []struct {
		name string
		time []byte
		want chunk.Time
		kind chunk.Kind
	}{
		{"event time", eventTime(1795425262, 117384000), at(1795425262, 117384000), chunk.Log},
		{"event time as ext 8", appendTime([]byte{0xc7, 8, 0}, 1795425262, 5), at(1795425262, 5), chunk.Log},
		{"event time of 1970", eventTime(0, 0), at(0, 0), chunk.Log},
		{"event time after 2038", eventTime(1<<31, 1), at(1<<31, 1), chunk.Log},
		{"last event time", eventTime(0xFFFFFFFD, 999999999), at(0xFFFFFFFD, 999999999), chunk.Log},
		{"whole seconds among the nanoseconds are carried", eventTime(10, 3_000_000_007), at(13, 7), chunk.Log},
		{"the most nanoseconds", eventTime(10, math.MaxUint32), at(14, 294967295), chunk.Log},
		{"start of a group", eventTime(0xFFFFFFFF, 0), at(0xFFFFFFFF, 0), chunk.GroupStart},
		{"end of a group", eventTime(0xFFFFFFFE, 0), at(0xFFFFFFFE, 0), chunk.GroupEnd},
		{"start of a group as ext 8", appendTime([]byte{0xc7, 8, 0}, 0xFFFFFFFF, 0), at(0xFFFFFFFF, 0), chunk.GroupStart},
		{"no marker, since it has nanoseconds", eventTime(0xFFFFFFFF, 1), at(0xFFFFFFFF, 1), chunk.Log},
		{"nor has this one none", eventTime(0xFFFFFFFE, 999_999_999), at(0xFFFFFFFE, 999_999_999), chunk.Log},
		{"small integer", msgp.AppendInt64(nil, 7), at(7, 0), chunk.Log},
		{"integer", msgp.AppendInt64(nil, 1795425262), at(1795425262, 0), chunk.Log},
		{"unsigned of 32 bits that an event time would make a marker", msgp.AppendUint64(nil, 0xFFFFFFFF), at(0xFFFFFFFF, 0), chunk.Log},
		{"unsigned of 64 bits", []byte{0xcf, 0, 0, 0, 0, 0x6b, 0x04, 0x2a, 0x2e}, at(0x6b042a2e, 0), chunk.Log},
		{"negative integer", msgp.AppendInt64(nil, -1), at(-1, 0), chunk.Log},
		{"long before 1970", msgp.AppendInt64(nil, -86400*365*100), at(-86400*365*100, 0), chunk.Log},
		{"float", msgp.AppendFloat64(nil, 1795425262.5), at(1795425262, 500000000), chunk.Log},
		{"float of 32 bits", msgp.AppendFloat32(nil, 1024.25), at(1024, 250000000), chunk.Log},
		{"negative float", msgp.AppendFloat64(nil, -1.25), at(-2, 750000000), chunk.Log},
		{"float just below a second", msgp.AppendFloat64(nil, math.Nextafter(2, 1)), at(1, 999999999), chunk.Log},
		{"end of the year 9999", msgp.AppendInt64(nil, 253402300799), at(253402300799, 0), chunk.Log},
	} {
		for _, layout := range layouts {
			t.Run(layout.name+"/"+row.name, func(t *testing.T) {
				r := chunk.NewReader(layout.event(row.time, aRecord))
				var e chunk.Event
				if err := r.Next(&e); err != nil {
					t.Fatal(err)
				}
				if e.Time != row.want || e.Kind != row.kind {
					t.Errorf("time %v of kind %d, want %v of kind %d", e.Time, e.Kind, row.want, row.kind)
				}
				if err := r.Bound(&e); err != nil {
					t.Fatal(err)
				}
				if string(e.Record) != string(aRecord) || string(e.Metadata) != string(layout.metadata) {
					t.Errorf("record %x and metadata %x, want %x and %x", e.Record, e.Metadata, aRecord, layout.metadata)
				}
				if err := r.Next(&e); err != io.EOF {
					t.Errorf("behind the last event: %v", err)
				}
			})
		}
	}
}

func TestNextSkipsWhatIsNoEvent(t *testing.T) {
	inEvent := func(time []byte) []byte { return concat([]byte{0x92, 0x92}, time, someMetadata, aRecord) }
	for _, row := range []struct {
		name  string
		value []byte
	}{
		{"a string", msgp.AppendString(nil, "hello")},
		{"a number", msgp.AppendInt(nil, 5)},
		{"nil", msgp.AppendNil(nil)},
		{"a record without its array", aRecord},
		{"an empty array", []byte{0x90}},
		{"an array of one", concat([]byte{0x91}, eventTime(1, 2))},
		{"an array of three", concat([]byte{0x93}, eventTime(1, 2), someMetadata, aRecord)},
		{"an array 16 of three", concat([]byte{0xdc, 0, 3}, eventTime(1, 2), someMetadata, aRecord)},
		{"a head of three", concat([]byte{0x92, 0x93}, eventTime(1, 2), someMetadata, someMetadata, aRecord)},
		{"a record that is a string", concat([]byte{0x92}, eventTime(1, 2), msgp.AppendString(nil, "log"))},
		{"a record that is an array", concat([]byte{0x92, 0x92}, eventTime(1, 2), someMetadata, []byte{0x91, 1})},
		{"a time that is nil", inEvent(msgp.AppendNil(nil))},
		{"a time that is a string", inEvent(msgp.AppendString(nil, "2026-11-23"))},
		{"a time of another ext type", inEvent(appendTime([]byte{0xd7, 1}, 1, 2))},
		{"msgpack's own timestamp", inEvent(appendTime([]byte{0xd7, 0xff}, 1, 2))},
		{"an event time of four bytes", inEvent([]byte{0xd6, 0, 0, 0, 0, 1})},
		{"a time that is no number", inEvent(msgp.AppendFloat64(nil, math.NaN()))},
		{"a time without end", inEvent(msgp.AppendFloat64(nil, math.Inf(1)))},
		{"a time without beginning", inEvent(msgp.AppendFloat64(nil, math.Inf(-1)))},
		{"a float after the year 9999", inEvent(msgp.AppendFloat64(nil, 253402300800))},
		{"an absurd float", inEvent(msgp.AppendFloat64(nil, 1e300))},
		{"an absurd float of 32 bits", inEvent(msgp.AppendFloat32(nil, math.MaxFloat32))},
		{"an integer after the year 9999", inEvent(msgp.AppendInt64(nil, 253402300800))},
		{"the smallest integer", inEvent(msgp.AppendInt64(nil, math.MinInt64))},
		{"the largest unsigned", inEvent(msgp.AppendUint64(nil, math.MaxUint64))},
	} {
		t.Run(row.name, func(t *testing.T) {
			good := layouts[0].event(eventTime(9, 9), aRecord)
			r := chunk.NewReader(concat(good, row.value, good))
			var e chunk.Event
			for position, want := range []error{nil, chunk.ErrNotAnEvent, nil, io.EOF} {
				if err := r.Next(&e); !errors.Is(err, want) {
					t.Fatalf("value %d: %v, want %v", position, err, want)
				}
				if want != io.EOF && e.Position != position {
					t.Errorf("value %d is at position %d", position, e.Position)
				}
			}
			if r.Position() != 3 {
				t.Errorf("%d values read, want 3", r.Position())
			}
		})
	}
}

func TestNextTakesHeadersOfEveryLength(t *testing.T) {
	long := [][]byte{{0xdc, 0, 2}, {0xdd, 0, 0, 0, 2}}
	for _, outer := range long {
		for _, inner := range long {
			r := chunk.NewReader(concat(outer, inner, eventTime(3, 4), someMetadata, aRecord, outer, eventTime(5, 6), aRecord))
			var e chunk.Event
			for _, seconds := range []int64{3, 5} {
				if err := r.Next(&e); err != nil || e.Time.Seconds != seconds {
					t.Errorf("%x %x: time %v, %v", outer, inner, e.Time, err)
				}
			}
		}
	}
}

func TestMetadataThatIsNoMapIsLeftOut(t *testing.T) {
	r := chunk.NewReader(concat([]byte{0x92, 0x92}, eventTime(1, 2), msgp.AppendNil(nil), aRecord))
	e := chunk.Event{Metadata: someMetadata}
	if err := r.Next(&e); err != nil || e.Metadata != nil {
		t.Errorf("metadata %x, %v", e.Metadata, err)
	}
}

func TestEmptyChunkEndsAtOnce(t *testing.T) {
	for _, data := range [][]byte{nil, {}} {
		r := chunk.NewReader(data)
		var e chunk.Event
		if err := r.Next(&e); err != io.EOF {
			t.Error(err)
		}
	}
}
