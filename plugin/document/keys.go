package document

import (
	"bytes"
	"hash/maphash"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// object is one JSON object while it is being written.
type object struct {
	// source starts with the map's first key, and continues behind the map.
	source []byte
	// path identifies the sequence of keys so far; noPath if it is unknown.
	path uint64
	// guess points to the number of the key that probably comes next.
	guess *uint8
	// first is the object's first member in Writer.members.
	first int
	// slots and size are its part of Writer.slots; size 0 means none.
	slots, size, filled int
	// depth is 1 for the record's own object.
	depth int
	// dirty means that members have marks.
	dirty bool
	// taken has a bit for each of the added fields that the record has itself.
	taken uint8
}

// member is one field of an object that is being written.
type member struct {
	at   int32  // offset of its key in the document's buffer
	size int32  // of the key there, with its quotes
	left int32  // bytes of the source from its key on, or added
	tag  uint16 // of the key's hash
	mark mark
}

// added marks a member that is not a field of the map itself.
const added = -1

type mark uint8

const (
	kept mark = iota
	dropped
	renamed
)

// open starts o, an empty object, for the map whose first key starts source. Its bracket is written
// with the first key, or by close.
func (w *Writer) open(o *object, source []byte, depth int) {
	o.source, o.first, o.depth = source, len(w.members), depth
	o.guess, o.path = &w.last.inner, nestedPath
	if depth == topDepth {
		o.path = topPath
	}
}

// topDepth is the depth of a record's own keys.
const topDepth = 1

// close ends an object.
func (w *Writer) close(dst []byte, o *object) []byte {
	if len(w.members) == o.first {
		return append(dst, "{}"...)
	}
	if o.dirty {
		dst = w.rebuild(dst, o)
	}
	if o.size > 0 {
		w.slots = w.slots[:o.slots]
	}
	w.members = w.members[:o.first]
	return append(dst, '}')
}

// fields writes the n members of a map whose path is branch. It counts positions in b and doesn't
// reslice it: each reslicing costs time.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) fields(dst, b []byte, n uint32, o *object, branch *chunk.Branch) (out, rest []byte, err error) {
	at := 0
	for i := range n {
		var next *chunk.Branch
		if branch != nil {
			next = branch.Member(b[at:])
		}
		mark, left := len(dst), len(b)-at
		k := &w.keys.keys[*o.guess]
		if k.before == o.path && left >= maxCachedKey && cap(dst)-mark >= shortText && k.startsWith((*[maxCachedKey]byte)(b[at:])) {
			*(*[shortText]byte)(dst[mark : mark+shortText]) = k.short
			dst = dst[:mark+int(k.length)]
			at += int(k.size)
			m := w.push()
			m.at, m.size, m.left, m.tag, m.mark = int32(mark+1), k.length-2, int32(left), k.tag, kept
			o.guess, o.path, w.last, k.used = &k.next, k.after, k, true
			if k.special {
				w.isSpecial(k, o)
			}
		} else {
			if dst, rest, err = w.key(dst, b[at:], o, int32(left)); err != nil {
				return dst, nil, err
			}
			at = len(b) - len(rest)
		}
		if next == nil {
			if head, end := textBounds(b[at:]); end > 0 {
				dst = jsontext.AppendString(dst, b[at+head:at+end])
				at += end
				continue
			}
		}
		if o.depth == topDepth && holdsValues(b[at:]) {
			dst, rest, err = w.remember(int(i%memoPlaces), dst, b[at:], next)
		} else if next == nil {
			dst, rest, err = w.value(dst, b[at:], o.depth)
		} else {
			dst, rest, err = w.capture(dst, b[at:], o.depth, next)
		}
		if err != nil {
			return dst, nil, err
		}
		at = len(b) - len(rest)
	}
	return dst, b[at:], nil
}

// key appends the separator (a bracket or a comma), the key at the start of b, and the colon. JSON
// wants a string: any other value is written as its JSON text in quotes. left is len(b) for a key
// of the map that the object was opened with, else added.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) key(dst, b []byte, o *object, left int32) (out, rest []byte, err error) {
	k := w.keys.find(b, o.path, o.guess)
	if k == nil {
		return w.newKey(dst, b, o, left)
	}
	*w.push() = member{at: int32(len(dst) + 1), size: k.length - 2, left: left, tag: k.tag}
	o.guess, o.path, w.last, k.used = &k.next, k.after, k, true
	if k.special {
		w.isSpecial(k, o)
	}
	return append(dst, k.text...), b[k.size:], nil
}

