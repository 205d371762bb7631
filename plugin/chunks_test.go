package plugin_test

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tinylib/msgp/msgp"
)

// object is a msgpack map with its fields in this order.
type object []any

// appendValue writes with tinylib's encoder, since the plugin has its own reader.
func appendValue(b []byte, v any) []byte {
	fields, ok := v.(object)
	if !ok {
		b, err := msgp.AppendIntf(b, v)
		if err != nil {
			panic(err)
		}
		return b
	}
	b = msgp.AppendMapHeader(b, uint32(len(fields)/2))
	for _, value := range fields {
		b = appendValue(b, value)
	}
	return b
}

// appendTime writes Fluent Bit's event time: ext type 0, 8 bytes.
func appendTime(b []byte, seconds, nanos uint32) []byte {
	b = append(b, 0xd7, 0)
	b = binary.BigEndian.AppendUint32(b, seconds)
	return binary.BigEndian.AppendUint32(b, nanos)
}

const eventSeconds = 1_700_000_000 // 2023-11-14T22:13:20Z

// event is one in today's layout: [[time, metadata], record].
func event(record object) []byte { return eventWith(eventSeconds, object{}, record) }

func eventWith(seconds uint32, metadata, record object) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendArrayHeader(b, 2)
	nanos := uint32(123_456_789)
	if seconds >= math.MaxUint32-1 {
		nanos = 0 // as Fluent Bit writes the markers of groups
	}
	b = appendTime(b, seconds, nanos)
	b = appendValue(b, metadata)
	return appendValue(b, record)
}

// oldEvent is one in the layout before Fluent Bit 2.1: [time, record].
func oldEvent(record object) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = appendTime(b, eventSeconds, 123_456_789)
	return appendValue(b, record)
}

// numbered is a chunk of n events {"n": 0}, {"n": 1} …
func numbered(n int) []byte {
	var events [][]byte
	for i := range n {
		events = append(events, event(object{"n", i}))
	}
	return slices.Concat(events...)
}

// upTo are the numbers of numbered(n).
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
