package document

import "bytes"

// memo is the last map or array that stood at one place of a record, and its
// JSON. What the kubernetes filter adds to an event is the same for every line
// of a pod, and most of the event: to see that it is the same takes a tenth of
// the time that writing it again takes.
type memo struct{ source, text []byte }

// A writer keeps memoPlaces values of at most memoBytes each, their JSON
// included: 64 KB.
const (
	memoPlaces = 4
	memoBytes  = 16 << 10
)

// append appends the JSON that is kept, where b starts with the value it was
// made from. A msgpack value says itself where it ends: equal bytes are the
// equal value, whatever follows.
func (m *memo) append(dst, b []byte) (out, rest []byte, ok bool) {
	if len(m.source) == 0 || !bytes.HasPrefix(b, m.source) {
		return dst, b, false
	}
	return append(dst, m.text...), b[len(m.source):], true
}

// keep copies a value and its JSON, unless they are large.
func (m *memo) keep(source, text []byte) {
	if len(source)+len(text) > memoBytes {
		return
	}
	m.source = append(m.source[:0], source...)
	m.text = append(m.text[:0], text...)
}

// field appends the value of the i-th field of a record.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) field(dst, b []byte, i uint32) (out, rest []byte, err error) {
	if !holdsValues(b) {
		return w.value(dst, b, 1)
	}
	m := &w.memos[i%memoPlaces]
	if out, rest, ok := m.append(dst, b); ok {
		return out, rest, nil
	}
	cut := w.cut
	out, rest, err = w.value(dst, b, 1)
	if err == nil && w.cut == cut { // what was cut must be counted every time
		m.keep(b[:len(b)-len(rest)], out[len(dst):])
	}
	return out, rest, err
}

// holdsValues says whether a map or an array starts b.
func holdsValues(b []byte) bool {
	return len(b) > 0 && (b[0]&0xe0 == 0x80 || b[0] >= 0xdc && b[0] <= 0xdf)
}
