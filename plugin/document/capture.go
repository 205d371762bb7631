package document

import "out_es/plugin/chunk"

// What an address needs of a record is found by the walk that writes the
// document: the walk goes down Options.Paths' branches beside it, and notes
// where the values begin.

// Values are the record's values at Options.Paths, of the event that was
// written last; valid until the next Append.
func (w *Writer) Values() chunk.Values { return w.values }

// found appends the value at the start of b, which stands at branch.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) found(dst, b []byte, depth int, branch *chunk.Branch) (out, rest []byte, err error) {
	branch.Enter(w.values, b)
	if branch.GoesOn() && len(b) > 0 {
		switch lead := b[0]; {
		case lead&0xf0 == 0x80 || lead == 0xde || lead == 0xdf:
			return w.object(dst, b, depth+1, branch)
		case lead&0xf0 == 0x90 || lead == 0xdc || lead == 0xdd:
			return w.array(dst, b, depth+1, branch)
		}
	}
	return w.value(dst, b, depth)
}

// place is where in a memo's source a value begins that was looked for.
type place struct{ number, offset int }

// note keeps what was found in the memo's value, which is at the start of b.
func (m *memo) note(branch *chunk.Branch, values chunk.Values, b []byte) {
	m.branch, m.places = branch, m.places[:0]
	if branch == nil {
		return
	}
	for number, value := range values {
		if value != nil && branch.Has(number) {
			m.places = append(m.places, place{number, len(b) - len(value)})
		}
	}
}

// recall says again what was found in the memo's value, which stands at the
// start of b.
func (m *memo) recall(branch *chunk.Branch, values chunk.Values, b []byte) {
	branch.Forget(values)
	for _, p := range m.places {
		values[p.number] = b[p.offset:]
	}
}
