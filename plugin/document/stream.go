package document

import (
	"bytes"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// Namer names the data stream that an event of a time goes to, `"type-dataset-namespace"`
// with its quotes, by the values at Options.Paths. Neither type nor dataset
// has a `-` in it, and none needs escaping (plugin/address).
type Namer interface {
	IndexAt(t chunk.Time, values chunk.Values) []byte
}

// streamKeys are the fields that must not say otherwise: the object that is
// added, and the same fields written with a dot.
var streamKeys = [...]string{"data_stream", "data_stream.type", "data_stream.dataset", "data_stream.namespace"}

// streamFields are their bits.
const streamFields = (1<<len(streamKeys) - 1) << streamField

// NameStreams has every document tell the data stream it is in, as Elastic's
// data stream naming scheme wants it: data_stream.type, .dataset and .namespace.
func (w *Writer) NameStreams(n Namer) {
	w.streams = n
	for i, key := range streamKeys {
		w.addField(streamField+i, key)
	}
}

// appendStream adds the fields of the event's data stream. They are constant_keyword in
// Elastic's templates, which refuse a document that says otherwise: so a
// record's own fields give way, under another name, unless they say the same.
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

// giveWay renames the record's own fields. It says whether they may stay, since
// they are what would be added.
func (w *Writer) giveWay(dst []byte, o *object, s stream) (same bool) {
	members := w.members[o.first:]
	for i := range members {
		m := &members[i]
		if m.mark != kept || w.added(dst[m.at:m.at+m.size])&streamFields == 0 {
			continue
		}
		if m.left != added && s.is(o.source[len(o.source)-int(m.left):]) {
			same = true
			continue
		}
		m.mark, o.dirty = renamed, true
		w.changed[CollidingKey]++
	}
	return same
}

// is says whether the field at the start of b is data_stream with the three
// parts that s has.
func (s stream) is(b []byte) bool {
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
