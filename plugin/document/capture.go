package document

import "out_es/plugin/chunk"

// The walk that writes the document also finds the values for the address: it descends the branches
// of Options.Paths in parallel and notes the start of those values.

// Values returns the record's values at Options.Paths, of the event that was written last. They are
// valid until the next Append.
func (w *Writer) Values() chunk.Values { return w.values }

// capture appends the value at the start of b, whose path is branch.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) capture(dst, b []byte, depth int, branch *chunk.Branch) (out, rest []byte, err error) {
	branch.Set(w.values, b)
	if branch.HasChildren() && len(b) > 0 {
		switch lead := b[0]; {
		case lead&0xf0 == 0x80 || lead == 0xde || lead == 0xdf:
			return w.object(dst, b, depth+1, branch)
		case lead&0xf0 == 0x90 || lead == 0xdc || lead == 0xdd:
			return w.array(dst, b, depth+1, branch)
		}
	}
	return w.value(dst, b, depth)
}

// place is the offset in a memo's source at which a requested value begins.
type place struct{ number, offset int }

// note keeps the places of the values that were found in the memo's value, which is at the start of
// b.
func (m *memo) note(branch *chunk.Branch, values chunk.Values, b []byte) {
	m.branch, m.places = branch, m.places[:0]
	if branch == nil {
		return
	}
	for number, value := range values {
		if value != nil && branch.Contains(number) {
			m.places = append(m.places, place{number, len(b) - len(value)})
		}
	}
}

// recall restores the values that were found in the memo's value, which is at the start of b.
func (m *memo) recall(branch *chunk.Branch, values chunk.Values, b []byte) {
	branch.Clear(values)
	for _, p := range m.places {
		values[p.number] = b[p.offset:]
	}
}
