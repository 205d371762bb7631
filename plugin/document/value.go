package document

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// maxDepth is the maximum nesting of maps and arrays. Elasticsearch's parser stops at 1,000
// (Jackson's StreamReadConstraints), its dynamic mapping at 20 (index.mapping.depth.limit). 200
// levels at about 250 bytes of stack each stay within 64 KB.
const maxDepth = 200

// value appends the msgpack value at the start of b as JSON.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) value(dst, b []byte, depth int) (out, rest []byte, err error) {
	if head, end := textBounds(b); end > 0 {
		return jsontext.AppendString(dst, b[head:end]), b[end:], nil
	}
	if len(b) == 0 {
		return dst, nil, chunk.ErrTruncated
	}
	switch lead := b[0]; {
	case lead < 0x80:
		return appendSmall(dst, lead), b[1:], nil
	case lead >= 0xe0:
		return strconv.AppendInt(dst, int64(int8(lead)), 10), b[1:], nil
	case lead < 0x90 || lead == 0xde || lead == 0xdf:
		return w.object(dst, b, depth+1, nil)
	case lead < 0xa0 || lead == 0xdc || lead == 0xdd:
		return w.array(dst, b, depth+1, nil)
	}
	return scalar(dst, b)
}

// textBounds returns where the bytes of the string at the start of b begin and end; 0, 0 for
// another value or a truncated string. It handles the two forms of nearly all strings, and is short
// enough to be inlined.
func textBounds(b []byte) (head, end int) {
	if len(b) < 2 {
		return 0, 0
	}
	head, end = 1, 1+int(b[0]&0x1f)
	if b[0] == 0xd9 { // str 8
		head, end = 2, 2+int(b[1])
	} else if b[0]&0xe0 != 0xa0 { // fixstr
		return 0, 0
	}
	if end > len(b) {
		return 0, 0
	}
	return head, end
}

// appendSmall writes an integer from 0 to 127.
func appendSmall(dst []byte, n byte) []byte {
	if n >= 100 {
		dst = append(dst, '1')
		n -= 100
		return append(dst, '0'+n/10, '0'+n%10)
	}
	if n >= 10 {
		dst = append(dst, '0'+n/10)
	}
	return append(dst, '0'+n%10)
}

// scalar writes a value with a lead byte from 0xc0 that contains no other values.
func scalar(dst, b []byte) (out, rest []byte, err error) {
	if endsEarly(b) {
		return dst, nil, chunk.ErrTruncated
	}
	switch msgp.NextType(b) {
	case msgp.StrType:
		s, rest, err := msgp.ReadStringZC(b)
		return jsontext.AppendString(dst, s), rest, broken(err)
	case msgp.BinType:
		s, rest, err := msgp.ReadBytesZC(b)
		return appendBinary(dst, s), rest, broken(err)
	case msgp.NilType:
		return append(dst, "null"...), b[1:], nil
	case msgp.BoolType:
		return strconv.AppendBool(dst, b[0] == 0xc3), b[1:], nil
	case msgp.IntType:
		i, rest, err := msgp.ReadInt64Bytes(b)
		return strconv.AppendInt(dst, i, 10), rest, broken(err)
	case msgp.UintType:
		u, rest, err := msgp.ReadUint64Bytes(b)
		return strconv.AppendUint(dst, u, 10), rest, broken(err)
	case msgp.Float32Type:
		f, rest, err := msgp.ReadFloat32Bytes(b)
		return appendFloat(dst, float64(f), 32), rest, broken(err)
	case msgp.Float64Type:
		f, rest, err := msgp.ReadFloat64Bytes(b)
		return appendFloat(dst, f, 64), rest, broken(err)
	}
	return extension(dst, b)
}

// endsEarly reports whether b ends before the string or binary at its start does, if its length has
// four bytes: msgp reads an int, and an int of 32 bits is negative from 2 GB on.
func endsEarly(b []byte) bool {
	const str32, bin32, head = 0xdb, 0xc6, 5
	return len(b) >= head && (b[0] == str32 || b[0] == bin32) && uint64(binary.BigEndian.Uint32(b[1:])) > uint64(len(b)-head)
}

// object writes a map whose path is branch.
func (w *Writer) object(dst, b []byte, depth int, branch *chunk.Branch) (out, rest []byte, err error) {
	if depth > maxDepth {
		return w.tooDeep(dst, b)
	}
	n, b, err := mapHeader(b)
	if err != nil {
		return dst, nil, err
	}
	var o object
	w.open(&o, b, depth)
	if dst, b, err = w.fields(dst, b, n, &o, branch); err != nil {
		return dst, nil, err
	}
	return w.close(dst, &o), b, nil
}

func (w *Writer) array(dst, b []byte, depth int, branch *chunk.Branch) (out, rest []byte, err error) {
	if depth > maxDepth {
		return w.tooDeep(dst, b)
	}
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return dst, nil, chunk.ErrTruncated
	}
	dst = append(dst, '[')
	for i := uint32(0); i < n; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if next := branch.Element(i); next == nil {
			dst, b, err = w.value(dst, b, depth)
		} else {
			dst, b, err = w.capture(dst, b, depth, next)
		}
		if err != nil {
			return dst, nil, err
		}
	}
	return append(dst, ']'), b, nil
}

// tooDeep writes null for a value below maxDepth, and counts it.
func (w *Writer) tooDeep(dst, b []byte) (out, rest []byte, err error) {
	rest, err = chunk.Skip(b)
	w.truncated++
	return append(dst, "null"...), rest, err
}

// stringBytes returns the text of b, a whole string or a binary that is UTF-8.
func stringBytes(b []byte) (text []byte, ok bool) {
	if endsEarly(b) {
		return nil, false
	}
	switch msgp.NextType(b) {
	case msgp.StrType:
		text, _, err := msgp.ReadStringZC(b)
		return text, err == nil
	case msgp.BinType:
		text, _, err := msgp.ReadBytesZC(b)
		return text, err == nil && utf8.Valid(text)
	}
	return nil, false
}

func mapHeader(b []byte) (n uint32, rest []byte, err error) {
	if len(b) > 0 && b[0]&0xf0 == 0x80 {
		return uint32(b[0] & 0x0f), b[1:], nil
	}
	n, rest, err = msgp.ReadMapHeaderBytes(b)
	return n, rest, broken(err)
}

// broken turns any of msgp's errors into chunk.ErrTruncated: a value whose type was checked before
// can only fail by ending too early.
func broken(err error) error {
	if err != nil {
		return chunk.ErrTruncated
	}
	return nil
}
