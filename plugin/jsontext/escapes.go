package jsontext

// escapes has, for each ASCII character that JSON wants escaped, its escape in the low bytes of a
// word and the length in the highest byte; 0 for the others. A whole word is written, whatever the
// length, so that no character needs a branch.
var escapes = [128]uint64{
	0x00: escapeCode | '0'<<32 | '0'<<40,
	0x01: escapeCode | '0'<<32 | '1'<<40,
	0x02: escapeCode | '0'<<32 | '2'<<40,
	0x03: escapeCode | '0'<<32 | '3'<<40,
	0x04: escapeCode | '0'<<32 | '4'<<40,
	0x05: escapeCode | '0'<<32 | '5'<<40,
	0x06: escapeCode | '0'<<32 | '6'<<40,
	0x07: escapeCode | '0'<<32 | '7'<<40,
	0x08: escapePair | 'b'<<8,
	0x09: escapePair | 't'<<8,
	0x0a: escapePair | 'n'<<8,
	0x0b: escapeCode | '0'<<32 | 'b'<<40,
	0x0c: escapePair | 'f'<<8,
	0x0d: escapePair | 'r'<<8,
	0x0e: escapeCode | '0'<<32 | 'e'<<40,
	0x0f: escapeCode | '0'<<32 | 'f'<<40,
	0x10: escapeCode | '1'<<32 | '0'<<40,
	0x11: escapeCode | '1'<<32 | '1'<<40,
	0x12: escapeCode | '1'<<32 | '2'<<40,
	0x13: escapeCode | '1'<<32 | '3'<<40,
	0x14: escapeCode | '1'<<32 | '4'<<40,
	0x15: escapeCode | '1'<<32 | '5'<<40,
	0x16: escapeCode | '1'<<32 | '6'<<40,
	0x17: escapeCode | '1'<<32 | '7'<<40,
	0x18: escapeCode | '1'<<32 | '8'<<40,
	0x19: escapeCode | '1'<<32 | '9'<<40,
	0x1a: escapeCode | '1'<<32 | 'a'<<40,
	0x1b: escapeCode | '1'<<32 | 'b'<<40,
	0x1c: escapeCode | '1'<<32 | 'c'<<40,
	0x1d: escapeCode | '1'<<32 | 'd'<<40,
	0x1e: escapeCode | '1'<<32 | 'e'<<40,
	0x1f: escapeCode | '1'<<32 | 'f'<<40,
	'"':  escapePair | '"'<<8,
	'\\': escapePair | '\\'<<8,
}

const (
	escapeLength = 56 // position of the length
	escapePair   = 2<<escapeLength | '\\'
	escapeCode   = 6<<escapeLength | '\\' | 'u'<<8 | '0'<<16 | '0'<<24
	// escapedStretch bytes are escaped at once, with room for six instead of each of them, for the
	// seven behind them that a word may hold, and for the bytes written behind the last.
	escapedStretch = 256
	escapedRoom    = 5*(escapedStretch+7) + 8
)