// isSpecial handles the few known keys that are added fields or are changed.
func (w *Writer) isSpecial(k *cachedKey, o *object) {
	o.taken |= k.fields
	if k.why != unchanged {
		w.changed[k.why]++
	}
}

// push returns a new member. The caller sets all of its fields.
func (w *Writer) push() *member {
	n := len(w.members)
	if n == cap(w.members) {
		w.members = append(w.members, member{})
	}
	w.members = w.members[:n+1]
	return &w.members[n]
}

// separate appends the bracket or comma before the object's next key.
func (w *Writer) separate(dst []byte, o *object) []byte {
	if len(w.members) == o.first {
		return append(dst, '{')
	}
	return append(dst, ',')
}

// newKey is key for a key that is not in the table of known keys.
func (w *Writer) newKey(dst, b []byte, o *object, left int32) (out, rest []byte, err error) {
	w.last = &w.unknown
	o.guess = &w.unknown.next
	dst = w.separate(dst, o)
	mark := len(dst)
	w.members = append(w.members, member{at: int32(mark), left: left})
	text, rest, err := w.keyText(b, o.depth)
	if err != nil {
		return dst, nil, err
	}
	why := unchanged
	if w.dots && bytes.IndexByte(text, '.') >= 0 {
		w.replaced = append(emptied(w.replaced), text...)
		text = w.replaced
		replaceDots(text)
	}
	top := o.depth == topDepth
	if mayBeRejected(text, top) {
		w.repaired, why = repairKey(emptied(w.repaired), text, top)
		text = w.repaired
	}
	dst = jsontext.AppendString(dst, text)
	hash := maphash.Bytes(w.keys.seed, dst[mark:])
	k := cachedKey{before: o.path, why: why, tag: uint16(hash)}
	o.path = noPath
	if top {
		k.fields = w.added(dst[mark:])
		o.taken |= k.fields
	}
	if why != unchanged {
		w.changed[why]++
	}
	unique := w.checkDuplicate(dst, o, hash)
	dst = append(dst, ':')
	if unique {
		o.path = w.keys.learn(k, hash, b[:len(b)-len(rest)], dst[mark-1:])
	}
	return dst, rest, nil
}

// added returns the bits of the added fields whose key is quoted.
func (w *Writer) added(quoted []byte) (bits uint8) {
	for field, key := range &w.quoted {
		if bytes.Equal(key, quoted) {
			bits |= 1 << field
		}
	}
	return bits
}

// keyText returns the text of the key at the start of b, borrowed from b if it is a string. Other
// keys are rare, and the only case in which the encoder allocates.
//
// Of a map or an array as a key, one level is written: each further level of quotes in quotes
// doubles the escapes of the level below, and a key of 60 bytes could become a gigabyte.
func (w *Writer) keyText(b []byte, depth int) (text, rest []byte, err error) {
	if head, end := textBounds(b); end > 0 {
		return b[head:end], b[end:], nil
	}
	rest, err = chunk.Skip(b)
	if err != nil {
		return nil, nil, err
	}
	if text, ok := stringBytes(b[:len(b)-len(rest)]); ok {
		return text, rest, nil
	}
	text, rest, err = w.value(nil, b, max(depth, maxDepth-1))
	if len(text) > 1 && text[0] == '"' { // base64
		text = text[1 : len(text)-1]
	}
	return bytes.TrimSuffix(text, []byte(".0")), rest, err // Elasticsearch makes two objects of a name with a dot
}

func replaceDots(key []byte) {
	for i, c := range key {
		if c == '.' {
			key[i] = '_'
		}
	}
}

// keptElements is the maximum length of a stack or a buffer that is kept for the next record: 256
// KB of members.
const keptElements = 16 << 10

// emptied returns s without its elements, or nil if it has grown too large.
func emptied[T any](s []T) []T {
	if cap(s) > keptElements {
		return nil
	}
	return s[:0]
}
