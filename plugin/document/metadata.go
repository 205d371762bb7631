package document

import (
	"encoding/hex"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// otlpKey is the field of an event's metadata that Fluent Bit's opentelemetry
// input fills (in_opentelemetry/opentelemetry_logs.c).
const otlpKey = "otlp"

// appendMetadata adds the event's metadata: fields of OTLP and of the event's group by their own
// names, at the top, as in Elastic's OpenTelemetry documents (docs/adr/0018); everything else under
// Metadata_Key.
func (w *Writer) appendMetadata(dst []byte, e *chunk.Event, o *object) (out []byte, err error) {
	if len(e.Metadata) <= 1 && e.Group == nil {
		return dst, nil // nearly always: no metadata, or an empty map
	}
	n, b, err := mapHeader(e.Metadata)
	if err != nil {
		n = 0 // no metadata
	}
	others := uint32(0)
	for range n {
		if !isOTLP(b) {
			others++
			b, err = skipMember(b)
		} else {
			dst, b, err = w.appendOTLP(dst, b[1+len(otlpKey):], e, o)
		}
		if err != nil {
			return dst, err
		}
	}
	if dst, err = w.appendGroup(dst, e.Group, o); err != nil || others == 0 || !w.adds(metadataField, o) {
		return dst, err
	}
	dst = w.addKey(dst, metadataField, o)
	if others == n {
		dst, _, err = w.value(dst, e.Metadata, topDepth)
		return dst, err
	}
	return w.appendOthers(dst, e.Metadata)
}

// appendOthers writes the metadata without OTLP's part.
func (w *Writer) appendOthers(dst, metadata []byte) (out []byte, err error) {
	n, b, err := mapHeader(metadata)
	var o object
	w.open(&o, b, topDepth+1)
	for ; n > 0 && err == nil; n-- {
		if isOTLP(b) {
			b, err = skipMember(b)
			continue
		}
		if dst, b, err = w.key(dst, b, &o, int32(len(b))); err == nil {
			dst, b, err = w.value(dst, b, topDepth+1)
		}
	}
	return w.close(dst, &o), err
}

// isOTLP reports whether the field at the start of b is OTLP's, and a map.
func isOTLP(b []byte) bool {
	const size = 1 + len(otlpKey)
	return len(b) > size && b[0] == 0xa0|byte(len(otlpKey)) && string(b[1:size]) == otlpKey && holdsFields(b[size])
}

// holdsFields reports whether a map starts with this byte.
func holdsFields(lead byte) bool { return lead&0xf0 == 0x80 || lead == 0xde || lead == 0xdf }

func skipMember(b []byte) (rest []byte, err error) {
	if rest, err = chunk.Skip(b); err != nil {
		return nil, err
	}
	return chunk.Skip(rest)
}

// appendOTLP adds the fields of the map at the start of b.
func (w *Writer) appendOTLP(dst, b []byte, e *chunk.Event, o *object) (out, rest []byte, err error) {
	n, b, err := mapHeader(b)
	for ; n > 0 && err == nil; n-- {
		head, end := textBounds(b)
		name := b[head:end]
		if string(name) == "timestamp" && isTime(b[end:], e.Time) {
			b, err = skipMember(b) // it is in the document as the event's time
			continue
		}
		if dst, b, err = w.key(dst, b, o, added); err != nil {
			break
		}
		switch string(name) {
		case "trace_id", "span_id":
			dst, b, err = w.appendIdentifier(dst, b)
		case "timestamp", "observed_timestamp":
			dst, b, err = w.appendNanoseconds(dst, b)
		default:
			dst, b, err = w.value(dst, b, topDepth)
		}
	}
	return dst, b, err
}

// appendIdentifier writes the bytes of a trace's or a span's id in hexadecimal, as in OTLP's JSON
// and in Elastic's documents.
func (w *Writer) appendIdentifier(dst, b []byte) (out, rest []byte, err error) {
	if msgp.NextType(b) != msgp.BinType {
		return w.value(dst, b, topDepth)
	}
	id, rest, err := msgp.ReadBytesZC(b)
	dst = append(dst, '"')
	dst = hex.AppendEncode(dst, id)
	return append(dst, '"'), rest, broken(err)
}

// appendNanoseconds writes nanoseconds since 1970 as a date: Elasticsearch doesn't take such a
// large number as a date.
func (w *Writer) appendNanoseconds(dst, b []byte) (out, rest []byte, err error) {
	nanos, rest, ok := nanoseconds(b)
	if !ok {
		return w.value(dst, b, topDepth)
	}
	t := time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC()
	return t.AppendFormat(dst, `"2006-01-02T15:04:05.000000000Z"`), rest, nil
}

func isTime(b []byte, t chunk.Time) bool {
	nanos, _, ok := nanoseconds(b)
	return ok && nanos/1e9 == uint64(t.Seconds) && nanos%1e9 == uint64(t.Nanos)
}

func nanoseconds(b []byte) (n uint64, rest []byte, ok bool) {
	switch msgp.NextType(b) {
	case msgp.IntType, msgp.UintType:
		n, rest, err := msgp.ReadUint64Bytes(b)
		return n, rest, err == nil
	}
	return 0, nil, false
}

// appendGroup adds the fields that the events of a group share, to each of their documents.
func (w *Writer) appendGroup(dst, group []byte, o *object) (out []byte, err error) {
	if group == nil {
		return dst, nil
	}
	n, b, err := mapHeader(group)
	for i := uint32(0); i < n && err == nil; i++ {
		if dst, b, err = w.key(dst, b, o, added); err != nil {
			break
		}
		if holdsValues(b) {
			dst, b, err = w.remember(int(memoPlaces+i%memoPlaces), dst, b, nil)
		} else {
			dst, b, err = w.value(dst, b, topDepth)
		}
	}
	return dst, err
}
