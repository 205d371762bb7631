package document

import (
	"bytes"
	"hash/maphash"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// object is one JSON object while it is being written.
type object struct {
	// source starts with the map's first key, and runs on.
	source []byte
	// path stands for the keys so far, in their order; noPath where that is
	// not known.
	path uint64
	// guess is where the number of the key stands that probably comes next.
	guess *uint8
	// first is the object's first member in Writer.members.
	first int
	// slots and size are its part of Writer.slots; size 0 for none.
	slots, size, filled int
	// depth is 1 for the record's own.
	depth int
	// dirty says that members have marks.
	dirty bool
	// taken has a bit for each of the added fields that the record has itself.
	taken uint8
}

// member is one field of an object that is being written.
type member struct {
	at   int32  // where its key starts in the document's buffer
	size int32  // of the key there, with its quotes
	left int32  // bytes of the source from its key on; added for none
	tag  uint16 // of the key's hash
	mark mark
}

// added marks a member that is no field of the map itself.
const added = -1

type mark uint8

const (
	kept mark = iota
	dropped
	renamed
)

// open starts an object of the map whose first key starts source.
func (w *Writer) open(source []byte, depth int) object {
	path := uint64(nestedPath)
	if depth == topDepth {
		path = topPath
	}
	return object{source: source, first: len(w.members), path: path, depth: depth, guess: &w.last.inner}
}

// topDepth is the depth of a record's own keys.
const topDepth = 1

// close ends an object, but for its bracket.
func (w *Writer) close(dst []byte, o *object) []byte {
	if o.dirty {
		dst = w.rebuild(dst, o)
	}
	if o.size > 0 {
		w.slots = w.slots[:o.slots]
	}
	w.members = w.members[:o.first]
	return dst
}

// key appends the key at the start of b, with the colon and, where it isn't
// the first, the comma before it. JSON wants a string: any other value is
// written as its JSON text in quotes. left is len(b) for a key of the map that
// the object was opened with, and added for any other.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) key(dst, b []byte, o *object, left int32) (out, rest []byte, err error) {
	if len(w.members) > o.first {
		dst = append(dst, ',')
	}
	if k := w.known.find(b, o.path, o.guess); k != nil {
		o.guess, w.last = &k.next, k
		w.members = append(w.members, member{at: int32(len(dst)), size: k.length - 1, left: left, tag: k.tag})
		o.path = k.after
		o.taken |= k.fields
		if k.why != unchanged {
			w.changed[k.why]++
		}
		return k.append(dst), b[k.size:], nil
	}
	w.last = &w.unknown
	o.guess = &w.unknown.next
	w.members = append(w.members, member{at: int32(len(dst)), left: left})
	return w.newKey(dst, b, o)
}

// newKey is key for one that doesn't stand in the table of known keys.
func (w *Writer) newKey(dst, b []byte, o *object) (out, rest []byte, err error) {
	mark := len(dst)
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
	if mayBeRefused(text, top) {
		w.mended, why = mend(emptied(w.mended), text, top)
		text = w.mended
	}
	dst = jsontext.AppendString(dst, text)
	hash := maphash.Bytes(w.known.seed, dst[mark:])
	k := known{before: o.path, why: why, tag: uint16(hash)}
	o.path = noPath
	if top {
		k.fields = w.added(dst[mark:])
		o.taken |= k.fields
	}
	if why != unchanged {
		w.changed[why]++
	}
	unique := w.enter(dst, o, hash)
	dst = append(dst, ':')
	if unique {
		o.path = w.known.learn(k, hash, b[:len(b)-len(rest)], dst[mark:])
	}
	return dst, rest, nil
}

// tagOf returns the tag of an added field's key.
func (w *Writer) tagOf(field int) uint16 {
	if w.tags[field] == 0 {
		w.tags[field] = uint16(maphash.Bytes(w.known.seed, w.quoted[field]))
	}
	return w.tags[field]
}

// added returns the bits of the fields to be added whose key is quoted.
func (w *Writer) added(quoted []byte) (bits uint8) {
	for field, key := range &w.quoted {
		if bytes.Equal(key, quoted) {
			bits |= 1 << field
		}
	}
	return bits
}

// keyText returns the text of the key at the start of b, borrowed from b where
// it is a string. A key that is none is rare, and the only thing of the encoder
// that allocates.
//
// Of a map or an array as a key, one level is written: each further level of
// quotes in quotes doubles the escapes of the one below, and a key of 60 bytes
// could become a gigabyte.
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

// keptElements is how long a stack or a buffer may be to be kept for the next
// record: 256 KB of members.
const keptElements = 16 << 10

// emptied returns s without its elements, or nothing where it grew too large.
func emptied[T any](s []T) []T {
	if cap(s) > keptElements {
		return nil
	}
	return s[:0]
}
