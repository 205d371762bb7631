package chunk

import (
	"encoding/binary"
	"errors"
)

// ErrTruncated means that the bytes end in the middle of a value, or that a value starts with an
// invalid byte. Nothing behind it can be read: msgpack has no marks to find the next value by.
var ErrTruncated = errors.New("chunk: msgpack data is cut off or corrupt")

// Skip returns the rest of b behind its first msgpack value. It walks without recursion and
// allocates nothing, so that hostile nesting costs no stack.
//
// Possible errors: ErrTruncated.
func Skip(b []byte) (rest []byte, err error) {
	// pending counts the values still to be skipped. A header can announce four billion children,
	// so the sum is 64 bits wide.
	for pending := uint64(1); pending > 0; pending-- {
		size, children, ok := shape(b)
		if !ok || size > uint64(len(b)) {
			return nil, ErrTruncated
		}
		b = b[size:]
		pending += children
		// Every child takes at least a byte. More children than bytes are corrupt, and refused
		// before the loop walks through them.
		if pending > uint64(len(b))+1 {
			return nil, ErrTruncated
		}
	}
	return b, nil
}

// shape returns the size of the value's own header and payload, and the number of values that
// follow as its children. The layout of each lead byte is in the msgpack specification, section
// "Formats".
func shape(b []byte) (size, children uint64, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	lead := b[0]
	switch {
	case lead < 0x80 || lead >= 0xe0: // fixint
		return 1, 0, true
	case lead < 0x90: // fixmap
		return 1, 2 * uint64(lead&0x0f), true
	case lead < 0xa0: // fixarray
		return 1, uint64(lead & 0x0f), true
	case lead < 0xc0: // fixstr
		return 1 + uint64(lead&0x1f), 0, true
	}
	form := forms[lead-0xc0]
	if form.header == 0 || len(b) < int(form.header) {
		return 0, 0, false
	}
	var n uint64
	switch form.length {
	case 1:
		n = uint64(b[1])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b[1:]))
	}
	return uint64(form.header) + n*uint64(form.bytes), n * uint64(form.children), true
}

// form is the layout of a lead byte from 0xc0 to 0xdf: header bytes with the lead byte, bytes of
// the length field, payload bytes and child values for each unit of that length. header 0 marks the
// byte that msgpack never uses.
type form struct{ header, length, bytes, children uint8 }

var forms = [32]form{
	0x00: {header: 1},                         // nil
	0x02: {header: 1},                         // false
	0x03: {header: 1},                         // true
	0x04: {header: 2, length: 1, bytes: 1},    // bin 8
	0x05: {header: 3, length: 2, bytes: 1},    // bin 16
	0x06: {header: 5, length: 4, bytes: 1},    // bin 32
	0x07: {header: 3, length: 1, bytes: 1},    // ext 8
	0x08: {header: 4, length: 2, bytes: 1},    // ext 16
	0x09: {header: 6, length: 4, bytes: 1},    // ext 32
	0x0a: {header: 5},                         // float 32
	0x0b: {header: 9},                         // float 64
	0x0c: {header: 2},                         // uint 8
	0x0d: {header: 3},                         // uint 16
	0x0e: {header: 5},                         // uint 32
	0x0f: {header: 9},                         // uint 64
	0x10: {header: 2},                         // int 8
	0x11: {header: 3},                         // int 16
	0x12: {header: 5},                         // int 32
	0x13: {header: 9},                         // int 64
	0x14: {header: 3},                         // fixext 1
	0x15: {header: 4},                         // fixext 2
	0x16: {header: 6},                         // fixext 4
	0x17: {header: 10},                        // fixext 8
	0x18: {header: 18},                        // fixext 16
	0x19: {header: 2, length: 1, bytes: 1},    // str 8
	0x1a: {header: 3, length: 2, bytes: 1},    // str 16
	0x1b: {header: 5, length: 4, bytes: 1},    // str 32
	0x1c: {header: 3, length: 2, children: 1}, // array 16
	0x1d: {header: 5, length: 4, children: 1}, // array 32
	0x1e: {header: 3, length: 2, children: 2}, // map 16
	0x1f: {header: 5, length: 4, children: 2}, // map 32
}
