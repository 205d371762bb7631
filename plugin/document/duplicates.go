package document

import (
	"hash/maphash"
	"strconv"

	"out_es/plugin/chunk"
)

// maxLinearKeys is the number of members up to which an object's keys are compared one by one; more
// are looked up in a table.
const maxLinearKeys = 32

// checkDuplicate looks for another member with the same text as the newest key, which ends dst and
// has this hash, and marks the member to be changed. It reports whether the key is unique.
func (w *Writer) checkDuplicate(dst []byte, o *object, hash uint64) (unique bool) {
	members := w.members[o.first:]
	newest := len(members) - 1
	m := &members[newest]
	m.size, m.tag = int32(len(dst))-m.at, uint16(hash)
	twin := w.duplicateOf(dst, o, newest, hash)
	if twin < 0 {
		return true
	}
	o.dirty = true
	switch old := &members[twin]; {
	case m.left == added:
		m.mark = renamed
		w.changed[CollidingKey]++
	case old.left != added && sameKey(o.source[len(o.source)-int(old.left):], o.source[len(o.source)-int(m.left):]):
		old.mark = dropped
		w.changed[DuplicateKey]++
	default:
		old.mark = renamed
		w.changed[CollidingKey]++
	}
	return false
}

// duplicateOf returns the member with the same text as the newest, -1 for none. Later calls find
// the newest instead.
func (w *Writer) duplicateOf(dst []byte, o *object, newest int, hash uint64) int {
	members := w.members[o.first : o.first+newest+1]
	text, tag := dst[members[newest].at:], uint16(hash)
	if newest < maxLinearKeys {
		for i := range members[:newest] {
			m := &members[i]
			if m.tag == tag && m.mark == kept && int(m.size) == len(text) && string(dst[m.at:m.at+m.size]) == string(text) {
				return i
			}
		}
		return -1
	}
	w.fillSlots(dst, 0, o, newest)
	s := w.slot(dst, 0, o, text, hash)
	twin := int(*s) - 1
	if twin < 0 || members[newest].left != added {
		*s = int32(newest + 1)
	}
	o.filled = newest + 1
	return twin
}

// fillSlots adds the object's members up to the n-th to its table. Their keys are in text, at their
// offsets less shift.
func (w *Writer) fillSlots(text []byte, shift int32, o *object, n int) {
	if o.size < 2*(n+1) {
		if o.size == 0 {
			o.slots = len(w.slots)
		}
		o.size, o.filled = max(2*o.size, 64), 0
		for o.size < 2*(n+1) {
			o.size *= 2
		}
		w.slots = append(w.slots[:o.slots], make([]int32, o.size)...)
	}
	for ; o.filled < n; o.filled++ {
		m := w.members[o.first+o.filled]
		if m.mark == kept {
			key := text[m.at-shift : m.at-shift+m.size]
			*w.slot(text, shift, o, key, maphash.Bytes(w.keys.seed, key)) = int32(o.filled + 1)
		}
	}
}

// slot returns the slot of the member with this key, which has this hash, or the empty slot for it.
func (w *Writer) slot(text []byte, shift int32, o *object, key []byte, hash uint64) *int32 {
	slots, members := w.slots[o.slots:o.slots+o.size], w.members[o.first:]
	for i := hash >> 16; ; i++ {
		s := &slots[i&uint64(len(slots)-1)]
		if *s == 0 {
			return s
		}
		m := &members[*s-1]
		if int(m.size) == len(key) && string(text[m.at-shift:m.at-shift+m.size]) == string(key) {
			return s
		}
	}
}

// sameKey reports whether two keys are the same in the record, not only in the document.
func sameKey(a, b []byte) bool {
	restA, errA := chunk.Skip(a)
	restB, errB := chunk.Skip(b)
	if errA != nil || errB != nil {
		return false
	}
	a, b = a[:len(a)-len(restA)], b[:len(b)-len(restB)]
	textA, okA := stringBytes(a)
	textB, okB := stringBytes(b)
	if okA && okB {
		return string(textA) == string(textB)
	}
	return string(a) == string(b)
}

// rebuild writes the members of an object again, without the dropped ones, and with new names for
// the renamed ones: the old name and a number that makes it unique.
func (w *Writer) rebuild(dst []byte, o *object) []byte {
	members := w.members[o.first:]
	start := members[0].at
	w.scratch = append(emptied(w.scratch), dst[start:]...)
	dst = dst[:start]
	number := 0
	for i := range members {
		m := &members[i]
		if m.mark == dropped {
			continue
		}
		if len(dst) > int(start) {
			dst = append(dst, ',')
		}
		from, to := m.at-start, int32(len(w.scratch))
		if i+1 < len(members) {
			to = members[i+1].at - start - 1 // the comma
		}
		if m.mark == renamed {
			dst, number = w.appendFree(dst, o, w.scratch[from:from+m.size], number)
			from += m.size
		}
		dst = append(dst, w.scratch[from:to]...)
	}
	return dst
}

// appendFree appends key with the first number above number that makes it unique. The numbers of
// one object only grow, so a thousand collisions cost a thousand steps, not a million.
func (w *Writer) appendFree(dst []byte, o *object, key []byte, number int) (out []byte, last int) {
	mark := len(dst)
	for {
		number++
		dst = append(append(dst[:mark], key[:len(key)-1]...), '_')
		dst = append(strconv.AppendInt(dst, int64(number), 10), '"')
		if !w.holds(o, dst[mark:]) {
			return dst, number
		}
	}
}

// holds reports whether the object, as it was before rebuild, has a member with this key.
func (w *Writer) holds(o *object, key []byte) bool {
	members := w.members[o.first:]
	start := members[0].at
	if o.size > 0 {
		w.fillSlots(w.scratch, start, o, len(members))
		return *w.slot(w.scratch, start, o, key, maphash.Bytes(w.keys.seed, key)) != 0
	}
	for _, m := range members {
		if m.mark != dropped && string(w.scratch[m.at-start:m.at-start+m.size]) == string(key) {
			return true
		}
	}
	return false
}
