package document

import (
	"bytes"

	"out_es/plugin/chunk"
)

// memo is the last map or array that stood at one place of a record, and its
// JSON. What the kubernetes filter adds to an event is the same for every line
// of a pod, and most of the event: to see that it is the same takes a tenth of
// the time that writing it again takes.
type memo struct {
	source, text []byte
	// places are the values in it that are looked for, where it stands at
	// branch.
	branch *chunk.Branch
	places []place
}

// A writer keeps memoPlaces values of records and as many of groups, of at most
// memoBytes each, their JSON included: 128 KB.
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
func (m *memo) keep(source, text []byte) (kept bool) {
	if len(source)+len(text) > memoBytes {
		return false
	}
	m.source = append(m.source[:0], source...)
	m.text = append(m.text[:0], text...)
	return true
}

// field appends the value of the i-th field of a record, which stands at branch.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) field(dst, b []byte, i uint32, branch *chunk.Branch) (out, rest []byte, err error) {
	if !holdsValues(b) {
		if branch == nil {
			return w.value(dst, b, topDepth)
		}
		return w.found(dst, b, topDepth, branch)
	}
	return w.remember(&w.memos[i%memoPlaces], dst, b, branch)
}

// remember appends the map or the array at the start of b, which stands at
// branch: from m where m has it, and for m where it has not.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) remember(m *memo, dst, b []byte, branch *chunk.Branch) (out, rest []byte, err error) {
	if branch == nil || branch == m.branch {
		if out, rest, ok := m.append(dst, b); ok {
			if branch != nil {
				m.recall(branch, w.values, b)
			}
			return out, rest, nil
		}
	}
	cut, changed := w.cut, w.changed
	if branch == nil {
		out, rest, err = w.value(dst, b, topDepth)
	} else {
		out, rest, err = w.found(dst, b, topDepth, branch)
	}
	if err == nil && w.cut == cut && w.changed == changed && // what was changed must be counted every time
		m.keep(b[:len(b)-len(rest)], out[len(dst):]) {
		m.note(branch, w.values, b)
	}
	return out, rest, err
}

// holdsValues says whether a map or an array starts b.
func holdsValues(b []byte) bool {
	return len(b) > 0 && (b[0]&0xe0 == 0x80 || b[0] >= 0xdc && b[0] <= 0xdf)
}
