package document

import (
	"bytes"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// Namer names the data stream of an event by its time and its values at Options.Paths:
// `"type-dataset-namespace"` with its quotes. Neither type nor dataset has a `-` in it, and no part
// needs escaping (plugin/address).
type Namer interface {
	IndexAt(t chunk.Time, values chunk.Values) []byte
}

// streamKeys are the fields that must agree with the data stream's name: the object that is added,
// and the same fields written with a dot.
var streamKeys = [...]string{"data_stream", "data_stream.type", "data_stream.dataset", "data_stream.namespace"}

// streamFields are their bits.
const streamFields = (1<<len(streamKeys) - 1) << streamField

// NameStreams gives every document the fields of its data stream, as in Elastic's naming scheme:
// data_stream.type, .dataset and .namespace.
func (w *Writer) NameStreams(n Namer) {
	w.streams = n
	for i, key := range streamKeys {
		w.addField(streamField+i, key)
	}
}

// appendStream adds the fields of the event's data stream. They are constant_keyword in Elastic's
// templates, which reject a document with other values. So the record's own fields are renamed
// unless they have the same values.
func (w *Writer) appendStream(dst []byte, t chunk.Time, o *object) []byte {
	name := bytes.Trim(w.streams.IndexAt(t, w.values), `"`)
	kind, rest, _ := bytes.Cut(name, []byte("-"))
	dataset, namespace, _ := bytes.Cut(rest, []byte("-"))
	s := stream{kind, dataset, namespace}
	if o.taken&streamFields != 0 && w.giveWay(dst, o, s) {
		return dst
	}
	dst = append(w.addKey(dst, streamField, o), `{"type":"`...)
	dst = append(append(dst, s.kind...), `","dataset":"`...)
	dst = append(append(dst, s.dataset...), `","namespace":"`...)
	return append(append(dst, s.namespace...), `"}`...)
}

// stream is a data stream's name in its parts.
type stream struct{ kind, dataset, namespace []byte }

// giveWay renames the record's own fields. It reports whether they may stay because they equal the
// fields that would be added.
func (w *Writer) giveWay(dst []byte, o *object, s stream) (same bool) {
	members := w.members[o.first:]
	for i := range members {
		m := &members[i]
		if m.mark != kept || w.added(dst[m.at:m.at+m.size])&streamFields == 0 {
			continue
		}
		if m.left != added && s.matches(o.source[len(o.source)-int(m.left):]) {
			same = true
			continue
		}
		m.mark, o.dirty = renamed, true
		w.changed[CollidingKey]++
	}
	return same
}

// matches reports whether the field at the start of b is data_stream with the three parts of s.
func (s stream) matches(b []byte) bool {
	key, b, err := msgp.ReadStringZC(b)
	if err != nil || string(key) != streamKeys[0] {
		return false
	}
	found := 0 // a bit for each part: they may come twice
	n, b, err := mapHeader(b)
	for ; err == nil && n > 0; n-- {
		head, end := textBounds(b)
		text := b[head:end]
		if b, err = chunk.Skip(b); err != nil {
			return false
		}
		for i, want := range [...][]byte{s.kind, s.dataset, s.namespace} {
			if string(text) == streamKeys[1+i][len("data_stream."):] {
				head, end := textBounds(b)
				if end == 0 || string(b[head:end]) != string(want) {
					return false
				}
				found |= 1 << i
			}
		}
		b, err = chunk.Skip(b)
	}
	return err == nil && found == 1<<3-1
}
